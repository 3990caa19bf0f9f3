//! What a net says of a crop, its heads joined: the logits of (no face, face), the box, and x1 y1 x2 y2 … of the points.

use std::ops::{Range, RangeFrom};

/// Where the logits of (no face, face) are in an answer.
pub(super) const LOGITS: Range<usize> = 0..2;
/// Where the box's offsets are.
pub(super) const OFFSETS: Range<usize> = 2..6;
/// Where the points are, if the net gives any.
pub(super) const POINTS: RangeFrom<usize> = 6..;
