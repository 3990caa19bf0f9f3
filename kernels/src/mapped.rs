//! A file's bytes without reading it: the system brings parts in as they are looked at, and takes them
//! away where memory is short.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

/// A file, mapped into memory to be read.
///
/// The file must stay as it is. If somebody writes into it, the bytes seen here may change; if somebody
/// cuts it short, looking at what is gone ends the program with SIGBUS, as in every program that maps
/// files. To remove the file, or to put another in its place by renaming, does no harm: the map keeps
/// what it had.
#[derive(Debug)]
pub struct Mapped(memmap2::Mmap);

impl Mapped {
    /// Opens a file read-only and maps all of it.
    ///
    /// # Errors
    /// If it can't be opened or mapped.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the map is read-only and nothing in this program writes the file. Another program could:
        // no system excludes it, and the documentation above says what happens then. The bytes are plain
        // values, checked by those who read them, so any value that they take is a valid one.
        let map = unsafe { memmap2::Mmap::map(&file) }?;
        // Parts are looked at in any order. A system that reads on from each reads megabytes for the sake of a few
        // kilobytes; if it can't be told, it is only slow.
        #[cfg(unix)]
        let _ = map.advise(memmap2::Advice::Random);
        Ok(Self(map))
    }

    /// Asks the system to bring in a part of the file, in one piece. Otherwise it comes page by page, as it is looked at.
    ///
    /// # Panics
    /// If the part is not in the file.
    pub fn will_need(&self, part: Range<usize>) {
        assert!(part.start <= part.end && part.end <= self.0.len(), "{part:?} of {} bytes", self.0.len());
        #[cfg(unix)]
        let _ = self.0.advise_range(memmap2::Advice::WillNeed, part.start, part.len());
    }

    /// All bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes the pages out of this program's memory; the system may still have them, and brings them back
    /// when they are looked at again. Slices of [`Mapped::bytes`] stay valid.
    ///
    /// What was looked at counts as memory of this program until then, though the system can take it away
    /// at any time. Does nothing where there is no such thing.
    pub fn release(&self) {
        // SAFETY: the map is shared, read-only and backed by a file, so a page that is dropped has nothing
        // that the file lacks, and a later look at it reads the same bytes again.
        #[cfg(unix)]
        let _ = unsafe { self.0.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_there_after_a_release() {
        let path = std::env::temp_dir().join(format!("mtcnn-kernels-mapped-{}", std::process::id()));
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i * 7 % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mapped = Mapped::open(&path).unwrap();
        assert!(mapped.bytes() == bytes);
        mapped.release();
        mapped.will_need(70_000..100_000);
        // The name is gone, the map is not.
        std::fs::remove_file(&path).unwrap();
        assert!(mapped.bytes() == bytes);
        assert!(Mapped::open(&path).is_err());
    }
}
