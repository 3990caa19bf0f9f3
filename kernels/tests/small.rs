//! PReLU, max-pooling, softmax and the row-by-row net against their f64 twins.

mod common;

use common::{Numbers, assert_close, instruction_sets, poisoned, tolerance, wide};
use mtcnn_kernels::rows::{self, RowLayer};
use mtcnn_kernels::{Buffer, Conv, MaxPool, naive, prelu, softmax};

#[test]
fn prelu_equals_its_twin() {
    let mut numbers = Numbers::new(6);
    for isa in instruction_sets() {
        for channels in [1, 3, 4, 7, 8, 10, 16, 17, 28, 33, 64] {
            let (slopes, input) = (numbers.floats(channels), numbers.floats(channels * 5));
            let mut expected = wide(&input);
            naive::prelu(&wide(&slopes), &mut expected);
            let got = poisoned(input.len(), |out| {
                out.copy_from_slice(&input);
                prelu::forward(isa, channels, &slopes, out);
            });
            assert_close(&got, &expected, 1e-7, &format!("{isa} prelu {channels}"));
        }
    }
}

#[test]
fn max_pool_equals_its_twin() {
    let mut numbers = Numbers::new(7);
    for isa in instruction_sets() {
        for (size, stride) in [(2, 2), (3, 2), (3, 1), (3, 3), (1, 1)] {
            let pool = MaxPool { size, stride };
            for channels in [1, 3, 8, 10, 16, 19, 28, 32, 64] {
                for (height, width) in [(3, 3), (3, 4), (4, 3), (5, 8), (6, 9), (7, 7), (10, 10)] {
                    let input = numbers.floats(2 * height * width * channels);
                    let expected = naive::max_pool(2, height, width, channels, size, stride, &wide(&input));
                    let got = poisoned(expected.len(), |out| {
                        pool.forward(isa, 2, height, width, channels, &input, out);
                    });
                    let what = format!("{isa} pool {size}/{stride} of {height}x{width}x{channels}");
                    assert_close(&got, &expected, 0.0, &what);
                }
            }
        }
    }
}

#[test]
fn caffe_sizes() {
    let len = |size, stride, n| MaxPool { size, stride }.output_len(n);
    // The nets' own: PNet 10 -> 5, RNet 22 -> 11 and 9 -> 4, ONet 46 -> 23, 21 -> 10 and 8 -> 4.
    assert_eq!([len(2, 2, 10), len(3, 2, 22), len(3, 2, 9)], [5, 11, 4]);
    assert_eq!([len(3, 2, 46), len(3, 2, 21), len(2, 2, 8)], [23, 10, 4]);
    assert_eq!([len(2, 2, 11), len(2, 2, 3), len(2, 2, 2)], [6, 2, 1], "odd sizes are rounded up");
}

#[test]
fn softmax_equals_its_twin() {
    let mut numbers = Numbers::new(8);
    for classes in [1, 2, 3, 10] {
        let input: Vec<f32> = numbers.floats(classes * 40).iter().map(|x| x * 20.0).collect();
        let got = poisoned(input.len(), |out| {
            out.copy_from_slice(&input);
            softmax::forward(classes, out);
        });
        assert_close(&got, &naive::softmax(classes, &wide(&input)), 1e-6, "softmax");
    }
    assert_eq!(softmax::second_of_two([-1000.0, 1000.0]), 1.0, "nothing overflows");
    assert_eq!(softmax::second_of_two([0.0, 0.0]), 0.5);
    assert!(softmax::second_of_two([f32::NAN, 0.0]).is_nan());
}

/// A net like PNet, row by row, equals its layers one after the other: at every height, so that rings
/// wrap in all their phases, and with pooling windows that are cut at the border.
#[test]
fn row_by_row_equals_layer_by_layer() {
    let mut numbers = Numbers::new(9);
    for isa in instruction_sets() {
        let mut conv = |size: usize, inputs: usize, outputs: usize| {
            let weights: Vec<f32> = numbers.floats(outputs * inputs * size * size).iter().map(|w| w * 0.3).collect();
            let (bias, slopes) = (numbers.floats(outputs), numbers.floats(outputs));
            let conv = Conv::new(isa, size, inputs, outputs, &weights, &bias, Some(&slopes));
            (conv, wide(&weights), wide(&bias), wide(&slopes))
        };
        let [first, second, third, heads] = [conv(3, 3, 10), conv(3, 10, 16), conv(3, 16, 32), conv(1, 32, 6)];
        let pool = MaxPool { size: 2, stride: 2 };
        let layers = [
            RowLayer::Conv(first.0),
            RowLayer::MaxPool(pool),
            RowLayer::Conv(second.0),
            RowLayer::Conv(third.0),
            RowLayer::Conv(heads.0),
        ];
        let mut scratch = Buffer::default();
        for height in 12..40 {
            let width = 12 + (height * 7) % 31;
            let input = numbers.floats(height * width * 3);
            let (mut expected, mut h, mut w) = (wide(&input), height, width);
            for (i, (size, weights, bias, slopes)) in [
                (3, &first.1, &first.2, &first.3),
                (3, &second.1, &second.2, &second.3),
                (3, &third.1, &third.2, &third.3),
                (1, &heads.1, &heads.2, &heads.3),
            ]
            .into_iter()
            .enumerate()
            {
                expected = naive::conv(1, h, w, size, &expected, weights, bias);
                naive::prelu(slopes, &mut expected);
                (h, w) = (h - size + 1, w - size + 1);
                if i == 0 {
                    expected = naive::max_pool(1, h, w, 10, 2, 2, &expected);
                    (h, w) = (pool.output_len(h), pool.output_len(w));
                }
            }
            let got = poisoned(h * w * 6, |out| {
                // What an earlier picture left in the scratch must not matter.
                scratch.fill(f32::NAN);
                rows::forward(isa, &layers, height, width, 3, &input, &mut scratch, out);
            });
            assert_close(&got, &expected, tolerance(144) * 10.0, &format!("{isa} {height}x{width}"));
        }
    }
}
