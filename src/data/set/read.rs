//! Reading a data set: any sample at any time, from any thread, in bounded memory.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

use mtcnn_kernels::mapped::Mapped;

use super::block::{BLOCK, Layout, SHARD};
use super::manifest::{self, FileInfo, Manifest, Row};
use crate::data::class::Class;
use crate::error::{Error, Result};

/// A data set, open to be read.
///
/// Its shards are mapped into memory. Each block is checked when it is first looked at: of a set that
/// was damaged no wrong sample is ever given. What was looked at counts as memory of this program; when
/// it is more than a [limit](DataSet::with_resident), all of it is given back to the system, which may
/// still have it when it is looked at again.
#[derive(Debug)]
pub struct DataSet {
    folder: PathBuf,
    manifest: Manifest,
    classes: [ClassReader; 4],
    /// The folder and the name of each picture.
    pictures: Vec<(usize, String)>,
    /// Blocks that may be looked at before all are given back.
    resident: usize,
    /// Blocks that were, since then.
    looked_at: AtomicUsize,
}

/// A sample of a data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// `[row][column][3]`, red first.
    pub pixels: &'a [u8],
    /// Where the face's x1 y1 x2 y2 are, seen from the same corners of the crop, in parts of its side;
    /// zeros of negatives and landmarks.
    pub offsets: [f32; 4],
    /// x1 y1 … x5 y5 in parts of the crop; zeros of other classes than landmarks.
    pub points: [f32; 10],
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
    shards: Vec<(PathBuf, Mapped)>,
    /// What is known of each block.
    blocks: Vec<AtomicU8>,
    /// The first sample of each picture, and at the end the number of all.
    firsts: Vec<usize>,
}

