//! The instruction sets that a kernel is compiled for, and the choice among them at run time.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// An instruction set that every kernel is compiled for, the plainest first.
///
/// ```
/// use mtcnn_kernels::Isa;
///
/// let best = Isa::best();
/// assert!(best.is_available() && best >= Isa::Portable);
/// assert_eq!(best.to_string().parse::<Isa>(), Ok(best));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// What the target always has, through the crate `wide`: SSE2 on x86-64, NEON on aarch64.
    Portable,
    /// AVX2 with FMA: 8 lanes of f32.
    Avx2,
    /// AVX-512F (with AVX2 and FMA): 16 lanes of f32.
    Avx512,
}

impl Isa {
    /// Every instruction set, the plainest first.
    pub const ALL: &[Isa] = &[Isa::Portable, Isa::Avx2, Isa::Avx512];

    /// Whether this machine has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Isa::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Isa::Avx2.is_available() && is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 => false,
        }
    }

    /// Those that this machine has, the plainest first.
    #[must_use]
    pub fn available() -> Vec<Isa> {
        Self::ALL.iter().copied().filter(|isa| isa.is_available()).collect()
    }

    /// The best that this machine has.
    #[must_use]
    pub fn best() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().pop().unwrap_or(Isa::Portable))
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        })
    }
}

/// A text that names no instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownIsa;

impl fmt::Display for UnknownIsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it must be portable, avx2 or avx512")
    }
}

impl std::error::Error for UnknownIsa {}

impl FromStr for Isa {
    type Err = UnknownIsa;

    /// `portable`, `avx2` or `avx512`.
    fn from_str(name: &str) -> Result<Self, UnknownIsa> {
        Self::ALL.iter().copied().find(|isa| isa.to_string() == name).ok_or(UnknownIsa)
    }
}

/// What this CPU has beside its instruction set: instructions for low precision.
///
/// They are facts, not ranks: AVX-VNNI comes with CPUs that have AVX2 and no AVX-512, and the others with some that
/// have AVX-512. No f32 kernel looks at them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Capabilities {
    /// AVX-VNNI: products of bytes, summed up by fours, on vectors of 32 bytes.
    pub avx_vnni: bool,
    /// AVX-512 VNNI: the same on vectors of 64 bytes.
    pub avx512_vnni: bool,
    /// AVX-512 BF16: products of bfloat16, summed up by twos.
    pub avx512_bf16: bool,
    /// AMX-INT8: products of tiles of bytes, where the operating system keeps their state too.
    pub amx_int8: bool,
}

impl Capabilities {
    /// Those of this machine.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        return Self {
            avx_vnni: is_x86_feature_detected!("avxvnni"),
            avx512_vnni: is_x86_feature_detected!("avx512vnni"),
            avx512_bf16: is_x86_feature_detected!("avx512bf16"),
            amx_int8: amx_int8(),
        };
        #[cfg(not(target_arch = "x86_64"))]
        Self::default()
    }
}

/// AMX with its tiles of bytes. The standard library detects it on nightly only.
#[cfg(target_arch = "x86_64")]
fn amx_int8() -> bool {
    use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
    #[target_feature(enable = "xsave")]
    fn state_kept() -> bool {
        // Bits 17 and 18: the operating system saves the tiles' shape and data.
        const TILES: u64 = 0b11 << 17;
        // SAFETY: XSAVE is on, and register 0 exists wherever it is.
        unsafe { _xgetbv(0) & TILES == TILES }
    }
    const OSXSAVE: u32 = 1 << 27;
    const AMX_TILE_AND_INT8: u32 = 0b11 << 24;
    // SAFETY: every x86-64 CPU has CPUID; leaf 7 is asked for only where there is one, and the state only where XSAVE is
    // switched on.
    unsafe {
        __cpuid(0).eax >= 7
            && __cpuid(1).ecx & OSXSAVE != 0
            && __cpuid_count(7, 0).edx & AMX_TILE_AND_INT8 == AMX_TILE_AND_INT8
            && state_kept()
    }
}
