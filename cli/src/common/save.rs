//! Files that appear under their name only when they are complete.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, anyhow};
use tempfile::{Builder, NamedTempFile};

use crate::common::outlet::Outlet;
use crate::common::stop::{forget_temporary, note_temporary};

/// Names of temporary files: nobody else's begin and end so.
const PREFIX: &str = ".mtcnn-cpu-";
const SUFFIX: &str = ".tmp";

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
        let file = loop {
            let file = temporary(folder, &prefix(&path))?;
            // Held until it is closed: so the next run knows that somebody writes it. Without locks, it knows nothing.
            let _ = file.as_file().lock();
            // Between its making and its lock, another run may have taken it for one that a killed run left.
            if file.path().exists() {
                break file;
            }
        };
        note_temporary(file.path());
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

fn temporary(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(prefix).suffix(SUFFIX);
    // The rights of any new file: the umask takes from them.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::other("there is no such folder"),
        // The error itself names the temporary file, which says nothing to the user.
        kind => kind.into(),
    })
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
    remove_left(folder);
}

fn remove_left(folder: &Path) {
    for entry in entries(folder) {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // The lock is held while it is removed, as whoever made it just now waits for the lock and looks again.
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_is_removed_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(folder.path().join(name)).unwrap();
        for name in [".mtcnn-cpu-left.tmp", ".tmpAbCdEf", "a.tmp", ".mtcnn-cpu-notes"] {
            file(name);
        }
        let written = file(".mtcnn-cpu-written.tmp");
        written.lock().unwrap();
        let mut save = Save::begin(&folder.path().join("result")).unwrap();
        save.write_all(b"whole").unwrap();
        save.finish().unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".mtcnn-cpu-notes", ".mtcnn-cpu-written.tmp", ".tmpAbCdEf", "a.tmp", "result"]);
    }

    #[test]
    fn files_that_many_begin_while_others_clean_are_never_taken() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                scope.spawn(move || {
                    for _ in 0..200 {
                        let mut save = Save::begin(&folder.join(writer.to_string())).unwrap();
                        save.write_all(b"whole").unwrap();
                        save.finish().unwrap();
                    }
                });
                scope.spawn(|| {
                    for _ in 0..200 {
                        remove_left(folder);
                    }
                });
            }
        });
        assert_eq!(entries(folder).count(), 4);
    }
}
