//! Convolution and dense layers against their f64 twins, over ragged shapes.

mod common;

use common::{Rng, assert_close, instruction_sets, poisoned, tolerance, wide};
use mtcnn_kernels::{Buffer, Conv, ConvParams, Dense, Isa, Shape, Winograd, naive};

/// `(size, inputs, outputs)`: the nets' own layers, and odd ones around the tiles' edges.
const LAYERS: [(usize, usize, usize); 18] = [
    (3, 3, 10),
    (3, 10, 16),
    (3, 16, 32),
    (1, 32, 6),
    (3, 3, 28),
    (3, 28, 48),
    (2, 48, 64),
    (3, 32, 64),
    (2, 64, 128),
    (1, 1, 1),
    (5, 2, 3),
    (3, 5, 15),
    (3, 5, 17),
    (2, 7, 31),
    (1, 4, 33),
    (1, 9, 47),
    (3, 1, 49),
    (4, 2, 65),
];

#[test]
fn conv_equals_its_twin() {
    let mut rng = Rng::new(1);
    for isa in instruction_sets() {
        for (size, inputs, outputs) in LAYERS {
            let weights = rng.floats(outputs * inputs * size * size);
            let (bias, slopes) = (rng.floats(outputs), rng.floats(outputs));
            for with_prelu in [false, true] {
                let slopes = with_prelu.then_some(&slopes[..]);
                let conv = Conv::new(isa, ConvParams { size, inputs, weights: &weights, bias: &bias, slopes });
                // Widths around all tile heights, and images that are one kernel high.
                for (images, extra_rows) in [(1, 0), (2, 1), (3, 2)] {
                    for extra in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 25] {
                        let (height, width) = (size + extra_rows, size + extra);
                        let shape = Shape::new(images, height, width, inputs);
                        let input = rng.floats(shape.values());
                        let n = images * (extra_rows + 1) * (extra + 1) * outputs;
                        let what = format!("{isa} conv {size} {inputs}->{outputs} on {images} of {height}x{width}");

                        let mut expected = naive::conv(shape, size, &wide(&input), &wide(&weights), &wide(&bias));
                        if let Some(slopes) = slopes {
                            naive::prelu(&wide(slopes), &mut expected);
                        }
                        let direct = poisoned(n, |out| conv.forward(shape, &input, out));
                        assert_close(&direct, &expected, tolerance(size * size * inputs), &what);
                        let general = poisoned(n, |out| conv.forward_im2col(shape, &input, out));
                        assert_close(
                            &general,
                            &expected,
                            tolerance(size * size * inputs),
                            &format!("{what} by im2col"),
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn winograd_equals_its_twin() {
    let mut rng = Rng::new(20);
    let mut scratch = Buffer::default();
    for isa in instruction_sets() {
        for (inputs, outputs) in [(28, 48), (32, 64), (64, 64), (1, 1), (3, 17), (17, 5), (5, 33)] {
            let weights = rng.floats(outputs * inputs * 9);
            let (bias, slopes) = (rng.floats(outputs), rng.floats(outputs));
            let params = ConvParams { size: 3, inputs, weights: &weights, bias: &bias, slopes: Some(&slopes) };
            let layer = Winograd::new(isa, params);
            for (images, height, width) in
                [(1, 3, 3), (1, 5, 5), (3, 11, 11), (1, 23, 23), (2, 10, 10), (2, 4, 9), (1, 8, 6)]
            {
                let shape = Shape::new(images, height, width, inputs);
                let input = rng.floats(shape.values());
                let mut expected = naive::conv(shape, 3, &wide(&input), &wide(&weights), &wide(&bias));
                naive::prelu(&wide(&slopes), &mut expected);
                let got = poisoned(expected.len(), |out| {
                    scratch.fill(f32::NAN);
                    layer.forward(shape, &input, &mut scratch, out);
                });
                let what = format!("{isa} winograd {inputs}->{outputs} on {images} of {height}x{width}");
                assert_close(&got, &expected, 10.0 * tolerance(9 * inputs), &what);
            }
        }
    }
}

#[test]
fn dense_equals_its_twin() {
    let mut rng = Rng::new(2);
    for isa in instruction_sets() {
        for (inputs, outputs) in [(576, 128), (128, 16), (1152, 256), (256, 16), (1, 1), (3, 50), (700, 5)] {
            let (weights, bias, slopes) = (rng.floats(outputs * inputs), rng.floats(outputs), rng.floats(outputs));
            let dense = Dense::new(isa, inputs, &weights, &bias, Some(&slopes));
            for samples in [0, 1, 2, 5, 7, 8, 9, 13, 16, 31] {
                let input = rng.floats(samples * inputs);
                let mut expected = naive::dense(&wide(&input), &wide(&weights), &wide(&bias));
                naive::prelu(&wide(&slopes), &mut expected);
                let got = poisoned(samples * outputs, |out| dense.forward(samples, &input, out));
                assert_close(
                    &got,
                    &expected,
                    tolerance(inputs),
                    &format!("{isa} dense {inputs}->{outputs} x {samples}"),
                );
            }
        }
    }
}

#[test]
fn a_nan_is_not_hidden() {
    for isa in instruction_sets() {
        let (weights, bias, slopes) = (&[1.0; 40], &[0.0; 20], Some(&[0.25; 20][..]));
        let conv = Conv::new(isa, ConvParams { size: 1, inputs: 2, weights, bias, slopes });
        let got = poisoned(60, |out| conv.forward(Shape::image(1, 3, 2), &[1.0, 2.0, f32::NAN, 1.0, 3.0, 4.0], out));
        assert!(got[20..40].iter().all(|x| x.is_nan()), "{isa}: the pixel with the NaN is NaN");
        assert!(got[..20].iter().chain(&got[40..]).all(|x| x.is_finite()), "{isa}: the others are not");
    }
}

#[test]
fn cutting_the_image_changes_no_bit() {
    let mut rng = Rng::new(3);
    for isa in instruction_sets() {
        let (weights, bias, slopes) = (rng.floats(1440), rng.floats(16), rng.floats(16));
        let slopes = Some(&slopes[..]);
        let conv = Conv::new(isa, ConvParams { size: 3, inputs: 10, weights: &weights, bias: &bias, slopes });
        let (height, width) = (9, 40);
        let input = rng.floats(height * width * 10);
        let whole = poisoned(7 * 38 * 16, |out| conv.forward(Shape::image(height, width, 10), &input, out));
        // Rows 2..5 of the output, from rows 2..7 of the input.
        let rows = &input[2 * width * 10..7 * width * 10];
        let part = poisoned(3 * 38 * 16, |out| conv.forward(Shape::image(5, width, 10), rows, out));
        assert_eq!(part, whole[2 * 38 * 16..5 * 38 * 16], "{isa}");
        // Columns 5..20 of the output, which fall into other tiles.
        let columns: Vec<f32> =
            (0..height).flat_map(|y| input[(y * width + 5) * 10..(y * width + 22) * 10].to_vec()).collect();
        let part = poisoned(7 * 15 * 16, |out| conv.forward(Shape::image(height, 17, 10), &columns, out));
        for y in 0..7 {
            assert_eq!(part[y * 15 * 16..][..15 * 16], whole[(y * 38 + 5) * 16..][..15 * 16], "{isa} row {y}");
        }
    }
}

#[test]
#[should_panic(expected = "input: as many values as Shape { images: 1, height: 4, width: 4, channels: 2 } has")]
fn a_slice_too_short_is_refused() {
    let params = ConvParams { size: 3, inputs: 2, weights: &[0.0; 72], bias: &[0.0; 4], slopes: None };
    Conv::new(Isa::Portable, params).forward(Shape::image(4, 4, 2), &[0.0; 31], &mut [0.0; 16]);
}
