//! Plain f64 twins of the kernels, written to be read: the oracle of tests, fuzzing and benches.
//!
//! Layouts are those of the kernels; nothing is packed, fused or vectorized.

pub mod backward;
pub mod low;

use crate::resize::{Region, Source};
use crate::{MaxPool, Shape};

/// C of `m x n` = A of `m x k` times B of `k x n`, all row by row.
#[must_use]
pub fn gemm(m: usize, n: usize, k: usize, a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut c = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            c[i * n + j] = (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum();
        }
    }
    c
}

/// Convolution of images with weights `[outputs][inputs][size][size]`, stride 1, no padding.
#[must_use]
pub fn conv(shape: Shape, size: usize, input: &[f64], weights: &[f64], bias: &[f64]) -> Vec<f64> {
    let Shape { images, height, width, channels: inputs } = shape;
    let outputs = bias.len();
    let (oh, ow) = (height - size + 1, width - size + 1);
    let mut output = vec![0.0; images * oh * ow * outputs];
    for i in 0..images {
        for y in 0..oh {
            for x in 0..ow {
                for o in 0..outputs {
                    let mut sum = bias[o];
                    for ky in 0..size {
                        for kx in 0..size {
                            for c in 0..inputs {
                                sum += input[((i * height + y + ky) * width + x + kx) * inputs + c]
                                    * weights[((o * inputs + c) * size + ky) * size + kx];
                            }
                        }
                    }
                    output[((i * oh + y) * ow + x) * outputs + o] = sum;
                }
            }
        }
    }
    output
}

/// A dense layer with weights `[outputs][inputs]`, on `[samples][inputs]`.
#[must_use]
pub fn dense(input: &[f64], weights: &[f64], bias: &[f64]) -> Vec<f64> {
    let inputs = weights.len() / bias.len();
    let mut output = Vec::new();
    for sample in input.chunks_exact(inputs) {
        for (row, bias) in weights.chunks_exact(inputs).zip(bias) {
            output.push(bias + row.iter().zip(sample).map(|(w, x)| w * x).sum::<f64>());
        }
    }
    output
}

/// PReLU in place, on `[pixels][channels]` with a slope a channel.
pub fn prelu(slopes: &[f64], values: &mut [f64]) {
    for pixel in values.chunks_exact_mut(slopes.len()) {
        for (x, slope) in pixel.iter_mut().zip(slopes) {
            if *x <= 0.0 {
                *x *= slope;
            }
        }
    }
}

/// Max-pooling of images, sizes rounded up, only existing pixels counted.
#[must_use]
pub fn max_pool(shape: Shape, pool: MaxPool, input: &[f64]) -> Vec<f64> {
    let (Shape { images, height, width, channels }, MaxPool { size, stride }) = (shape, pool);
    let (oh, ow) = ((height - size).div_ceil(stride) + 1, (width - size).div_ceil(stride) + 1);
    let mut output = vec![f64::NEG_INFINITY; images * oh * ow * channels];
    for i in 0..images {
        for y in 0..oh {
            for x in 0..ow {
                for c in 0..channels {
                    let most = &mut output[((i * oh + y) * ow + x) * channels + c];
                    for iy in y * stride..height.min(y * stride + size) {
                        for ix in x * stride..width.min(x * stride + size) {
                            *most = most.max(input[((i * height + iy) * width + ix) * channels + c]);
                        }
                    }
                }
            }
        }
    }
    output
}

/// Softmax of each row of `classes` logits.
#[must_use]
pub fn softmax(classes: usize, logits: &[f64]) -> Vec<f64> {
    let mut probabilities = Vec::new();
    for row in logits.chunks_exact(classes) {
        let sum: f64 = row.iter().map(|logit| logit.exp()).sum();
        probabilities.extend(row.iter().map(|logit| logit.exp() / sum));
    }
    probabilities
}

/// Channel `c` of the pixel in column `x` and row `y` of a region; 0 outside of the image.
fn pixel(source: &Source<'_>, region: Region, x: usize, y: usize, c: usize) -> f64 {
    let (x, y) = (region.x + x as isize, region.y + y as isize);
    let inside = (0..source.width as isize).contains(&x) && (0..source.height as isize).contains(&y);
    let at = |x: usize, y: usize| source.data[y * source.stride + x * source.pixel + source.channels[c]];
    if inside { f64::from(at(x as usize, y as usize)) } else { 0.0 }
}

