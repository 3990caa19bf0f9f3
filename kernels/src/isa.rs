//! The instruction sets that a kernel is compiled for, and the choice among them at run time.

use std::sync::OnceLock;

/// An instruction set that every kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// What the target has in any case, through the crate `wide`: SSE2 on x86-64, NEON on aarch64.
    Portable,
    /// AVX2 with FMA: 8 lanes of f32.
    Avx2,
    /// AVX-512F (with AVX2 and FMA): 16 lanes of f32.
    Avx512,
}

impl Isa {
    /// Every instruction set, the plainest first.
    pub const ALL: [Isa; 3] = [Isa::Portable, Isa::Avx2, Isa::Avx512];

    /// The environment variable that forces one.
    pub const VARIABLE: &'static str = "MTCNN_CPU_ISA";

    /// `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }

    /// The instruction set of that [name](Isa::name), if there is one.
    pub fn by_name(name: &str) -> Option<Isa> {
        Self::ALL.into_iter().find(|isa| isa.name() == name)
    }

    /// Numbers of f32 in one of its vectors.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Isa::Portable => 4,
            Isa::Avx2 => 8,
            Isa::Avx512 => 16,
        }
    }

    /// The instruction set for a matrix of so many columns: half as long vectors where the other half
    /// would be idle.
    pub(crate) fn for_columns(self, columns: usize) -> Isa {
        if self == Isa::Avx512 && columns <= Isa::Avx2.lanes() { Isa::Avx2 } else { self }
    }

    /// The most vectors that a tile is wide.
    pub(crate) fn tile_vectors(self) -> usize {
        match self {
            Isa::Portable | Isa::Avx2 => 2,
            Isa::Avx512 => 3,
        }
    }

    /// Whether this machine has it.
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
    pub fn available() -> Vec<Isa> {
        Self::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// The best that this machine has.
    pub fn best() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::ALL.into_iter().rfind(|isa| isa.is_available()).unwrap_or(Isa::Portable))
    }

    /// The one that [`Isa::VARIABLE`] names, or else the best.
    ///
    /// # Errors
    /// If the variable's value is no instruction set, or one that this machine lacks.
    pub fn from_env() -> Result<Isa, String> {
        let Some(value) = std::env::var_os(Self::VARIABLE).filter(|value| !value.is_empty()) else {
            return Ok(Self::best());
        };
        let value = value.to_string_lossy();
        match Self::by_name(&value) {
            None => Err(format!("{}={value}: it must be portable, avx2 or avx512", Self::VARIABLE)),
            Some(isa) if !isa.is_available() => Err(format!("{}={value}: this machine lacks it", Self::VARIABLE)),
            Some(isa) => Ok(isa),
        }
    }
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
