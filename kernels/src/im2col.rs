//! im2col: the patches under a convolution's kernel as the rows of a matrix.

use crate::sizes::product;

/// The patches of `images` NHWC pictures as a matrix
/// `[images · (height - size + 1) · (width - size + 1)][size · size · channels]`: a row for each place
/// of the kernel, its numbers in the order (ky, kx, channel).
///
/// # Panics
/// If the pictures are smaller than the kernel or `input` is not of their size.
pub fn patches(images: usize, height: usize, width: usize, channels: usize, size: usize, input: &[f32]) -> Vec<f32> {
    assert!(height >= size && width >= size, "a picture is smaller than the kernel");
    assert_eq!(input.len(), product([images, height, width, channels]), "input [images][height][width][channels]");
    let (oh, ow) = (height - size + 1, width - size + 1);
    let mut patches = Vec::with_capacity(images * oh * ow * size * size * channels);
    for i in 0..images {
        for y in 0..oh {
            for x in 0..ow {
                for ky in 0..size {
                    let from = ((i * height + y + ky) * width + x) * channels;
                    patches.extend_from_slice(&input[from..][..size * channels]);
                }
            }
        }
    }
    patches
}
