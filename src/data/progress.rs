//! What long work over images tells of itself.

use std::path::PathBuf;

use serde::Serialize;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Images that are done.
    pub done: usize,
    /// Images.
    pub total: usize,
}

/// An image that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Skipped {
    /// The file.
    #[serde(rename = "picture")]
    pub image: PathBuf,
    /// Why.
    pub reason: String,
}
