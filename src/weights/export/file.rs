//! What an export makes.

/// A file to be written.
#[derive(Debug)]
pub struct ExportedFile {
    /// Without a folder.
    pub name: String,
    /// All that is in it.
    pub bytes: Vec<u8>,
}
