//! The shape of images in memory, and products of sizes that cannot wrap around: unsafe code relies on the checks that use
//! them.

/// The shape of a batch of images, or of what a layer makes of them: NHWC, `[image][row][column][channel]`.
///
/// ```
/// use mtcnn_kernels::{MaxPool, Shape};
///
/// let batch = Shape::new(16, 21, 21, 64);
/// let pool = MaxPool { size: 3, stride: 2 };
/// assert_eq!(pool.output(batch), Some(Shape::new(16, 10, 10, 64)));
/// assert_eq!(batch.values(), 16 * 21 * 21 * 64);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Images, one behind the other.
    pub images: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
}

impl Shape {
    /// `images` of `height x width` pixels of `channels` values.
    #[must_use]
    pub const fn new(images: usize, height: usize, width: usize, channels: usize) -> Self {
        Self { images, height, width, channels }
    }

    /// One image.
    #[must_use]
    pub const fn image(height: usize, width: usize, channels: usize) -> Self {
        Self::new(1, height, width, channels)
    }

    /// Values in all images.
    ///
    /// # Panics
    /// If they are more than `usize` can count.
    #[must_use]
    pub fn values(self) -> usize {
        product([self.images, self.height, self.width, self.channels])
    }

    /// Values of a row.
    pub(crate) fn row(self) -> usize {
        self.width * self.channels
    }

    /// The shape after a convolution of `outputs` channels with a kernel of `size x size`, stride 1 and no padding; `None` if
    /// the images are smaller than the kernel.
    pub(crate) fn convolved(self, size: usize, outputs: usize) -> Option<Self> {
        let along = |length: usize| Some(length.checked_sub(size)? + 1);
        Some(Self { height: along(self.height)?, width: along(self.width)?, channels: outputs, ..self })
    }

    /// Checks that a slice is of this shape.
    ///
    /// # Panics
    /// If it is longer or shorter.
    #[track_caller]
    pub(crate) fn check(self, what: &str, values: usize) {
        assert_eq!(values, self.values(), "{what}: as many values as {self:?} has");
    }
}

/// The product of sizes.
///
/// # Panics
/// If it is beyond `usize`.
pub(crate) fn product<const N: usize>(sizes: [usize; N]) -> usize {
    sizes.into_iter().try_fold(1_usize, |product, size| product.checked_mul(size)).expect("sizes that fit into memory")
}
