//! OpenCV's resizing of u8 pictures to u8, bit by bit, for the profiles that must agree with systems
//! that use it. The order of sums, their precision and the rounding are OpenCV's.

use std::ops::Range;

use super::axis::{linear_area_position, linear_position};
use super::{Affine, Axis, Source};

/// Tables and a line of [`area`]; it keeps its memory from one time to the next.
#[derive(Default)]
pub struct Scratch {
    down: Axis,
    across: Axis,
    line: Vec<f32>,
    /// For each column the two of the source, and their weights.
    columns: Vec<([usize; 2], [i32; 2])>,
}

/// INTER_AREA of a whole picture: rows `rows` of an output of `height x width` pixels, rounded to u8
/// and then `affine`, `[row][column][3]`.
///
/// # Panics
/// If a size is 0, `rows` are not in the output, or `output` is not of that size.
pub fn area(
    source: &Source<'_>,
    height: usize,
    width: usize,
    rows: Range<usize>,
    affine: Affine,
    scratch: &mut Scratch,
    output: &mut [f32],
) {
    check(source, height, width, &rows, output);
    if source.height < height || source.width < width {
        return bilinear(source, height, width, linear_area_position, rows, affine, &mut scratch.columns, output);
    }
    let whole = source.height.is_multiple_of(height) && source.width.is_multiple_of(width);
    if whole {
        return area_of_whole_pixels(source, source.height / height, source.width / width, rows, affine, output);
    }
    let Scratch { down, across, line, .. } = scratch;
    down.area_coverage(source.height, height);
    across.area_coverage(source.width, width);
    // Along the line first, in f32 and without fused operations: so are OpenCV's sums.
    line.clear();
    line.resize(width * 3, 0.0);
    for (out, y) in output.chunks_exact_mut(width * 3).zip(rows) {
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
fn check(source: &Source<'_>, height: usize, width: usize, rows: &Range<usize>, output: &[f32]) {
    source.check();
    assert!(rows.end <= height && width > 0, "rows of the output");
    assert_eq!(output.len(), rows.len() * width * 3, "output [rows][columns][3]");
}

/// The mean of blocks of whole pixels: 2x2 rounds halves up, others to even.
fn area_of_whole_pixels(
    source: &Source<'_>,
    block_rows: usize,
    block_columns: usize,
    rows: Range<usize>,
    affine: Affine,
    output: &mut [f32],
) {
    let width = source.width / block_columns;
    let factor = 1.0 / (block_rows * block_columns) as f32;
    for (out, y) in output.chunks_exact_mut(width * 3).zip(rows) {
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

/// INTER_LINEAR of a whole picture: rows `rows` of an output of `height x width` pixels, rounded to u8
/// and then `affine`, `[row][column][3]`.
///
/// # Panics
/// If a size is 0, `rows` are not in the output, or `output` is not of that size.
pub fn linear(
    source: &Source<'_>,
    height: usize,
    width: usize,
    rows: Range<usize>,
    affine: Affine,
    output: &mut [f32],
) {
    check(source, height, width, &rows, output);
    if (source.height, source.width) == (2 * height, 2 * width) {
        return area_of_whole_pixels(source, 2, 2, rows, affine, output);
    }
    bilinear(source, height, width, linear_position, rows, affine, &mut Vec::new(), output);
}

/// Two taps an axis in fixed point: 11 bits of weight, then two shifts that drop bits as OpenCV does.
/// `position` says between which source positions an output position lies.
fn bilinear(
    source: &Source<'_>,
    height: usize,
    width: usize,
    position: fn(usize, usize, usize) -> (isize, f32),
    rows: Range<usize>,
    affine: Affine,
    columns: &mut Vec<([usize; 2], [i32; 2])>,
    output: &mut [f32],
) {
    let fixed = |part: f32| [1.0 - part, part].map(|weight| (weight * 2048.0).round_ties_even() as i32);
    // Two columns or rows next to each other, the border repeated.
    let clip = |at: isize, length: usize| [at, at + 1].map(|at| at.clamp(0, length as isize - 1) as usize);
    columns.clear();
    columns.extend((0..width).map(|x| {
        let (at, part) = position(x, source.width, width);
        let inside = (0..source.width as isize - 1).contains(&at);
        (clip(at, source.width), fixed(if inside { part } else { 0.0 }))
    }));
    for (out, y) in output.chunks_exact_mut(width * 3).zip(rows) {
        // Beyond the border both rows are the same one, but each is rounded by itself.
        let (at, part) = position(y, source.height, height);
        let lines = clip(at, source.height).map(|y| source.row(y, 0, source.width));
        let [top, bottom] = fixed(part);
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
