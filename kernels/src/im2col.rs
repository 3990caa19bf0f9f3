//! im2col: the patches under a convolution's kernel as the rows of a matrix.

use crate::Shape;

/// The patches of images as a matrix `[images · (height - size + 1) · (width - size + 1)][size · size · channels]`: a row
/// for each position of the kernel, its values in the order (ky, kx, channel).
///
/// # Panics
/// If the images are smaller than the kernel or `input` is not of that shape.
#[must_use]
pub fn patches(shape: Shape, size: usize, input: &[f32]) -> Vec<f32> {
    let Shape { images, height, width, channels } = shape;
    let output = shape.convolved(size, size * size * channels).expect("images no smaller than the kernel");
    shape.check("input", input.len());
    let mut patches = Vec::with_capacity(output.values());
    for i in 0..images {
        for y in 0..output.height {
            for x in 0..output.width {
                for ky in 0..size {
                    let from = ((i * height + y + ky) * width + x) * channels;
                    patches.extend_from_slice(&input[from..][..size * channels]);
                }
            }
        }
    }
    patches
}
