//! The options of a [`Detector`], checked once.

use std::path::PathBuf;
use std::sync::Arc;

use mtcnn_kernels::Isa;

use super::context::{Cascade, MinFace};
use super::detector::Detector;
use super::looks::{Rotation, least_of_two};
use super::parallel::Store;
use crate::arch::Stage;
use crate::error::{Error, Result};
use crate::isa;
use crate::nets::Net;
use crate::nets::low::{Screen, Unscreened};
use crate::profile::{Profile, Thresholds};
use crate::range::Range;
use crate::weights::{Lean, Model};

/// The last threshold where two looks are averaged: as many boxes are wrong as with facenet-pytorch's.
const ACCURATE_LAST: f32 = 0.5;

/// No machine has more use for threads; a mistyped number must not start them.
const MAX_THREADS: usize = 1024;

/// The sizes of a pyramid level divided by the one before that are allowed.
pub(crate) const FACTORS: Range = Range::new(0.1, 0.99);
/// Sides in pixels of the smallest face.
pub(crate) const MIN_FACES: Range = Range::pixels(1.0, 1e9);
/// The same as parts of the image's shorter side.
const MIN_FACE_PARTS: Range = Range::new(0.001, 1.0);
/// Scores from which a net lets a box pass.
pub(crate) const THRESHOLDS: Range = Range::new(0.0, 1.0);

/// Where the weights come from.
#[derive(Clone, Debug)]
enum Weights {
    Embedded,
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

/// Options of a [`Detector`]; each has a default.
#[derive(Clone, Debug)]
pub struct DetectorBuilder {
    min_face: MinFace,
    factor: Option<f64>,
    max_side: Option<usize>,
    max_faces: usize,
    largest: bool,
    accurate: bool,
    rotations: Vec<Rotation>,
    thresholds: Option<Thresholds>,
    profile: Profile,
    threads: usize,
    weights: Weights,
    isa: Option<Isa>,
    screening: Option<bool>,
}

impl Detector {
    /// A detector with the embedded weights and every option at its default.
    ///
    /// # Panics
    /// If the environment variable `MTCNN_CPU_ISA` names an instruction set that is unknown or that the machine lacks, or
    /// `RAYON_NUM_THREADS` is more than 1024; [`DetectorBuilder::build`] returns an error instead.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build().unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Options other than the defaults.
    #[must_use]
    pub fn builder() -> DetectorBuilder {
        DetectorBuilder::default()
    }
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for DetectorBuilder {
    fn default() -> Self {
        Self {
            min_face: MinFace::Pixels(20.0),
            factor: None,
            max_side: None,
            max_faces: usize::MAX,
            largest: false,
            accurate: false,
            rotations: Vec::new(),
            thresholds: None,
            profile: Profile::default(),
            threads: 0,
            weights: Weights::Embedded,
            isa: None,
            screening: None,
        }
    }
}

impl DetectorBuilder {
    /// The side in pixels of the smallest face to look for, 1 to 1e9; 20 by default.
    /// Time goes with the inverse of its square. From 80 pixels on, [`Profile::MTCNN_CPU`] looks at the image shrunk by a whole
    /// number, so that the smallest face keeps 40: the other levels and crops are made of that.
    #[must_use]
    pub fn min_face(mut self, pixels: f64) -> Self {
        self.min_face = MinFace::Pixels(pixels);
        self
    }

    /// The side of the smallest face as a part of the image's shorter side, 0.001 to 1, instead of
    /// [`DetectorBuilder::min_face`]; never less than a pixel. Images of the same shape then take the same time, whatever
    /// their size.
    ///
    /// ```
    /// // In a photograph of 4000x3000 pixels, faces of 90 pixels and more.
    /// let detector = mtcnn_cpu::Detector::builder().min_face_part(0.03).build()?;
    /// # Ok::<_, mtcnn_cpu::Error>(())
    /// ```
    #[must_use]
    pub fn min_face_part(mut self, part: f64) -> Self {
        self.min_face = MinFace::Part(part);
        self
    }

    /// The size of a pyramid level divided by that of the level before, 0.1 to 0.99; by default the
    /// profile's ([`Profile::factor`]).
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = Some(factor);
        self
    }

    /// Treats an image whose longer side is more than `pixels` as if it were shrunk to that: the smallest face grows by as
    /// much. Larger faces are detected in full resolution, as before. Half the side takes about a quarter of the time.
    #[must_use]
    pub fn max_side(mut self, pixels: usize) -> Self {
        self.max_side = Some(pixels);
        self
    }

