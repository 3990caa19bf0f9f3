//! Colours of RGB pixels, changed by a matrix.

use crate::Isa;
use crate::simd::{Kernel, Simd, dispatch};

/// Bytes that are worked on at a time: whole pixels, and whole vectors of any instruction set.
const CHUNK: usize = 480;
/// No vector has more lanes.
const MOST_LANES: usize = 16;
/// How far the bytes of a pixel are from each other at most.
const FAR: usize = 2;

/// Each pixel `x`, three bytes, becomes `matrix·x + offset`, rounded and cut to 0 to 255.
///
/// # Panics
/// If `pixels` is not whole pixels.
pub fn recolour(isa: Isa, matrix: &[[f32; 3]; 3], offset: f32, pixels: &mut [u8]) {
    assert!(pixels.len().is_multiple_of(3), "whole pixels of three bytes");
    // As the bytes lie, byte `i` is made of those from `i - 2` to `i + 2`; the factors of bytes of other
    // pixels are 0.
    let mut factors = [[0.0; MOST_LANES + 2]; 2 * FAR + 1];
    for (shift, factors) in factors.iter_mut().enumerate() {
        for (i, factor) in factors.iter_mut().enumerate() {
            let row = &matrix[i % 3];
            *factor = (i % 3 + shift).checked_sub(FAR).and_then(|from| row.get(from)).copied().unwrap_or(0.0);
        }
    }
    dispatch(isa, Recolour { factors, offset, pixels });
}

struct Recolour<'a> {
    /// Of the bytes 2 before to 2 behind, for a byte of each channel, again and again.
    factors: [[f32; MOST_LANES + 2]; 2 * FAR + 1],
    offset: f32,
    pixels: &'a mut [u8],
}

impl Kernel for Recolour<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        const { assert!(S::LANES <= MOST_LANES && CHUNK.is_multiple_of(3 * S::LANES)) }
        let (mut from, mut to) = ([0; CHUNK + 2 * FAR], [0; CHUNK]);
        for pixels in self.pixels.chunks_mut(CHUNK) {
            from[FAR..][..pixels.len()].copy_from_slice(pixels);
            for first in (0..pixels.len()).step_by(S::LANES) {
                let mut sum = s.splat(self.offset);
                for (shift, factors) in self.factors.iter().enumerate() {
                    // SAFETY: `first + LANES <= CHUNK`, as both are multiples of the lanes, and `from` has as many bytes
                    // more as `shift` is at most; a vector begins at one of the first three of the
                    // `MOST_LANES + 2` factors.
                    unsafe {
                        let factors = s.load(factors.as_ptr().add(first % 3));
                        sum = s.mul_add(factors, s.load_u8(from.as_ptr().add(first + shift)), sum);
                    }
                }
                // SAFETY: as above.
                unsafe { s.store_u8(to.as_mut_ptr().add(first), sum) };
            }
            pixels.copy_from_slice(&to[..pixels.len()]);
        }
    }
}
