//! The types of values in files of weights.

use half::{bf16, f16};

/// A type of floating-point values, the lowest byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dtype {
    F16,
    Bf16,
    F32,
    F64,
}

impl Dtype {
    /// Of one value.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// All values; bytes behind the last whole one are left out.
    pub(super) fn read(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => bytes.as_chunks().0.iter().map(|&it| f16::from_le_bytes(it).to_f32()).collect(),
            Self::Bf16 => bytes.as_chunks().0.iter().map(|&it| bf16::from_le_bytes(it).to_f32()).collect(),
            Self::F32 => bytes.as_chunks().0.iter().map(|&it| f32::from_le_bytes(it)).collect(),
            Self::F64 => bytes.as_chunks().0.iter().map(|&it| f64::from_le_bytes(it) as f32).collect(),
        }
    }
}
