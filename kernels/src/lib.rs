//! The arithmetic of mtcnn-cpu.

mod isa;
pub use isa::Isa;
