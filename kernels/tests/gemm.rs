//! GEMM against its f64 twin: around the tiles' edges, across the blocks, with strides of all kinds.

mod common;

use common::{Rng, assert_close, instruction_sets, tolerance, wide};
use mtcnn_kernels::gemm::{Matrix, gemm};
use mtcnn_kernels::naive;

fn check(m: usize, n: usize, k: usize, rng: &mut Rng) {
    let (a, b, before) = (rng.floats(m * k), rng.floats(k * n), rng.floats(m * n));
    let product = naive::gemm(m, n, k, &wide(&a), &wide(&b));
    let expected: Vec<f64> = product.iter().zip(&before).map(|(x, &y)| x + f64::from(y)).collect();
    let transposed = |x: &[f32], rows: usize, columns: usize| -> Vec<f32> {
        (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
    };
    // A padded copy: rows further apart than their length.
    let padded = |x: &[f32], columns: usize| -> Vec<f32> {
        x.chunks_exact(columns).flat_map(|row| row.iter().copied().chain([f32::NAN; 3])).collect()
    };
    let (at, bt, ap) = (transposed(&a, m, k), transposed(&b, k, n), padded(&a, k));
    let plain_a = Matrix::new(&a, m, k);
    let plain_b = Matrix::new(&b, k, n);
    for isa in instruction_sets() {
        for (name, a, b) in [
            ("plain", plain_a, plain_b),
            ("A transposed", Matrix::new(&at, k, m).transposed(), plain_b),
            ("B transposed", plain_a, Matrix::new(&bt, n, k).transposed()),
            ("A padded", Matrix { data: &ap, row_stride: k + 3, ..plain_a }, plain_b),
        ] {
            let mut c = before.clone();
            c.extend([7.5; 40]);
            gemm(isa, a, b, &mut c[..m * n]);
            assert!(c[m * n..].iter().all(|&x| x == 7.5), "nothing is written behind C");
            assert_close(&c[..m * n], &expected, tolerance(k + 1), &format!("{isa} {m}x{k}x{n} {name}"));
        }
    }
}

#[test]
fn around_the_edges_of_a_tile() {
    let mut rng = Rng::new(4);
    for m in 1..=17 {
        for n in [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 65] {
            for k in [1, 2, 7, 27] {
                check(m, n, k, &mut rng);
            }
        }
    }
}

#[test]
fn across_the_blocks() {
    let mut rng = Rng::new(5);
    for (m, n, k) in [(97, 50, 257), (200, 20, 600), (5, 100, 513), (96, 48, 256), (193, 1, 300)] {
        check(m, n, k, &mut rng);
    }
}

#[test]
fn nothing_times_something() {
    for isa in instruction_sets() {
        gemm(isa, Matrix::new(&[], 0, 2), Matrix::new(&[1.0; 6], 2, 3), &mut []);
        let mut c = [3.0; 4];
        gemm(isa, Matrix::new(&[], 2, 0), Matrix::new(&[], 0, 2), &mut c);
        assert_eq!(c, [3.0; 4], "{isa}: a depth of 0 adds nothing");
    }
}
