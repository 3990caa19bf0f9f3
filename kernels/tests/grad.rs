//! Layers for training, forward and backward, against their f64 twins, over ragged shapes.

mod common;

use common::{Rng, assert_close, instruction_sets, poisoned, tolerance, wide};
use mtcnn_kernels::grad::{self, Conv, PooledGradient, Winograd};
use mtcnn_kernels::naive::{self, backward};
use mtcnn_kernels::{Buffer, Isa, MaxPool, Shape, loss, prelu};

/// A convolution with random values for everything, and what the twins make of them.
struct Case {
    what: String,
    input: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    gradient: Vec<f32>,
    /// What is in the sums of the weights' gradient before.
    before: Vec<f32>,
    output: Vec<f64>,
    input_gradient: Vec<f64>,
    weight_gradient: Vec<f64>,
}

impl Case {
    fn new(rng: &mut Rng, shape: Shape, size: usize, outputs: usize) -> Self {
        let Shape { images, height, width, channels: inputs } = shape;
        let input = rng.floats(shape.values());
        let (weights, bias) = (rng.floats(outputs * inputs * size * size), rng.floats(outputs));
        let gradient = rng.floats(images * (height + 1 - size) * (width + 1 - size) * outputs);
        let (x, w, d) = (wide(&input), wide(&weights), wide(&gradient));
        let output = naive::conv(shape, size, &x, &w, &wide(&bias));
        let (input_gradient, weight_gradient, _) = backward::conv(shape, size, &x, &w, &d);
        let what = format!("conv {size} {inputs}->{outputs} on {images} of {height}x{width}");
        let before = rng.floats(weights.len());
        Self { what, input, weights, bias, gradient, before, output, input_gradient, weight_gradient }
    }

    fn check(&self, isa: Isa, what: &str, [forward, input, weights]: [usize; 3], got: [Vec<f32>; 3], factor: f64) {
        let what = format!("{isa} {} {what}", self.what);
        let [output, input_gradient, weight_gradient] = got;
        assert_close(&output, &self.output, factor * tolerance(forward), &what);
        assert_close(&input_gradient, &self.input_gradient, factor * tolerance(input), &format!("{what}: input"));
        assert_close(&weight_gradient, &self.weight_gradient, factor * tolerance(weights), &format!("{what}: weights"));
    }
}

#[test]
fn convolutions_equal_their_twins() {
    let mut rng = Rng::new(41);
    for (size, inputs, outputs) in [
        (3, 3, 10),
        (3, 10, 16),
        (3, 16, 32),
        (1, 32, 16),
        (3, 3, 28),
        (2, 48, 64),
        (3, 64, 128),
        (2, 7, 31),
        (1, 1, 1),
        (5, 2, 3),
        (3, 5, 17),
        (1, 4, 49),
    ] {
        for (images, extra_rows, extra) in [
            (1, 0, 0),
            (2, 1, 2),
            (6, 0, 0),
            (7, 2, 2),
            (9, 0, 0),
            (17, 2, 0),
            (3, 2, 15),
            (2, 1, 16),
            (1, 0, 21),
            (19, 0, 1),
        ] {
            let (height, width) = (size + extra_rows, size + extra);
            let shape = Shape::new(images, height, width, inputs);
            let case = Case::new(&mut rng, shape, size, outputs);
            for isa in instruction_sets() {
                let mut conv = Conv::new(isa, size, inputs, outputs);
                conv.set(&case.weights, &case.bias);
                let output = poisoned(case.output.len(), |out| conv.forward(shape, &case.input, out));
                let input = poisoned(case.input.len(), |out| {
                    conv.input_gradient(shape, &case.gradient, out);
                });
                let sums = poisoned(case.weights.len(), |out| {
                    out.copy_from_slice(&case.before);
                    // In two calls, as parts of a batch come.
                    let first = images / 2;
                    let (x, d) = (&case.input, &case.gradient);
                    let (xs, ds) = (first * x.len() / images, first * d.len() / images);
                    conv.weight_gradient(Shape { images: first, ..shape }, &x[..xs], &d[..ds], out);
                    conv.weight_gradient(Shape { images: images - first, ..shape }, &x[xs..], &d[ds..], out);
                });
                let sums: Vec<f32> = sums.iter().zip(&case.before).map(|(after, before)| after - before).collect();
                let weights = poisoned(sums.len(), |out| conv.unpack(&sums, out));
                let pixels = images * (extra_rows + 1) * (extra + 1);
                let terms = [size * size * inputs, size * size * outputs, pixels + 2];
                case.check(isa, "", terms, [output, input, weights], 1.0);
            }
        }
    }
}

