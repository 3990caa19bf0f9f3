//! OpenCV's resizing of u8 images to u8, bit by bit, for the profiles that must agree with systems
//! that use it. The order of sums, their precision and the rounding are OpenCV's.

use std::ops::Range;

use wide::f32x4;

use super::axis::{linear_area_position, linear_position};
use super::{Affine, Axis, Order, Region, Source};
use crate::Isa;
use crate::simd::{Kernel, Simd, dispatch};

/// Tables and a line of a resize; it keeps its memory from one time to the next.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    down: Axis,
    across: Axis,
    /// A row of the source as f32.
    line: Vec<f32>,
    /// The same, filtered along the row.
    filtered: Vec<f32>,
    /// For each column the two of the source.
    columns: Vec<Pair>,
}

/// What is made: rows of an image, rounded to u8 and then `affine`.
#[derive(Clone, Debug)]
pub struct Target {
    /// Rows of the whole output.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Which rows of it are made.
    pub rows: Range<usize>,
    /// What is applied to the bytes.
    pub affine: Affine,
    /// How they lie.
    pub order: Order,
}

impl Target {
    /// Where in a row channel `c` of column `x` goes.
    #[inline(always)]
    fn place(&self, x: usize, c: usize) -> usize {
        match self.order {
            Order::Interleaved => x * 3 + c,
            Order::Planar => c * self.width + x,
        }
    }
}

/// INTER_AREA of a whole image.
///
/// # Panics
/// If a size is 0, the rows are not in the output, or `output` is not of that size.
pub fn area(isa: Isa, source: &Source<'_>, target: &Target, scratch: &mut Scratch, output: &mut [f32]) {
    check(source, target, output);
    let &Target { height, width, .. } = target;
    if source.height < height || source.width < width {
        return bilinear(source, Region::whole(source), target, linear_area_position, &mut scratch.columns, output);
    }
    let whole = source.height.is_multiple_of(height) && source.width.is_multiple_of(width);
    if whole {
        return area_of_whole_pixels(source, target, output);
    }
    let Scratch { down, across, line, filtered, .. } = scratch;
    down.area_coverage(source.height, height);
    across.area_coverage(source.width, width);
    // Behind the row zeros, as many as are read of taps that have no weight.
    line.clear();
    line.resize((source.width + across.most_taps()) * source.pixel + 4, 0.0);
    filtered.clear();
    filtered.resize(3 * width, 0.0);
    dispatch(isa, Area { source, target, down, across, line, filtered, output });
}

/// A mean of areas that cut pixels. The sums are OpenCV's: along the row first, tap by tap, in f32 and without fused operations.
struct Area<'a> {
    source: &'a Source<'a>,
    target: &'a Target,
    down: &'a Axis,
    across: &'a Axis,
    line: &'a mut [f32],
    filtered: &'a mut [f32],
    output: &'a mut [f32],
}

impl Kernel for Area<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.source.pixel {
            1 => self.taps::<S, 1>(s),
            2 => self.taps::<S, 2>(s),
            3 => self.taps::<S, 3>(s),
            4 => self.taps::<S, 4>(s),
            bytes => unreachable!("a pixel of {bytes} bytes"),
        }
    }
}

impl Area<'_> {
    /// Few taps are the rule, and worth loops without an end to look for.
    #[inline(always)]
    fn taps<S: Simd, const PIXEL: usize>(self, s: S) {
        match self.across.most_taps() {
            3 => self.rows::<S, PIXEL, 3>(s),
            4 => self.rows::<S, PIXEL, 4>(s),
            5 => self.rows::<S, PIXEL, 5>(s),
            6 => self.rows::<S, PIXEL, 6>(s),
            _ => self.rows::<S, PIXEL, 0>(s),
        }
    }

    /// `TAPS` is the most of a pixel, or 0 for any number.
    #[inline(always)]
    fn rows<S: Simd, const PIXEL: usize, const TAPS: usize>(self, s: S) {
        let Self { source, target, down, across, line, filtered, output } = self;
        let &Target { width, affine, .. } = target;
        // Two rows of the output share a row of the source that is cut between them.
        let mut filtered_row = None;
        for (out, y) in output.chunks_exact_mut(width * 3).zip(target.rows.clone()) {
            let (y0, weights) = down.taps(y);
            for (j, &weight) in weights.iter().enumerate() {
                if filtered_row != Some(y0 + j) {
                    filtered_row = Some(y0 + j);
                    widen(s, source.row(y0 + j, 0, source.width), line);
                    filter::<PIXEL, TAPS>(across, line, source.channels, filtered);
                }
                if j == 0 {
                    out.iter_mut().zip(&*filtered).for_each(|(sum, part)| *sum = weight * part);
                } else {
                    out.iter_mut().zip(&*filtered).for_each(|(sum, part)| *sum += weight * part);
                }
            }
            for sum in &mut *out {
                *sum = affine.apply(sum.round_ties_even().clamp(0.0, 255.0));
            }
            if target.order == Order::Interleaved {
                let planes = &mut filtered[..];
                planes.copy_from_slice(out);
                for (i, value) in out.iter_mut().enumerate() {
                    *value = planes[i % 3 * width + i / 3];
                }
                filtered_row = None;
            }
        }
    }
}

