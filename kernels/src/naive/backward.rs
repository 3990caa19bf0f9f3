//! Gradients: the twins of `grad`, of `prelu::backward` and of `loss`.

use crate::{MaxPool, Shape};

/// The gradients of [`super::conv`]: of the input, the weights and the bias, from that of the output.
#[must_use]
pub fn conv(
    shape: Shape,
    size: usize,
    input: &[f64],
    weights: &[f64],
    gradient: &[f64],
) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let Shape { images, height, width, channels: inputs } = shape;
    let (oh, ow) = (height - size + 1, width - size + 1);
    let outputs = gradient.len() / (images * oh * ow);
    let mut gradients = (vec![0.0; input.len()], vec![0.0; weights.len()], vec![0.0; outputs]);
    for i in 0..images {
        for y in 0..oh {
            for x in 0..ow {
                for o in 0..outputs {
                    let d = gradient[((i * oh + y) * ow + x) * outputs + o];
                    gradients.2[o] += d;
                    for ky in 0..size {
                        for kx in 0..size {
                            for c in 0..inputs {
                                let from = ((i * height + y + ky) * width + x + kx) * inputs + c;
                                let weight = ((o * inputs + c) * size + ky) * size + kx;
                                gradients.0[from] += d * weights[weight];
                                gradients.1[weight] += d * input[from];
                            }
                        }
                    }
                }
            }
        }
    }
    gradients
}

/// The gradients of [`super::prelu`] on `input`: of the input and the slopes, from that of the output.
#[must_use]
pub fn prelu(slopes: &[f64], input: &[f64], gradient: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut inputs, mut slope_gradients) = (gradient.to_vec(), vec![0.0; slopes.len()]);
    for (i, d) in inputs.iter_mut().enumerate() {
        let channel = i % slopes.len();
        if input[i] <= 0.0 {
            slope_gradients[channel] += *d * input[i];
            *d *= slopes[channel];
        }
    }
    (inputs, slope_gradients)
}

/// The gradient of the input of [`super::max_pool`]: to the first of the largest in each window.
#[must_use]
pub fn max_pool(shape: Shape, pool: MaxPool, input: &[f64], gradient: &[f64]) -> Vec<f64> {
    let (Shape { images, height, width, channels }, MaxPool { size, stride }) = (shape, pool);
    let (oh, ow) = ((height - size).div_ceil(stride) + 1, (width - size).div_ceil(stride) + 1);
    let mut inputs = vec![0.0; input.len()];
    for i in 0..images {
        for y in 0..oh {
            for x in 0..ow {
                for c in 0..channels {
                    let at = |iy: usize, ix: usize| ((i * height + iy) * width + ix) * channels + c;
                    let mut most = at(y * stride, x * stride);
                    for iy in y * stride..height.min(y * stride + size) {
                        for ix in x * stride..width.min(x * stride + size) {
                            if input[at(iy, ix)] > input[most] {
                                most = at(iy, ix);
                            }
                        }
                    }
                    inputs[most] += gradient[((i * oh + y) * ow + x) * channels + c];
                }
            }
        }
    }
    inputs
}

/// Softmax with cross-entropy: the loss of a row of logits whose class is `class`, and its gradient. `epsilon` is
/// added to the probability.
#[must_use]
pub fn cross_entropy(logits: &[f64], class: usize, epsilon: f64) -> (f64, Vec<f64>) {
    let probabilities = super::softmax(logits.len(), logits);
    let p = probabilities[class];
    let gradient = |(k, q): (usize, &f64)| p / (p + epsilon) * (q - f64::from(u8::from(k == class)));
    (-(p + epsilon).ln(), probabilities.iter().enumerate().map(gradient).collect())
}

/// The sum of squared differences, and its gradient.
#[must_use]
pub fn squares(output: &[f64], target: &[f64]) -> (f64, Vec<f64>) {
    let differences: Vec<f64> = output.iter().zip(target).map(|(x, t)| x - t).collect();
    (differences.iter().map(|d| d * d).sum(), differences.iter().map(|d| 2.0 * d).collect())
}

/// Dropout: what is kept, where `mask` is 1, is divided by the kept part. It is its own gradient.
#[must_use]
pub fn dropout(kept: f64, mask: &[f64], values: &[f64]) -> Vec<f64> {
    values.iter().zip(mask).map(|(x, m)| x * m / kept).collect()
}
