//! What an export makes.

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportedFile {
    /// Its name, without a folder.
    pub name: String,
    /// All that is in it.
    pub bytes: Vec<u8>,
}
