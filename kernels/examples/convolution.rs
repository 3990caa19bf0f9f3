//! A 3x3 convolution with PReLU of a batch of made images, on every instruction set of this machine, beside its plain f64
//! twin: `cargo run -p mtcnn-kernels --release --example convolution`.

use std::time::Instant;

use mtcnn_kernels::{Buffer, Conv, ConvParams, Isa, Shape, Winograd, naive};

/// Values from -1 to 1, the same on every run.
fn made(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

fn main() {
    let (shape, outputs) = (Shape::new(4, 23, 23, 32), 64);
    let (input, weights) = (made(shape.values(), 1), made(outputs * shape.channels * 9, 2));
    let (bias, slopes) = (made(outputs, 3), vec![0.25; outputs]);
    let params = ConvParams { size: 3, inputs: shape.channels, weights: &weights, bias: &bias, slopes: Some(&slopes) };

    let mut expected = naive::conv(shape, 3, &wide(&input), &wide(&weights), &wide(&bias));
    naive::prelu(&wide(&slopes), &mut expected);

    for isa in Isa::available() {
        // Packed once, used as often as one likes.
        let (direct, winograd, mut scratch) = (Conv::new(isa, params), Winograd::new(isa, params), Buffer::default());
        let mut output = vec![0.0; direct.output(shape).expect("images larger than the kernel").values()];
        for way in ["direct", "Winograd"] {
            let begin = Instant::now();
            match way {
                "direct" => direct.forward(shape, &input, &mut output),
                _ => winograd.forward(shape, &input, &mut scratch, &mut output),
            }
            let rate = direct.flops(shape) as f64 / begin.elapsed().as_secs_f64() / 1e9;
            let far = output.iter().zip(&expected).map(|(x, y)| (f64::from(*x) - y).abs()).fold(0.0, f64::max);
            assert!(far < 1e-3, "{isa}, {way}: {far} from the twin");
            println!("{isa:8} {way:8} {rate:6.1} GFLOP/s, {far:.1e} from the f64 twin at most");
        }
    }
}
