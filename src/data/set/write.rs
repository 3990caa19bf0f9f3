//! Writing a data set, sample after sample: no more than a block of each class is in memory.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::block::{BLOCK, Layout, SHARD};
use super::manifest::{self, ClassInfo, FileInfo, Manifest, Row};
use crate::data::class::Class;
use crate::error::{Error, Result};
use crate::files;
use crate::random::Random;

/// A data set being made. It is complete and in its place after [`Writer::finish`], and not there at all
/// before; dropped earlier, it takes what it wrote away.
pub(in crate::data) struct Writer {
    target: PathBuf,
    partial: Partial,
    classes: [ClassWriter; 4],
    rows: Vec<Row>,
}

impl Writer {
    /// Begins a set of images of that side, and of faces with so many points, which will be the folder `target`.
    ///
    /// What another run left behind when it was killed is removed.
    pub(in crate::data) fn begin(target: &Path, side: usize, points: usize) -> Result<Self> {
        let target = &resolve(target)?;
        if target.is_file() || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::data("it is there already: it is not overwritten").at(target));
        }
        let partial = Partial::create(target)?;
        let classes = Class::ALL.map(|class| ClassWriter::new(&partial.made, Layout::new(class, side, points)));
        Ok(Self { target: target.into(), partial, classes, rows: Vec::new() })
    }

    /// Appends the samples of an image: of each class as many as the row says, one after the other.
    ///
    /// # Panics
    /// If they are not as many.
    pub(in crate::data) fn append(&mut self, row: Row, samples: &[Vec<u8>; 4]) -> Result<()> {
        for (class, samples) in self.classes.iter_mut().zip(samples) {
            let record = class.layout.record;
            assert_eq!(samples.len(), row.count(class.layout.class) as usize * record, "whole samples");
            for sample in samples.chunks_exact(record) {
                class.push(sample)?;
            }
        }
        self.rows.push(row);
        Ok(())
    }

    /// Drops what is above the caps, writes index and manifest, and gives the set its name.
    pub(in crate::data) fn finish(self, mut manifest: Manifest) -> Result<Manifest> {
        let Self { target, partial, classes, mut rows } = self;
        let options = &manifest.options;
        for class in classes {
            let cap = options.caps.of(class.layout.class);
            manifest.classes.push(class.choose(&partial.folder, options.seed, cap, &mut rows)?);
        }
        remove(&partial.made)?;

        let mut index = csv::Writer::from_writer(Vec::new());
        let written = rows.iter().try_for_each(|row| index.serialize(row));
        let index = written.map_err(io::Error::other).and_then(|()| index.into_inner().map_err(|it| it.into_error()));
        let path = partial.folder.join(manifest::INDEX);
        let index = index.map_err(io_error(&path))?;
        manifest.index = FileInfo::of(&index);
        write(&path, &index)?;
        let path = partial.folder.join(manifest::FILE);
        let text = manifest.to_text().map_err(|error| io_error(&path)(error.into()))?;
        write(&path, text.as_bytes())?;
        partial.rename(&target)?;
        Ok(manifest)
    }
}

/// Where the set will be: behind a link to a folder the folder itself, for a link can't be replaced by a folder.
fn resolve(target: &Path) -> Result<PathBuf> {
    let is_link = fs::symlink_metadata(target).is_ok_and(|it| it.is_symlink());
    if is_link { fs::canonicalize(target).map_err(|source| Error::read(target, source)) } else { Ok(target.into()) }
}

/// The folder of a set that is not complete. Nobody else writes in it: a lock says so.
struct Partial {
    folder: PathBuf,
    /// In it, for samples of which some are going to be dropped.
    made: PathBuf,
    /// Held until the folder has its name.
    _lock: File,
    renamed: bool,
}

/// The file in a folder that says that it is ours to empty and to delete; it is the lock, too.
const MARK: &str = ".mtcnn-cpu-partial";

