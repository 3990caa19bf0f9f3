//! What the tests of all packages share: the material that is not in the repository, and the instruction sets to run on.

pub mod architecture;
pub mod caffe;
mod repository;
pub mod sources;

use mtcnn_kernels::Isa;
pub use repository::{root, shared};

/// The instruction sets to test: the one that `MTCNN_CPU_ISA` names, or all that this machine has.
///
/// # Panics
/// If the one that it names is missing: so CI knows that each was tested.
#[must_use]
pub fn instruction_sets() -> Vec<Isa> {
    let Ok(name) = std::env::var("MTCNN_CPU_ISA") else { return Isa::available() };
    let isa: Isa = name.parse().expect("the name of an instruction set");
    assert!(isa.is_available(), "this machine lacks {isa}");
    vec![isa]
}
