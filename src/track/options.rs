//! The options of a tracker, and what they may be.

use super::smooth::Smoothing;
use crate::error::{Error, Result};
use crate::range::Range;

/// Scores.
const SCORES: Range = Range::new(0.0, 1.0);
/// Numbers of frames: hours of a video.
const FRAMES: Range = Range::new(0.0, 1e6);
/// Sightings that confirm a track.
const SIGHTINGS: Range = Range::new(1.0, 1e6);

/// How faces are followed.
///
/// ```
/// let mut options = mtcnn_cpu::track::TrackOptions::default();
/// options.keep = 60;
/// let tracker = mtcnn_cpu::track::Tracker::new(options)?;
/// # Ok::<(), mtcnn_cpu::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TrackOptions {
    /// From this score on a face begins a track, 0 to 1; 0.9 by default.
    pub start: f32,
    /// From this score on a face can be that of any track, 0 to 1; 0.7 by default.
    pub high: f32,
    /// From this score on a face goes on with a track that was seen in the frame before, 0 to 1; 0.3 by default. Faces of lower
    /// scores are not looked at. The last threshold of the detector should be this.
    pub low: f32,
    /// In so many frames a face must be seen before its track is no longer new, 1 or more; 1 by default: none is ever new.
    pub confirm: usize,
    /// For so many frames a track that is not seen is remembered, 0 to 1e6; 75 by default, 3 seconds of a usual video.
    pub keep: usize,
    /// What is shown of seen faces is smoothed; by default it is what was detected.
    pub smoothing: Option<Smoothing>,
}

impl Default for TrackOptions {
    fn default() -> Self {
        Self { start: 0.9, high: 0.7, low: 0.3, confirm: 1, keep: 75, smoothing: None }
    }
}

impl TrackOptions {
    pub(super) fn check(&self) -> Result<()> {
        let scores = [("start", self.start), ("high", self.high), ("low", self.low)];
        let scores = scores.iter().map(|&(name, score)| SCORES.check(&format!("the score `{name}`"), f64::from(score)));
        let frames = [
            FRAMES.check("the number of frames that a lost track is kept", self.keep as f64),
            SIGHTINGS.check("the number of sightings that confirm a track", self.confirm as f64),
        ];
        scores.chain(frames).collect::<Result<(), String>>().map_err(Error::option)?;
        if self.low > self.high || self.high > self.start {
            let Self { start, high, low, .. } = self;
            let order =
                format!("the scores of tracks must rise from low to high to start: they are {low}, {high} and {start}");
            return Err(Error::option(order));
        }
        self.smoothing.map_or(Ok(()), |smoothing| smoothing.check())
    }
}
