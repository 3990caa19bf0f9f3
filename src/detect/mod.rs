//! The cascade: an image goes in, faces come out.
//!
//! PNet proposes boxes on every level of a pyramid ([`propose`]), RNet rejects most of them, ONet decides and finds the
//! landmarks ([`refine`]); a [`pass`] is these three stages over one image, in one [`context`]. In what order boxes are moved,
//! squared, rounded and suppressed is a [`Profile`](crate::profile::Profile).

mod builder;
#[cfg(feature = "convert")]
pub mod calibrate;
pub(crate) mod candidate;
mod clock;
mod context;
mod crop;
mod detector;
mod halves;
mod looks;
pub(crate) mod observer;
pub(crate) mod parallel;
mod pass;
mod propose;
pub(crate) mod pyramid;
mod refine;
#[cfg(feature = "train")]
mod stages;
mod suppression;
mod timing;

pub use builder::DetectorBuilder;
#[cfg(feature = "train")]
pub(crate) use builder::{FACTORS, MIN_FACES, THRESHOLDS};
pub use detector::Detector;
pub use looks::Rotation;
pub use timing::{Level, Screening, StageTimes, Timing};
