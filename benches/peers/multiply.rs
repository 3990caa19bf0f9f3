//! The other crates' matrix multiplications behind safe functions: C += A·B, row by row, on one thread.

/// `(m, n, k, a, b, c)`: A is `m x k`, B `k x n` and C `m x n`.
type Multiply = fn(usize, usize, usize, &[f32], &[f32], &mut [f32]);

pub(crate) const PEERS: [(&str, Multiply); 2] = [("gemm", gemm), ("matrixmultiply", matrixmultiply)];

/// # Panics
/// If a slice is of another size than its matrix.
fn check(m: usize, n: usize, k: usize, a: &[f32], b: &[f32], c: &[f32]) {
    assert_eq!([a.len(), b.len(), c.len()], [m * k, k * n, m * n]);
}

fn gemm(m: usize, n: usize, k: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    check(m, n, k, a, b, c);
    let (depth, columns) = (k as isize, n as isize);
    // SAFETY: the sizes have been checked, and the strides are those of rows one behind the other.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            columns,
            true,
            a.as_ptr(),
            1,
            depth,
            b.as_ptr(),
            1,
            columns,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

fn matrixmultiply(m: usize, n: usize, k: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    check(m, n, k, a, b, c);
    let (depth, columns) = (k as isize, n as isize);
    // SAFETY: as above.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            depth,
            1,
            b.as_ptr(),
            columns,
            1,
            1.0,
            c.as_mut_ptr(),
            columns,
            1,
        );
    }
}
