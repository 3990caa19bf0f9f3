//! Calibration: what [screening](crate::DetectorBuilder::screening) must know of a model, measured on images.
//!
//! Low precision may reject only what the nets themselves would reject, and how far it errs depends on their weights. So all images
//! are looked at twice, as every profile does: once for the [`Ranges`] that the activations lie in, which become bytes then,
//! and once for the [`Losses`]: how much less what passes a threshold may score in low precision. The margin is
//! 1.5 times the largest loss, and at least 8 times the usual error: a few images do not have the largest. Other
//! images tell whether it holds: `mtcnn-cpu bench --verify`.
//!
//! ```no_run
//! use mtcnn_cpu::{ImageView, calibrate};
//!
//! # fn main() -> Result<(), mtcnn_cpu::Error> {
//! # let images: Vec<ImageView<'_>> = vec![];
//! let ranges = calibrate::Ranges::new(Some("trained/model.safetensors".as_ref()))?;
//! let mut seen = calibrate::RangesSeen::default();
//! for image in &images {
//!     seen.add(ranges.look(image));
//! }
//! let losses = ranges.losses(seen)?;
//! let mut seen = calibrate::LossesSeen::default();
//! for image in &images {
//!     seen.add(losses.look(image));
//! }
//! let calibrated = losses.finish(seen)?;
//! std::fs::write("model.safetensors", calibrated.model).unwrap();
//! # Ok(())
//! # }
//! ```

mod shown;
mod trace;

use std::fmt;
use std::path::Path;

use mtcnn_kernels::low::{Backend, Cells, Crops};
use mtcnn_kernels::{Buffer, Isa};

use super::detector::Detector;
use crate::arch::Stage;
use crate::error::{Error, Result};
use crate::image::ImageView;
use crate::isa;
use crate::nets::{Net, Scratch, low};
use crate::profile::Profile;
use crate::weights::{Model, NetScreening, Screening};
use shown::{Shown, shown};
use trace::{Layers, Trace};

/// Probabilities: from each to the next, thresholds have a margin of their own.
const THRESHOLDS: [f32; 12] = [0.03, 0.1, 0.2, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.93, 0.97, 0.99];

/// What the largest loss is multiplied by.
const RESERVE: f32 = 1.5;

/// A margin is at least so many times the error, as root mean square. Of the weights inside, the largest loss of 2 million cells
/// is 6.4 times theirs.
const SPREAD: f32 = 8.0;

/// If fewer answers pass a threshold, nothing is concluded for it.
const LEAST_ANSWERS: u64 = 1000;

/// The nets of which something is measured: PNet's cells and RNet's crops.
const STAGES: [Stage; 2] = [Stage::PNet, Stage::RNet];

fn logit(probability: f32) -> f32 {
    (probability / (1.0 - probability)).ln()
}

/// A model, and what looks at images with it.
struct Subject {
    /// The file's bytes.
    bytes: Vec<u8>,
    model: Model,
    backend: Backend,
    isa: Isa,
    /// Of every profile: they resize and cut out in different ways.
    detectors: Vec<Detector>,
}

/// The first round: what the activations lie between.
pub struct Ranges {
    subject: Subject,
    layers: [Layers; 2],
}

/// What [`Ranges::look`] saw in an image, or in some; by default in none.
#[derive(Debug)]
pub struct RangesSeen {
    images: usize,
    nets: [Trace; 2],
}

/// The second round: how far low precision errs.
pub struct Losses {
    subject: Subject,
    screening: Screening,
    exact: [Net; 2],
    cells: Cells,
    crops: Crops,
}

/// What [`Losses::look`] saw in an image, or in some; by default in none.
#[derive(Clone, Debug, Default)]
pub struct LossesSeen {
    images: usize,
    nets: [Errors; 2],
}

/// A model of which the margins are known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Calibrated {
    /// The bytes of the model file, the same as before but for what its description has of screening.
    pub model: Vec<u8>,
    /// What was measured of PNet and RNet.
    pub nets: [NetCalibration; 2],
}

/// What was measured of a net.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NetCalibration {
    /// Which.
    pub net: Stage,
    /// Cells or crops that were looked at.
    pub answers: u64,
    /// The error of low precision, as root mean square of the difference of logits.
    pub error: f32,
    /// By ranges of thresholds.
    pub margins: Vec<Margin>,
}

