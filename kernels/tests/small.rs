//! PReLU, max-pooling, softmax, colours and the row-by-row net against their f64 twins.

mod common;

use common::{Rng, assert_close, instruction_sets, poisoned, tolerance, wide};
use mtcnn_kernels::rows::{self, RowLayer};
use mtcnn_kernels::{Buffer, ConvParams, Isa, MaxPool, Shape, Wanted, colour, naive, prelu, softmax};

#[test]
fn prelu_equals_its_twin() {
    let mut rng = Rng::new(6);
    for isa in instruction_sets() {
        for channels in [1, 3, 4, 7, 8, 10, 16, 17, 28, 33, 64] {
            let (slopes, input) = (rng.floats(channels), rng.floats(channels * 5));
            let mut expected = wide(&input);
            naive::prelu(&wide(&slopes), &mut expected);
            let got = poisoned(input.len(), |out| {
                out.copy_from_slice(&input);
                prelu::forward(isa, &slopes, out);
            });
            assert_close(&got, &expected, 1e-7, &format!("{isa} prelu {channels}"));
        }
    }
}

#[test]
fn max_pool_equals_its_twin() {
    let mut rng = Rng::new(7);
    for isa in instruction_sets() {
        for (size, stride) in [(2, 2), (3, 2), (3, 1), (3, 3), (1, 1)] {
            let pool = MaxPool { size, stride };
            for channels in [1, 3, 8, 10, 16, 19, 28, 32, 64] {
                for (height, width) in [(3, 3), (3, 4), (4, 3), (5, 8), (6, 9), (7, 7), (10, 10)] {
                    let shape = Shape::new(2, height, width, channels);
                    let input = rng.floats(shape.values());
                    let expected = naive::max_pool(shape, pool, &wide(&input));
                    let got = poisoned(expected.len(), |out| {
                        pool.forward(isa, shape, &input, out);
                    });
                    let what = format!("{isa} pool {size}/{stride} of {height}x{width}x{channels}");
                    assert_close(&got, &expected, 0.0, &what);
                }
            }
        }
    }
}

#[test]
fn pooled_sizes_are_those_of_caffe() {
    let len = |size, stride, n| MaxPool { size, stride }.output(Shape::image(n, n, 1)).map_or(0, |output| output.width);
    assert_eq!([len(2, 2, 10), len(3, 2, 22), len(3, 2, 9)], [5, 11, 4]);
    assert_eq!([len(3, 2, 46), len(3, 2, 21), len(2, 2, 8)], [23, 10, 4]);
    assert_eq!([len(2, 2, 11), len(2, 2, 3), len(2, 2, 2)], [6, 2, 1], "odd sizes are rounded up");
    assert_eq!(len(3, 2, 2), 0, "an image smaller than the window has no output");
}

#[test]
fn softmax_equals_its_twin() {
    let mut rng = Rng::new(8);
    for classes in [1, 2, 3, 10] {
        let input: Vec<f32> = rng.floats(classes * 40).iter().map(|x| x * 20.0).collect();
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
    fn new(rng: &mut Rng, size: usize, inputs: usize, outputs: usize) -> Self {
        let weights = rng.floats(outputs * inputs * size * size).iter().map(|w| w * 0.3).collect();
        Self { size, inputs, weights, bias: rng.floats(outputs), slopes: rng.floats(outputs) }
    }

    fn params(&self) -> ConvParams<'_> {
        let Self { size, inputs, weights, bias, slopes } = self;
        ConvParams { size: *size, inputs: *inputs, weights, bias, slopes: Some(slopes) }
    }

    /// The twin's output, and its shape.
    fn naive(&self, shape: Shape, input: &[f64]) -> (Vec<f64>, Shape) {
        let Self { size, weights, bias, slopes, .. } = self;
        let mut output = naive::conv(shape, *size, input, &wide(weights), &wide(bias));
        naive::prelu(&wide(slopes), &mut output);
        (
            output,
            Shape { height: shape.height + 1 - size, width: shape.width + 1 - size, channels: bias.len(), ..shape },
        )
    }
}

