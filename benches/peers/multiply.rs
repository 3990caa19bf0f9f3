//! The other crates' matrix multiplications: C += A·B, row by row, on one thread.
//!
//! `matrixmultiply` is asked through `ndarray`, and what has become of `gemm` through `faer`, by the same author: the
//! crates themselves take raw pointers.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// `(m, n, k, a, b, c)`: A is `m x k`, B `k x n` and C `m x n`.
type Multiply = fn(usize, usize, usize, &[f32], &[f32], &mut [f32]);

pub(crate) const PEERS: [(&str, Multiply); 2] = [("faer", faer), ("matrixmultiply", matrixmultiply)];

fn faer(m: usize, n: usize, k: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    let (a, b) = (MatRef::from_row_major_slice(a, m, k), MatRef::from_row_major_slice(b, k, n));
    matmul(MatMut::from_row_major_slice_mut(c, m, n), Accum::Add, a, b, 1.0, Par::Seq);
}

fn matrixmultiply(m: usize, n: usize, k: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    let view = |slice, shape| ArrayView2::from_shape(shape, slice).expect("a matrix");
    let mut c = ArrayViewMut2::from_shape((m, n), c).expect("a matrix");
    general_mat_mul(1.0, &view(a, (m, k)), &view(b, (k, n)), 1.0, &mut c);
}
