//! Any pair of filters, in f32: each output row is first summed up from the source rows it is made
//! of, a whole line at a time, and then drawn together along the line.

use std::ops::Range;

use wide::f32x4;

use super::{Affine, Axis, Order, Region, Source};
use crate::simd::{Kernel, Simd, dispatch};
use crate::sizes::product;
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
    assert_eq!(output.len(), product([rows.len(), across.target(), 3]), "output of rows x columns x 3");
    source.check();
    // The columns that are asked for and lie in the picture; the others stay 0.
    let reach = across.reach();
    let column = |place: usize| region.x.saturating_add_unsigned(place);
    let inside = Inside {
        first: column(reach.start).max(0) as usize,
        last: column(reach.end).clamp(0, source.width as isize) as usize,
        offset: reach.start.max(region.x.min(0).unsigned_abs()),
    };
    let line = scratch.resize(product([region.width.saturating_add(SLACK), source.pixel]));
    line.fill(0.0);
    dispatch(isa, Forward { source, region, down, across, rows, affine, order, inside, line, output });
}

/// Pixels behind a line, with weights of 0: as many as taps are read at a time.
const SLACK: usize = 6;

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
    let first = top.saturating_add_unsigned(start);
    let skip = first.min(0).unsigned_abs().min(weights.len());
    let end = (source.height as isize).saturating_sub(first).clamp(skip as isize, weights.len() as isize) as usize;
    let weights = &weights[skip..end];
    if weights.is_empty() {
        line.fill(0.0);
        return;
    }
    let y0 = first.max(0) as usize;
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
    order: Order,
    out: &mut [f32],
) {
    // Few taps are the rule, and worth loops without an end to look for.
    match across.most_taps() {
        _ if across.target() < 4 || across.has_gaps() => draw_any::<PIXEL>(across, line, channels, affine, order, out),
        1 => draw_fours::<PIXEL, 1>(across, line, channels, affine, order, out),
        2 => draw_fours::<PIXEL, 2>(across, line, channels, affine, order, out),
        3 => draw_fours::<PIXEL, 3>(across, line, channels, affine, order, out),
        4 => draw_fours::<PIXEL, 4>(across, line, channels, affine, order, out),
        5 => draw_fours::<PIXEL, 5>(across, line, channels, affine, order, out),
        6 => draw_fours::<PIXEL, 6>(across, line, channels, affine, order, out),
        _ => draw_fours::<PIXEL, 0>(across, line, channels, affine, order, out),
    }
}

/// [`draw_together`] one number at a time.
#[inline(always)]
fn draw_any<const PIXEL: usize>(
    across: &Axis,
    line: &[f32],
    channels: [usize; 3],
    affine: Affine,
    order: Order,
    out: &mut [f32],
) {
    for x in 0..across.target() {
        let (start, weights) = across.taps(x);
        for c in 0..3 {
            let pixels = line[start * PIXEL..].chunks_exact(PIXEL);
            let sum: f32 = weights.iter().zip(pixels).map(|(weight, pixel)| weight * pixel[channels[c]]).sum();
            let to = match order {
                Order::Interleaved => x * 3 + c,
                Order::Planar => c * across.target() + x,
            };
            out[to] = if weights.is_empty() { 0.0 } else { affine.apply(sum) };
        }
    }
}

/// [`draw_together`] four pixels of the output at a time, each of which is made of at least one and at
/// most `TAPS` pixels; 0 stands for any number. A pixel is one vector of four numbers, whatever the
/// instruction set: the last of them may be the next pixel's.
#[inline(always)]
fn draw_fours<const PIXEL: usize, const TAPS: usize>(
    across: &Axis,
    line: &[f32],
    channels: [usize; 3],
    affine: Affine,
    order: Order,
    out: &mut [f32],
) {
    let target = across.target();
    assert!(target >= 4 && TAPS <= SLACK && line.len() >= (across.source() + SLACK) * PIXEL);
    assert_eq!(out.len(), target * 3);
    let (scale, offset) = (f32x4::splat(affine.scale), f32x4::splat(affine.offset));
    // Where in the output each number of a pixel goes.
    let mut places = [0, 1, 2];
    if PIXEL > 1 {
        for c in 0..3 {
            places[channels[c]] = c;
        }
    }
    let mut x = 0;
    while x < target {
        // The last four overlap those before them.
        x = x.min(target - 4);
        let mut pixels = [f32x4::ZERO; 4];
        for i in 0..4 {
            let mut sum = f32x4::ZERO;
            // SAFETY: `x + i < target`.
            let (start, weights) = unsafe { across.padded_taps(x + i) };
            let taps = if TAPS > 0 { TAPS } else { across.taps(x + i).1.len() };
            for j in 0..taps {
                // SAFETY: there are as many weights. The first pixel lies in the source, and the last that
                // has a weight of its own too; up to `TAPS <= SLACK` more lie behind it in the line.
                let (weight, pixel) = unsafe {
                    let at = line.as_ptr().add((start + j) * PIXEL);
                    let pixel = if PIXEL == 1 { [*at; 4] } else { at.cast::<[f32; 4]>().read_unaligned() };
                    (*weights.add(j), pixel)
                };
                sum += f32x4::splat(weight) * f32x4::new(pixel);
            }
            pixels[i] = sum * scale + offset;
        }
        match order {
            Order::Interleaved => {
                for i in 0..4 {
                    let pixel = pixels[i].to_array();
                    let to = &mut out[(x + i) * 3..][..3];
                    for k in 0..3 {
                        to[places[k]] = pixel[k];
                    }
                }
            }
            Order::Planar => {
                let planes = f32x4::transpose(pixels);
                for k in 0..3 {
                    out[places[k] * target + x..][..4].copy_from_slice(&planes[k].to_array());
                }
            }
        }
        x += 4;
    }
}