/// A net row by row equals its layers one after the other: at every height, so that rings
/// wrap in all their phases, with pooling windows that are cut at the border, and at widths around
/// the vectors' lengths. With interleaved and with planar rows in the first layer, and by Winograd's way.
#[test]
fn row_by_row_equals_layer_by_layer() {
    let mut rng = Rng::new(9);
    let [first, second, third, heads] =
        [(3, 3, 10), (3, 10, 16), (3, 16, 32), (1, 32, 6)].map(|(size, i, o)| Twin::new(&mut rng, size, i, o));
    let [a, b, c, d] = [&first, &second, &third, &heads].map(Twin::params);
    let pool = MaxPool { size: 2, stride: 2 };
    for isa in instruction_sets() {
        let (conv, winograd, max_pool) = (RowLayer::conv, RowLayer::winograd, RowLayer::max_pool(pool));
        let planar = [RowLayer::planar_conv_pool(a), RowLayer::conv_of_planar_rows(isa, b), conv(isa, c), conv(isa, d)];
        let interleaved = [conv(isa, a), max_pool.clone(), conv(isa, b), conv(isa, c), conv(isa, d)];
        let winograd = [winograd(isa, a), max_pool, winograd(isa, b), winograd(isa, c), conv(isa, d)];
        let mut scratch = Buffer::default();
        for height in 12..44 {
            // Two images now and then.
            let shape = Shape::new(1 + height % 5 / 4, height, 12 + (height * 29) % 123, 3);
            let input = rng.floats(shape.values());
            let (expected, s) = first.naive(shape, &wide(&input));
            let expected = naive::max_pool(s, pool, &expected);
            let (expected, s) = second.naive(pool.output(s).expect("a map larger than the window"), &expected);
            let (expected, s) = third.naive(s, &expected);
            let (expected, _) = heads.naive(s, &expected);
            // [row][column][channel] to [row][channel][column].
            let width = shape.width;
            let planes: Vec<f32> =
                (0..input.len()).map(|i| input[(i / (3 * width) * width + i % width) * 3 + i / width % 3]).collect();
            for (layers, input, name) in [
                (&interleaved[..], &input, "interleaved"),
                (&planar, &planes, "planar"),
                (&winograd, &input, "winograd"),
            ] {
                let got = poisoned(expected.len(), |out| {
                    // What an earlier image left in the scratch must not matter.
                    scratch.fill(f32::NAN);
                    rows::forward(isa, layers, shape, input, &mut scratch, out);
                });
                assert_close(&got, &expected, tolerance(144) * 10.0, &format!("{isa} {name} {shape:?}"));
            }
        }
    }
}

#[test]
fn what_is_wanted_of_a_map_has_the_bits_of_the_whole() {
    let mut rng = Rng::new(10);
    let [first, second, third, heads] =
        [(3, 3, 10), (3, 10, 16), (3, 16, 32), (1, 32, 6)].map(|(size, i, o)| Twin::new(&mut rng, size, i, o));
    let [a, b, c, d] = [&first, &second, &third, &heads].map(Twin::params);
    for isa in instruction_sets() {
        let (conv, winograd) = (RowLayer::conv, RowLayer::winograd(isa, c));
        let (planar, of_planar) = (RowLayer::planar_conv_pool(a), RowLayer::conv_of_planar_rows(isa, b));
        let with_winograd = [planar.clone(), of_planar.clone(), winograd, conv(isa, d)];
        let direct = [planar, of_planar, conv(isa, c), conv(isa, d)];
        let (mut scratch, mut wanted) = (Buffer::default(), Wanted::default());
        for height in 12..60 {
            let shape = Shape::image(height, 12 + (height * 29) % 323, 3);
            let input = rng.floats(shape.values());
            for layers in [&with_winograd, &direct] {
                let map = layers.iter().try_fold(shape, |shape, layer| layer.output(shape)).expect("a large image");
                let mut whole = vec![0.0; map.values()];
                rows::forward(isa, layers, shape, &input, &mut scratch, &mut whole);
                wanted.reset(map.height, map.width);
                for _ in 0..[0, 1, 5, 200][height % 4] {
                    wanted.add(rng.next() as usize % map.height, (rng.next() >> 9) as usize % map.width);
                }
                let part = poisoned(map.values(), |out| {
                    scratch.fill(f32::NAN);
                    rows::forward_where(isa, layers, shape, &input, &wanted, &mut scratch, out);
                });
                for (y, x) in wanted.places() {
                    let at = (y * map.width + x) * map.channels;
                    let bits = |values: &[f32]| values[at..][..6].iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(&part), bits(&whole), "{isa} {shape:?} row {y} column {x}");
                }
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
    let params = ConvParams { size: 1, inputs: 1, weights: &[0.0; 20], bias: &[0.0; 20], slopes: None };
    let layers = [RowLayer::conv(Isa::Portable, params)];
    let mut output = [0.0; 20];
    rows::forward(Isa::best(), &layers, Shape::image(1, 1, 1), &[1.0], &mut Buffer::default(), &mut output);
}

#[test]
fn recolouring_equals_its_twin() {
    let mut rng = Rng::new(9);
    for isa in instruction_sets() {
        for pixels in [0, 1, 2, 5, 6, 7, 16, 144, 159, 160, 161, 320, 333, 576] {
            let matrix = [(); 3].map(|()| [(); 3].map(|()| 2.0 * rng.unit()));
            let (offset, before) = (200.0 * rng.unit(), rng.bytes(3 * pixels));
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

#[test]
fn every_pixel_of_ycbcr_has_the_rgb_of_its_twin() {
    let luma: Vec<u8> = (0..=255).collect();
    for isa in instruction_sets() {
        for (cb, cr) in (0..=255).flat_map(|cb| (0..=255).map(move |cr| (cb, cr))) {
            // Of any length.
            let length = 256 - usize::from(cr) % 65;
            let (luma, mut rgb) = (&luma[256 - length..], vec![0; 3 * length]);
            colour::rgb_of_ycbcr(isa, [luma, &vec![cb; length], &vec![cr; length]], &mut rgb);
            let right = luma.iter().flat_map(|&y| naive::rgb_of_ycbcr([y, cb, cr]));
            assert!(rgb.into_iter().eq(right), "{isa}: Cb {cb}, Cr {cr}");
        }
    }
}
