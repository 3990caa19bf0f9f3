//! Reading a data set: any sample at any time, from any thread.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::block::{BLOCK, Layout, SHARD};
use super::manifest::{self, FileInfo, Manifest, Row};
use crate::data::class::Class;
use crate::error::{Error, Result};
use crate::files;

/// A data set, open to be read.
///
/// Each block is checked when it is first looked at: of a set that was damaged no wrong sample is ever given. After that a
/// sample is read by itself. Files are read and not mapped: what the system keeps of them is its own memory, and a file that
/// is cut meanwhile is an error and not the end of the process.
#[derive(Debug)]
pub struct DataSet {
    folder: PathBuf,
    manifest: Manifest,
    classes: [ClassReader; 4],
    /// The folder and the name of each image.
    images: Vec<(usize, String)>,
}

/// A sample of a data set.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// `[row][column][3]`, red first.
    pub pixels: Vec<u8>,
    /// Where the face's x1 y1 x2 y2 are, seen from the same corners of the crop, in parts of its side;
    /// zeros of negatives and landmarks.
    pub offsets: [f32; 4],
    /// x1 y1 x2 y2 … in parts of the crop; none of other classes than landmarks.
    pub points: Vec<f32>,
}

/// Samples of one folder that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The number of the folder.
    pub folder: usize,
    /// The samples.
    pub samples: Range<usize>,
}

#[derive(Debug)]
struct ClassReader {
    layout: Layout,
    count: usize,
    shards: Vec<(PathBuf, File)>,
    /// Whether each block was compared with its checksum.
    checked: Vec<AtomicBool>,
    /// The first sample of each image, and at the end the number of all.
    firsts: Vec<usize>,
}

impl DataSet {
    /// Opens a set. Manifest, index and sizes are checked now, blocks of samples as they are looked at.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Data`] or [`crate::ErrorKind::Unreadable`] with the file that is missing, damaged, cut short or of another
    /// version.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref().to_path_buf();
        let manifest = Manifest::read(&folder)?;
        let rows = rows(&folder, &manifest)?;
        let mut classes = Vec::new();
        for class in Class::ALL {
            classes.push(ClassReader::open(class, &folder, &manifest, &rows)?);
        }
        let images = rows.into_iter().map(|row| (row.folder, row.image)).collect();
        let classes = classes.try_into().expect("as many as there are classes");
        Ok(Self { folder, manifest, classes, images })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the set says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The side of a sample in pixels.
    #[must_use]
    pub fn side(&self) -> usize {
        self.manifest.side
    }

    /// How many samples of a class there are.
    #[must_use]
    pub fn count(&self, class: Class) -> usize {
        self.classes[class as usize].count
    }

    /// A sample of a class, counted from 0.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Data`] with the file, if the sample or one near it is damaged, or the file was cut.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn sample(&self, class: Class, index: usize) -> Result<Sample> {
        let reader = &self.classes[class as usize];
        assert!(index < reader.count, "sample {index} of {} {}", reader.count, class.plural());
        let (block, place) = reader.layout.place(index);
        reader.check(block)?;
        let mut pixels = vec![0; reader.layout.record];
        reader.read(block, place, &mut pixels)?;
        let targets = pixels[reader.layout.pixels..].as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        let (mut offsets, mut points) = ([0.0; 4], Vec::new());
        match class {
            Class::Landmark => points.extend(targets),
            _ => offsets.iter_mut().zip(targets).for_each(|(offset, target)| *offset = target),
        }
        pixels.truncate(reader.layout.pixels);
        Ok(Sample { pixels, offsets, points })
    }

    /// The folders of the images, by their number.
    #[must_use]
    pub fn folders(&self) -> &[String] {
        &self.manifest.folders
    }

    /// The folder that a sample comes from.
    ///
    /// # Panics
    /// If `index` is not less than [`DataSet::count`].
    #[must_use]
    pub fn folder_of(&self, class: Class, index: usize) -> usize {
        self.images[self.classes[class as usize].image(index)].0
    }

    /// The image that a sample comes from, as its list has it.
    ///
    /// # Panics
    /// If `index` is not less than [`DataSet::count`].
    #[must_use]
    pub fn image_of(&self, class: Class, index: usize) -> &str {
        &self.images[self.classes[class as usize].image(index)].1
    }

    /// All samples of a class as runs of one folder each, in order: with them, samples can be drawn with a
    /// weight for each folder.
    #[must_use]
    pub fn runs(&self, class: Class) -> Vec<Run> {
        let firsts = &self.classes[class as usize].firsts;
        let mut runs: Vec<Run> = Vec::new();
        for (&(folder, _), ends) in self.images.iter().zip(firsts.windows(2)) {
            let samples = ends[0]..ends[1];
            match runs.last_mut() {
                _ if samples.is_empty() => {}
                Some(last) if last.folder == folder => last.samples.end = samples.end,
                _ => runs.push(Run { folder, samples }),
            }
        }
        runs
    }

    /// Checks every block, and says what is wrong with each that is damaged.
    #[must_use]
    pub fn verify(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for reader in &self.classes {
            for index in 0..reader.checked.len() {
                problems.extend(reader.check(index).err().map(|error| format!("{error:#}")));
            }
        }
        problems
    }
}

