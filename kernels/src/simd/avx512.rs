//! AVX-512F: 16 lanes.

use core::arch::x86_64::*;

use wide::f32x4;

use super::{Floats, Kernel, Token};
use crate::Isa;

/// Proof that the machine has AVX-512F, AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx512 {
    _detected: (),
}

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        Isa::Avx512.is_available().then_some(Self { _detected: () })
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

// SAFETY: each memory access is the one that the method's contract names.
unsafe impl Floats for Avx512 {
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
        self.half().mul_add_four(a, b, c)
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
