//! Files of folders that were not looked at: what they are by their names, counted.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

/// Extensions of images that are not read, with the format's name.
const UNREAD: [(&str, &[&str]); 7] = [
    ("AVIF", &["avif"]),
    ("HEIC", &["heic", "heif", "hif"]),
    ("JPEG 2000", &["j2k", "jp2"]),
    ("JPEG XL", &["jxl"]),
    ("OpenEXR", &["exr"]),
    ("Photoshop", &["psd"]),
    ("camera's raw", &["arw", "cr2", "cr3", "dng", "nef", "orf", "raf", "rw2"]),
];

/// How many there are.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    images: BTreeMap<&'static str, usize>,
    others: usize,
}

impl LeftOut {
    pub(crate) fn add(&mut self, file: &Path) {
        let extension = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match UNREAD.iter().find(|(_, extensions)| extensions.contains(&extension.as_str())) {
            Some((format, _)) => *self.images.entry(format).or_default() += 1,
            None => self.others += 1,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.images.is_empty() && self.others == 0
    }
}

impl Display for LeftOut {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let count = self.others + self.images.values().sum::<usize>();
        let files = if count == 1 { "file of a folder was" } else { "files of folders were" };
        let images = self.images.iter().map(|(format, count)| format!("{count} {format}, which is not read"));
        let others = (self.others > 0).then(|| format!("{} without an image's extension", self.others));
        let parts: Vec<_> = images.chain(others).collect();
        write!(f, "{count} {files} left out: {}", parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_are_not_read_are_named_and_the_rest_is_counted() {
        let said = |names: &[&str]| {
            let mut left_out = LeftOut::default();
            names.iter().for_each(|name| left_out.add(Path::new(name)));
            left_out.to_string()
        };
        assert_eq!(
            said(&["a.HEIC", "b.heif", "c.avif", "notes.txt", "LICENSE"]),
            "5 files of folders were left out: 1 AVIF, which is not read; 2 HEIC, which is not read; \
             2 without an image's extension"
        );
        assert_eq!(said(&["a.txt"]), "1 file of a folder was left out: 1 without an image's extension");
    }
}
