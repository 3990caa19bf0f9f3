//! Observing a detection: what the cascade tells an observer. Where there is none it costs nothing, since the code is
//! compiled for each kind of observer anew.

use super::candidate::Candidate;
use super::pyramid::LevelShape;
use crate::arch::Stage;

/// Where boxes that overlap better ones are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suppressing {
    /// Among PNet's of one level.
    Level,
    /// Among PNet's of all levels.
    Levels,
    RNet,
    ONet,
}

/// Observes a detection. What an observer does not ask for passes by. Corners of boxes are as the profile counts.
pub(crate) trait Observer: Send {
    /// Whether the boxes that do not pass are shown, too. Only then `cell` and `answered` are called, and boxes keep
    /// the number that `cell` gave them.
    const ALL: bool = false;

    /// A level of the pyramid, the largest first; all come before their cells.
    fn level(&mut self, _shape: &LevelShape) {}

    /// What PNet says of a square of a level, and whether that passes. Returns a number for it to be known by.
    fn cell(&mut self, _level: usize, _cell: &Candidate, _passes: bool) -> u32 {
        0
    }

    /// A box is dropped since it overlaps a better one.
    fn suppressed(&mut self, _after: Suppressing, _gone: &Candidate, _by: &Candidate) {}

    /// A box that a net can't look at, since nothing of it is in the image.
    fn outside(&mut self, _stage: Stage, _candidate: &Candidate) {}

    /// The score that RNet or ONet gives a box, before it is moved.
    fn answered(&mut self, _stage: Stage, _candidate: &Candidate) {}

    /// A stage is done: these boxes go on to the next one, or are the faces. They are moved as the net said, those that
    /// overlapped better ones are gone, and the best come first.
    fn passed<'a>(&mut self, _stage: Stage, _boxes: impl Iterator<Item = &'a Candidate>) {}
}

/// Observes nothing.
pub(crate) struct NoObserver;

impl Observer for NoObserver {}
