//! The manifest and the index of a data set: what is in it, and where it comes from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::arch::Stage;
use crate::data::class::Class;
use crate::data::options::SampleOptions;
use crate::data::split::Split;
use crate::error::{Error, ErrorKind, Result};
use crate::files;
use crate::points::PointNames;

pub(super) const FILE: &str = "manifest.json";
pub(super) const INDEX: &str = "index.csv";
/// The options, and a line for each folder of images.
const MOST_BYTES: u64 = 64 << 20;
const FORMAT: &str = "mtcnn-cpu samples";
/// Of the format. Sets of another version are refused.
const VERSION: u64 = 1;
/// The manifest's last field; it is the checksum of all that stands before it.
const CHECKSUM: &str = "\"crc32\"";

/// What a data set says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    pub(super) format: String,
    pub(super) version: u64,
    /// The version of the program that made it.
    pub program: String,
    /// The net that it is for.
    pub stage: Stage,
    /// The side of its images.
    pub side: usize,
    /// Of the sources.
    pub split: Split,
    /// How it was made.
    pub options: SampleOptions,
    /// Whether images were turned upright; they were read as stored where nothing says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub upright: bool,
    /// The names of a face's points: the five where nothing says so.
    #[serde(default, skip_serializing_if = "PointNames::are_the_five")]
    pub points: PointNames,
    /// What it was mined with; empty if nothing was.
    pub detector: String,
    /// What it was made of.
    pub sources: Vec<SourceInfo>,
    /// Folders of the images.
    pub folders: Vec<String>,
    /// In the order of [`Class::ALL`].
    pub classes: Vec<ClassInfo>,
    pub(super) index: FileInfo,
}

/// A list of images that samples were made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceInfo {
    /// What it is.
    pub kind: String,
    /// The file.
    pub list: PathBuf,
    /// Its CRC-32.
    pub crc32: u32,
    /// Images in it.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// How many of them could not be read.
    pub skipped: usize,
}

/// The samples of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassInfo {
    /// Which.
    pub class: Class,
    /// Samples in the set.
    pub count: usize,
    /// Samples that were made, of which as many were chosen.
    pub made: usize,
    /// Files.
    pub shards: usize,
    /// Bytes of one sample, with its targets.
    pub record_bytes: usize,
    /// Samples in a block of 64 KiB.
    pub per_block: usize,
}

/// A file that is read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileInfo {
    pub(super) bytes: u64,
    pub(super) crc32: u32,
}

impl FileInfo {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, crc32: crc32fast::hash(bytes) }
    }
}

impl Manifest {
    /// A manifest without samples yet.
    pub(in crate::data) fn new(
        stage: Stage,
        split: Split,
        options: SampleOptions,
        detector: String,
        points: PointNames,
    ) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").into(),
            stage,
            side: stage.side(),
            split,
            options,
            upright: false,
            points,
            detector,
            sources: Vec::new(),
            folders: Vec::new(),
            classes: Vec::new(),
            index: FileInfo { bytes: 0, crc32: 0 },
        }
    }

    /// A number that sets with other samples do not have.
    pub(crate) fn fingerprint(&self) -> u32 {
        let Self { stage, options, detector, classes, index, points, .. } = self;
        let mut text = serde_json::to_string(&(stage, options, detector, classes, index)).expect("plain values");
        if !points.are_the_five() {
            text += &points.join(",");
        }
        crc32fast::hash(text.as_bytes())
    }

    /// What is said of a class.
    #[must_use]
    pub fn class(&self, class: Class) -> &ClassInfo {
        &self.classes[class as usize]
    }

    /// The file's text.
    pub(super) fn to_text(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.truncate(text.len() - "\n}".len());
        text.push_str(",\n  ");
        let checksum = crc32fast::hash(text.as_bytes());
        Ok(format!("{text}{CHECKSUM}: {checksum}\n}}"))
    }

    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        match files::read(&path, MOST_BYTES) {
            Ok(bytes) => Self::parse(&bytes).map_err(|reason| Error::data(reason).at(path)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(Error::data(format!("not a data set: it has no {FILE}")).at(folder))
            }
            Err(error) => Err(error),
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        /// What every version has.
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u64,
            crc32: u32,
        }
        let damaged = |error: serde_json::Error| format!("a damaged manifest: {error}");
        let head: Head = serde_json::from_slice(bytes).map_err(damaged)?;
        if head.format != FORMAT {
            return Err(format!("not a data set: its format is \"{}\"", head.format.escape_debug()));
        }
        if head.version != VERSION {
            let version = head.version;
            return Err(format!("a data set of version {version}; this program reads {VERSION}: prepare it again"));
        }
        let end = bytes.windows(CHECKSUM.len()).rposition(|part| part == CHECKSUM.as_bytes());
        if end.is_none_or(|end| crc32fast::hash(&bytes[..end]) != head.crc32) {
            return Err("a damaged manifest: its checksum is wrong".into());
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }
}

/// A line of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::data) struct Row {
    /// The number of the folder.
    pub(in crate::data) folder: usize,
    pub(in crate::data) image: String,
    /// Samples of each class.
    pub(in crate::data) negatives: u32,
    pub(in crate::data) positives: u32,
    pub(in crate::data) parts: u32,
    pub(in crate::data) landmarks: u32,
}

impl Row {
    pub(in crate::data) fn new(folder: usize, image: &str, counts: [u32; 4]) -> Self {
        let [negatives, positives, parts, landmarks] = counts;
        Self { folder, image: image.into(), negatives, positives, parts, landmarks }
    }

    pub(in crate::data) fn count(&self, class: Class) -> u32 {
        match class {
            Class::Negative => self.negatives,
            Class::Positive => self.positives,
            Class::Part => self.parts,
            Class::Landmark => self.landmarks,
        }
    }

    pub(super) fn count_mut(&mut self, class: Class) -> &mut u32 {
        match class {
            Class::Negative => &mut self.negatives,
            Class::Positive => &mut self.positives,
            Class::Part => &mut self.parts,
            Class::Landmark => &mut self.landmarks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let options = SampleOptions::new(Stage::RNet);
        let mut manifest = Manifest::new(Stage::RNet, Split::Train, options, "embedded".into(), PointNames::default());
        manifest.folders = vec!["0--\"crc32\"".into()];
        manifest
    }

    #[test]
    fn a_manifest_comes_back_as_it_was() {
        let manifest = manifest();
        assert_eq!(Manifest::parse(manifest.to_text().unwrap().as_bytes()), Ok(manifest));
    }

    #[test]
    fn every_flipped_byte_is_found() {
        let text = manifest().to_text().unwrap().into_bytes();
        for at in 0..text.len() {
            for bit in [1, 0x20] {
                let mut bytes = text.clone();
                bytes[at] ^= bit;
                assert!(Manifest::parse(&bytes).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn other_formats_and_versions_are_named() {
        let text = manifest().to_text().unwrap();
        let other = text.replace("\"version\": 1", "\"version\": 7");
        assert!(Manifest::parse(other.as_bytes()).unwrap_err().contains("version 7; this program reads 1"));
        let other = text.replace(FORMAT, "something");
        assert!(Manifest::parse(other.as_bytes()).unwrap_err().contains("its format is \"something\""));
        assert!(Manifest::parse(b"{}").unwrap_err().contains("missing field"));
        assert!(Manifest::parse(&text.as_bytes()[..99]).unwrap_err().contains("a damaged manifest: EOF"));
    }
}