impl ClassReader {
    fn open(class: Class, folder: &Path, manifest: &Manifest, rows: &[Row]) -> Result<Self> {
        let (layout, count) = (Layout::new(class, manifest.side, manifest.points.len()), manifest.class(class).count);
        let mut firsts = vec![0];
        for row in rows {
            firsts.push(firsts[firsts.len() - 1] + row.count(class) as usize);
        }
        let blocks = layout.blocks(count);
        let mut shards = Vec::new();
        for shard in 0..blocks.div_ceil(SHARD) {
            let path = folder.join(layout.file(shard));
            let file = files::open(&path)?;
            let bytes = file.metadata().map_err(|source| Error::read(&path, source))?.len();
            let needed = ((blocks - shard * SHARD).min(SHARD) * BLOCK) as u64;
            if bytes != needed {
                let what = if bytes < needed { "cut short" } else { "too long" };
                let path = path.display();
                return Err(Error::data(format!("{path}: {what}: it has {bytes} bytes and should have {needed}")));
            }
            shards.push((path, file));
        }
        let checked = (0..blocks).map(|_| AtomicBool::new(false)).collect();
        Ok(Self { layout, count, shards, checked, firsts })
    }

    /// Reads a part of a block.
    fn read(&self, index: usize, place: usize, bytes: &mut [u8]) -> Result<()> {
        let (path, file) = &self.shards[index / SHARD];
        let at = (index % SHARD * BLOCK + place) as u64;
        read_exact_at(file, bytes, at).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => Error::data("cut short while it was read").at(path),
            _ => Error::read(path, source),
        })
    }

    /// Compares a block with its checksum, once.
    fn check(&self, index: usize) -> Result<()> {
        if self.checked[index].load(Relaxed) {
            return Ok(());
        }
        let mut block = vec![0; BLOCK];
        self.read(index, 0, &mut block)?;
        if !self.layout.is_sound(&block, index) {
            let reason = format!("damaged: the block at byte {} has a wrong checksum", index % SHARD * BLOCK);
            return Err(Error::data(reason).at(&self.shards[index / SHARD].0));
        }
        self.checked[index].store(true, Relaxed);
        Ok(())
    }

    /// The image that a sample comes from.
    fn image(&self, index: usize) -> usize {
        assert!(index < self.count, "sample {index} of {}", self.count);
        self.firsts.partition_point(|&first| first <= index) - 1
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (bytes, at) = (&mut bytes[read..], at + read as u64),
        }
    }
    Ok(())
}

/// The index.
fn rows(folder: &Path, manifest: &Manifest) -> Result<Vec<Row>> {
    let path = folder.join(manifest::INDEX);
    let bytes = files::read(&path, manifest.index.bytes)?;
    let damaged = |reason: &dyn std::fmt::Display| Error::data(format!("{}: damaged: {reason}", path.display()));
    if FileInfo::of(&bytes) != manifest.index {
        return Err(damaged(&"its size or checksum is not what the manifest says"));
    }
    let rows: Result<Vec<Row>, _> = csv::Reader::from_reader(&bytes[..]).deserialize().collect();
    let rows = rows.map_err(|error| damaged(&error))?;
    // Right checksums of wrong numbers: a set that was put together by hand.
    let sums = Class::ALL.map(|class| rows.iter().map(|row| row.count(class) as usize).sum::<usize>());
    let classes = manifest.classes.iter().map(|info| (info.class, info.count));
    let fits = classes.eq(Class::ALL.into_iter().zip(sums))
        && manifest.side == manifest.stage.side()
        && rows.iter().all(|row| row.folder < manifest.folders.len());
    if fits { Ok(rows) } else { Err(damaged(&"it does not fit the manifest")) }
}
