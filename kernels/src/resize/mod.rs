//! Resizing of u8 images into f32.
//!
//! Every filter here works on rows and columns apart: an [`Axis`] says for each output position of
//! which source positions it is made, and [`Separable`] applies one along each axis. [`opencv`] has
//! OpenCV's u8 arithmetic, which rounds on the way.

mod axis;
pub mod opencv;
mod separable;

use crate::shape::product;

pub use axis::Axis;
pub use separable::Separable;

/// A borrowed u8 image.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The bytes, from the first pixel on.
    pub data: &'a [u8],
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Bytes from one pixel to the next: 1 to 4.
    pub pixel: usize,
    /// Where in a pixel the three channels of the output are: 0, 1 and 2 in any order, or three times 0
    /// in a pixel of 1 byte, or of 2, where the second is not looked at.
    pub channels: [usize; 3],
}

impl<'a> Source<'a> {
    /// # Panics
    /// If the bytes do not hold the image, or the channels are not in a pixel.
    fn check(&self) {
        let permutation =
            matches!(self.channels, [0, 1, 2] | [0, 2, 1] | [1, 0, 2] | [1, 2, 0] | [2, 0, 1] | [2, 1, 0]);
        let known = if self.pixel <= 2 { self.channels == [0; 3] } else { permutation };
        assert!(matches!(self.pixel, 1..=4) && known, "a pixel of 1 to 4 bytes, and channels inside of it");
        let row = product([self.width, self.pixel]);
        assert!(row <= self.stride || self.height <= 1, "a stride of a row or more");
        let bytes = product([self.height.saturating_sub(1), self.stride]).checked_add(row);
        let held = self.height == 0 || bytes.is_some_and(|bytes| bytes <= self.data.len());
        assert!(held, "{} bytes hold {}x{} pixels", self.data.len(), self.width, self.height);
    }

    /// The bytes of the pixels `from..to` of row `y`.
    #[inline(always)]
    fn row(&self, y: usize, from: usize, to: usize) -> &'a [u8] {
        &self.data[y * self.stride + from * self.pixel..][..(to - from) * self.pixel]
    }
}

/// A rectangle of an image, in pixels. It may reach beyond the image, where everything is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region {
    /// Left edge.
    pub x: isize,
    /// Upper edge.
    pub y: isize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Region {
    /// The whole image.
    #[must_use]
    pub fn whole(source: &Source<'_>) -> Self {
        Self { x: 0, y: 0, width: source.width, height: source.height }
    }
}

/// How the three channels of an output row lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// `[row][column][3]`
    Interleaved,
    /// `[row][3][column]`
    Planar,
}

/// `x` becomes `x·scale + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The factor.
    pub scale: f32,
    /// What is added.
    pub offset: f32,
}

impl Affine {
    /// `x`
    pub const IDENTITY: Affine = Affine { scale: 1.0, offset: 0.0 };

    /// `x·scale + offset`
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        x * self.scale + self.offset
    }
}
