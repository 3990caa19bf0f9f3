//! Any pair of filters, in f32: each output row is first summed up from the source rows it is made
//! of, a whole line at a time, and then drawn together along the line.

use std::ops::Range;

use wide::f32x4;

use super::{Affine, Axis, Order, Region, Source};
use crate::simd::{Kernel, Simd, dispatch};
use crate::{Buffer, Isa};

/// Resizes a region of a picture to rows `rows` of an output of `down.target()` rows and
/// `across.target()` columns, with `affine` applied, in the order `order`. Outside of the picture the
/// region is 0, before `affine`; an output position that is made of no source position is 0 after it.
///
/// # Panics
/// If the axes' sources are not the region's size, if `rows` or the picture's bytes are too few, or if
/// `output` is not of that size.
pub fn forward(
    isa: Isa,
    source: &Source<'_>,
    region: Region,
    down: &Axis,
    across: &Axis,
    rows: Range<usize>,
    affine: Affine,
    order: Order,
    scratch: &mut Buffer,
    output: &mut [f32],
) {
    assert_eq!((down.source(), across.source()), (region.height, region.width), "axes of the region's size");
    assert!(rows.end <= down.target(), "rows {rows:?} of {}", down.target());
    assert_eq!(output.len(), rows.len() * across.target() * 3, "output of rows x columns x 3");
    assert!(source.channels.iter().all(|&channel| channel < source.pixel), "channels inside of the pixel");
    // The columns of the region that lie in the picture; the others stay 0.
    let inside = Inside {
        first: region.x.max(0) as usize,
        last: (region.x + region.width as isize).clamp(0, source.width as isize) as usize,
        offset: (-region.x).max(0) as usize,
    };
    let line = scratch.resize(region.width * source.pixel + SLACK);
    line.fill(0.0);
    dispatch(isa, Forward { source, region, down, across, rows, affine, order, inside, line, output });
}

/// Numbers behind a line: its last pixel is read as four numbers.
const SLACK: usize = 4;

/// Which columns of the picture a line is made of.
#[derive(Clone, Copy)]
struct Inside {
    /// The first column of the picture.
    first: usize,
    /// The one behind the last.
    last: usize,
    /// Where in the line the first goes.
    offset: usize,
}

struct Forward<'a> {
    source: &'a Source<'a>,
    region: Region,
    down: &'a Axis,
    across: &'a Axis,
    rows: Range<usize>,
    affine: Affine,
    order: Order,
    inside: Inside,
    line: &'a mut [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { source, region, down, across, rows, affine, order, inside, line, output } = self;
        let row_len = across.target() * 3;
        for (out, y) in output.chunks_exact_mut(row_len.max(1)).zip(rows) {
            if down.taps(y).1.is_empty() {
                out.fill(0.0);
                continue;
            }
            if inside.first < inside.last {
                let part = &mut line[inside.offset * source.pixel..][..(inside.last - inside.first) * source.pixel];
                sum_rows(s, source, inside, region.y, down.taps(y), part);
            }
            match source.pixel {
                1 => draw_together::<1>(across, line, source.channels, affine, order, out),
                3 => draw_together::<3>(across, line, source.channels, affine, order, out),
                4 => draw_together::<4>(across, line, source.channels, affine, order, out),
                bytes => unreachable!("a pixel of {bytes} bytes"),
            }
        }
    }
}

/// `line = Σ weight·row` over the taps, those outside of the picture being 0.
#[inline(always)]
fn sum_rows<S: Simd>(
    s: S,
    source: &Source<'_>,
    inside: Inside,
    top: isize,
    (start, weights): (usize, &[f32]),
    line: &mut [f32],
) {
    // The taps that lie in the picture.
    let first = top + start as isize;
    let skip = ((-first).max(0) as usize).min(weights.len());
    let end = (source.height as isize - first).clamp(skip as isize, weights.len() as isize) as usize;
    let weights = &weights[skip..end];
    if weights.is_empty() {
        line.fill(0.0);
        return;
    }
    let y0 = (first + skip as isize) as usize;
    // Checks that the last row is there; those before it end earlier.
    let _ = source.row(y0 + weights.len() - 1, inside.first, inside.last);
    let base = source.data[y0 * source.stride + inside.first * source.pixel..].as_ptr();
    let mut i = 0;
    if line.len() < S::LANES {
        line.fill(0.0);
        for (j, &weight) in weights.iter().enumerate() {
            for (sum, &byte) in line.iter_mut().zip(source.row(y0 + j, inside.first, inside.last)) {
                *sum += weight * f32::from(byte);
            }
        }
        return;
    }
    while i < line.len() {
        // The last vector overlaps the one before it.
        let at = i.min(line.len() - S::LANES);
        let mut sum = s.splat(0.0);
        for (j, &weight) in weights.iter().enumerate() {
            // SAFETY: the last of these rows was found to hold `line.len()` bytes, so the ones before it
            // do; `at + LANES` is not more.
            let bytes = unsafe { s.load_u8(base.add(j * source.stride + at)) };
            sum = s.mul_add(s.splat(weight), bytes, sum);
        }
        // SAFETY: `at + LANES <= line.len()`.
        unsafe { s.store(line.as_mut_ptr().add(at), sum) };
        i += S::LANES;
    }
}

/// The filter along a line of pixels of `PIXEL` numbers, of which three go to the output. A pixel is
/// one vector of four numbers, whatever the instruction set: the last of them may be the next pixel's.
#[inline(always)]
fn draw_together<const PIXEL: usize>(
    across: &Axis,
    line: &[f32],
    channels: [usize; 3],
    affine: Affine,
    order: Order,
    out: &mut [f32],
) {
    let target = across.target();
    let (scale, offset) = (f32x4::splat(affine.scale), f32x4::splat(affine.offset));
    let mut x = 0;
    while x < target {
        // Four pixels of the output at a time, which turn into four columns of three planes.
        let count = (target - x).min(4);
        let mut pixels = [f32x4::ZERO; 4];
        for (i, value) in pixels.iter_mut().enumerate().take(count) {
            let (start, weights) = across.taps(x + i);
            if weights.is_empty() {
                continue;
            }
            assert!((start + weights.len() - 1) * PIXEL + 4 <= line.len());
            let mut sum = f32x4::ZERO;
            for (j, &weight) in weights.iter().enumerate() {
                // SAFETY: the last tap's four numbers lie in the line, as asserted; so do those before it.
                let pixel = unsafe { line.as_ptr().add((start + j) * PIXEL).cast::<[f32; 4]>().read_unaligned() };
                sum += f32x4::splat(weight) * f32x4::new(pixel);
            }
            *value = sum * scale + offset;
        }
        match order {
            Order::Interleaved => {
                for (i, pixel) in pixels.iter().enumerate().take(count) {
                    let pixel = pixel.to_array();
                    for c in 0..3 {
                        out[(x + i) * 3 + c] = pixel[channels[c]];
                    }
                }
            }
            Order::Planar => {
                let planes = f32x4::transpose(pixels);
                for c in 0..3 {
                    let plane = planes[channels[c]].to_array();
                    out[c * target + x..][..count].copy_from_slice(&plane[..count]);
                }
            }
        }
        x += 4;
    }
}
