//! What the tracker says about a face in a frame.

use crate::face::Face;

/// A face that is followed, in one frame.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Track {
    /// The same in all frames; from 1 on, and never given twice by one tracker.
    pub id: u64,
    /// As it was seen in this frame. Of a lost track box and landmarks are predicted, and the score is the last one.
    pub face: Face,
    /// Frames since it was first seen: 1 in that frame.
    pub age: usize,
    /// Whether it was seen in this frame.
    pub state: TrackState,
}

/// Whether a track was seen in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TrackState {
    /// Seen, but in fewer frames so far than [`TrackOptions::confirm`](crate::track::TrackOptions::confirm) asks for: it could
    /// be a mistake of the detector.
    New,
    /// Seen.
    Seen,
    /// Not seen for so many frames, this one among them.
    Lost(usize),
}

impl Track {
    /// A track from its parts.
    #[must_use]
    pub const fn new(id: u64, face: Face, age: usize, state: TrackState) -> Self {
        Self { id, face, age, state }
    }

    /// Whether a mask over the face is due in this frame, if masks stay for `hold` frames after a face was seen last: they
    /// move with the prediction. Faces that are new count: what could be a face is hidden.
    #[must_use]
    pub fn is_held(&self, hold: usize) -> bool {
        match self.state {
            TrackState::New | TrackState::Seen => true,
            TrackState::Lost(frames) => frames <= hold,
        }
    }
}
