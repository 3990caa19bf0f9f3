//! What a training step takes: crops with their classes and targets.

use crate::data::Class;

/// Samples to learn from. Targets that a sample's class has no use for are not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// `[sample][row][column][3]`, red first.
    pub crops: &'a [u8],
    /// What each sample is.
    pub classes: &'a [Class],
    /// Of positives and parts: how far the face's x1 y1 x2 y2 are from the crop's, in parts of its side.
    pub offsets: &'a [[f32; 4]],
    /// Whether the box of each sample is to be learned, if its class has one.
    pub boxed: &'a [bool],
    /// Of landmark faces: x1 y1 x2 y2 … in parts of the crop, as many for each sample as the net gives.
    pub points: &'a [f32],
}
