//! OpenCV's resizing of u8 images to u8, bit by bit, for the profiles that must agree with systems
//! that use it. The order of sums, their precision and the rounding are OpenCV's.

use std::ops::Range;

use super::axis::{linear_area_position, linear_position};
use super::{Affine, Axis, Region, Source};

/// Tables and a line of a resize; it keeps its memory from one time to the next.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    down: Axis,
    across: Axis,
    line: Vec<f32>,
    /// For each column the two of the source.
    columns: Vec<Pair>,
}

/// What is made: rows of an image, rounded to u8 and then `affine`, `[row][column][3]`.
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
}

/// INTER_AREA of a whole image.
///
/// # Panics
/// If a size is 0, the rows are not in the output, or `output` is not of that size.
pub fn area(source: &Source<'_>, target: &Target, scratch: &mut Scratch, output: &mut [f32]) {
    check(source, target, output);
    let &Target { height, width, ref rows, affine } = target;
    if source.height < height || source.width < width {
        return bilinear(source, Region::whole(source), target, linear_area_position, &mut scratch.columns, output);
    }
    let whole = source.height.is_multiple_of(height) && source.width.is_multiple_of(width);
    if whole {
        return area_of_whole_pixels(source, target, output);
    }
    let Scratch { down, across, line, .. } = scratch;
    down.area_coverage(source.height, height);
    across.area_coverage(source.width, width);
    // Along the line first, in f32 and without fused operations: so are OpenCV's sums.
    line.clear();
    line.resize(width * 3, 0.0);
    for (out, y) in output.chunks_exact_mut(width * 3).zip(rows.clone()) {
        out.fill(0.0);
        let (y0, weights) = down.taps(y);
        for (j, &down_weight) in weights.iter().enumerate() {
            let row = source.row(y0 + j, 0, source.width);
            for (x, sums) in line.chunks_exact_mut(3).enumerate() {
                let (x0, weights) = across.taps(x);
                sums.fill(0.0);
                for (i, &weight) in weights.iter().enumerate() {
                    for c in 0..3 {
                        sums[c] += f32::from(row[(x0 + i) * source.pixel + source.channels[c]]) * weight;
                    }
                }
            }
            for (sum, part) in out.iter_mut().zip(&*line) {
                *sum += down_weight * part;
            }
        }
        for sum in out {
            *sum = affine.apply(sum.round_ties_even().clamp(0.0, 255.0));
        }
    }
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
    let &Target { height, width, ref rows, affine } = target;
    let (block_rows, block_columns) = (source.height / height, source.width / width);
    let factor = 1.0 / (block_rows * block_columns) as f32;
    for (out, y) in output.chunks_exact_mut(width * 3).zip(rows.clone()) {
        for (x, out) in out.chunks_exact_mut(3).enumerate() {
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
                out[c] = affine.apply(mean);
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
    let &Target { height, width, ref rows, affine } = target;
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
        for (out, &([x0, x1], [left, right])) in out.chunks_exact_mut(3).zip(&*columns) {
            for c in 0..3 {
                let [a, b] = lines.map(|line| {
                    let at = |x: usize| i32::from(line[x * source.pixel + source.channels[c]]);
                    at(x0) * left + at(x1) * right
                });
                let value = (((top * (a >> 4)) >> 16) + ((bottom * (b >> 4)) >> 16) + 2) >> 2;
                out[c] = affine.apply(value as f32);
            }
        }
    }
}
