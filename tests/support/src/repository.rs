//! Where the material of the tests lies: in the repository, and beside it.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The root of the repository, of whichever package the test is.
#[must_use]
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().find(|folder| folder.join("testdata").is_dir()).expect("a folder with testdata in it")
}

/// `relative` in the folder of shared material: beside the repository, or where `MTCNN_CPU_SHARED` says.
/// Where it is absent the test is skipped loudly, or fails if `MTCNN_CPU_REQUIRE_SHARED` is set, as CI does.
pub fn shared(relative: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("MTCNN_CPU_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let path = shared.join(relative);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("MTCNN_CPU_REQUIRE_SHARED").is_none(), "{} is missing", path.display());
    // Not by a macro: what those print is only shown of tests that fail.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {} is missing, so nothing is compared with it", path.display());
    None
}