#[test]
fn winograd_equals_its_twin() {
    let mut rng = Rng::new(42);
    let mut scratch = Buffer::default();
    for (inputs, outputs) in [(28, 48), (32, 64), (64, 64), (1, 1), (3, 17), (17, 5), (5, 33)] {
        for (images, height, width) in
            [(1, 3, 3), (1, 5, 5), (7, 11, 11), (2, 23, 23), (7, 10, 10), (2, 4, 9), (1, 8, 6)]
        {
            let shape = Shape::new(images, height, width, inputs);
            let case = Case::new(&mut rng, shape, 3, outputs);
            for isa in instruction_sets() {
                let mut conv = Winograd::new(isa, inputs, outputs);
                conv.set(&case.weights, &case.bias);
                let output = poisoned(case.output.len(), |out| {
                    scratch.fill(f32::NAN);
                    conv.forward(shape, &case.input, &mut scratch, out);
                });
                let mut sums = vec![0.0; conv.sums()];
                let input = poisoned(case.input.len(), |out| {
                    let (x, d) = (&case.input, &case.gradient);
                    scratch.fill(f32::NAN);
                    conv.backward(shape, x, d, &mut scratch, &mut sums, Some(out));
                });
                let weights = poisoned(case.weights.len(), |out| conv.unpack(&sums, out));
                let terms = [9 * inputs, 9 * outputs, images * (height - 2) * (width - 2)];
                case.check(isa, "by Winograd", terms, [output, input, weights], 10.0);

                let mut alone = vec![0.0; conv.sums()];
                conv.backward(shape, &case.input, &case.gradient, &mut scratch, &mut alone, None);
                assert_eq!(alone, sums, "{isa} {}: the same without the input's gradient", case.what);
            }
        }
    }
}

#[test]
fn prelu_equals_its_twin() {
    let mut rng = Rng::new(43);
    for channels in [1, 3, 4, 7, 8, 10, 16, 17, 28, 33, 64] {
        for pixels in [0, 1, 2, 9] {
            let slopes = rng.floats(channels);
            let [input, gradient] = [(); 2].map(|()| rng.floats(pixels * channels));
            let before = rng.floats(channels);
            let mut expected = wide(&input);
            naive::prelu(&wide(&slopes), &mut expected);
            let (inputs, mut slope_gradients) = backward::prelu(&wide(&slopes), &wide(&input), &wide(&gradient));
            let mut bias_gradients = vec![0.0; channels];
            for (i, d) in inputs.iter().enumerate() {
                bias_gradients[i % channels] += d;
            }
            for (i, &before) in before.iter().enumerate() {
                slope_gradients[i] += f64::from(before);
                bias_gradients[i] += f64::from(before);
            }
            for isa in instruction_sets() {
                let what = format!("{isa} prelu of {pixels} times {channels}");
                let output = poisoned(input.len(), |out| prelu::forward_into(isa, &slopes, &input, out));
                assert_close(&output, &expected, 1e-7, &what);
                let mut biases = Vec::new();
                let mut inputs_got = Vec::new();
                let slopes_got = poisoned(channels, |slope_sums| {
                    slope_sums.copy_from_slice(&before);
                    biases = poisoned(channels, |bias_sums| {
                        bias_sums.copy_from_slice(&before);
                        inputs_got = poisoned(input.len(), |out| {
                            out.copy_from_slice(&gradient);
                            prelu::backward(isa, &slopes, &input, out, slope_sums, bias_sums);
                        });
                    });
                });
                assert_close(&inputs_got, &inputs, 1e-7, &what);
                assert_close(&slopes_got, &slope_gradients, tolerance(pixels + 1), &format!("{what}: slopes"));
                assert_close(&biases, &bias_gradients, tolerance(pixels + 1), &format!("{what}: biases"));
            }
        }
    }
}

#[test]
fn max_pool_equals_its_twin() {
    let mut rng = Rng::new(44);
    for (size, stride) in [(2, 2), (3, 2), (3, 1), (3, 3), (1, 1)] {
        let pool = MaxPool { size, stride };
        for channels in [1, 3, 8, 10, 16, 19, 28, 32, 64] {
            for (height, width) in [(3, 3), (3, 4), (4, 3), (5, 8), (6, 9), (7, 7), (10, 10)] {
                let (slopes, shape) = (rng.floats(channels), Shape::new(2, height, width, channels));
                // Few values, so that many are equal.
                let input: Vec<f32> = rng.floats(shape.values()).iter().map(|x| (x * 4.0).round()).collect();
                let (x, mut active) = (wide(&input), wide(&input));
                naive::prelu(&wide(&slopes), &mut active);
                let expected = naive::max_pool(shape, pool, &active);
                let gradient = rng.floats(expected.len());
                let inputs = backward::max_pool(shape, pool, &active, &wide(&gradient));
                // Where the gradient of a window's own number goes is where the number itself is.
                let picked: Vec<f64> = (0..expected.len())
                    .map(|i| {
                        let mut one = vec![0.0; expected.len()];
                        one[i] = 1.0;
                        let to = backward::max_pool(shape, pool, &active, &one);
                        x[to.iter().position(|&d| d == 1.0).expect("a place")]
                    })
                    .take(400)
                    .collect();
                for isa in instruction_sets() {
                    let what = format!("{isa} pool {size}/{stride} of {height}x{width}x{channels}");
                    let mut argmax = vec![0xFF; pool.argmax_len(shape)];
                    let output = poisoned(expected.len(), |out| {
                        pool.forward_before_prelu(isa, shape, &slopes, &input, out, &mut argmax);
                    });
                    assert_close(&output[..picked.len()], &picked, 0.0, &what);
                    let mut active = output;
                    prelu::forward(isa, &slopes, &mut active);
                    assert_close(&active, &expected, 1e-6, &what);
                    let got = poisoned(input.len(), |out| {
                        pool.backward(isa, shape, &gradient, &argmax, out);
                    });
                    assert_close(&got, &inputs, 1e-6, &format!("{what}: gradient"));
                }
            }
        }
    }
}

