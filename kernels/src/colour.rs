//! Colours: RGB pixels changed by a matrix, and made of the YCbCr of a JPEG.

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

/// Pixels of YCbCr that become RGB at a time.
const RUN: usize = 64;

/// RGB pixels of rows of Y, Cb and Cr, with the rounding of libjpeg.
///
/// # Panics
/// If `rgb` is not whole pixels, or a row has less of them.
pub fn rgb_of_ycbcr(isa: Isa, rows: [&[u8]; 3], rgb: &mut [u8]) {
    assert!(rgb.len().is_multiple_of(3), "whole pixels of three bytes");
    dispatch(isa, YCbCr { rows: rows.map(|row| &row[..rgb.len() / 3]), rgb });
}

struct YCbCr<'a> {
    rows: [&'a [u8]; 3],
    rgb: &'a mut [u8],
}

impl Kernel for YCbCr<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let [(y, y_rest), (cb, cb_rest), (cr, cr_rest)] = self.rows.map(|row| row.as_chunks());
        let (rgb, rgb_rest) = self.rgb.as_chunks_mut();
        for (((y, cb), cr), rgb) in y.iter().zip(cb).zip(cr).zip(rgb) {
            run(y, cb, cr, rgb);
        }
        let whole = |rest: &[u8]| {
            let mut run = [0; RUN];
            run[..rest.len()].copy_from_slice(rest);
            run
        };
        let mut last = [0; 3 * RUN];
        run(&whole(y_rest), &whole(cb_rest), &whole(cr_rest), &mut last);
        rgb_rest.copy_from_slice(&last[..rgb_rest.len()]);
    }
}

/// Plain loops, which the compiler turns into vectors of 16-bit numbers, and into shuffles.
#[inline(always)]
fn run(y: &[u8; RUN], cb: &[u8; RUN], cr: &[u8; RUN], rgb: &mut [u8; 3 * RUN]) {
    let [mut red, mut green, mut blue] = [[0; RUN]; 3];
    // The factors are 1.402, .34414, .71414 and 1.772 times 2^16, less what is whole, so that they have 16 bits.
    for i in 0..RUN {
        let (y, cb, cr) = (i16::from(y[i]), i16::from(cb[i]) - 128, i16::from(cr[i]) - 128);
        // The product over 2^16, rounded: twice the product over 2^16, plus one, halved.
        let scaled = |value: i16, factor: i32| (((i32::from(2 * value) * factor) >> 16) as i16 + 1) >> 1;
        let both = i32::from(cb) * -22554 + i32::from(cr) * 18734 + 32768;
        red[i] = (y + cr + scaled(cr, 26345)).clamp(0, 255) as u8;
        green[i] = (y - cr + (both >> 16) as i16).clamp(0, 255) as u8;
        blue[i] = (y + 2 * cb + scaled(cb, -14942)).clamp(0, 255) as u8;
    }
    for i in 0..RUN {
        rgb[3 * i] = red[i];
        rgb[3 * i + 1] = green[i];
        rgb[3 * i + 2] = blue[i];
    }
}
