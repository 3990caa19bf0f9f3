//! Files that appear under their name only when they are complete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::{Builder, NamedTempFile};

/// A file being written.
pub(crate) enum Save {
    /// In the folder of the file that it becomes: only there is renaming sure to be one step.
    Temporary(NamedTempFile, PathBuf),
    /// A device or a pipe, such as /dev/null, which must not be replaced by a file.
    Special(File),
}

impl Save {
    /// Begins; an error here is one of the folder, or of the permissions.
    pub(crate) fn begin(path: &Path) -> anyhow::Result<Self> {
        Self::try_begin(path).with_context(|| format!("can't write {}", path.to_string_lossy()))
    }

    fn try_begin(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => return Ok(Self::Special(File::options().write(true).open(path)?)),
            // A file that may not be written may not be replaced either.
            Ok(_) => drop(File::options().append(true).open(path)?),
            Err(_) => {}
        }
        // What a link points to is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = Builder::new();
        // The rights of any new file: the umask takes from them.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::other("there is no such folder"),
            // The error itself names the temporary file, which says nothing to the user.
            kind => kind.into(),
        })?;
        Ok(Self::Temporary(file, path))
    }

    /// Gives the complete file its name.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.flush()?;
        if let Self::Temporary(file, path) = self {
            file.persist(&path)
                .map_err(|error| error.error)
                .with_context(|| format!("can't write {}", path.to_string_lossy()))?;
        }
        Ok(())
    }

    fn file(&mut self) -> &mut File {
        match self {
            Self::Temporary(file, _) => file.as_file_mut(),
            Self::Special(file) => file,
        }
    }
}

impl Write for Save {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}