impl Partial {
    fn create(target: &Path) -> Result<Self> {
        // Beside the target: only there is renaming sure to be one step.
        let mut name = target.file_name().unwrap_or_default().to_os_string();
        if name.is_empty() {
            return Err(Error::data("a data set needs a folder with a name").at(target));
        }
        name.push(".partial");
        let folder = target.with_file_name(name);
        probe(target)?;
        let entries = match fs::symlink_metadata(&folder) {
            Ok(there) if !there.is_dir() => {
                return Err(Error::data("it is in the way of the set that is made: it is no folder").at(folder));
            }
            Ok(_) => fs::read_dir(&folder).and_then(Iterator::collect).map_err(io_error(&folder))?,
            Err(_) => {
                fs::create_dir_all(&folder).map_err(io_error(&folder))?;
                Vec::<fs::DirEntry>::new()
            }
        };
        let mark = folder.join(MARK);
        if !entries.is_empty() && !entries.iter().any(|entry| entry.file_name() == MARK) {
            let reason = "it is in the way of the set that is made, and no run of this program left it: remove it";
            return Err(Error::data(reason).at(folder));
        }
        let another = || Error::data("another run is making this set").at(&folder);
        let lock = files::lock(&mark)?.ok_or_else(another)?;
        // The other run may have given the folder its name just now.
        if !is_same(&lock, &mark) {
            return Err(another());
        }
        for entry in entries.iter().filter(|entry| entry.file_name() != MARK) {
            remove(&entry.path())?;
        }
        let made = folder.join("made");
        fs::create_dir(&made).map_err(io_error(&made))?;
        Ok(Self { folder, made, _lock: lock, renamed: false })
    }

    fn rename(mut self, target: &Path) -> Result<()> {
        // What is renamed must be on the disk, or a power cut leaves a set of nothing.
        #[cfg(unix)]
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(io_error(&self.folder))?;
        fs::rename(&self.folder, target).map_err(io_error(target))?;
        self.renamed = true;
        remove(&target.join(MARK))
    }
}

/// Whether a folder can get the name of the target, known before hours of work: a mount point can't be replaced.
fn probe(target: &Path) -> Result<()> {
    if target.is_dir() {
        let mut aside = target.file_name().unwrap_or_default().to_os_string();
        aside.push(".aside");
        let aside = target.with_file_name(aside);
        let moved = fs::rename(target, &aside).and_then(|()| fs::rename(&aside, target));
        moved.map_err(io_error(target))?;
    }
    Ok(())
}

#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |it: fs::Metadata| (it.dev(), it.ino());
    let same = |(a, b): (fs::Metadata, fs::Metadata)| identity(a) == identity(b);
    file.metadata().ok().zip(fs::symlink_metadata(path).ok()).is_some_and(same)
}

