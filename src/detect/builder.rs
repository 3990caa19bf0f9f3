//! The options of a [`Detector`], checked once.

use std::path::PathBuf;
use std::sync::Arc;

use mtcnn_kernels::Isa;

use super::Detector;
use crate::error::{Error, Result};
use crate::profile::{Profile, Thresholds};

/// Where the weights come from.
#[derive(Clone, Debug)]
pub(super) enum Weights {
    Embedded,
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

/// Options of a [`Detector`]; each has a default.
#[derive(Clone, Debug)]
pub struct DetectorBuilder {
    pub(super) min_face: f64,
    pub(super) factor: Option<f64>,
    pub(super) max_side: Option<usize>,
    pub(super) max_faces: usize,
    pub(super) largest: bool,
    pub(super) thresholds: Option<Thresholds>,
    pub(super) profile: Profile,
    pub(super) threads: usize,
    pub(super) weights: Weights,
    pub(super) isa: Option<Isa>,
}

impl Default for DetectorBuilder {
    fn default() -> Self {
        Self {
            min_face: 20.0,
            factor: None,
            max_side: None,
            max_faces: usize::MAX,
            largest: false,
            thresholds: None,
            profile: Profile::default(),
            threads: 0,
            weights: Weights::Embedded,
            isa: None,
        }
    }
}

impl DetectorBuilder {
    /// The side in pixels of the smallest face to look for, 1 to 1e9; 20 by default.
    /// Time goes with the inverse of its square.
    pub fn min_face(mut self, pixels: f64) -> Self {
        self.min_face = pixels;
        self
    }

    /// The size of a pyramid level divided by that of the level before, 0.1 to 0.99; by default the
    /// profile's, usually 0.709, which halves the area ([`Profile::factor`]).
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = Some(factor);
        self
    }

    /// Looks at a picture whose longer side has more than so many pixels as if it were shrunk to that:
    /// the smallest face grows by as much. Faces that are still looked for are seen as sharp as before.
    /// Half the side takes about a quarter of the time.
    pub fn max_side(mut self, pixels: usize) -> Self {
        self.max_side = Some(pixels);
        self
    }

    /// Gives no more than so many faces, those of the best scores. It takes as long as all.
    pub fn max_faces(mut self, count: usize) -> Self {
        self.max_faces = count;
        self
    }

    /// Gives the largest face only. Large faces are looked for first, and smaller ones only while there is
    /// none: where a face fills much of the picture, this takes a small part of the time. Its box can
    /// differ by a few pixels from the one that it has among all faces, since the proposals of smaller
    /// squares are not there to compete; a picture without a face takes a third more time.
    pub fn largest(mut self, largest: bool) -> Self {
        self.largest = largest;
        self
    }

    /// The scores from which boxes pass, each 0 to 1; by default the profile's.
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = Some(thresholds);
        self
    }

    /// Which implementation's results to reproduce; by default [`Profile::default`].
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// How many threads one detection uses. 0, the default, uses the rayon pool that the caller is
    /// in, usually the global one; another number makes a pool of the detector's own. The result does
    /// not depend on it.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// A model file instead of the embedded weights.
    pub fn weights(mut self, file: impl Into<PathBuf>) -> Self {
        self.weights = Weights::File(file.into());
        self
    }

    /// The bytes of a model file instead of the embedded weights.
    pub fn weights_bytes(mut self, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.weights = Weights::Bytes(bytes.into());
        self
    }

    /// The instruction set of the kernels; by default that of the environment variable
    /// `MTCNN_CPU_ISA` (`portable`, `avx2` or `avx512`), or else the best that the machine has.
    pub fn isa(mut self, isa: Isa) -> Self {
        self.isa = Some(isa);
        self
    }

    /// Makes the detector.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Option`] if an option is out of range or the machine lacks the instruction set,
    /// [`crate::ErrorKind::Unreadable`] or [`crate::ErrorKind::Weights`] if the model file can't be used.
    pub fn build(self) -> Result<Detector> {
        Detector::from_options(&self)
    }

    /// The factor in force.
    pub(super) fn checked_factor(&self) -> Result<f64> {
        let factor = self.factor.unwrap_or(self.profile.factor);
        if !(0.1..=0.99).contains(&factor) {
            return Err(Error::option(format!("the factor is {factor}: it must be from 0.1 to 0.99")));
        }
        Ok(factor)
    }

    /// The longer side in force, if it is limited.
    pub(super) fn checked_max_side(&self) -> Result<Option<usize>> {
        match self.max_side {
            Some(0) => Err(Error::option("the longest side is 0 pixels: it must be 1 or more")),
            side => Ok(side),
        }
    }

    /// The smallest face in force.
    pub(super) fn checked_min_face(&self) -> Result<f64> {
        if !(1.0..=1e9).contains(&self.min_face) {
            // A number of hundreds of digits helps nobody.
            let pixels = self.min_face;
            let pixels = if pixels.abs() > 1e9 { format!("{pixels:e}") } else { pixels.to_string() };
            return Err(Error::option(format!("the smallest face is {pixels} pixels: it must be from 1 to 1e9")));
        }
        Ok(self.min_face)
    }

    /// The thresholds in force.
    pub(super) fn checked_thresholds(&self) -> Result<Thresholds> {
        let thresholds = self.thresholds.unwrap_or(self.profile.thresholds);
        for (net, threshold) in [("PNet", thresholds.pnet), ("RNet", thresholds.rnet), ("ONet", thresholds.onet)] {
            if !(0.0..=1.0).contains(&threshold) {
                return Err(Error::option(format!("the threshold of {net} is {threshold}: it must be from 0 to 1")));
            }
        }
        Ok(thresholds)
    }
}
