//! The cascade: a picture goes in, faces come out.
//!
//! PNet proposes boxes on every level of a pyramid ([`proposals`]), RNet rejects most of them, ONet
//! decides and finds the landmarks ([`refine`]). In what order boxes are moved, squared, rounded and
//! suppressed is a [`Profile`].

mod boxes;
mod builder;
mod nms;
mod parallel;
pub(crate) mod profile;
mod proposals;
mod refine;
mod timing;

use std::time::Instant;

use mtcnn_kernels::Isa;

use builder::Weights;
pub use builder::{DetectorBuilder, Thresholds};
pub use profile::Profile;
pub use timing::{Level, StageTimes, Timing};

use crate::error::{Error, Result};
use crate::face::{BBox, Face, Landmarks, Point};
use crate::image::ImageView;
use crate::nets::{self, Net};
use crate::weights::Model;
use boxes::Candidate;
use nms::{Overlap, suppress_with};
use parallel::Store;
use refine::Refined;

/// Finds faces. Made once, used from any number of threads: [`Detector::detect`] takes `&self`, and
/// its buffers are kept for the next picture.
pub struct Detector {
    min_face: f64,
    factor: f64,
    thresholds: Thresholds,
    /// The quick form of PNet's threshold.
    pnet_logit: f32,
    profile: Profile,
    isa: Isa,
    /// How many threads a detection uses; 0 for those of the rayon pool it is called in.
    threads: usize,
    /// The detector's own threads, where it has more than one.
    pool: Option<rayon::ThreadPool>,
    pnet: Net,
    rnet: Net,
    onet: Net,
    workspaces: Store<Workspace>,
}

/// What a thread at work needs: it grows to what the largest picture asks for.
#[derive(Default)]
struct Workspace {
    scratch: nets::Scratch,
    strip: proposals::StripBuffers,
    batch: refine::BatchBuffers,
}

impl Detector {
    /// A detector with the embedded weights and every option at its default.
    ///
    /// # Panics
    /// If the environment variable `MTCNN_CPU_ISA` names an instruction set that is unknown or that
    /// the machine lacks; [`DetectorBuilder::build`] returns an error instead.
    pub fn new() -> Self {
        Self::builder().build().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Options other than the defaults.
    pub fn builder() -> DetectorBuilder {
        DetectorBuilder::default()
    }

    fn from_options(options: &DetectorBuilder) -> Result<Self> {
        let thresholds = options.checked_thresholds()?;
        let (min_face, factor) = (options.checked_min_face()?, options.checked_factor()?);
        let isa = match options.isa {
            Some(isa) if !isa.is_available() => return Err(Error::Option(format!("this machine lacks {isa}"))),
            Some(isa) => isa,
            None => Isa::from_env().map_err(Error::Option)?,
        };
        let pool = if options.threads > 1 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
            Some(pool.map_err(|error| Error::Option(format!("{} threads: {error}", options.threads)))?)
        } else {
            None
        };
        let model = match &options.weights {
            Weights::Embedded => Model::embedded(),
            Weights::File(path) => Model::read(path)?,
            Weights::Bytes(bytes) => Model::parse(bytes).map_err(Error::Weights)?,
        };
        Ok(Self {
            min_face,
            factor,
            thresholds,
            pnet_logit: proposals::surely_below(thresholds.pnet),
            profile: options.profile,
            isa,
            threads: options.threads,
            pool,
            pnet: Net::new(isa, &nets::PNET, &model),
            rnet: Net::new(isa, &nets::RNET, &model),
            onet: Net::new(isa, &nets::ONET, &model),
            workspaces: Store::default(),
        })
    }

    /// The instruction set that the kernels use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The faces in a picture, best score first. A picture too small for a face has none.
    ///
    /// # Errors
    /// None yet: an [`ImageView`] is sound by its making. The `Result` leaves room.
    pub fn detect<'a>(&self, image: impl Into<ImageView<'a>>) -> Result<Vec<Face>> {
        Ok(self.detect_timed(image)?.0)
    }

    /// The faces in a picture, best score first, and where the time went.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_timed<'a>(&self, image: impl Into<ImageView<'a>>) -> Result<(Vec<Face>, Timing)> {
        let view = image.into();
        Ok(match &self.pool {
            Some(pool) => pool.install(|| self.cascade(&view)),
            None => self.cascade(&view),
        })
    }

    /// The three stages.
    fn cascade(&self, view: &ImageView<'_>) -> (Vec<Face>, Timing) {
        let begin = Instant::now();
        let threads = if self.threads == 0 { rayon::current_num_threads() } else { self.threads };
        let mut timing = Timing::new(self.isa, threads);

        let mut boxes = self.propose(view, &mut timing);
        for candidate in &mut boxes {
            candidate.regress(0.0);
            self.square(candidate);
        }

        let (passed, stage) = self.look_again(&self.rnet, view, &boxes, self.thresholds.rnet, &mut timing);
        let suppressing = Instant::now();
        let mut boxes: Vec<Candidate> = passed.into_iter().map(|refined| refined.candidate).collect();
        nms::suppress(&mut boxes, 0.7, Overlap::Union, self.profile.nms_extra());
        timing.suppression += suppressing.elapsed();
        timing.rnet = StageTimes { outputs: boxes.len(), ..stage };
        for candidate in &mut boxes {
            candidate.regress(1.0);
            self.square(candidate);
        }

        let (passed, stage) = self.look_again(&self.onet, view, &boxes, self.thresholds.onet, &mut timing);
        let suppressing = Instant::now();
        let mut faces: Vec<(Candidate, Landmarks)> = passed.into_iter().map(finished).collect();
        suppress_with(&mut faces, |face| &face.0, 0.7, Overlap::Smaller, 1.0);
        timing.suppression += suppressing.elapsed();
        timing.onet = StageTimes { outputs: faces.len(), ..stage };

        let faces = faces.into_iter().map(|(candidate, landmarks)| face(&candidate, landmarks)).collect();
        timing.total = begin.elapsed();
        (faces, timing)
    }

    /// Makes a box ready for the next net.
    fn square(&self, candidate: &mut Candidate) {
        candidate.square();
        if self.profile.truncate_boxes {
            candidate.truncate();
        }
    }
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

/// The last box of a face, and its points: ONet gives them as parts of the sides of the box that it
/// saw, which count both ends.
fn finished(Refined { mut candidate, landmarks }: Refined) -> (Candidate, Landmarks) {
    let [x1, y1, x2, y2] = candidate.corners;
    let (width, height) = (x2 - x1 + 1.0, y2 - y1 + 1.0);
    let point = |i: usize| Point {
        x: (f64::from(landmarks[2 * i]) * width + x1 - 1.0) as f32,
        y: (f64::from(landmarks[2 * i + 1]) * height + y1 - 1.0) as f32,
    };
    candidate.regress(1.0);
    (candidate, Landmarks::from_array([point(0), point(1), point(2), point(3), point(4)]))
}

/// A candidate that has come through.
fn face(candidate: &Candidate, landmarks: Landmarks) -> Face {
    let [x1, y1, x2, y2] = candidate.corners.map(|corner| corner as f32);
    Face { bbox: BBox { x1, y1, x2, y2 }, score: candidate.score, landmarks }
}