/// The margin for a range of thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Margin {
    /// The thresholds, as probabilities.
    pub thresholds: [f32; 2],
    /// Answers that pass the first of them.
    pub passed: u64,
    /// By how much one of them scores less than its threshold in low precision, at most; a difference of logits.
    pub largest_loss: f32,
    /// The margin, a difference of logits; `None` if too little passed: then thresholds in this range have no screening.
    pub margin: Option<f32>,
}

/// The errors of low precision.
#[derive(Clone, Debug, Default)]
struct Errors {
    answers: u64,
    squares: f64,
    /// For each range of thresholds what passed, and the largest loss.
    ranges: [(u64, f32); THRESHOLDS.len() - 1],
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ranges").finish_non_exhaustive()
    }
}

impl fmt::Debug for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Losses").field("screening", &self.screening).finish_non_exhaustive()
    }
}

impl Ranges {
    /// Begins with a model file, or with the weights inside.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`], [`crate::ErrorKind::Unreadable`] and [`crate::ErrorKind::Weights`]: it can't be read or is
    /// no model; [`crate::ErrorKind::Option`]: the instruction set has nothing for low precision, or `MTCNN_CPU_ISA` is wrong.
    pub fn new(model: Option<&Path>) -> Result<Self> {
        let isa = isa::from_env()?;
        let Some(backend) = Backend::best(isa) else {
            return Err(Error::option(format!("{isa} has no low precision to measure: AVX2 or AVX-512 is needed")));
        };
        let (model, bytes) = Model::read_or_embedded(model)?;
        let of = |profile| {
            let builder = Detector::builder().isa(isa).threads(1).profile(profile).screening(false);
            builder.weights_bytes(&bytes[..]).build()
        };
        let detectors = Profile::ALL.map(of).into_iter().collect::<Result<_>>()?;
        let layers = STAGES.map(|stage| Layers::of(&model, isa, stage));
        Ok(Self { subject: Subject { bytes, model, backend, isa, detectors }, layers })
    }

    /// Looks at an image.
    #[must_use]
    pub fn look(&self, image: &ImageView<'_>) -> RangesSeen {
        let mut seen = RangesSeen { images: 1, ..RangesSeen::default() };
        self.subject.show(image, |shown| {
            let net = usize::from(matches!(shown, Shown::Crops(_)));
            self.layers[net].run(&shown, &mut seen.nets[net]);
        });
        seen
    }

    /// Goes on to the second round, with what was seen in all images.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Data`] if no image had room for a face, or none a box that PNet lets pass; [`crate::ErrorKind::Weights`] if
    /// the layers give values without bounds.
    pub fn losses(self, RangesSeen { images, nets }: RangesSeen) -> Result<Losses> {
        let Self { subject, .. } = self;
        let net = |i: usize| {
            let (stage, trace): (_, &Trace) = (STAGES[i], &nets[i]);
            if !trace.has_seen() {
                return Err(Error::data(format!(
                    "nothing in the images is looked at by {stage} (images: {images}): photographs with faces are needed"
                )));
            }
            let layers = trace.layers();
            let layers = layers.ok_or_else(|| Error::weights(format!("the values of {stage} have no bounds")))?;
            Ok(NetScreening { layers, margins: Vec::new() })
        };
        let (pnet, rnet) = (net(0)?, net(1)?);
        let screening = Screening { images, of: subject.model.fingerprint(), pnet, rnet };
        let exact = STAGES.map(|stage| Net::new(subject.isa, subject.model.arch(stage), &subject.model));
        let cells = low::pnet(&subject.model, &screening.pnet);
        let crops = low::rnet(&subject.model, &screening.rnet);
        Ok(Losses { subject, screening, exact, cells, crops })
    }
}

impl Losses {
    /// Looks at an image.
    #[must_use]
    pub fn look(&self, image: &ImageView<'_>) -> LossesSeen {
        let Self { subject: Subject { backend, .. }, exact: [pnet, rnet], cells, crops, .. } = self;
        let mut seen = LossesSeen { images: 1, ..LossesSeen::default() };
        let (mut scratch, mut low_scratch) = (Scratch::default(), Buffer::default());
        let (mut exact, mut scores) = (Vec::new(), Vec::new());
        self.subject.show(image, |shown| match shown {
            Shown::Level { height, width, planes } => {
                let (rows, columns, _) = pnet.map(height, width).expect("a level is as large as a cell");
                exact.resize(rows * columns * pnet.outputs(), 0.0);
                scores.resize(rows * columns, 0.0);
                pnet.forward_map(height, width, planes, &mut scratch, &mut exact);
                cells.forward(*backend, height, width, planes, &mut low_scratch, &mut scores);
                seen.nets[0].compare(&exact, pnet.outputs(), &scores);
            }
            Shown::Crops(pixels) => {
                let count = pixels.len() / (rnet.side() * rnet.side() * 3);
                exact.resize(count * rnet.outputs(), 0.0);
                scores.resize(count, 0.0);
                rnet.forward_crops(count, pixels, &mut scratch, &mut exact);
                crops.forward(*backend, pixels, &mut low_scratch, &mut scores);
                seen.nets[1].compare(&exact, rnet.outputs(), &scores);
            }
        });
        seen
    }

