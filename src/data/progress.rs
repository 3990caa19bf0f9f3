//! What long work over pictures tells of itself.

use std::path::PathBuf;

use serde::Serialize;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Pictures that are done.
    pub done: usize,
    /// Pictures.
    pub total: usize,
}

/// A picture that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    pub picture: PathBuf,
    /// Why.
    pub reason: String,
}