/// The bytes of a row as f32.
#[inline(always)]
fn widen<S: Simd>(s: S, row: &[u8], line: &mut [f32]) {
    let vectors = row.len() / S::LANES * S::LANES;
    assert!(line.len() >= row.len());
    for i in (0..vectors).step_by(S::LANES) {
        // SAFETY: both have a whole vector from `i` on.
        unsafe { s.store(line.as_mut_ptr().add(i), s.load_u8(row.as_ptr().add(i))) };
    }
    for (value, &byte) in line[vectors..].iter_mut().zip(&row[vectors..]) {
        *value = byte.into();
    }
}

/// The filter along a row of pixels of `PIXEL` values, of which three go to the output, `[3][column]`.
#[inline(always)]
fn filter<const PIXEL: usize, const TAPS: usize>(
    across: &Axis,
    line: &[f32],
    channels: [usize; 3],
    filtered: &mut [f32],
) {
    let width = across.target();
    assert!(filtered.len() == 3 * width && line.len() >= (across.source() + across.most_taps()) * PIXEL + 4);
    assert!(TAPS == 0 || TAPS == across.most_taps());
    for x in (0..width).step_by(4) {
        let mut pixels = [f32x4::ZERO; 4];
        for (i, pixel) in pixels.iter_mut().enumerate() {
            // SAFETY: `x + i` is made less than the target; no tap begins behind the source, and `TAPS` pixels more than
            // that have four values each in the line.
            *pixel = unsafe { filter_pixel::<PIXEL, TAPS>(across, (x + i).min(width - 1), line.as_ptr()) };
        }
        let planes = f32x4::transpose(pixels).map(f32x4::to_array);
        for (c, &channel) in channels.iter().enumerate() {
            let plane = &mut filtered[c * width + x..(c + 1) * width];
            match plane.first_chunk_mut::<4>() {
                Some(plane) => *plane = planes[channel],
                None => plane.copy_from_slice(&planes[channel][..plane.len()]),
            }
        }
    }
}

/// A pixel of a filtered row: four values, of which the last may be the next pixel's.
///
/// # Safety
/// `x` must be less than the target, and the line must have four values from each pixel on that a tap is of.
#[inline(always)]
unsafe fn filter_pixel<const PIXEL: usize, const TAPS: usize>(across: &Axis, x: usize, line: *const f32) -> f32x4 {
    // SAFETY: the caller's.
    let (start, weights) = unsafe { across.padded_taps(x) };
    let taps = if TAPS > 0 { TAPS } else { across.most_taps() };
    let term = |j: usize| {
        // SAFETY: there are as many weights; the caller's.
        unsafe {
            let at = line.add((start + j) * PIXEL);
            let pixel = if PIXEL <= 2 { [*at; 4] } else { at.cast::<[f32; 4]>().read_unaligned() };
            f32x4::new(pixel) * f32x4::splat(*weights.add(j))
        }
    };
    let mut sum = term(0);
    for j in 1..taps {
        sum += term(j);
    }
    sum
}

/// # Panics
/// If the source does not hold its pixels, or the output not the rows.
fn check(source: &Source<'_>, target: &Target, output: &[f32]) {
    source.check();
    assert!(target.rows.end <= target.height && target.width > 0, "rows of the output");
    assert_eq!(output.len(), target.rows.len() * target.width * 3, "output [rows][columns][3]");
}

