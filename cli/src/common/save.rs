//! Files that appear under their name only when they are complete.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tempfile::{Builder, NamedTempFile};

use crate::common::outlet::Outlet;
use crate::common::stop::{forget_temporary, note_temporary};

/// Names of temporary files: nobody else's begin and end so.
const PREFIX: &str = ".mtcnn-cpu-";
const SUFFIX: &str = ".tmp";
/// A younger file may be between its making and its lock.
const LEAST_AGE: Duration = Duration::from_secs(60);

/// A file being written.
pub(crate) enum Save {
    /// In the folder of the file that it becomes: only there is renaming sure to be one step.
    Temporary(NamedTempFile, PathBuf),
    /// Stdout, or a device or a pipe, such as /dev/null, which must not be replaced by a file.
    Special(Outlet),
}

impl Save {
    /// Stdout. `beside` other results it is no error that its reader leaves.
    pub(crate) fn stdout(beside: bool) -> anyhow::Result<Self> {
        Ok(Self::Special(Outlet::stdout(beside)?))
    }

    /// Begins; an error here is one of the folder, or of the permissions.
    pub(crate) fn begin(path: &Path) -> anyhow::Result<Self> {
        Self::try_begin(path).with_context(|| format!("can't write {}", path.to_string_lossy()))
    }

    fn try_begin(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => return Ok(Self::Special(Outlet::open(path)?)),
            // A file that may not be written may not be replaced either.
            Ok(_) => drop(File::options().append(true).open(path)?),
            Err(_) => {}
        }
        // What a link points to is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        clean(folder);
        let prefix = prefix(&path);
        let mut builder = Builder::new();
        builder.prefix(&prefix).suffix(SUFFIX);
        // The rights of any new file: the umask takes from them.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::other("there is no such folder"),
            // The error itself names the temporary file, which says nothing to the user.
            kind => kind.into(),
        })?;
        note_temporary(file.path());
        // Held until it is closed: so the next run knows that somebody writes it.
        let _ = file.as_file().try_lock();
        Ok(Self::Temporary(file, path))
    }

    /// Fails if nothing can be written into a folder. What is begun and dropped leaves nothing behind.
    pub(crate) fn probe(folder: &Path) -> anyhow::Result<()> {
        let begun = Self::try_begin(&folder.join("probe"));
        begun.map(drop).with_context(|| format!("can't write into {}", folder.to_string_lossy()))
    }

    /// Begins a file that no other run is writing: of two that do, one at least is told.
    pub(crate) fn begin_alone(path: &Path) -> anyhow::Result<Self> {
        let save = Self::begin(path)?;
        if let Self::Temporary(file, path) = &save {
            let (folder, prefix) = (file.path().parent().unwrap_or(Path::new(".")), prefix(path));
            let theirs = |it: &DirEntry| {
                Some(&*it.file_name()) != file.path().file_name()
                    && it.file_name().to_str().is_some_and(|name| name.starts_with(&prefix))
            };
            if entries(folder).any(|it| theirs(&it) && is_locked(&it.path())) {
                return Err(anyhow!("another run is writing {}", path.to_string_lossy()));
            }
        }
        Ok(save)
    }

    /// Gives the complete file its name.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let (file, path) = match self {
            Self::Temporary(file, path) => (file, path),
            Self::Special(out) => return Ok(out.finish()?),
        };
        let temporary = file.path().to_path_buf();
        // After a crash of the machine the name must not stand for an empty file.
        let saved = file.as_file().sync_all().and_then(|()| file.persist(&path).map(drop).map_err(|error| error.error));
        forget_temporary(&temporary);
        Ok(saved.map_err(|error| named(&path, error))?)
    }
}

/// An error with the name of the file that could not be written.
pub(crate) fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("can't write {}: {error}", path.to_string_lossy()))
}

impl Write for Save {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Temporary(file, path) => file.write(bytes).map_err(|error| named(path, error)),
            Self::Special(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Temporary(file, path) => file.flush().map_err(|error| named(path, error)),
            Self::Special(out) => out.flush(),
        }
    }
}

/// The names of temporary files that become this one begin so.
fn prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    format!("{PREFIX}{:08x}-", crc32fast::hash(name.as_encoded_bytes()))
}

fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

/// Whether somebody is writing a file.
fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Removes what runs that were killed left in a folder, at most once in a run. A file that is being written is locked.
fn clean(folder: &Path) {
    static CLEANED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if !CLEANED.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.into()) {
        return;
    }
    for entry in entries(folder) {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let age = entry.metadata().and_then(|it| it.modified()).ok().and_then(|time| time.elapsed().ok());
        let old = age.is_some_and(|age| age >= LEAST_AGE);
        if old && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_a_killed_run_left_is_removed_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, age: Duration| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
            file
        };
        let hour = Duration::from_secs(3600);
        for name in [".mtcnn-cpu-left.tmp", ".tmpAbCdEf", "a.tmp", ".mtcnn-cpu-notes"] {
            file(name, hour);
        }
        file(".mtcnn-cpu-new.tmp", Duration::ZERO);
        let written = file(".mtcnn-cpu-written.tmp", hour);
        written.lock().unwrap();
        let mut save = Save::begin(&folder.path().join("result")).unwrap();
        save.write_all(b"whole").unwrap();
        save.finish().unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        let expected =
            [".mtcnn-cpu-new.tmp", ".mtcnn-cpu-notes", ".mtcnn-cpu-written.tmp", ".tmpAbCdEf", "a.tmp", "result"];
        assert_eq!(names, expected);
    }
}
