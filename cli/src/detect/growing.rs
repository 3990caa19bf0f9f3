//! A file of JSON lines that grows by a line an image, and that a later run goes on with.

use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::common::save::{Save, named};

/// What a line begins with: by it one that was half written is known.
const BEGIN: &[u8] = br#"{"image":""#;

/// Of a line what going on needs.
#[derive(Deserialize)]
pub(crate) struct Line {
    /// The image's name.
    pub(crate) image: String,
    /// Its bytes in hexadecimal digits, where it is no UTF-8.
    pub(crate) raw: Option<String>,
    pub(crate) error: Option<IgnoredAny>,
    width: Option<u64>,
    height: Option<u64>,
    faces: Option<Vec<IgnoredAny>>,
    /// Of the lines of other subcommands.
    crop: Option<IgnoredAny>,
    copy: Option<IgnoredAny>,
}

impl Line {
    /// Whether `detect` wrote it.
    fn is_ours(&self) -> bool {
        let is_result = self.width.is_some() && self.height.is_some() && self.faces.is_some();
        (is_result || self.error.is_some()) && self.crop.is_none() && self.copy.is_none()
    }
}

/// A file to which lines are added.
#[derive(Debug)]
pub(crate) struct Growing(File, PathBuf);

impl Growing {
    /// After a crash of the machine its lines are there.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.0.sync_all().map_err(|error| named(&self.1, error))
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(|error| named(&self.1, error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Opens a file to which lines are added, or makes it, for this run alone. Of its lines those stay for which `stays` says so;
/// a last line without an end goes. A file that has anything else in it is an error, and left alone.
pub(crate) fn open(path: &Path, mut stays: impl FnMut(&Line) -> bool) -> anyhow::Result<Growing> {
    let shown = path.to_string_lossy();
    let file = open_alone(path)?;
    // It becomes the file only if there is something to leave out.
    let mut rest = BufWriter::new(Save::begin(path)?);
    let mut is_whole = true;
    let (mut reader, mut line) = (BufReader::new(&file), Vec::new());
    for number in 1.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).with_context(|| format!("can't read {shown}"))? == 0 {
            break;
        }
        if line.last() != Some(&b'\n') && (line.starts_with(BEGIN) || BEGIN.starts_with(&line)) {
            is_whole = false;
            break;
        }
        match serde_json::from_slice(&line).ok().filter(Line::is_ours) {
            Some(line) if !stays(&line) => is_whole = false,
            Some(_) => rest.write_all(&line)?,
            None => bail!("{shown} is there, and line {number} is none of detect's: --overwrite replaces it"),
        }
    }
    if is_whole {
        return Ok(Growing(file, path.into()));
    }
    rest.into_inner().map_err(|error| error.into_error())?.finish()?;
    Ok(Growing(open_alone(path)?, path.into()))
}

/// Opens a file without what is in it, for this run alone.
pub(crate) fn open_empty(path: &Path) -> anyhow::Result<Growing> {
    let file = open_alone(path)?;
    file.set_len(0).map_err(|error| named(path, error))?;
    Ok(Growing(file, path.into()))
}

fn open_alone(path: &Path) -> anyhow::Result<File> {
    let shown = path.to_string_lossy();
    let file = File::options().read(true).append(true).create(true).open(path);
    let file = file.with_context(|| format!("can't write {shown}"))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(anyhow!("another run is writing {shown}")),
        // Where files can't be locked, runs are not told of each other.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const A: &str = "{\"image\":\"a.jpg\",\"width\":1,\"height\":1,\"faces\":[]}\n";
    const B: &str = "{\"image\":\"b.jpg\",\"error\":\"why\"}\n";

    fn opened(before: &str) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faces.jsonl");
        fs::write(&path, before).unwrap();
        let told = match open(&path, |line| line.error.is_none()) {
            Ok(mut file) => {
                file.write_all(b"more\n").unwrap();
                String::new()
            }
            Err(error) => format!("{error:#}").replace(&*path.to_string_lossy(), "FILE"),
        };
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        (fs::read_to_string(&path).unwrap(), told)
    }

    #[test]
    fn whole_lines_stay_and_half_a_line_is_mended() {
        for (before, after) in [
            (String::new(), String::new()),
            (A.into(), A.into()),
            (format!("{A}{B}{A}"), format!("{A}{A}")),
            (format!("{A}{{\"image\":\"c.jp"), A.into()),
            (format!("{A}{{\"im"), A.into()),
            // Its end came no more, though all else did.
            (format!("{A}{}", A.trim_end()), A.into()),
        ] {
            assert_eq!(opened(&before), (format!("{after}more\n"), String::new()), "{before}");
        }
    }

    #[test]
    fn what_has_other_things_in_it_is_left_alone() {
        for before in [
            "notes\n",
            "notes",
            "\n",
            "[\n]\n",
            "{\"image\":1}\n",
            "{\"image\":\"a\",\"label\":2}\n",
            &format!("{A}no"),
        ] {
            let line = before.lines().count();
            let told = format!("FILE is there, and line {line} is none of detect's: --overwrite replaces it");
            let line_one = told.replace(&format!("line {line}"), "line 1");
            let (after, said) = opened(before);
            assert!(after == before && (said == told || said == line_one), "{before}: {said}");
        }
    }

    #[test]
    fn two_runs_do_not_write_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faces.jsonl");
        let first = open(&path, |_| true).unwrap();
        let error = open(&path, |_| true).unwrap_err().to_string();
        assert_eq!(error, format!("another run is writing {}", path.to_string_lossy()));
        drop(first);
        open(&path, |_| true).unwrap();
    }
}
