//! What a net says of a crop, its heads joined.

use std::ops::Range;

use crate::arch::{Head, POINTS as COUNT};

/// Numbers of an answer: the logits of (no face, face), the box, and x1 y1 … x5 y5.
pub const ANSWER: usize = Head::Classes.values() + Head::Box.values() + Head::Points(COUNT).values();

/// What the net says of a sample, or the gradient of that.
pub type Answer = [f32; ANSWER];

/// Where the logits of (no face, face) are in an answer.
pub(super) const LOGITS: Range<usize> = 0..Head::Classes.values();
/// Where the box's offsets are.
pub(super) const OFFSETS: Range<usize> = LOGITS.end..LOGITS.end + Head::Box.values();
/// Where the points are.
pub(super) const POINTS: Range<usize> = OFFSETS.end..ANSWER;
