//! Files of the library: read only if they are files of a sane size, and there under their name only when they are complete.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a regular file: a pipe would have us wait, and a device never ends.
pub(crate) fn open(path: &Path) -> Result<File> {
    let open = || {
        // Before it is opened, which waits where it is a pipe.
        let kind = fs::metadata(path)?;
        let not_a_file = || io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
        if kind.is_file() { File::open(path) } else { Err(not_a_file()) }
    };
    open().map_err(|source| Error::read(path, source))
}

/// Reads a file that has no more than `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|source| Error::read(path, source))?;
    if bytes.len() as u64 > most {
        return Err(Error::too_large(format!("larger than {most} bytes")).at(path));
    }
    Ok(bytes)
}

/// The file that says who works in a folder: nobody else does as long as it lives. A file system without locks is no
/// reason to give up: `None` only if another has it.
pub(crate) fn lock(path: &Path) -> Result<Option<File>> {
    let lock = || {
        if fs::symlink_metadata(path).is_ok_and(|it| !it.is_file()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        File::options().write(true).create(true).truncate(false).open(path)
    };
    let file = lock().map_err(|source| Error::write(path, source))?;
    Ok(if let Err(fs::TryLockError::WouldBlock) = file.try_lock() { None } else { Some(file) })
}

/// A file that nobody has made before: what is there under its name is replaced, and no link followed.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options().write(true).create_new(true).open(path)
}

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
        let mut file = create_new(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|source| {
        // An error that led here is told; one more of the same disk helps nobody. A folder of that name is not ours.
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
        // A file behind a link of the partial's name is not overwritten.
        #[cfg(unix)]
        {
            let precious = folder.path().join("precious");
            fs::write(&precious, b"precious").unwrap();
            std::os::unix::fs::symlink(&precious, folder.path().join("file.partial")).unwrap();
            replace(&path, b"three").unwrap();
            assert_eq!(
                (fs::read(&path).unwrap(), fs::read(&precious).unwrap()),
                (b"three".to_vec(), b"precious".to_vec())
            );
        }
        let nowhere = folder.path().join("none/file");
        assert!(replace(&nowhere, b"x").unwrap_err().to_string().contains("none/file"));
    }

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        let error = format!("{:#}", read(&path, 4).unwrap_err());
        assert!(error.contains("larger than 4 bytes") && error.contains("file"), "{error}");
        let error = format!("{:#}", read(folder.path(), 4).unwrap_err());
        assert!(error.contains("not a regular file"), "{error}");
        #[cfg(unix)]
        for special in ["/dev/zero", "/dev/null"] {
            assert!(read(Path::new(special), 10).is_err(), "{special}");
        }
    }
}
