//! One kernel source for every instruction set.
//!
//! A kernel is written once, generic over a token `S: Simd`, and started through [`dispatch`]. The
//! token's [`Token::vectorize`] is the one function compiled with the instruction set switched on;
//! everything beneath it must be `#[inline(always)]`, or it is compiled without the instructions:
//! still right, but a dozen times slower. For the same reason no closure and no rayon call may
//! stand between [`dispatch`] and the arithmetic: threads outside, kernels inside.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bytes;
pub(crate) mod pixels;
mod portable;

use wide::f32x4;

use crate::Isa;
pub(crate) use bytes::{ByteKernel, Bytes, dispatch_bytes};
use pixels::Pixels;
pub(crate) use portable::Portable;

/// A piece of work that runs on any instruction set. Implementations of `run` must be
/// `#[inline(always)]`.
pub(crate) trait Kernel {
    /// Does the work.
    fn run<S: Simd>(self, s: S);
}

/// All that a kernel may ask of an instruction set.
///
/// Each type of element is a trait of its own, which names its vectors and their operations; a kernel on another type
/// adds a trait here and an implementation in each backend. What a CPU has besides ([`crate::Capabilities`]) belongs into
/// the backend's token, as a parameter of its type that [`Token::vectorize`] switches on and one implementation uses.
pub(crate) trait Simd: Token + Floats + Pixels {}

impl<S: Token + Floats + Pixels> Simd for S {}

/// An instruction set: proof that the machine has it.
///
/// # Safety
/// An implementation must be constructible only after its instructions were detected.
pub(crate) unsafe trait Token: Copy {
    /// How many vectors the registers hold.
    const REGISTERS: usize;
    /// An instruction set with vectors half as long, where there is one: for the few outputs of a head.
    type Half: Simd;

    /// See [`Token::Half`].
    fn half(self) -> Self::Half;

    /// Runs a kernel with the instruction set switched on.
    fn vectorize<K: Kernel>(self, kernel: K);
}

/// Vectors of f32.
///
/// # Safety
/// An implementation must access no memory but what each method's contract names.
pub(crate) unsafe trait Floats: Copy {
    /// A vector of [`Floats::LANES`] values.
    type V: Copy;
    /// A yes or no for each lane.
    type Mask: Copy;
    /// Values in a vector.
    const LANES: usize;

    /// Every lane `x`.
    fn splat(self, x: f32) -> Self::V;
    /// `a + b`
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a·b + c`, rounded once where the machine can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// [`Floats::mul_add`] on four lanes, whatever the instruction set.
    fn mul_add_four(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4;
    /// The larger of each lane; `b` where either is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The larger of each two neighbours: first those of `a`, then those of `b`.
    fn max_pairs(self, a: Self::V, b: Self::V) -> Self::V;
    /// `x` where it is more than 0, elsewhere `slope·x`; NaN stays NaN.
    fn prelu(self, x: Self::V, slope: Self::V) -> Self::V;
    /// Where `a > b`; no where either is NaN.
    fn greater(self, a: Self::V, b: Self::V) -> Self::Mask;
    /// Where `a = b`.
    fn equal(self, a: Self::V, b: Self::V) -> Self::Mask;
    /// `yes` where the mask says so, elsewhere `no`.
    fn select(self, mask: Self::Mask, yes: Self::V, no: Self::V) -> Self::V;

    /// Reads `LANES` values.
    ///
    /// # Safety
    /// They must be readable at `p`.
    unsafe fn load(self, p: *const f32) -> Self::V;
    /// Writes `LANES` values.
    ///
    /// # Safety
    /// They must be writable at `p`.
    unsafe fn store(self, p: *mut f32, v: Self::V);
    /// Reads the first `n` values; the other lanes are 0.
    ///
    /// # Safety
    /// `n < LANES` values must be readable at `p`.
    unsafe fn load_first(self, p: *const f32, n: usize) -> Self::V;
    /// Writes the first `n` lanes and leaves the memory behind them alone.
    ///
    /// # Safety
    /// `n < LANES` values must be writable at `p`.
    unsafe fn store_first(self, p: *mut f32, v: Self::V, n: usize);
    /// [`Floats::store_first`] for kernels that mostly write parts of vectors: AMD takes a dozen cycles for AVX2's masked
    /// store. What replaces it is more code, which costs registers where parts are rare.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn store_pieces(self, p: *mut f32, v: Self::V, n: usize) {
        // SAFETY: the caller's.
        unsafe { self.store_first(p, v, n) }
    }
    /// Reads `LANES` bytes as values from 0 to 255.
    ///
    /// # Safety
    /// They must be readable at `p`.
    unsafe fn load_u8(self, p: *const u8) -> Self::V;
    /// Writes values less than 2³¹ as `LANES` bytes: rounded to the nearest integer, halves to an even one, and cut to
    /// 0 to 255.
    ///
    /// # Safety
    /// They must be writable at `p`.
    unsafe fn store_u8(self, p: *mut u8, v: Self::V);
}

/// Reads the first `n` values, `LANES` at most; the other lanes are 0.
///
/// # Safety
/// `min(n, LANES)` values must be readable at `p`.
#[inline(always)]
pub(crate) unsafe fn load_up_to<S: Floats>(s: S, p: *const f32, n: usize) -> S::V {
    // SAFETY: the caller's.
    unsafe { if n >= S::LANES { s.load(p) } else { s.load_first(p, n) } }
}

/// Writes the first `n` lanes, `LANES` at most.
///
/// # Safety
/// `min(n, LANES)` values must be writable at `p`.
#[inline(always)]
pub(crate) unsafe fn store_up_to<S: Floats>(s: S, p: *mut f32, v: S::V, n: usize) {
    // SAFETY: the caller's.
    unsafe { if n >= S::LANES { s.store(p, v) } else { s.store_first(p, v, n) } }
}

/// [`store_up_to`] for where parts of vectors are the rule.
///
/// # Safety
/// As there.
#[inline(always)]
pub(crate) unsafe fn store_pieces_up_to<S: Floats>(s: S, p: *mut f32, v: S::V, n: usize) {
    // SAFETY: the caller's.
    unsafe { if n >= S::LANES { s.store(p, v) } else { s.store_pieces(p, v, n) } }
}

/// Hints that the line of the cache around an address, which need not be one of ours, is read soon.
#[inline(always)]
pub(crate) fn prefetch(p: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: each x86-64 has the instruction, and it reads nothing that the program could see or that could fail.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// Runs a kernel on an instruction set.
///
/// # Panics
/// If the machine lacks it.
pub(crate) fn dispatch<K: Kernel>(isa: Isa, kernel: K) {
    match isa {
        Isa::Portable => portable::Portable::new().vectorize(kernel),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::Avx2::detect().expect("this machine has AVX2 and FMA").vectorize(kernel),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::Avx512::detect().expect("this machine has AVX-512F").vectorize(kernel),
        #[cfg(not(target_arch = "x86_64"))]
        Isa::Avx2 | Isa::Avx512 => panic!("only x86-64 has {isa}"),
    }
}