/// The mean of blocks of whole pixels: 2x2 rounds halves up, others to even.
fn area_of_whole_pixels(source: &Source<'_>, target: &Target, output: &mut [f32]) {
    let &Target { height, width, ref rows, affine, .. } = target;
    let (block_rows, block_columns) = (source.height / height, source.width / width);
    let factor = 1.0 / (block_rows * block_columns) as f32;
    for (out, y) in output.chunks_exact_mut(width * 3).zip(rows.clone()) {
        for x in 0..width {
            for c in 0..3 {
                let mut sum = 0_u32;
                for j in 0..block_rows {
                    let row = source.row(y * block_rows + j, x * block_columns, (x + 1) * block_columns);
                    sum +=
                        row.iter().skip(source.channels[c]).step_by(source.pixel).map(|&v| u32::from(v)).sum::<u32>();
                }
                let mean = if (block_rows, block_columns) == (2, 2) {
                    ((sum + 2) / 4) as f32
                } else {
                    (sum as f32 * factor).round_ties_even()
                };
                out[target.place(x, c)] = affine.apply(mean);
            }
        }
    }
}

/// INTER_LINEAR of a region of an image, which is 0 outside of it.
///
/// # Panics
/// If a size is 0, the rows are not in the output, or `output` is not of that size.
pub fn linear(source: &Source<'_>, region: Region, target: &Target, scratch: &mut Scratch, output: &mut [f32]) {
    check(source, target, output);
    // Where both sides are halved OpenCV takes the mean of four: these sums are the same.
    bilinear(source, region, target, linear_position, &mut scratch.columns, output);
}

/// Two source positions next to each other, and their weights of 2048 in all. A position outside of the
/// image, which is 0 there, is any other with a weight of 0.
type Pair = ([usize; 2], [i32; 2]);

/// The pair of `at` and the next, `part` of the way to that, in a region of `length` positions whose
/// border is repeated; the region begins at `begin` of an image of `size` positions.
fn pair((at, part): (isize, f32), begin: isize, length: usize, size: usize) -> Pair {
    let mut weights = [1.0 - part, part].map(|weight| (weight * 2048.0).round_ties_even() as i32);
    let mut places = [at, at + 1].map(|at| begin.saturating_add(at.clamp(0, length as isize - 1)));
    for (place, weight) in places.iter_mut().zip(&mut weights) {
        if !(0..size as isize).contains(place) {
            (*place, *weight) = (0, 0);
        }
    }
    (places.map(|place| place as usize), weights)
}

/// Two taps an axis in fixed point: 11 bits of weight, then two shifts that drop bits as OpenCV does.
/// `position` says between which positions of the region an output position lies.
fn bilinear(
    source: &Source<'_>,
    region: Region,
    target: &Target,
    position: fn(usize, usize, usize) -> (isize, f32),
    columns: &mut Vec<Pair>,
    output: &mut [f32],
) {
    let &Target { height, width, ref rows, affine, .. } = target;
    assert!(region.height > 0 && region.width > 0, "a region of 1 pixel or more");
    if source.height == 0 || source.width == 0 {
        output.fill(affine.apply(0.0));
        return;
    }
    columns.clear();
    columns.extend((0..width).map(|x| {
        let (at, part) = position(x, region.width, width);
        let inside = (0..region.width as isize - 1).contains(&at);
        pair((at, if inside { part } else { 0.0 }), region.x, region.width, source.width)
    }));
    for (out, y) in output.chunks_exact_mut(width * 3).zip(rows.clone()) {
        // Beyond the border both rows are the same one, but each is rounded by itself.
        let (lines, [top, bottom]) = pair(position(y, region.height, height), region.y, region.height, source.height);
        let lines = lines.map(|y| source.row(y, 0, source.width));
        for (x, &([x0, x1], [left, right])) in columns.iter().enumerate() {
            for c in 0..3 {
                let [a, b] = lines.map(|line| {
                    let at = |x: usize| i32::from(line[x * source.pixel + source.channels[c]]);
                    at(x0) * left + at(x1) * right
                });
                let value = (((top * (a >> 4)) >> 16) + ((bottom * (b >> 4)) >> 16) + 2) >> 2;
                out[target.place(x, c)] = affine.apply(value as f32);
            }
        }
    }
}