/// The region seen as a surface of unit squares: output pixel `(x, y)` is the mean over the rectangle
/// that it covers. `whole` counts every square that the rectangle touches in full (adaptive average
/// pooling); otherwise each counts by the area covered.
#[must_use]
pub fn area(source: &Source<'_>, region: Region, height: usize, width: usize, whole: bool) -> Vec<f64> {
    // How much of [j, j + 1) lies in the i-th of `target` equal parts of [0, length).
    let covered = |i: usize, target: usize, length: usize, j: usize| -> f64 {
        let (from, to) = (i as f64 * length as f64 / target as f64, (i + 1) as f64 * length as f64 / target as f64);
        let part = (to.min(j as f64 + 1.0) - from.max(j as f64)).max(0.0);
        // A part this small is rounding, not area.
        if whole { f64::from(u8::from(part > 1e-9)) } else { part }
    };
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (mut sums, mut total) = ([0.0; 3], 0.0);
            for iy in 0..region.height {
                for ix in 0..region.width {
                    let weight = covered(y, height, region.height, iy) * covered(x, width, region.width, ix);
                    if weight > 0.0 {
                        total += weight;
                        for (c, sum) in sums.iter_mut().enumerate() {
                            *sum += weight * pixel(source, region, ix, iy, c);
                        }
                    }
                }
            }
            output.extend(sums.map(|sum| sum / total));
        }
    }
    output
}

/// One pixel of [`colour::rgb_of_ycbcr`](crate::colour::rgb_of_ycbcr): the sums of libjpeg, of 16 bits behind the point.
#[must_use]
pub fn rgb_of_ycbcr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y) << 16, i32::from(cb) - 128, i32::from(cr) - 128);
    let sums = [y + 91881 * cr, y - 22554 * cb - 46802 * cr, y + 116_130 * cb];
    sums.map(|sum| ((sum + 32768) >> 16).clamp(0, 255) as u8)
}

/// Each pixel `x` becomes `matrix·x + offset`, not rounded, but cut to 0 to 255.
#[must_use]
pub fn recolour(matrix: &[[f64; 3]; 3], offset: f64, pixels: &[u8]) -> Vec<f64> {
    let mut output = Vec::new();
    for pixel in pixels.chunks(3) {
        output.extend(matrix.map(|row| {
            let sum: f64 = row.iter().zip(pixel).map(|(factor, &byte)| factor * f64::from(byte)).sum();
            (sum + offset).clamp(0.0, 255.0)
        }));
    }
    output
}

/// Bilinear between the centres of the region's pixels, its border repeated.
#[must_use]
pub fn bilinear(source: &Source<'_>, region: Region, height: usize, width: usize) -> Vec<f64> {
    // The two neighbours of an output position, and how far it is from the first.
    let between = |i: usize, target: usize, length: usize| -> (usize, usize, f64) {
        let at = (i as f64 + 0.5) * length as f64 / target as f64 - 0.5;
        let at = at.clamp(0.0, (length - 1) as f64);
        let first = at.floor() as usize;
        (first, (first + 1).min(length - 1), at - at.floor())
    };
    let mut output = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (y0, y1, fy) = between(y, height, region.height);
            let (x0, x1, fx) = between(x, width, region.width);
            for c in 0..3 {
                let at = |x: usize, y: usize| pixel(source, region, x, y, c);
                let top = at(x0, y0) * (1.0 - fx) + at(x1, y0) * fx;
                let bottom = at(x0, y1) * (1.0 - fx) + at(x1, y1) * fx;
                output.push(top * (1.0 - fy) + bottom * fy);
            }
        }
    }
    output
}

/// A row of pixels between their neighbours: channels of pixels at `from + i·step` (x, y), of an image given as
/// `[line][column][channel]`.
#[must_use]
pub fn warp_row(
    width: usize,
    channels: usize,
    image: &[f64],
    from: [f64; 2],
    step: [f64; 2],
    count: usize,
) -> Vec<f64> {
    let mut output = Vec::new();
    for i in 0..count {
        let [x, y] = [0, 1].map(|axis| from[axis] + i as f64 * step[axis]);
        let (column, line) = (x.floor(), y.floor());
        let (fx, fy) = (x - column, y - line);
        for channel in 0..channels {
            let at = |dx: usize, dy: usize| {
                image[((line as usize + dy) * width + column as usize + dx) * channels + channel]
            };
            let top = at(0, 0) * (1.0 - fx) + at(1, 0) * fx;
            let low = at(0, 1) * (1.0 - fx) + at(1, 1) * fx;
            output.push(top * (1.0 - fy) + low * fy);
        }
    }
    output
}
