//! The f64 twins of the gradients against central differences of the twins of the forward passes.

mod common;

use common::Rng;
use mtcnn_kernels::naive::{self, backward};
use mtcnn_kernels::{MaxPool, Shape};

/// Half the distance of the two places that a difference is taken between.
const STEP: f64 = 1e-5;

fn floats(rng: &mut Rng, n: usize) -> Vec<f64> {
    (0..n).map(|_| f64::from(rng.unit())).collect()
}

/// Asserts that `gradient` is that of `loss` at `at`.
fn check(what: &str, at: &[f64], gradient: &[f64], loss: impl Fn(&[f64]) -> f64) {
    assert_eq!(at.len(), gradient.len(), "{what}");
    for i in 0..at.len() {
        let moved = |by: f64| {
            let mut moved = at.to_vec();
            moved[i] += by;
            loss(&moved)
        };
        let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        assert!(
            (difference - gradient[i]).abs() < 1e-8 * (1.0 + difference.abs()),
            "{what} {i}: {difference} {}",
            gradient[i]
        );
    }
}

/// A loss whose gradient with respect to `output` is `by`.
fn dot(output: &[f64], by: &[f64]) -> f64 {
    output.iter().zip(by).map(|(x, y)| x * y).sum()
}

#[test]
fn convolution() {
    let mut rng = Rng::new(31);
    for (images, height, width, size, inputs, outputs) in
        [(2, 4, 5, 3, 2, 3), (1, 3, 3, 3, 2, 4), (3, 2, 4, 2, 3, 2), (4, 1, 1, 1, 5, 3)]
    {
        let [input, weights] =
            [images * height * width * inputs, outputs * inputs * size * size].map(|n| floats(&mut rng, n));
        let bias = floats(&mut rng, outputs);
        let by = floats(&mut rng, images * (height + 1 - size) * (width + 1 - size) * outputs);
        let shape = Shape::new(images, height, width, inputs);
        let loss =
            |input: &[f64], weights: &[f64], bias: &[f64]| dot(&naive::conv(shape, size, input, weights, bias), &by);
        let gradients = backward::conv(shape, size, &input, &weights, &by);
        check("input", &input, &gradients.0, |x| loss(x, &weights, &bias));
        check("weights", &weights, &gradients.1, |x| loss(&input, x, &bias));
        check("bias", &bias, &gradients.2, |x| loss(&input, &weights, x));
    }
}

#[test]
fn prelu() {
    let mut rng = Rng::new(32);
    let (slopes, by) = (floats(&mut rng, 5), floats(&mut rng, 40));
    // Away from 0, where the slope changes.
    let input: Vec<f64> = floats(&mut rng, 40).iter().map(|x| x + 0.1 * x.signum()).collect();
    let loss = |slopes: &[f64], input: &[f64]| {
        let mut output = input.to_vec();
        naive::prelu(slopes, &mut output);
        dot(&output, &by)
    };
    let (inputs, slope_gradients) = backward::prelu(&slopes, &input, &by);
    check("input", &input, &inputs, |x| loss(&slopes, x));
    check("slopes", &slopes, &slope_gradients, |x| loss(x, &input));
}

#[test]
fn max_pool() {
    let mut rng = Rng::new(33);
    for (size, stride, height, width) in [(2, 2, 4, 5), (3, 2, 5, 6), (3, 2, 9, 4), (3, 1, 4, 4), (1, 1, 2, 2)] {
        // A shuffled row of values: no two are near each other.
        let mut input: Vec<f64> = (0..2 * height * width * 2).map(|i| i as f64 * 0.01).collect();
        for i in (1..input.len()).rev() {
            input.swap(i, rng.next() as usize % (i + 1));
        }
        let (shape, max_pool) = (Shape::new(2, height, width, 2), MaxPool { size, stride });
        let pool = |input: &[f64]| naive::max_pool(shape, max_pool, input);
        let by = floats(&mut rng, pool(&input).len());
        let gradient = backward::max_pool(shape, max_pool, &input, &by);
        check("input", &input, &gradient, |x| dot(&pool(x), &by));
    }
}

#[test]
fn losses() {
    let mut rng = Rng::new(34);
    for epsilon in [0.0, 1e-10, 0.1] {
        for class in 0..2 {
            let logits = floats(&mut rng, 2);
            let (_, gradient) = backward::cross_entropy(&logits, class, epsilon);
            check("logits", &logits, &gradient, |x| backward::cross_entropy(x, class, epsilon).0);
        }
    }
    for n in [4, 10] {
        let (output, target) = (floats(&mut rng, n), floats(&mut rng, n));
        check("output", &output, &backward::squares(&output, &target).1, |x| backward::squares(x, &target).0);
    }
}

#[test]
fn dropout() {
    let mut rng = Rng::new(35);
    let (values, by) = (floats(&mut rng, 20), floats(&mut rng, 20));
    let mask: Vec<f64> = (0..20).map(|i| f64::from(i % 3 % 2)).collect();
    check("values", &values, &backward::dropout(0.5, &mask, &by), |x| dot(&backward::dropout(0.5, &mask, x), &by));
}