/// An open file keeps its folder from being renamed.
#[cfg(not(unix))]
fn is_same(_: &File, _: &Path) -> bool {
    true
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.renamed {
            // An error that led here is told; one more of the same disk helps nobody.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(io_error(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = files::create_new(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(io_error(path))
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> Error + use<> {
    let path = path.to_path_buf();
    move |source| Error::write(&path, source)
}

/// The samples of a class, shard after shard.
struct ClassWriter {
    folder: PathBuf,
    layout: Layout,
    count: usize,
    /// Samples that no shard has yet.
    block: Vec<u8>,
    shard: Option<(File, PathBuf)>,
}

impl ClassWriter {
    fn new(folder: &Path, layout: Layout) -> Self {
        Self { folder: folder.into(), layout, count: 0, block: Vec::with_capacity(BLOCK), shard: None }
    }

    fn push(&mut self, sample: &[u8]) -> Result<()> {
        self.block.extend_from_slice(sample);
        self.count += 1;
        if self.count.is_multiple_of(self.layout.per_block) { self.flush() } else { Ok(()) }
    }

    /// Writes the block that the last sample is in.
    fn flush(&mut self) -> Result<()> {
        let index = self.layout.blocks(self.count) - 1;
        self.block.resize(BLOCK, 0);
        self.layout.seal(&mut self.block, index);
        if index.is_multiple_of(SHARD) {
            self.close()?;
            let path = self.folder.join(self.layout.file(index / SHARD));
            self.shard = Some((files::create_new(&path).map_err(io_error(&path))?, path));
        }
        let (file, path) = self.shard.as_mut().expect("a shard begins with its first block");
        file.write_all(&self.block).map_err(io_error(path))?;
        self.block.clear();
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        match self.shard.take() {
            Some((file, path)) => file.sync_all().map_err(io_error(&path)),
            None => Ok(()),
        }
    }

    /// Ends the last shard.
    fn complete(&mut self) -> Result<()> {
        if !self.block.is_empty() {
            self.flush()?;
        }
        self.close()
    }

    /// Puts the samples into `folder`: all, or as many as the cap, each with the same chance and in their
    /// order. `rows` are told how many of each image stay.
    fn choose(mut self, folder: &Path, seed: u64, cap: Option<u64>, rows: &mut [Row]) -> Result<ClassInfo> {
        self.complete()?;
        let (layout, made) = (self.layout, self.count);
        let shards = layout.blocks(made).div_ceil(SHARD);
        let kept = cap.map_or(made, |cap| usize::try_from(cap).unwrap_or(usize::MAX).min(made));
        if kept == made {
            for shard in 0..shards {
                let (from, to) = (self.folder.join(layout.file(shard)), folder.join(layout.file(shard)));
                fs::rename(&from, &to).map_err(io_error(&to))?;
            }
        } else {
            self.thin(folder, seed, kept, rows)?;
        }
        let (record_bytes, per_block) = (layout.record, layout.per_block);
        let shards = layout.blocks(kept).div_ceil(SHARD);
        Ok(ClassInfo { class: layout.class, count: kept, made, shards, record_bytes, per_block })
    }

    /// Copies `wanted` of the samples. Going through them once: each is taken with the probability of
    /// those still wanted among those still to come, which gives exactly as many and favours none (Knuth,
    /// algorithm S).
    fn thin(&self, folder: &Path, seed: u64, mut wanted: usize, rows: &mut [Row]) -> Result<()> {
        let class = self.layout.class;
        // Images' streams have small numbers.
        let mut random = Random::new(seed, u64::MAX - class as u64);
        let mut chosen = ClassWriter::new(folder, self.layout);
        let mut to_come = self.count;
        let mut samples = Samples { of: self, next: 0, block: vec![0; BLOCK], shard: None };
        for row in rows {
            let count = row.count_mut(class);
            for _ in 0..std::mem::take(count) {
                let sample = samples.next()?;
                if random.below(to_come as u64) < wanted as u64 {
                    chosen.push(sample)?;
                    wanted -= 1;
                    *count += 1;
                }
                to_come -= 1;
            }
        }
        chosen.complete()
    }
}

/// The samples that were written, one after the other. Shards are removed when they have been read.
struct Samples<'a> {
    of: &'a ClassWriter,
    next: usize,
    block: Vec<u8>,
    shard: Option<(File, PathBuf)>,
}

impl Samples<'_> {
    fn next(&mut self) -> Result<&[u8]> {
        let layout = self.of.layout;
        let (block, place) = layout.place(self.next);
        if place == 0 {
            if block.is_multiple_of(SHARD) {
                if let Some((_, path)) = self.shard.take() {
                    remove(&path)?;
                }
                let path = self.of.folder.join(layout.file(block / SHARD));
                self.shard = Some((File::open(&path).map_err(io_error(&path))?, path));
            }
            let (file, path) = self.shard.as_mut().expect("a shard begins with its first block");
            file.read_exact(&mut self.block).map_err(io_error(path))?;
        }
        self.next += 1;
        Ok(&self.block[place..][..layout.record])
    }
}
