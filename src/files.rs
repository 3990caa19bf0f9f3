//! Files of the library that appear under their name only when they are complete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Puts a file into its place in one step, whatever happens: before, there is the old one or none, and
/// afterwards the new one, which is on the disk and not only in the system's memory.
///
/// # Errors
/// [`crate::ErrorKind::Unwritable`] with the path; the old file is as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    // Beside it: only there is renaming sure to be one step.
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".partial");
    let partial = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|source| {
        // An error that led here is told; one more of the same disk helps nobody.
        let _ = fs::remove_file(&partial);
        Error::write(path, source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_or_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let nowhere = folder.path().join("none/file");
        assert!(replace(&nowhere, b"x").unwrap_err().to_string().contains("none/file"));
    }
}
