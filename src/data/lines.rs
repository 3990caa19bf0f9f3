//! Lists of annotation: lines with their numbers, and errors that name both.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;

use crate::error::{Error, Result};
use crate::files;

/// Bytes of the longest line: the longest of any list here has some hundreds. What has none of its ends is no list,
/// and must not fill the memory.
const LONGEST: u64 = 1 << 16;

/// The byte-order mark that some editors put before a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A list being read line by line.
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    /// A line that was looked at and not taken.
    ahead: Option<String>,
    number: usize,
    hasher: Hasher,
}

impl Lines {
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        let reader = BufReader::new(files::open(&path)?);
        Ok(Self { path, reader, ahead: None, number: 0, hasher: Hasher::new() })
    }

    /// The next line without its end, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<String>> {
        self.peek()?;
        let line = self.ahead.take();
        self.number += usize::from(line.is_some());
        Ok(line)
    }

    /// The line that [`Lines::next`] will give.
    pub(crate) fn peek(&mut self) -> Result<Option<&str>> {
        if self.ahead.is_none() {
            let mut bytes = Vec::new();
            let path = &self.path;
            let read = self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes);
            if read.map_err(|source| Error::read(path, source))? == 0 {
                return Ok(None);
            }
            if bytes.len() as u64 == LONGEST && !bytes.ends_with(b"\n") {
                self.number += 1;
                return Err(self.error(&format!("the line has {LONGEST} bytes or more")));
            }
            self.hasher.update(&bytes);
            if self.number == 0 && bytes.starts_with(MARK) {
                bytes.drain(..MARK.len());
            }
            let Ok(line) = String::from_utf8(bytes) else {
                self.number += 1;
                return Err(self.error("not UTF-8 text"));
            };
            self.ahead = Some(line.trim_end_matches(['\n', '\r']).to_string());
        }
        Ok(self.ahead.as_deref())
    }

    /// The name of an image below the list's folder, with slashes for backslashes.
    pub(crate) fn name(&self, name: &str) -> Result<String> {
        below(name).ok_or_else(|| self.error(&format!("an image outside of the list's folder: \"{}\"", shown(name))))
    }

    /// The number of the line that [`Lines::next`] gave last, from 1.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// What is wrong with that line.
    pub(crate) fn error(&self, reason: &str) -> Error {
        at(&self.path, self.number, reason)
    }

    /// The file, and the checksum of what was read of it.
    pub(crate) fn finish(self) -> (PathBuf, u32) {
        (self.path, self.hasher.finalize())
    }
}

/// The name of an image below its list's folder, with slashes for backslashes; none if it could be of a file elsewhere.
pub(crate) fn below(name: &str) -> Option<String> {
    let name = name.replace('\\', "/");
    let leaves = |part: &str| part == ".." || cfg!(windows) && part.contains(':');
    (!name.starts_with('/') && !name.split('/').any(leaves)).then_some(name)
}

/// What is wrong with a line of a file.
pub(crate) fn at(path: &Path, line: usize, reason: &str) -> Error {
    Error::data(format!("{}, line {line}: {reason}", path.display()))
}

/// A number, if it is finite.
pub(crate) fn finite(word: &str) -> Option<f64> {
    word.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The numbers of a line, or parts of one, if there are as many as asked for and all are finite.
pub(crate) fn numbers<'a, const N: usize>(words: impl IntoIterator<Item = &'a str>) -> Option<[f64; N]> {
    let mut words = words.into_iter();
    let mut numbers = [0.0; N];
    for number in &mut numbers {
        *number = finite(words.next()?)?;
    }
    words.next().is_none().then_some(numbers)
}

/// A part of a line as an error shows it: whole lines can be of any length.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_folder_of_their_list() {
        assert_eq!(below(r"a\b c\1.jpg").as_deref(), Some("a/b c/1.jpg"));
        assert_eq!(below("./a..b/..c.jpg").as_deref(), Some("./a..b/..c.jpg"));
        for outside in ["/etc/passwd", "../a.jpg", "a/../../b.jpg", r"..\..\secret.png", r"\\host\a.jpg", "a/.."] {
            assert_eq!(below(outside), None, "{outside}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "\u{feff}first\n\u{feff}second\n").unwrap();
        let mut lines = Lines::open(file.path().into()).unwrap();
        assert_eq!(lines.next().unwrap().as_deref(), Some("first"));
        assert_eq!(lines.next().unwrap().as_deref(), Some("\u{feff}second"));
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, ["first\n".as_bytes(), &[b'x'; LONGEST as usize]].concat()).unwrap();
        let mut lines = Lines::open(file.path().into()).unwrap();
        assert_eq!(lines.next().unwrap().as_deref(), Some("first"));
        let error = lines.next().unwrap_err().to_string();
        assert!(error.ends_with(", line 2: the line has 65536 bytes or more"), "{error}");
    }
}