    /// Returns at most `count` faces, those with the best scores. It takes as long as all.
    #[must_use]
    pub fn max_faces(mut self, count: usize) -> Self {
        self.max_faces = count;
        self
    }

    /// Gives the largest face only: of all faces that are found the one whose box has the largest area. It takes as long as
    /// all; where small faces do not matter, a larger [`DetectorBuilder::min_face`] saves time.
    #[must_use]
    pub fn largest(mut self, largest: bool) -> Self {
        self.largest = largest;
        self
    }

    /// Looks at the mirror image, too: boxes, points and scores become the mean of both looks, and what only one of them sees counts
    /// less. It finds more faces with fewer false ones, and takes twice the time. The last threshold is .5 then, if none is
    /// given. A model whose points have names that do not tell left from right ([`PointNames::mirror_pairs`]) can't be used
    /// so.
    ///
    /// [`PointNames::mirror_pairs`]: crate::PointNames::mirror_pairs
    #[must_use]
    pub fn accurate(mut self, accurate: bool) -> Self {
        self.accurate = accurate;
        self
    }

    /// Looks for faces in the image turned, too, as in scans and photographs that lie on their side without saying so. Boxes and points
    /// are in the pixels of the image as it is; points keep the names that they have in the upright face. A face that is
    /// found twice is given once, with the better score. Each rotation takes as long as the image itself.
    #[must_use]
    pub fn rotations(mut self, rotations: impl IntoIterator<Item = Rotation>) -> Self {
        self.rotations.clear();
        for rotation in rotations {
            if !self.rotations.contains(&rotation) {
                self.rotations.push(rotation);
            }
        }
        self
    }

    /// The scores from which boxes pass, each 0 to 1; by default the profile's.
    #[must_use]
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = Some(thresholds);
        self
    }

    /// Which choices to make, or which implementation's results to reproduce; by default [`Profile::MTCNN_CPU`].
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// How many threads one detection uses, at most 1024. 0, the default, uses the rayon pool that the caller is
    /// in, usually the global one; another number makes a pool of the detector's own. The result does
    /// not depend on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// A model file instead of the embedded weights.
    #[must_use]
    pub fn weights(mut self, file: impl Into<PathBuf>) -> Self {
        self.weights = Weights::File(file.into());
        self
    }

    /// The bytes of a model file instead of the embedded weights.
    #[must_use]
    pub fn weights_bytes(mut self, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.weights = Weights::Bytes(bytes.into());
        self
    }

    /// The instruction set of the kernels; by default that of the environment variable
    /// `MTCNN_CPU_ISA` (`portable`, `avx2` or `avx512`), or else the best that the machine has.
    #[must_use]
    pub fn isa(mut self, isa: Isa) -> Self {
        self.isa = Some(isa);
        self
    }

    /// Whether a pass in low precision first rejects what PNet, and of boxes that PNet is not sure of RNet, would reject by far, so
    /// that only the rest is computed in f32. The faces are the same to the bit. By default it is done where it takes less
    /// time: with AVX-512 VNNI. If it is asked for, AVX2 is enough. It needs weights whose errors in low precision were
    /// measured (the embedded ones, models with the same PNet and RNet, and what `mtcnn-cpu weights calibrate` has written), and
    /// thresholds that were measured, from 0.03 to 0.99. [`Timing::unscreened`] tells why it is not done, [`Timing::cells`] what it
    /// rejected.
    ///
    /// [`Timing::cells`]: crate::Timing::cells
    /// [`Timing::unscreened`]: crate::Timing::unscreened
    #[must_use]
    pub fn screening(mut self, screening: bool) -> Self {
        self.screening = Some(screening);
        self
    }

