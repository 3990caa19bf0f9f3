//! AVX2 with FMA: 8 lanes.

use core::arch::x86_64::*;

use wide::f32x4;

use super::pixels::{BITS, GROUP, HALF, ONE, Place, READ};
use super::{ByteKernel, Bytes, Floats, Kernel, Pixels, Token};
use crate::Isa;

/// Proof that the machine has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2 {
    _detected: (),
}

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        Isa::Avx2.is_available().then_some(Self { _detected: () })
    }

    /// A machine with AVX-512 has AVX2 and FMA too: that is part of its detection.
    #[inline(always)]
    pub(super) fn of_avx512<const VNNI: bool>(_: super::avx512::Avx512<VNNI>) -> Self {
        Self { _detected: () }
    }
}

/// A mask of the first `n` lanes.
#[inline(always)]
fn first(n: usize) -> __m256i {
    debug_assert!(n < 8);
    const MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: 8 values are readable from any of the first 9; AVX is there, since only an `Avx2` calls.
    unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - n.min(8)).cast()) }
}

// SAFETY: an `Avx2` exists only after detection.
unsafe impl Token for Avx2 {
    const REGISTERS: usize = 16;
    type Half = Avx2;

    #[inline(always)]
    fn half(self) -> Self::Half {
        self
    }

    #[inline(always)]
    fn vectorize<K: Kernel>(self, kernel: K) {
        #[target_feature(enable = "avx2,fma")]
        fn go<K: Kernel>(s: Avx2, kernel: K) {
            kernel.run(s)
        }
        // SAFETY: an `Avx2` exists only after detection.
        unsafe { go(self, kernel) }
    }
}

/// Weights across for a pixel and the next, for each channel.
#[inline(always)]
fn across(place: Place) -> i64 {
    (ONE + place.across * 255) as i64 * 0x0001_0001_0001_0001
}

/// Weights down for a line and the next, as i16, twice.
#[inline(always)]
fn down(place: Place) -> i64 {
    (ONE + place.down * 65_535) as i64 * 0x0000_0001_0000_0001
}

/// The bytes of a place.
///
/// # Safety
/// [`READ`] of them must be readable.
#[inline(always)]
unsafe fn eight(data: *const u8, place: Place) -> i64 {
    // SAFETY: the caller's.
    unsafe { data.add(place.at).cast::<i64>().read_unaligned() }
}

// SAFETY: the accesses are those of the method's contract.
unsafe impl Pixels for Avx2 {
    #[inline(always)]
    unsafe fn blend(self, data: *const u8, stride: usize, pairs: [u8; READ], places: [Place; GROUP]) -> [u8; 12] {
        let [a, b, c, d] = places;
        let first = i64::from_le_bytes(pairs);
        let second = first + i64::from_le_bytes([READ as u8; 8]);
        // SAFETY: detected, and the reads are the caller's. No sum of bytes by weights is above 255 · ONE, which an i16
        // holds.
        unsafe {
            // Two pixels in each half of a vector, eight bytes each.
            let pairs = _mm256_set_epi64x(second, first, second, first);
            let across = _mm256_set_epi64x(across(d), across(c), across(b), across(a));
            let down = _mm256_set_epi64x(down(d), down(c), down(b), down(a));
            let top = _mm256_set_epi64x(eight(data, d), eight(data, c), eight(data, b), eight(data, a));
            let data = data.add(stride);
            let low = _mm256_set_epi64x(eight(data, d), eight(data, c), eight(data, b), eight(data, a));
            let top = _mm256_maddubs_epi16(_mm256_shuffle_epi8(top, pairs), across);
            let low = _mm256_maddubs_epi16(_mm256_shuffle_epi8(low, pairs), across);
            let half = _mm256_set1_epi32(HALF);
            let even = _mm256_madd_epi16(_mm256_unpacklo_epi16(top, low), _mm256_unpacklo_epi64(down, down));
            let odd = _mm256_madd_epi16(_mm256_unpackhi_epi16(top, low), _mm256_unpackhi_epi64(down, down));
            let even = _mm256_srli_epi32::<{ 2 * BITS as i32 }>(_mm256_add_epi32(even, half));
            let odd = _mm256_srli_epi32::<{ 2 * BITS as i32 }>(_mm256_add_epi32(odd, half));
            let values = _mm256_packs_epi32(even, odd);
            let bytes = _mm256_packus_epi16(values, values);
            // Three bytes of each; the second half's go behind the first's six.
            #[rustfmt::skip]
            let places = _mm256_setr_epi8(
                0, 1, 2, 4, 5, 6, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                -1, -1, -1, -1, -1, -1, 0, 1, 2, 4, 5, 6, -1, -1, -1, -1,
            );
            let bytes = _mm256_shuffle_epi8(bytes, places);
            let bytes = _mm_or_si128(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes));
            let mut all = [0_u8; 16];
            _mm_storeu_si128(all.as_mut_ptr().cast(), bytes);
            *all.first_chunk().expect("12 of 16 bytes")
        }
    }
}

// SAFETY: each memory access is the one that the method's contract names.
unsafe impl Floats for Avx2 {
    type V = __m256;
    type Mask = __m256;
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: detected.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: detected.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: detected.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: detected.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn mul_add_four(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        let [a, b, c] = [a, b, c].map(bytemuck::cast::<_, __m128>);
        // SAFETY: detected.
        bytemuck::cast(unsafe { _mm_fmadd_ps(a, b, c) })
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: detected.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn max_pairs(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: detected. The shuffles work within halves of the vectors, the permutation puts the
        // quarters in order.
        unsafe {
            let (even, odd) = (_mm256_shuffle_ps::<0b10_00_10_00>(a, b), _mm256_shuffle_ps::<0b11_01_11_01>(a, b));
            let most = _mm256_castps_pd(_mm256_max_ps(even, odd));
            _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(most))
        }
    }

