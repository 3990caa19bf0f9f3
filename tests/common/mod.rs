//! What tests share: the material that is not in the repository, and the instruction sets to run on.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of this")]

pub(crate) mod caffe;

use std::io::Write;
use std::path::{Path, PathBuf};

use mtcnn_kernels::Isa;

/// `relative` in the folder of shared material: beside the repository, or where `MTCNN_CPU_SHARED` says.
/// Where it is absent the test is skipped loudly, or fails if `MTCNN_CPU_REQUIRE_SHARED` is set, as CI does.
pub(crate) fn shared(relative: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MTCNN_CPU_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join(relative);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("MTCNN_CPU_REQUIRE_SHARED").is_none(), "{} is missing", path.display());
    // Not by a macro: what those print is only shown of tests that fail.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {} is missing, so nothing is compared with it", path.display());
    None
}

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