    /// Makes the detector.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Option`] if an option is out of range or the machine lacks the instruction set,
    /// [`crate::ErrorKind::Unreadable`] or [`crate::ErrorKind::Weights`] if the model file can't be used.
    pub fn build(self) -> Result<Detector> {
        let (thresholds, min_face, factor) =
            (self.checked_thresholds()?, self.checked_min_face()?, self.checked_factor()?);
        let (max_side, pool) = (self.checked_max_side()?, self.checked_pool()?);
        let isa = match self.isa {
            Some(isa) if !isa.is_available() => return Err(Error::option(format!("this machine lacks {isa}"))),
            Some(isa) => isa,
            None => isa::from_env()?,
        };
        let model = match &self.weights {
            Weights::Embedded => Model::embedded(),
            Weights::File(path) => Model::read(path)?,
            Weights::Bytes(bytes) => Model::parse(bytes).map_err(Error::weights)?,
        };
        let points = model.names().clone();
        if self.accurate && points.mirror_pairs().is_none() {
            let error = Error::option(format!(
                "two looks need points that have a place in a mirror image, and the names of these do not tell it: {points}"
            ));
            return Err(match &self.weights {
                Weights::File(path) => error.at(path),
                _ => error,
            });
        }
        let net = |stage: Stage| Net::new(isa, model.arch(stage), &model);
        let (pnet, rnet, onet) = (net(Stage::PNet), net(Stage::RNet), net(Stage::ONet));
        let screen = match self.screening {
            Some(false) => Err(Unscreened::Off),
            asked => Screen::new(isa, &model, asked.is_some()),
        };
        let (profile, workspaces) = (self.profile, Store::default());
        let shift = profile.point_shift.map_or(model.lean(), |points| Lean { boxes: 0.0, points });
        let least = thresholds.onet;
        let onet_least = if self.accurate { least_of_two(least) } else { least };
        let thresholds = Thresholds { onet: onet_least, ..thresholds };
        let cascade = Cascade {
            profile,
            thresholds,
            min_face,
            factor,
            max_side,
            isa,
            pnet,
            rnet,
            onet,
            points,
            screen,
            shift,
            workspaces,
        };
        let Self { max_faces, largest, accurate, rotations, threads, .. } = self;
        let arenas = Store::default();
        Ok(Detector { cascade, least, accurate, rotations, max_faces, largest, threads, pool, arenas })
    }

    /// The detector's own threads, where it needs them.
    fn checked_pool(&self) -> Result<Option<rayon::ThreadPool>> {
        let refuse = |what: &str, count: &str| {
            Error::option(format!("{what} is {count}: at most {MAX_THREADS} threads are allowed"))
        };
        match self.threads {
            // Whoever first uses rayon's global pool starts as many threads as its variable says.
            0 => match std::env::var("RAYON_NUM_THREADS") {
                Ok(count) if count.parse().is_ok_and(|count: u64| count > MAX_THREADS as u64) => {
                    Err(refuse("RAYON_NUM_THREADS", &count))
                }
                _ => Ok(None),
            },
            1 => Ok(None),
            count if count > MAX_THREADS => Err(refuse("the number of threads", &count.to_string())),
            count => match rayon::ThreadPoolBuilder::new().num_threads(count).build() {
                Ok(pool) => Ok(Some(pool)),
                Err(error) => Err(Error::option(format!("{count} threads can't be started: {error}"))),
            },
        }
    }

    /// The factor in force.
    fn checked_factor(&self) -> Result<f64> {
        let factor = self.factor.unwrap_or(self.profile.factor);
        FACTORS.check("the factor", factor).map_err(Error::option)?;
        Ok(factor)
    }

    /// The longer side in force, if it is limited.
    fn checked_max_side(&self) -> Result<Option<usize>> {
        match self.max_side {
            Some(0) => Err(Error::option("the longest side is 0 pixels: it must be 1 or more")),
            side => Ok(side),
        }
    }

    /// The smallest face in force.
    fn checked_min_face(&self) -> Result<MinFace> {
        match self.min_face {
            MinFace::Pixels(side) => MIN_FACES.check("the smallest face", side),
            MinFace::Part(_) if self.max_side.is_some() => {
                Err("a smallest face that is a part of the image's side leaves the longest side nothing to do".into())
            }
            MinFace::Part(part) => {
                MIN_FACE_PARTS.check("the smallest face, as a part of the image's shorter side,", part)
            }
        }
        .map_err(Error::option)?;
        Ok(self.min_face)
    }

    /// The thresholds in force.
    fn checked_thresholds(&self) -> Result<Thresholds> {
        let usual = match self.accurate {
            true => Thresholds { onet: ACCURATE_LAST, ..self.profile.thresholds },
            false => self.profile.thresholds,
        };
        let thresholds = self.thresholds.unwrap_or(usual);
        for (net, threshold) in [("PNet", thresholds.pnet), ("RNet", thresholds.rnet), ("ONet", thresholds.onet)] {
            THRESHOLDS.check(&format!("the threshold of {net}"), threshold.into()).map_err(Error::option)?;
        }
        Ok(thresholds)
    }
}
