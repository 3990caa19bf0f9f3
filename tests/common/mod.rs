//! Where the material lies that tests use but that is not in the repository.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of this")]

use std::path::{Path, PathBuf};

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
    eprintln!("SKIPPED: {} is missing, so nothing is compared with it", path.display());
    None
}
