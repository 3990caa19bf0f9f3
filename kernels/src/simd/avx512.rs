//! AVX-512F: 16 lanes.

use core::arch::x86_64::*;

use wide::f32x4;

use super::pixels::{GROUP, Place, READ};
use super::{ByteKernel, Bytes, Floats, Kernel, Pixels, Token};
use crate::{Capabilities, Isa};

/// Proof that the machine has AVX-512F, AVX2 and FMA, and with `VNNI` what [`Bytes`] needs besides.
#[derive(Clone, Copy)]
pub(crate) struct Avx512<const VNNI: bool = false> {
    _detected: (),
}

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        Isa::Avx512.is_available().then_some(Self { _detected: () })
    }
}

impl Avx512<true> {
    pub(crate) fn detect_vnni() -> Option<Self> {
        let found = Isa::Avx512.is_available() && Capabilities::detect().avx512_vnni;
        found.then_some(Self { _detected: () })
    }
}

/// A mask of the first `n` lanes.
#[inline(always)]
fn first(n: usize) -> __mmask16 {
    debug_assert!(n < 16);
    ((1_u32 << n) - 1) as __mmask16
}

// SAFETY: an `Avx512` exists only after detection.
unsafe impl Token for Avx512 {
    const REGISTERS: usize = 32;
    type Half = super::avx2::Avx2;

    #[inline(always)]
    fn half(self) -> Self::Half {
        super::avx2::Avx2::of_avx512(self)
    }

    #[inline(always)]
    fn vectorize<K: Kernel>(self, kernel: K) {
        #[target_feature(enable = "avx512f,avx2,fma")]
        fn go<K: Kernel>(s: Avx512, kernel: K) {
            kernel.run(s)
        }
        // SAFETY: an `Avx512` exists only after detection.
        unsafe { go(self, kernel) }
    }
}

// SAFETY: as AVX2's.
unsafe impl<const VNNI: bool> Pixels for Avx512<VNNI> {
    #[inline(always)]
    unsafe fn blend(self, data: *const u8, stride: usize, pairs: [u8; READ], places: [Place; GROUP]) -> [u8; 12] {
        // SAFETY: the caller's.
        unsafe { super::avx2::Avx2::of_avx512(self).blend(data, stride, pairs, places) }
    }
}

// SAFETY: each memory access is the one that the method's contract names.
unsafe impl<const VNNI: bool> Floats for Avx512<VNNI> {
    type V = __m512;
    type Mask = __mmask16;
    const LANES: usize = 16;

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: detected.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: detected.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: detected.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: detected.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn mul_add_four(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        super::avx2::Avx2::of_avx512(self).mul_add_four(a, b, c)
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: detected.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn max_pairs(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: detected.
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
            _mm512_max_ps(_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b))
        }
    }

    #[inline(always)]
    fn prelu(self, x: __m512, slope: __m512) -> __m512 {
        // SAFETY: detected. The mask is set where x is not more than 0, NaN included.
        unsafe {
            let scaled = _mm512_cmp_ps_mask::<_CMP_NGT_UQ>(x, _mm512_setzero_ps());
            _mm512_mask_mul_ps(x, scaled, x, slope)
        }
    }

    #[inline(always)]
    fn greater(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: detected.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) }
    }

    #[inline(always)]
    fn equal(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: detected.
        unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: __mmask16, yes: __m512, no: __m512) -> __m512 {
        // SAFETY: detected.
        unsafe { _mm512_mask_blend_ps(mask, no, yes) }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: detected; the caller gives 16 readable values.
        unsafe { _mm512_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m512) {
        // SAFETY: detected; the caller gives 16 writable values.
        unsafe { _mm512_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> __m512 {
        // SAFETY: detected; the mask keeps the access to the caller's `n` values.
        unsafe { _mm512_maskz_loadu_ps(first(n), p) }
    }

    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, v: __m512, n: usize) {
        // SAFETY: detected; the mask keeps the access to the caller's `n` values.
        unsafe { _mm512_mask_storeu_ps(p, first(n), v) }
    }

    #[inline(always)]
    unsafe fn load_u8(self, p: *const u8) -> __m512 {
        // SAFETY: detected; the caller gives 16 readable bytes.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(p.cast()))) }
    }

    #[inline(always)]
    unsafe fn store_u8(self, p: *mut u8, v: __m512) {
        // SAFETY: detected; the caller gives 16 writable bytes. By AVX2's packing, which works within halves of its vectors
        // and puts the quarters in the order 0, 2, 1, 3: AVX-512's own, which the compiler makes one with the store, takes AMD
        // dozens of cycles.
        unsafe {
            let whole = _mm512_cvtps_epi32(v);
            let words = _mm256_packs_epi32(_mm512_castsi512_si256(whole), _mm512_extracti64x4_epi64::<1>(whole));
            let bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            _mm_storeu_si128(p.cast(), _mm_shuffle_epi32::<0b11_01_10_00>(bytes));
        }
    }
}

// SAFETY: each memory access is the one that the method's contract names.
unsafe impl Bytes for Avx512<true> {
    type I = __m512i;
    const INT_REGISTERS: usize = 32;

    #[inline(always)]
    fn vectorize_bytes<K: ByteKernel>(self, kernel: K) {
        #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
        fn go<K: ByteKernel>(s: Avx512<true>, kernel: K) {
            kernel.run(s)
        }
        // SAFETY: an `Avx512<true>` exists only after detection.
        unsafe { go(self, kernel) }
    }

    #[inline(always)]
    fn splat_int(self, x: i32) -> __m512i {
        // SAFETY: detected.
        unsafe { _mm512_set1_epi32(x) }
    }

    #[inline(always)]
    unsafe fn load_int(self, p: *const i32) -> __m512i {
        // SAFETY: detected; the caller gives 16 readable values.
        unsafe { _mm512_loadu_si512(p.cast()) }
    }

    #[inline(always)]
    unsafe fn store_int(self, p: *mut i32, v: __m512i) {
        // SAFETY: detected; the caller gives 16 writable values.
        unsafe { _mm512_storeu_si512(p.cast(), v) }
    }

    #[inline(always)]
    fn dot(self, sum: __m512i, bytes: __m512i, weights: __m512i) -> __m512i {
        // SAFETY: detected.
        unsafe { _mm512_dpbusd_epi32(sum, bytes, weights) }
    }

    #[inline(always)]
    fn max_int(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: detected.
        unsafe { _mm512_max_epi32(a, b) }
    }

    #[inline(always)]
    fn min_int(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: detected.
        unsafe { _mm512_min_epi32(a, b) }
    }

    #[inline(always)]
    fn max_bytes(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: detected.
        unsafe { _mm512_max_epu8(a, b) }
    }

    #[inline(always)]
    fn to_float(self, v: __m512i) -> __m512 {
        // SAFETY: detected.
        unsafe { _mm512_cvtepi32_ps(v) }
    }

    #[inline(always)]
    fn round(self, v: __m512) -> __m512i {
        // SAFETY: detected.
        unsafe { _mm512_cvtps_epi32(v) }
    }

    #[inline(always)]
    fn interleave(self, [a, b, c, d]: [__m512i; 4]) -> __m512i {
        // SAFETY: detected.
        unsafe {
            let bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
            let order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            _mm512_shuffle_epi8(bytes, _mm512_broadcast_i32x4(order))
        }
    }

    #[inline(always)]
    fn even_and_odd(self, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
        // SAFETY: detected.
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
            (_mm512_permutex2var_epi32(a, even, b), _mm512_permutex2var_epi32(a, odd, b))
        }
    }
}
