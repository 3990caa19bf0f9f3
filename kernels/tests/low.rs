//! Kernels in low precision, against their plain twins: equal to the bit.

mod common;

use common::{Rng, instruction_sets, poisoned};
use mtcnn_kernels::low::{Backend, ByteConv, Cells, Crops, Finish};
use mtcnn_kernels::{Buffer, MaxPool, Shape, naive};

/// The backends of the instruction sets that are tested.
fn backends() -> Vec<Backend> {
    let mut backends: Vec<_> = instruction_sets().into_iter().filter_map(Backend::best).collect();
    backends.dedup();
    backends
}

/// A convolution of random weights, the most that a pair may have among them, whose outputs fill the range of bytes.
fn random(rng: &mut Rng, size: usize, inputs: usize, outputs: usize) -> ByteConv {
    let area = size * size;
    let mut weights = vec![0; outputs * inputs * area];
    for kernel in weights.chunks_exact_mut(inputs * area) {
        for pair in kernel.chunks_mut(2 * area) {
            for k in 0..area {
                let [a, b] = match rng.next() % 16 {
                    0 => [127, 1],
                    1 => [-127, 127],
                    2 => [-64, -64],
                    3 => [0, -128],
                    _ => [0, 1].map(|_| (rng.unit() * 64.0) as i8),
                };
                pair[k] = a;
                if let Some(weight) = pair.get_mut(area + k) {
                    *weight = b;
                }
            }
        }
    }
    let bias = (0..outputs).map(|_| (rng.unit() * 9000.0) as i32).collect();
    let finish = (0..outputs).map(|_| {
        let (gain, slope) = (0.01 * (1.5 + rng.unit()) / (inputs as f32).sqrt(), 1.3 * rng.unit());
        Finish { gain: gain * slope, extra: gain * (1.0 - slope), offset: 60.0 * rng.unit() + 80.0 }
    });
    ByteConv { size, inputs, weights, bias, finish: finish.collect() }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn scores_of_crops_are_those_of_the_plain_twin_to_the_bit_whatever_crops_are_beside() {
    let mut rng = Rng::new(78);
    let (three, two) = (MaxPool { size: 3, stride: 2 }, MaxPool { size: 2, stride: 2 });
    for (side, outputs, pools) in
        [(24, [28, 48, 64, 128], [Some(three), Some(three)]), (17, [5, 9, 12, 7], [Some(two), None])]
    {
        let mut convs = [3, outputs[0], outputs[1]].map(|inputs| (3, inputs));
        convs[2].0 = 2;
        let mut layers = Vec::new();
        let mut shape = Shape::image(side, side, 3);
        for (k, (size, inputs)) in convs.into_iter().enumerate() {
            let pool = pools.get(k).copied().flatten();
            layers.push((random(&mut rng, size, inputs, outputs[k]), pool));
            let after = shape.height + 1 - size;
            shape = Shape::image(after, after, outputs[k]);
            shape = pool.map_or(shape, |pool| pool.output(shape).expect("a large map"));
        }
        layers.push((random(&mut rng, shape.height, outputs[2], outputs[3]), None));
        let crops = Crops::new(side, &layers, -0.25);
        let size = side * side * 3;
        let pixels = rng.floats(35 * size);
        let expected: Vec<f32> =
            pixels.chunks_exact(size).map(|pixels| naive::low::crop(&layers, -0.25, side, pixels)).collect();
        assert!(expected.iter().any(|score| score != &expected[0]), "scores that differ");
        let mut scratch = Buffer::default();
        for backend in backends() {
            for (from, to) in [(0, 35), (0, 1), (3, 10), (7, 23), (1, 34)] {
                let got = poisoned(to - from, |out| {
                    scratch.fill(f32::NAN);
                    crops.forward(backend, &pixels[from * size..to * size], &mut scratch, out);
                });
                assert_eq!(bits(&got), bits(&expected[from..to]), "{backend:?} side {side}, crops {from} to {to}");
            }
        }
    }
}

#[test]
fn scores_of_cells_are_those_of_the_plain_twin_to_the_bit() {
    let mut rng = Rng::new(77);
    for outputs in [[10, 16, 32], [3, 5, 9], [12, 4, 13]] {
        let first = random(&mut rng, 3, 3, outputs[0]);
        let second = random(&mut rng, 3, outputs[0], outputs[1]);
        let third = random(&mut rng, 3, outputs[1], outputs[2]);
        let cells = Cells::new(&first, &second, &third, 0.75);
        let mut scratch = Buffer::default();
        for height in 11..30 {
            let width = 11 + (height * 37) % 131;
            let pixels = rng.floats(height * width * 3);
            let expected = naive::low::cells([&first, &second, &third], 0.75, [height, width], &pixels);
            assert!(expected.len() < 9 || expected.iter().any(|score| score != &expected[0]), "scores that differ");
            for backend in backends() {
                let got = poisoned(expected.len(), |out| {
                    scratch.fill(f32::NAN);
                    cells.forward(backend, height, width, &pixels, &mut scratch, out);
                });
                assert_eq!(bits(&got), bits(&expected), "{backend:?} {height} x {width}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "weights that can't overflow")]
fn a_weight_that_could_overflow_is_refused() {
    let mut rng = Rng::new(1);
    let mut first = random(&mut rng, 3, 3, 4);
    // The first two inputs at one place of the kernel: more than 16 bits hold with bytes of 255.
    (first.weights[4], first.weights[9 + 4]) = (65, 64);
    let _ = Cells::new(&first, &random(&mut rng, 3, 4, 4), &random(&mut rng, 3, 4, 4), 0.0);
}
