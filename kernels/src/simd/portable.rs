//! The backend that needs no detection: the crate `wide`, which takes what the target always has.

use wide::f32x4;

use super::{Floats, Kernel, Pixels, Token};

/// SSE2, NEON, wasm simd128 or plain code, 4 lanes.
#[derive(Clone, Copy)]
pub(crate) struct Portable {
    _private: (),
}

impl Portable {
    pub(crate) fn new() -> Self {
        Self { _private: () }
    }
}

// SAFETY: `wide` uses no instruction that the compilation target lacks.
unsafe impl Token for Portable {
    const REGISTERS: usize = 16;
    type Half = Portable;

    #[inline(always)]
    fn half(self) -> Self::Half {
        self
    }

    #[inline(always)]
    fn vectorize<K: Kernel>(self, kernel: K) {
        kernel.run(self)
    }
}

// SAFETY: it has the method that there is.
unsafe impl Pixels for Portable {}

// SAFETY: every access below is the array that the method's contract names.
unsafe impl Floats for Portable {
    type V = f32x4;
    type Mask = f32x4;
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> f32x4 {
        f32x4::splat(x)
    }

    #[inline(always)]
    fn add(self, a: f32x4, b: f32x4) -> f32x4 {
        a + b
    }

    #[inline(always)]
    fn sub(self, a: f32x4, b: f32x4) -> f32x4 {
        a - b
    }

    #[inline(always)]
    fn mul_add(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn mul_add_four(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn max(self, a: f32x4, b: f32x4) -> f32x4 {
        a.simd_gt(b).bitselect(a, b)
    }

    #[inline(always)]
    fn max_pairs(self, a: f32x4, b: f32x4) -> f32x4 {
        let ([a, b, c, d], [e, f, g, h]) = (a.to_array(), b.to_array());
        self.max(f32x4::new([a, c, e, g]), f32x4::new([b, d, f, h]))
    }

    #[inline(always)]
    fn prelu(self, x: f32x4, slope: f32x4) -> f32x4 {
        x.simd_gt(f32x4::ZERO).bitselect(x, slope * x)
    }

    #[inline(always)]
    fn greater(self, a: f32x4, b: f32x4) -> f32x4 {
        a.simd_gt(b)
    }

    #[inline(always)]
    fn equal(self, a: f32x4, b: f32x4) -> f32x4 {
        a.simd_eq(b)
    }

    #[inline(always)]
    fn select(self, mask: f32x4, yes: f32x4, no: f32x4) -> f32x4 {
        mask.bitselect(yes, no)
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> f32x4 {
        // SAFETY: the caller gives 4 readable values.
        f32x4::new(unsafe { p.cast::<[f32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: f32x4) {
        // SAFETY: the caller gives 4 writable values.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(v.to_array()) }
    }

    #[inline(always)]
    unsafe fn load_first(self, p: *const f32, n: usize) -> f32x4 {
        let mut lanes = [0.0; 4];
        for i in 0..n {
            // SAFETY: the caller gives `n` readable values.
            lanes[i] = unsafe { p.add(i).read() };
        }
        f32x4::new(lanes)
    }

    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, v: f32x4, n: usize) {
        let lanes = v.to_array();
        for i in 0..n {
            // SAFETY: the caller gives `n` writable values.
            unsafe { p.add(i).write(lanes[i]) };
        }
    }

    #[inline(always)]
    unsafe fn load_u8(self, p: *const u8) -> f32x4 {
        // SAFETY: the caller gives 4 readable bytes.
        let [a, b, c, d] = unsafe { p.cast::<[u8; 4]>().read_unaligned() };
        f32x4::new([f32::from(a), f32::from(b), f32::from(c), f32::from(d)])
    }

    #[inline(always)]
    unsafe fn store_u8(self, p: *mut u8, v: f32x4) {
        // SAFETY: the caller gives 4 writable bytes.
        unsafe { p.cast::<[u8; 4]>().write_unaligned(v.round_int().to_array().map(|x| x.clamp(0, 255) as u8)) }
    }
}
