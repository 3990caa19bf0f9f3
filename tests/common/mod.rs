//! What tests share: the material that is not in the repository, and the instruction sets to run on.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of this")]

pub(crate) mod caffe;
mod repository;

use mtcnn_kernels::Isa;
pub(crate) use repository::shared;

/// The instruction sets to test: the one that `MTCNN_CPU_ISA` names, or all that this machine has.
///
/// # Panics
/// If the one that it names is missing: so CI knows that each was tested.
pub(crate) fn instruction_sets() -> Vec<Isa> {
    let Ok(name) = std::env::var("MTCNN_CPU_ISA") else { return Isa::available() };
    let isa: Isa = name.parse().expect("the name of an instruction set");
    assert!(isa.is_available(), "this machine lacks {isa}");
    vec![isa]
}
