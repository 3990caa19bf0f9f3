//! The cascade: a picture goes in, faces come out.

mod builder;
mod profile;
mod timing;

pub use builder::{DetectorBuilder, Thresholds};
pub use profile::Profile;
pub use timing::{Level, StageTimes, Timing};

use crate::error::Result;
use crate::{Face, ImageView};

/// Finds faces; made once, used from any number of threads.
pub struct Detector {}

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

    pub(crate) fn from_options(options: &DetectorBuilder) -> Result<Self> {
        options.checked_factor()?;
        options.checked_min_face()?;
        options.checked_thresholds()?;
        Ok(Self {})
    }

    /// The faces in a picture, best score first.
    ///
    /// # Errors
    /// None today; a picture too small for a face gives an empty list.
    pub fn detect<'a>(&self, image: impl Into<ImageView<'a>>) -> Result<Vec<Face>> {
        Ok(self.detect_timed(image)?.0)
    }

    /// The faces in a picture, best score first, and where the time went.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_timed<'a>(&self, _image: impl Into<ImageView<'a>>) -> Result<(Vec<Face>, Timing)> {
        let (total, levels, isa, threads) =
            (std::time::Duration::ZERO, Vec::new(), mtcnn_kernels::Isa::from_env().unwrap(), 1);
        let stage = StageTimes::default();
        Ok((
            Vec::new(),
            Timing { total, levels, pyramid: stage, pnet: stage, crops: stage, rnet: stage, onet: stage, isa, threads },
        ))
    }
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}
