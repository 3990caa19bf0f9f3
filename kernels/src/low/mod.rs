//! Low precision: convolutions of bytes, which tell quickly what the nets would reject.
//!
//! Activations are unsigned bytes, weights signed ones, sums i32, and what follows a sum (PReLU and
//! rounding to a byte again, or a weighted sum of all channels) is f32 in a fixed order. So every backend gives the same
//! bits, those of [`crate::naive::low`].

mod cells;
mod crops;
mod packed;

use crate::{Capabilities, Isa};
pub use cells::Cells;
pub use crops::Crops;

/// What sums up products of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// AVX2: products of bytes summed up by twos in 16 bits, those by twos in 32 bits.
    Avx2,
    /// AVX-512 VNNI: one instruction for all of it.
    Avx512Vnni,
}

impl Backend {
    /// The best that this machine has beside an instruction set; `None` where there is nothing that pays.
    #[must_use]
    pub fn best(isa: Isa) -> Option<Self> {
        match isa {
            Isa::Avx512 if Capabilities::detect().avx512_vnni => Some(Self::Avx512Vnni),
            Isa::Avx512 | Isa::Avx2 => isa.is_available().then_some(Self::Avx2),
            Isa::Portable => None,
        }
    }
}

/// The most that the weights of inputs `2i` and `2i + 1` at one place of the kernel may add up to, the positive ones and the
/// negative ones each for themselves: then the sum of their products with bytes fits into 16 bits, which AVX2 needs.
pub const MOST_OF_PAIR: i16 = 128;

/// What becomes of a channel's sum `x`: `offset + gain·x + extra·max(x, 0)`, a PReLU and an affine map in one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Finish {
    /// What a negative sum is multiplied by.
    pub gain: f32,
    /// What is added to it for a positive one.
    pub extra: f32,
    /// The value of a sum of 0.
    pub offset: f32,
}

impl Finish {
    /// As the kernels do it.
    #[must_use]
    pub fn apply(self, sum: i32) -> f32 {
        let x = sum as f32;
        x.max(0.0).mul_add(self.extra, x.mul_add(self.gain, self.offset))
    }
}

/// A convolution of bytes with a square kernel, stride 1 and no padding.
#[derive(Clone, Debug)]
pub struct ByteConv {
    /// Rows and columns of the kernel.
    pub size: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// `[outputs][inputs][size][size]`, such as [`MOST_OF_PAIR`] says.
    pub weights: Vec<i8>,
    /// A bias for each output.
    pub bias: Vec<i32>,
    /// What becomes of each output's sum.
    pub finish: Vec<Finish>,
}