/// The block was compared with its checksum.
const CHECKED: u8 = 1;
/// The block was looked at since the last release.
const RESIDENT: u8 = 2;

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
        let pictures = rows.into_iter().map(|row| (row.folder, row.picture)).collect();
        let classes = classes.try_into().expect("as many as there are classes");
        let set = Self { folder, manifest, classes, pictures, resident: 0, looked_at: AtomicUsize::new(0) };
        Ok(set.with_resident(512 << 20))
    }

    /// How many bytes of samples may count as memory of this program; 512 MiB by default. A set that is
    /// smaller stays wholly there; of a larger one, each sample takes some microseconds more.
    pub fn with_resident(mut self, bytes: usize) -> Self {
        self.resident = (bytes / BLOCK).max(1);
        self
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the set says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The side of a sample in pixels.
    pub fn side(&self) -> usize {
        self.manifest.side
    }

    /// How many samples of a class there are.
    pub fn count(&self, class: Class) -> usize {
        self.classes[class as usize].count
    }

    /// A sample of a class, counted from 0.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Data`] with the file, if the sample or one near it is damaged.
    ///
    /// # Panics
    /// If `index` is not less than [`DataSet::count`].
    pub fn sample(&self, class: Class, index: usize) -> Result<Sample<'_>> {
        let (reader, block, place) = self.checked(class, index)?;
        let (pixels, targets) = reader.block(block)[place..][..reader.layout.record].split_at(reader.layout.pixels);
        let mut sample = Sample { pixels, offsets: [0.0; 4], points: [0.0; 10] };
        let numbers: &mut [f32] = if class == Class::Landmark { &mut sample.points } else { &mut sample.offsets };
        for (number, bytes) in numbers.iter_mut().zip(targets.as_chunks().0) {
            *number = f32::from_le_bytes(*bytes);
        }
        Ok(sample)
    }

    /// Has a sample read from the disk and compared with its checksum, for it to be asked for soon.
    ///
    /// # Errors
    /// As [`DataSet::sample`].
    ///
    /// # Panics
    /// As there.
    pub fn read_ahead(&self, class: Class, index: usize) -> Result<()> {
        self.checked(class, index).map(|_| ())
    }

    /// Where a sample is: its class, the block and the place in that, which is known to be sound.
    fn checked(&self, class: Class, index: usize) -> Result<(&ClassReader, usize, usize)> {
        let reader = &self.classes[class as usize];
        assert!(index < reader.count, "sample {index} of {} {}", reader.count, class.plural());
        let (block, place) = reader.layout.place(index);
        self.announce(reader, block);
        reader.check(block)?;
        Ok((reader, block, place))
    }

    /// The folders of the pictures, by their number.
    pub fn folders(&self) -> &[String] {
        &self.manifest.folders
    }

    /// The folder that a sample comes from.
    ///
    /// # Panics
    /// If `index` is not less than [`DataSet::count`].
    pub fn folder_of(&self, class: Class, index: usize) -> usize {
        self.pictures[self.classes[class as usize].picture(index)].0
    }

    /// The picture that a sample comes from, as its list has it.
    ///
    /// # Panics
    /// If `index` is not less than [`DataSet::count`].
    pub fn picture_of(&self, class: Class, index: usize) -> &str {
        &self.pictures[self.classes[class as usize].picture(index)].1
    }

    /// All samples of a class as runs of one folder each, in order: with them, samples can be drawn with a
    /// weight for each folder.
    pub fn runs(&self, class: Class) -> Vec<Run> {
        let firsts = &self.classes[class as usize].firsts;
        let mut runs: Vec<Run> = Vec::new();
        for (&(folder, _), ends) in self.pictures.iter().zip(firsts.windows(2)) {
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
    pub fn verify(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for reader in &self.classes {
            for index in 0..reader.blocks.len() {
                self.announce(reader, index);
                problems.extend(reader.check(index).err().map(|error| format!("{error:#}")));
            }
        }
        problems
    }

    /// Called before a block is looked at: has it read, and gives all others back when they would be too many.
    fn announce(&self, reader: &ClassReader, index: usize) {
        let state = &reader.blocks[index];
        if state.load(Relaxed) & RESIDENT != 0 || state.fetch_or(RESIDENT, Relaxed) & RESIDENT != 0 {
            return;
        }
        // Only one thread sees the number that is one too many.
        if self.looked_at.fetch_add(1, Relaxed) == self.resident {
            self.looked_at.store(1, Relaxed);
            for reader in &self.classes {
                for block in &reader.blocks {
                    block.fetch_and(!RESIDENT, Relaxed);
                }
                for (_, shard) in &reader.shards {
                    shard.release();
                }
            }
            state.fetch_or(RESIDENT, Relaxed);
        }
        let (shard, range) = reader.place(index);
        reader.shards[shard].1.will_need(range);
    }
}

impl ClassReader {
    fn open(class: Class, folder: &Path, manifest: &Manifest, rows: &[Row]) -> Result<Self> {
        let (layout, count) = (Layout::new(class, manifest.side), manifest.class(class).count);
        let mut firsts = vec![0];
        for row in rows {
            firsts.push(firsts[firsts.len() - 1] + row.count(class) as usize);
        }
        let blocks = layout.blocks(count);
        let mut shards = Vec::new();
        for shard in 0..blocks.div_ceil(SHARD) {
            let path = folder.join(layout.file(shard));
            let mapped = match Mapped::open(&path) {
                Ok(mapped) => mapped,
                Err(source) => return Err(Error::read(path, source)),
            };
            let (bytes, needed) = (mapped.bytes().len(), (blocks - shard * SHARD).min(SHARD) * BLOCK);
            if bytes != needed {
                let what = if bytes < needed { "cut short" } else { "too long" };
                let path = path.display();
                return Err(Error::data(format!("{path}: {what}: it has {bytes} bytes and should have {needed}")));
            }
            shards.push((path, mapped));
        }
        let blocks = (0..blocks).map(|_| AtomicU8::new(0)).collect();
        Ok(Self { layout, count, shards, blocks, firsts })
    }

    /// The shard that a block is in, and where in it.
    fn place(&self, index: usize) -> (usize, Range<usize>) {
        let at = index % SHARD * BLOCK;
        (index / SHARD, at..at + BLOCK)
    }

    fn block(&self, index: usize) -> &[u8] {
        let (shard, range) = self.place(index);
        &self.shards[shard].1.bytes()[range]
    }

    /// Compares a block with its checksum, once.
    fn check(&self, index: usize) -> Result<()> {
        let state = &self.blocks[index];
        if state.load(Relaxed) & CHECKED == 0 {
            if !self.layout.is_sound(self.block(index), index) {
                let (shard, Range { start, .. }) = self.place(index);
                let path = self.shards[shard].0.display();
                let reason = format_args!("damaged: the checksum of the block at byte {start} is wrong");
                return Err(Error::data(format!("{path}: {reason}")));
            }
            state.fetch_or(CHECKED, Relaxed);
        }
        Ok(())
    }

    /// The picture that a sample comes from.
    fn picture(&self, index: usize) -> usize {
        assert!(index < self.count, "sample {index} of {}", self.count);
        self.firsts.partition_point(|&first| first <= index) - 1
    }
}

/// The index.
fn rows(folder: &Path, manifest: &Manifest) -> Result<Vec<Row>> {
    let path = folder.join(manifest::INDEX);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(Error::read(path, source)),
    };
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