    #[inline(always)]
    fn prelu(self, x: __m256, slope: __m256) -> __m256 {
        // SAFETY: detected.
        unsafe { _mm256_blendv_ps(_mm256_mul_ps(slope, x), x, _mm256_cmp_ps::<_CMP_GT_OQ>(x, _mm256_setzero_ps())) }
    }

    #[inline(always)]
    fn greater(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: detected.
        unsafe { _mm256_cmp_ps::<_CMP_GT_OQ>(a, b) }
    }

    #[inline(always)]
    fn equal(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: detected.
        unsafe { _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: __m256, yes: __m256, no: __m256) -> __m256 {
        // SAFETY: detected.
        unsafe { _mm256_blendv_ps(no, yes, mask) }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: detected; the caller gives 8 readable values.
        unsafe { _mm256_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m256) {
        // SAFETY: detected; the caller gives 8 writable values.
        unsafe { _mm256_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> __m256 {
        // SAFETY: detected; the mask keeps the access to the caller's `n` values.
        unsafe { _mm256_maskload_ps(p, first(n)) }
    }

    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, v: __m256, n: usize) {
        // SAFETY: detected; the mask keeps the access to the caller's `n` values.
        unsafe { _mm256_maskstore_ps(p, first(n), v) }
    }

    #[inline(always)]
    unsafe fn store_pieces(self, p: *mut f32, v: __m256, n: usize) {
        // SAFETY: detected; four, two and one values are written, as the bits of `n` say: together the caller's `n`.
        unsafe {
            let (mut p, mut left) = (p, _mm256_castps256_ps128(v));
            if n & 4 != 0 {
                _mm_storeu_ps(p, left);
                (p, left) = (p.add(4), _mm256_extractf128_ps::<1>(v));
            }
            if n & 2 != 0 {
                _mm_storel_epi64(p.cast(), _mm_castps_si128(left));
                (p, left) = (p.add(2), _mm_movehl_ps(left, left));
            }
            if n & 1 != 0 {
                _mm_store_ss(p, left);
            }
        }
    }

    #[inline(always)]
    unsafe fn load_u8(self, p: *const u8) -> __m256 {
        // SAFETY: detected; the caller gives 8 readable bytes.
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(p.cast()))) }
    }

    #[inline(always)]
    unsafe fn store_u8(self, p: *mut u8, v: __m256) {
        // SAFETY: detected; the caller gives 8 writable bytes. Packing works within halves of the vectors.
        unsafe {
            let whole = _mm256_cvtps_epi32(v);
            let words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256::<1>(whole));
            _mm_storel_epi64(p.cast(), _mm_packus_epi16(words, words));
        }
    }
}

// SAFETY: each memory access is the one that the method's contract names.
unsafe impl Bytes for Avx2 {
    type I = __m256i;
    const INT_REGISTERS: usize = 16;

    #[inline(always)]
    fn vectorize_bytes<K: ByteKernel>(self, kernel: K) {
        #[target_feature(enable = "avx2,fma")]
        fn go<K: ByteKernel>(s: Avx2, kernel: K) {
            kernel.run(s)
        }
        // SAFETY: an `Avx2` exists only after detection.
        unsafe { go(self, kernel) }
    }

    #[inline(always)]
    fn splat_int(self, x: i32) -> __m256i {
        // SAFETY: detected.
        unsafe { _mm256_set1_epi32(x) }
    }

    #[inline(always)]
    unsafe fn load_int(self, p: *const i32) -> __m256i {
        // SAFETY: detected; the caller gives 8 readable values.
        unsafe { _mm256_loadu_si256(p.cast()) }
    }

    #[inline(always)]
    unsafe fn store_int(self, p: *mut i32, v: __m256i) {
        // SAFETY: detected; the caller gives 8 writable values.
        unsafe { _mm256_storeu_si256(p.cast(), v) }
    }

    #[inline(always)]
    fn dot(self, sum: __m256i, bytes: __m256i, weights: __m256i) -> __m256i {
        // SAFETY: detected.
        unsafe {
            let pairs = _mm256_maddubs_epi16(bytes, weights);
            _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        }
    }

    #[inline(always)]
    fn max_int(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: detected.
        unsafe { _mm256_max_epi32(a, b) }
    }

    #[inline(always)]
    fn min_int(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: detected.
        unsafe { _mm256_min_epi32(a, b) }
    }

    #[inline(always)]
    fn max_bytes(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: detected.
        unsafe { _mm256_max_epu8(a, b) }
    }

    #[inline(always)]
    fn to_float(self, v: __m256i) -> __m256 {
        // SAFETY: detected.
        unsafe { _mm256_cvtepi32_ps(v) }
    }

    #[inline(always)]
    fn round(self, v: __m256) -> __m256i {
        // SAFETY: detected.
        unsafe { _mm256_cvtps_epi32(v) }
    }

    #[inline(always)]
    fn interleave(self, [a, b, c, d]: [__m256i; 4]) -> __m256i {
        // SAFETY: detected.
        unsafe {
            let bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
            let order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(order))
        }
    }

    #[inline(always)]
    fn even_and_odd(self, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
        // SAFETY: detected. The shuffles work within halves, so that pairs come in the order 0, 2, 1, 3.
        unsafe {
            let (a, b) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
            let even = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(a, b));
            let odd = _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(a, b));
            (_mm256_permute4x64_epi64::<0b11_01_10_00>(even), _mm256_permute4x64_epi64::<0b11_01_10_00>(odd))
        }
    }
}
