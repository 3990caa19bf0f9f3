//! What a net says of a crop, its heads joined.

use std::ops::Range;

use crate::arch::HEADS;

/// Numbers of an answer: the logits of (no face, face), the box, and x1 y1 … x5 y5.
pub const ANSWER: usize = HEADS[0].values() + HEADS[1].values() + HEADS[2].values();

/// What the net says of a sample, or the gradient of that.
pub type Answer = [f32; ANSWER];

/// Where the logits of (no face, face) are in an answer.
pub(super) const LOGITS: Range<usize> = 0..HEADS[0].values();
/// Where the box's offsets are.
pub(super) const OFFSETS: Range<usize> = LOGITS.end..LOGITS.end + HEADS[1].values();
/// Where the points are.
pub(super) const POINTS: Range<usize> = OFFSETS.end..ANSWER;
