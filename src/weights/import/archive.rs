//! Zip archives in memory, of bounded size when unpacked.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::quote::quoted;
use crate::weights::format::MOST_BYTES;

/// An archive, and how much may still be unpacked from it.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("a damaged zip archive: {error}"))?;
        Ok(Self { zip, left: MOST_BYTES })
    }

    /// The names of the files that have one, in the archive's order.
    pub(super) fn names(&self) -> Vec<String> {
        self.zip.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect()
    }

    pub(super) fn read(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let refuse = |error: &dyn std::fmt::Display| {
            format!("{} can't be unpacked: {}", quoted(name), quoted(&error.to_string()))
        };
        let file = self.zip.by_name(name).map_err(|error| refuse(&error))?;
        let mut bytes = Vec::new();
        // What the archive says of the size is not trusted.
        file.take(self.left + 1).read_to_end(&mut bytes).map_err(|error| refuse(&error))?;
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| format!("more than {MOST_BYTES} bytes are packed in it"))?;
        Ok(bytes)
    }
}
