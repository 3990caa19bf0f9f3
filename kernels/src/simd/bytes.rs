//! Vectors of bytes, for arithmetic in low precision: products of bytes, summed up by fours in i32.
//!
//! Not every instruction set has what that takes, so these kernels have a dispatch of their own.

use super::Floats;
use crate::low::Backend;

/// A piece of work in low precision. Implementations of `run` must be `#[inline(always)]`.
pub(crate) trait ByteKernel {
    /// Does the work.
    fn run<S: Bytes>(self, s: S);
}

/// Vectors of [`Floats::LANES`] i32, each of which is four bytes at times.
///
/// # Safety
/// An implementation must access no memory but what each method's contract names, and be constructible only after its
/// instructions were detected.
pub(crate) unsafe trait Bytes: Floats {
    /// A vector of [`Floats::LANES`] values.
    type I: Copy;
    /// How many vectors the registers hold.
    const INT_REGISTERS: usize;

    /// Runs a kernel with the instructions switched on.
    fn vectorize_bytes<K: ByteKernel>(self, kernel: K);

    /// Every lane `x`.
    fn splat_int(self, x: i32) -> Self::I;
    /// Reads `LANES` values.
    ///
    /// # Safety
    /// They must be readable at `p`.
    unsafe fn load_int(self, p: *const i32) -> Self::I;
    /// Writes `LANES` values.
    ///
    /// # Safety
    /// They must be writable at `p`.
    unsafe fn store_int(self, p: *mut i32, v: Self::I);
    /// `sum` and in each lane the four products of unsigned bytes with weights, signed bytes that keep to
    /// [`crate::low::MOST_OF_PAIR`].
    fn dot(self, sum: Self::I, bytes: Self::I, weights: Self::I) -> Self::I;
    /// The larger of each lane.
    fn max_int(self, a: Self::I, b: Self::I) -> Self::I;
    /// The smaller of each lane.
    fn min_int(self, a: Self::I, b: Self::I) -> Self::I;
    /// The larger of each byte, unsigned.
    fn max_bytes(self, a: Self::I, b: Self::I) -> Self::I;
    /// The nearest f32.
    fn to_float(self, v: Self::I) -> Self::V;
    /// The nearest integer, halves to an even one.
    fn round(self, v: Self::V) -> Self::I;
    /// Four vectors as bytes, cut to 0 to 255: each lane has one of each.
    fn interleave(self, quad: [Self::I; 4]) -> Self::I;
    /// The lanes of `a` and then `b` that are even in number, and the odd ones.
    fn even_and_odd(self, a: Self::I, b: Self::I) -> (Self::I, Self::I);
}

/// Runs a kernel on a backend.
///
/// # Panics
/// If the machine lacks it.
pub(crate) fn dispatch_bytes<K: ByteKernel>(backend: Backend, kernel: K) {
    #[cfg(target_arch = "x86_64")]
    match backend {
        Backend::Avx2 => super::avx2::Avx2::detect().expect("this machine has AVX2 and FMA").vectorize_bytes(kernel),
        Backend::Avx512Vnni => {
            super::avx512::Avx512::detect_vnni().expect("this machine has AVX-512 VNNI").vectorize_bytes(kernel);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = kernel;
        panic!("only x86-64 has {backend:?}");
    }
}
