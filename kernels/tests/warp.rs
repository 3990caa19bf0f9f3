//! Warped rows against their f64 twin, and the same to the bit on every instruction set.

mod common;

use common::{Rng, instruction_sets};
use mtcnn_kernels::warp::{BITS, Pixels, READ, row};
use mtcnn_kernels::{Isa, naive};

const WIDTH: usize = 40;
const HEIGHT: usize = 33;

fn fixed(x: f64) -> i64 {
    (x * (1_u64 << 32) as f64) as i64
}

#[test]
fn a_row_is_near_its_twin_and_the_same_everywhere() {
    let mut rng = Rng::new(9);
    for (bytes, order) in [(1, [0; 3]), (2, [0; 3]), (3, [0, 1, 2]), (3, [2, 1, 0]), (4, [0, 1, 2]), (4, [2, 1, 0])] {
        let stride = WIDTH * bytes + 5;
        let data = rng.bytes(stride * HEIGHT + READ);
        let pixels = Pixels { data: &data, stride, bytes, order };
        let places = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| y * stride + x * bytes));
        let image: Vec<_> = places.flat_map(|at| order.map(|channel| f64::from(data[at + channel]))).collect();
        for (from, step) in [
            ([0.0, 0.0], [1.0, 0.0]),
            ([38.25, 31.5], [-0.7, -0.3]),
            ([3.5, 30.125], [0.25, -0.875]),
            ([20.0, 2.0], [0.0, 0.5]),
        ] {
            for count in [0, 1, 2, 3, 4, 5, 7, 8, 13, 31] {
                let mut rows = Vec::new();
                for isa in instruction_sets() {
                    // Nothing is written behind the row.
                    let mut output = vec![[7; 3]; count + 3];
                    row(isa, pixels, from.map(fixed), step.map(fixed), &mut output[..count]);
                    assert_eq!(output.split_off(count), [[7; 3]; 3], "{isa}");
                    rows.push(output);
                }
                assert!(rows.iter().all(|it| *it == rows[0]), "{bytes} {order:?} {count}");
                let expected = naive::warp_row(WIDTH, 3, &image, from, step, count);
                // A place is cut by less than a 64th in each direction, with neighbours 255 apart.
                let most = 0.5 + 2.0 * 255.0 / f64::from(1 << BITS);
                for (&got, expected) in rows[0].as_flattened().iter().zip(expected) {
                    assert!((f64::from(got) - expected).abs() <= most, "{bytes} {order:?} {from:?}: {got} {expected}");
                }
            }
        }
    }
}

/// The arithmetic itself, without what cutting a place costs.
#[test]
fn places_of_whole_64ths_are_rounded_once() {
    let mut rng = Rng::new(10);
    let data = rng.bytes(WIDTH * 3 * HEIGHT + READ);
    let pixels = Pixels { data: &data, stride: WIDTH * 3, bytes: 3, order: [0, 1, 2] };
    let image: Vec<_> = data[..WIDTH * 3 * HEIGHT].iter().copied().map(f64::from).collect();
    for isa in instruction_sets() {
        let (from, step) = ([1.0 + 3.0 / 64.0, 2.0 + 61.0 / 64.0], [1.0 + 5.0 / 64.0, 7.0 / 64.0]);
        let mut output = [[0; 3]; 33];
        row(isa, pixels, from.map(fixed), step.map(fixed), &mut output);
        let expected = naive::warp_row(WIDTH, 3, &image, from, step, 33);
        let rounded: Vec<_> = expected.iter().map(|it| (it + 0.5).floor() as u8).collect();
        assert_eq!(output.as_flattened(), rounded, "{isa}");
    }
}

#[test]
#[should_panic = "places in the image"]
fn a_row_that_leaves_the_image_is_refused() {
    let data = vec![0; 100 * 3 * 10];
    let pixels = Pixels { data: &data, stride: 300, bytes: 3, order: [0, 1, 2] };
    row(Isa::Portable, pixels, [0, 0], [1 << 32, 1 << 32], &mut [[0; 3]; 10]);
}

#[test]
#[should_panic = "places in the image"]
fn a_step_that_wraps_around_is_refused() {
    let data = vec![0; 100 * 3 * 10];
    let pixels = Pixels { data: &data, stride: 300, bytes: 3, order: [0, 1, 2] };
    row(Isa::Portable, pixels, [0, 0], [i64::MAX, 0], &mut [[0; 3]; 3]);
}
