//! Any pair of filters, in f32: each output row is first summed up from the source rows it is made
//! of, a whole line at a time, and then drawn together along the line.

use std::ops::Range;

use super::{Affine, Axis, Region, Source};
use crate::simd::{Kernel, Simd, dispatch};
use crate::{Buffer, Isa};

/// Resizes a region of a picture to rows `rows` of an output of `down.target()` rows and
/// `across.target()` columns, `[row][column][3]`, with `affine` applied. Outside of the picture the
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
    scratch: &mut Buffer,
    output: &mut [f32],
) {
    assert_eq!((down.source(), across.source()), (region.height, region.width), "axes of the region's size");
    assert!(rows.end <= down.target(), "rows {rows:?} of {}", down.target());
    assert_eq!(output.len(), rows.len() * across.target() * 3, "output [rows][columns][3]");
    assert!(source.channels.iter().all(|&channel| channel < source.pixel), "channels inside of the pixel");
    // The columns of the region that lie in the picture; the others stay 0.
    let inside = Inside {
        first: region.x.max(0) as usize,
        last: (region.x + region.width as isize).clamp(0, source.width as isize) as usize,
        offset: (-region.x).max(0) as usize,
    };
    let line = scratch.resize(region.width * source.pixel);
    line.fill(0.0);
    dispatch(isa, Forward { source, region, down, across, rows, affine, inside, line, output });
}

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
    inside: Inside,
    line: &'a mut [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { source, region, down, across, rows, affine, inside, line, output } = self;
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
                1 => draw_together::<1>(across, line, source.channels, affine, out),
                3 => draw_together::<3>(across, line, source.channels, affine, out),
                4 => draw_together::<4>(across, line, source.channels, affine, out),
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

/// The filter along a line of pixels of `PIXEL` numbers, of which three go to the output.
#[inline(always)]
fn draw_together<const PIXEL: usize>(
    across: &Axis,
    line: &[f32],
    channels: [usize; 3],
    affine: Affine,
    out: &mut [f32],
) {
    let (pixels, _) = line.as_chunks::<PIXEL>();
    let [r, g, b] = channels;
    let (out, _) = out.as_chunks_mut::<3>();
    for (x, out) in out.iter_mut().enumerate() {
        let (start, weights) = across.taps(x);
        if weights.is_empty() {
            *out = [0.0; 3];
            continue;
        }
        let mut sums = [0.0; 3];
        for (pixel, &weight) in pixels[start..].iter().zip(weights) {
            sums[0] += weight * pixel[r];
            sums[1] += weight * pixel[g];
            sums[2] += weight * pixel[b];
        }
        for c in 0..3 {
            out[c] = affine.apply(sums[c]);
        }
    }
}
