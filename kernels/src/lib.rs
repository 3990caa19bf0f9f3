//! The arithmetic of [mtcnn-cpu](https://docs.rs/mtcnn-cpu): convolution, GEMM, pooling and resizing,
//! one source for SSE2/NEON, AVX2 and AVX-512, chosen at run time.
//!
//! Functions take slices and sizes and know nothing of nets; they check sizes once and panic where
//! one does not fit. Pictures are NHWC, `[image][row][column][channel]`. This is the only crate of
//! the project with `unsafe` code. Instruction sets differ in rounding (fused or not) by a few units in
//! the last place; on one, a result does not depend on how the work is cut into pieces.

mod buffer;
pub mod colour;
mod conv;
mod dense;
pub mod gemm;
pub mod grad;
pub mod im2col;
mod isa;
pub mod loss;
#[cfg(feature = "mapped")]
pub mod mapped;
pub mod naive;
pub mod peak;
mod planar;
mod pool;
pub mod prelu;
pub mod resize;
pub mod rows;
mod simd;
mod sizes;
pub mod softmax;
mod tile;
mod winograd;

pub use buffer::Buffer;
pub use conv::Conv;
pub use dense::Dense;
pub use isa::{Capabilities, Isa, UnknownIsa};
pub use planar::PlanarConvPool;
pub use pool::MaxPool;
pub use winograd::Winograd;
pub use winograd::WinogradRow;
