//! Convolutions of any shape, on every instruction set, against the f64 twin.
#![no_main]

use arbitrary::Arbitrary;
use mtcnn_kernels::{Buffer, Conv, ConvParams, Isa, Shape, Winograd, naive};

#[derive(Arbitrary, Debug)]
struct Case {
    size: u8,
    inputs: u8,
    outputs: u8,
    images: u8,
    extra: [u8; 2],
    seed: u32,
}

libfuzzer_sys::fuzz_target!(|case: Case| {
    let (size, inputs, outputs) = (1 + case.size % 5, 1 + case.inputs % 40, 1 + case.outputs % 70);
    let [size, inputs, outputs] = [size, inputs, outputs].map(usize::from);
    let images = usize::from(case.images % 3);
    let [height, width] = case.extra.map(|extra| size + usize::from(extra % 20));
    let mut state = case.seed | 1;
    let mut floats = |n: usize| -> Vec<f32> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|_| next()).collect()
    };
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
    let (weights, bias, slopes) = (floats(outputs * inputs * size * size), floats(outputs), floats(outputs));
    let shape = Shape::new(images, height, width, inputs);
    let params = ConvParams { size, inputs, weights: &weights, bias: &bias, slopes: Some(&slopes) };
    let input = floats(shape.values());
    let mut expected = naive::conv(shape, size, &wide(&input), &wide(&weights), &wide(&bias));
    naive::prelu(&wide(&slopes), &mut expected);
    for isa in Isa::available() {
        let close = |got: &[f32], what: &str| {
            for (got, expected) in got.iter().zip(&expected) {
                let far = (f64::from(*got) - expected).abs() > 1e-5 * (size * size * inputs) as f64;
                assert!(!got.is_nan() && !far, "{isa} {what}: {got} is not {expected}");
            }
        };
        let mut got = vec![f32::NAN; expected.len()];
        let conv = Conv::new(isa, params);
        conv.forward(shape, &input, &mut got);
        close(&got, "direct");
        got.fill(f32::NAN);
        conv.forward_im2col(shape, &input, &mut got);
        close(&got, "im2col");
        if size == 3 {
            got.fill(f32::NAN);
            let winograd = Winograd::new(isa, params);
            winograd.forward(shape, &input, &mut Buffer::default(), &mut got);
            close(&got, "winograd");
        }
    }
});
