//! PReLU, max-pooling, softmax, colours and the row-by-row net against their f64 twins.

mod common;

use common::{Numbers, assert_close, instruction_sets, poisoned, tolerance, wide};
use mtcnn_kernels::rows::{self, RowLayer};
use mtcnn_kernels::{Buffer, Conv, Isa, MaxPool, PlanarConvPool, WinogradRow, colour, naive, prelu, softmax};

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

/// A convolution with random weights, and the same as the twins take it.
struct Twin {
    size: usize,
    inputs: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
    slopes: Vec<f32>,
}

impl Twin {
    fn new(numbers: &mut Numbers, size: usize, inputs: usize, outputs: usize) -> Self {
        let weights = numbers.floats(outputs * inputs * size * size).iter().map(|w| w * 0.3).collect();
        Self { size, inputs, weights, bias: numbers.floats(outputs), slopes: numbers.floats(outputs) }
    }

    fn conv(&self, isa: Isa) -> Conv {
        let Self { size, inputs, weights, bias, slopes } = self;
        Conv::new(isa, *size, *inputs, bias.len(), weights, bias, Some(slopes))
    }

    fn winograd(&self, isa: Isa) -> RowLayer {
        RowLayer::WinogradRow(WinogradRow::new(isa, self.inputs, &self.weights, &self.bias, &self.slopes))
    }

    /// The twin's output, and its size.
    fn naive(&self, height: usize, width: usize, input: &[f64]) -> (Vec<f64>, usize, usize) {
        let Self { size, weights, bias, slopes, .. } = self;
        let mut output = naive::conv(1, height, width, *size, input, &wide(weights), &wide(bias));
        naive::prelu(&wide(slopes), &mut output);
        (output, height + 1 - size, width + 1 - size)
    }
}

/// A net like PNet, row by row, equals its layers one after the other: at every height, so that rings
/// wrap in all their phases, with pooling windows that are cut at the border, and at widths around
/// the vectors' lengths. With interleaved and with planar rows in the first layer, and by Winograd's way.
#[test]
fn row_by_row_equals_layer_by_layer() {
    let mut numbers = Numbers::new(9);
    let [first, second, third, heads] =
        [(3, 3, 10), (3, 10, 16), (3, 16, 32), (1, 32, 6)].map(|(size, i, o)| Twin::new(&mut numbers, size, i, o));
    let pool = MaxPool { size: 2, stride: 2 };
    for isa in instruction_sets() {
        let rest = [RowLayer::Conv(third.conv(isa)), RowLayer::Conv(heads.conv(isa))];
        let mut interleaved =
            vec![RowLayer::Conv(first.conv(isa)), RowLayer::MaxPool(pool), RowLayer::Conv(second.conv(isa))];
        let planar_first = PlanarConvPool::new(3, 3, &first.weights, &first.bias, &first.slopes);
        let planar_second = Conv::of_planar_rows(isa, 3, 10, 16, &second.weights, &second.bias, Some(&second.slopes));
        let mut planar = vec![RowLayer::PlanarConvPool(planar_first), RowLayer::Conv(planar_second)];
        let mut winograd =
            vec![first.winograd(isa), RowLayer::MaxPool(pool), second.winograd(isa), third.winograd(isa)];
        winograd.push(rest[1].clone());
        interleaved.extend(rest.clone());
        planar.extend(rest);
        let mut scratch = Buffer::default();
        for height in 12..44 {
            let width = 12 + (height * 29) % 123;
            let input = numbers.floats(height * width * 3);
            let (expected, h, w) = first.naive(height, width, &wide(&input));
            let expected = naive::max_pool(1, h, w, 10, 2, 2, &expected);
            let (expected, h, w) = second.naive(pool.output_len(h), pool.output_len(w), &expected);
            let (expected, h, w) = third.naive(h, w, &expected);
            let (expected, h, w) = heads.naive(h, w, &expected);
            // [row][column][channel] to [row][channel][column].
            let planes: Vec<f32> =
                (0..input.len()).map(|i| input[(i / (3 * width) * width + i % width) * 3 + i / width % 3]).collect();
            for (layers, input, name) in
                [(&interleaved, &input, "interleaved"), (&planar, &planes, "planar"), (&winograd, &input, "winograd")]
            {
                let got = poisoned(h * w * 6, |out| {
                    // What an earlier picture left in the scratch must not matter.
                    scratch.fill(f32::NAN);
                    rows::forward(isa, layers, height, width, 3, input, &mut scratch, out);
                });
                assert_close(&got, &expected, tolerance(144) * 10.0, &format!("{isa} {name} {height}x{width}"));
            }
        }
    }
}

#[test]
#[should_panic(expected = "packed for this instruction set")]
fn a_layer_packed_for_another_instruction_set_is_refused() {
    if Isa::best() == Isa::Portable {
        panic!("packed for this instruction set: there is no other");
    }
    let conv = Conv::new(Isa::Portable, 1, 1, 20, &[0.0; 20], &[0.0; 20], None);
    let mut output = [0.0; 20];
    rows::forward(Isa::best(), &[RowLayer::Conv(conv)], 1, 1, 1, &[1.0], &mut Buffer::default(), &mut output);
}

#[test]
fn recolouring_equals_its_twin() {
    let mut numbers = Numbers::new(9);
    for isa in instruction_sets() {
        for pixels in [0, 1, 2, 5, 6, 7, 16, 144, 159, 160, 161, 320, 333, 576] {
            let matrix = [(); 3].map(|()| [(); 3].map(|()| 2.0 * numbers.unit()));
            let (offset, before) = (200.0 * numbers.unit(), numbers.bytes(3 * pixels));
            let expected = naive::recolour(&matrix.map(|row| row.map(f64::from)), offset.into(), &before);
            let mut after = vec![77; 3 * pixels + 64];
            after[..3 * pixels].copy_from_slice(&before);
            colour::recolour(isa, &matrix, offset, &mut after[..3 * pixels]);
            assert!(after[3 * pixels..].iter().all(|&byte| byte == 77), "nothing is written behind the pixels");
            // Rounded to a whole number, and by f32 on the way.
            let got: Vec<f32> = after[..3 * pixels].iter().map(|&byte| byte.into()).collect();
            assert_close(&got, &expected, 0.5001, &format!("{isa} recolouring {pixels} pixels"));
        }
    }
}
