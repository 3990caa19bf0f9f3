//! Faces followed from frame to frame: faces of frames go in, tracks come out. Pure: no images, no nets, no clock.
//!
//! [`Tracker`] pairs the faces of each frame with the tracks so far: ByteTrack's two rounds, the second for faces of low scores
//! (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", 2022), and OC-SORT's round by where a
//! track was seen last, whose filter is run again along a straight line when a track is seen again (Cao et al., "Observation-
//! Centric SORT", 2023). Landmarks tell people apart where boxes don't. Pairs have the largest sum of gains (`assignment`);
//! `motion` predicts boxes with four Kalman filters of a place and a velocity each; `smooth` calms what is shown;
//! [`fill()`] fills the gaps of a recording.
//!
//! OC-SORT's direction cue was tried and brought nothing beside the landmarks: docs/PERFORMANCE.md has the numbers.

pub(crate) mod assignment;
mod entry;
mod fill;
mod motion;
mod options;
mod smooth;
mod state;
mod tracker;

pub use fill::fill;
pub use options::TrackOptions;
pub use smooth::Smoothing;
pub use state::{Track, TrackState};
pub use tracker::Tracker;