    /// The model with its margins, from what was seen in all images.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Data`] if too little passed each threshold of a net to conclude anything; [`crate::ErrorKind::Weights`] if its
    /// answers have no bounds.
    pub fn finish(self, LossesSeen { images, nets }: LossesSeen) -> Result<Calibrated> {
        let Self { subject, mut screening, .. } = self;
        let nets = [0, 1].map(|i| nets[i].calibration(STAGES[i]));
        for (net, known) in nets.iter().zip([&mut screening.pnet, &mut screening.rnet]) {
            let with_margin =
                |it: &Margin| it.margin.map(|margin| [logit(it.thresholds[0]), logit(it.thresholds[1]), margin]);
            known.margins = net.margins.iter().filter_map(with_margin).collect();
            if !net.error.is_finite() {
                return Err(Error::weights(format!("the values of {} have no bounds in low precision", net.net)));
            }
            if known.margins.is_empty() {
                let most = net.margins.iter().map(|margin| margin.passed).max().unwrap_or(0);
                return Err(Error::data(format!(
                    "too little was seen to conclude anything (images: {images}): {most} answers of {} pass the lowest \
                     threshold, {LEAST_ANSWERS} are needed",
                    net.net
                )));
            }
        }
        Ok(Calibrated { model: Screening { images, ..screening }.written_into(&subject.bytes), nets })
    }
}

impl Default for RangesSeen {
    fn default() -> Self {
        Self { images: 0, nets: STAGES.map(Trace::of) }
    }
}

impl RangesSeen {
    /// Adds what was seen in other images. In another order, means may differ in the last digit.
    pub fn add(&mut self, more: Self) {
        self.images += more.images;
        self.nets.iter_mut().zip(&more.nets).for_each(|(sum, more)| sum.add(more));
    }
}

impl LossesSeen {
    /// Adds what was seen in other images.
    pub fn add(&mut self, more: Self) {
        self.images += more.images;
        self.nets.iter_mut().zip(&more.nets).for_each(|(sum, more)| sum.add(more));
    }
}

impl Subject {
    /// Shows what the nets look at in an image, in all profiles.
    fn show(&self, image: &ImageView<'_>, mut look: impl FnMut(Shown<'_>)) {
        for detector in &self.detectors {
            shown(detector, image, &mut look);
        }
    }
}

impl Errors {
    /// Answers, of which the first two numbers are the logits of (no face, face), and their scores in low precision.
    fn compare(&mut self, exact: &[f32], outputs: usize, scores: &[f32]) {
        let thresholds = THRESHOLDS.map(logit);
        for (answer, score) in exact.chunks_exact(outputs).zip(scores) {
            let logit = answer[1] - answer[0];
            self.answers += 1;
            self.squares += f64::from(logit - score).powi(2);
            for (range, (passed, largest)) in thresholds.windows(2).zip(&mut self.ranges) {
                if logit >= range[0] {
                    *passed += 1;
                    *largest = largest.max(logit.min(range[1]) - score);
                }
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.answers += other.answers;
        self.squares += other.squares;
        for ((passed, largest), (more, loss)) in self.ranges.iter_mut().zip(other.ranges) {
            (*passed, *largest) = (*passed + more, largest.max(loss));
        }
    }

    fn calibration(&self, net: Stage) -> NetCalibration {
        let error = (self.squares / (self.answers as f64).max(1.0)).sqrt() as f32;
        let margins = THRESHOLDS.windows(2).zip(self.ranges).map(|(thresholds, (passed, largest_loss))| {
            let margin = ((largest_loss * RESERVE).max(error * SPREAD) * 100.0).ceil() / 100.0;
            Margin {
                thresholds: [thresholds[0], thresholds[1]],
                passed,
                largest_loss,
                // Nets whose answers are all the same have no error.
                margin: (passed >= LEAST_ANSWERS && margin > 0.0 && error.is_finite()).then_some(margin),
            }
        });
        NetCalibration { net, answers: self.answers, error, margins: margins.collect() }
    }
}
