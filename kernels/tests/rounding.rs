//! How many digits a convolution's passes lose in training, at the shapes of ONet's layers.

mod common;

use common::{Rng, instruction_sets, wide};
use mtcnn_kernels::grad::{Conv, Winograd};
use mtcnn_kernels::naive::{self, backward};
use mtcnn_kernels::{Buffer, Shape};

/// The root of the mean square of the differences, as a part of that of the twin.
fn error(got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let differences: f64 = got.iter().zip(expected).map(|(&got, &expected)| (f64::from(got) - expected).powi(2)).sum();
    (differences / expected.iter().map(|x| x * x).sum::<f64>()).sqrt()
}

/// Limits are about one and a half times what was measured, so that a transform with worse points, or a longer chain
/// of sums, is found. Winograd's way loses two bits in the gradient of the input.
#[test]
fn rounding_is_of_a_few_parts_in_ten_million() {
    let mut rng = Rng::new(47);
    let images = 6;
    for (side, size, inputs, outputs) in [(48, 3, 3, 32), (23, 3, 32, 64), (10, 3, 64, 64), (4, 2, 64, 128)] {
        let shape = Shape::new(images, side, side, inputs);
        let out = side + 1 - size;
        // As behind PReLU, and before a pool of which one place in four was the largest.
        let mut input = rng.floats(shape.values());
        input.iter_mut().filter(|x| **x < 0.0).for_each(|x| *x *= 0.25);
        let mut gradient = rng.floats(images * out * out * outputs);
        gradient.iter_mut().for_each(|x| *x *= f32::from(u8::from(rng.next() >> 40 & 3 == 0)));
        let (weights, bias) = (rng.floats(outputs * inputs * size * size), vec![0.0; outputs]);
        let (x, w, d) = (wide(&input), wide(&weights), wide(&gradient));
        let output = naive::conv(shape, size, &x, &w, &wide(&bias));
        let (input_gradient, weight_gradient, _) = backward::conv(shape, size, &x, &w, &d);
        let check = |what: &str, got: [&[f32]; 3], limits: [f64; 3]| {
            for ((pass, limit), (got, expected)) in ["output", "gradient of the input", "gradient of the weights"]
                .into_iter()
                .zip(limits)
                .zip(got.into_iter().zip([&output, &input_gradient, &weight_gradient]))
            {
                let error = error(got, expected);
                println!("{what} {inputs}->{outputs}: {pass}: {error:.1e}");
                assert!(error < limit, "{what} {inputs}->{outputs}: {pass}: {error:.1e}");
            }
        };
        for isa in instruction_sets() {
            let (mut y, mut of_input) = (vec![0.0; output.len()], vec![0.0; input.len()]);
            let mut of_weights = vec![0.0; weights.len()];
            let mut conv = Conv::new(isa, size, inputs, outputs);
            conv.set(&weights, &bias);
            conv.forward(shape, &input, &mut y);
            conv.input_gradient(shape, &gradient, &mut of_input);
            let mut sums = vec![0.0; conv.weights()];
            conv.weight_gradient(shape, &input, &gradient, &mut sums);
            conv.unpack(&sums, &mut of_weights);
            check(&format!("{isa} direct"), [&y, &of_input, &of_weights], [7e-7, 4e-7, 1.5e-6]);
            if size != 3 || inputs == 3 {
                continue;
            }
            let mut conv = Winograd::new(isa, inputs, outputs);
            conv.set(&weights, &bias);
            let (mut scratch, mut sums) = (Buffer::default(), vec![0.0; conv.sums()]);
            conv.forward(shape, &input, &mut scratch, &mut y);
            conv.backward(shape, &input, &gradient, &mut scratch, &mut sums, Some(&mut of_input));
            conv.unpack(&sums, &mut of_weights);
            check(&format!("{isa} Winograd"), [&y, &of_input, &of_weights], [1.2e-6, 1.3e-6, 1.1e-6]);
        }
    }
}
