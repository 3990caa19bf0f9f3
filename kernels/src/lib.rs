//! Arithmetic for small convolutional nets on the CPU: convolution, GEMM, pooling, resizing and their gradients, from one
//! source for SSE2/NEON, AVX2 and AVX-512, chosen at run time.
//!
//! The kernels of [mtcnn-cpu](https://docs.rs/mtcnn-cpu), which know nothing of its nets. Functions take slices and a
//! [`Shape`]; they check sizes once and panic where one does not fit. Images are NHWC, `[image][row][column][channel]`. This
//! is the only crate of the project with `unsafe` code. Instruction sets differ in rounding (fused or not) by a few units in
//! the last place; on one, a result does not depend on how the work is cut into pieces.
//!
//! Layers are packed once for an [`Isa`] and used from any thread: [`Conv`], [`Winograd`], [`Dense`], and [`MaxPool`], which
//! needs no packing. [`rows`] runs a whole net of them row by row, in the cache. [`grad`] has the layers for training,
//! [`naive`] a plain f64 twin of each kernel, for tests.

mod buffer;
pub mod colour;
mod conv;
mod dense;
pub mod gemm;
pub mod grad;
pub mod im2col;
mod isa;
pub mod loss;
pub mod low;
pub mod naive;
pub mod peak;
mod planar;
mod pool;
pub mod prelu;
pub mod resize;
pub mod rows;
mod shape;
mod simd;
pub mod softmax;
mod tile;
mod wanted;
pub mod warp;
mod winograd;

pub use buffer::Buffer;
pub use conv::{Conv, ConvParams};
pub use dense::Dense;
pub use isa::{Capabilities, Isa, UnknownIsa};
pub use pool::MaxPool;
pub use shape::Shape;
pub use wanted::Wanted;
pub use winograd::Winograd;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