#[test]
fn weight_gradients_before_a_pool_equal_their_twins() {
    let mut rng = Rng::new(46);
    let mut scratch = Buffer::default();
    for (size, inputs, outputs) in [(3, 3, 10), (3, 3, 28), (3, 3, 32), (1, 1, 1), (2, 5, 17), (5, 7, 3), (3, 11, 9)] {
        for (window, stride) in [(2, 2), (3, 2), (3, 1), (3, 3)] {
            let pool = MaxPool { size: window, stride };
            for (images, map_height, map_width) in [(1, 3, 3), (3, 4, 7), (2, 5, 4), (5, 10, 10), (0, 3, 3)] {
                let (height, width) = (map_height + size - 1, map_width + size - 1);
                let shape = Shape::new(images, height, width, inputs);
                let map_shape = Shape::new(images, map_height, map_width, outputs);
                let (input, map) = (rng.floats(shape.values()), rng.floats(map_shape.values()));
                let (x, active) = (wide(&input), wide(&map));
                let pooled = naive::max_pool(map_shape, pool, &active);
                let gradient = rng.floats(pooled.len());
                let d = wide(&gradient);
                let of_map = backward::max_pool(map_shape, pool, &active, &d);
                let weights = vec![0.0; outputs * inputs * size * size];
                let expected = match images {
                    0 => weights,
                    _ => backward::conv(shape, size, &x, &weights, &of_map).1,
                };
                for isa in instruction_sets() {
                    let (mut argmax, mut kept) = (vec![0xFF; pool.argmax_len(map_shape)], vec![0.0; gradient.len()]);
                    pool.forward_before_prelu(isa, map_shape, &vec![1.0; outputs], &map, &mut kept, &mut argmax);
                    let pooled = PooledGradient { pool, gradient: &gradient, argmax: &argmax };
                    let conv = Conv::new(isa, size, inputs, outputs);
                    let before = rng.floats(expected.len());
                    scratch.fill(f32::NAN);
                    let sums = poisoned(before.len(), |out| {
                        out.copy_from_slice(&before);
                        conv.pooled_weight_gradient(shape, &input, pooled, &mut scratch, out);
                    });
                    let sums: Vec<f32> = sums.iter().zip(&before).map(|(after, before)| after - before).collect();
                    let got = poisoned(sums.len(), |out| conv.unpack(&sums, out));
                    let what = format!(
                        "{isa} {size} {inputs}->{outputs}, pool {window}/{stride}, {images} of {height}x{width}"
                    );
                    assert_close(&got, &expected, tolerance(images * map_height * map_width + 2), &what);
                }
            }
        }
    }
}

#[test]
fn losses_equal_their_twins() {
    let mut rng = Rng::new(45);
    for epsilon in [0.0, 1e-10] {
        for class in 0..2 {
            for scale in [0.1, 1.0, 20.0] {
                let logits = [(); 2].map(|()| rng.unit() * scale);
                let (got, gradient) = loss::cross_entropy(logits, class, epsilon);
                let (expected, gradients) = backward::cross_entropy(&logits.map(f64::from), class, epsilon);
                assert!((got - expected).abs() < 1e-9 * (1.0 + expected), "{logits:?}: {got} {expected}");
                assert_close(&gradient, &gradients, 1e-7, "gradient of the logits");
            }
        }
    }
    assert_eq!(loss::cross_entropy([-1e30, 1e30], 0, 0.0).0, f64::from(1e30_f32) * 2.0, "nothing overflows");
    assert_eq!(loss::cross_entropy([-1e30, 1e30], 0, 0.0).1, [-1.0, 1.0]);
    assert!(loss::cross_entropy([f32::NAN, 0.0], 1, 0.0).0.is_nan());
    for n in [4, 10] {
        let (output, target) = (rng.floats(n), rng.floats(n));
        let (expected, gradients) = backward::squares(&wide(&output), &wide(&target));
        let mut sum = 0.0;
        let gradient = poisoned(n, |out| sum = loss::squares(&output, &target, out));
        assert!((sum - expected).abs() < 1e-12, "{sum} {expected}");
        assert_close(&gradient, &gradients, 1e-6, "gradient of the squares");
    }
}

#[test]
fn dropout_equals_its_twin() {
    let mut rng = Rng::new(46);
    let values = rng.floats(50);
    let mask: Vec<f64> = (0..50).map(|i| f64::from(i % 3 % 2)).collect();
    let factors: Vec<f32> = mask.iter().map(|m| *m as f32 / 0.75).collect();
    let mut got = values.clone();
    grad::dropout(&factors, &mut got);
    assert_close(&got, &backward::dropout(0.75, &mask, &wide(&values)), 1e-6, "dropout");
}
