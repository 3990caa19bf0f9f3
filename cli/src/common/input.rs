//! Which images to look at: the inputs as typed, with folders replaced by what is in them.

use std::collections::HashSet;
#[cfg(unix)]
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use ::image::RgbImage;
use anyhow::{Context, ensure};
use walkdir::{DirEntry, WalkDir};

use crate::common::left_out::LeftOut;
use crate::common::outcome::{Usage, complain};

use mtcnn_cpu::data::images::decoding_bytes;
use mtcnn_cpu::image::{self, DecodeOptions};

/// Extensions of the images that are looked for in folders.
const EXTENSIONS: [&str; 17] = [
    "bmp", "dib", "gif", "jfif", "jpe", "jpeg", "jpg", "mpo", "pam", "pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff",
    "webp",
];

/// A list of millions of paths is not larger.
const MOST_LISTED: u64 = 1 << 28;

/// One image to look at.
#[derive(Debug)]
pub(crate) struct Input {
    /// What the results call it.
    pub(crate) name: String,
    /// Where a drawn copy goes in the folder of drawn copies: the place in the folder that was typed.
    pub(crate) relative: PathBuf,
    pub(crate) source: Source,
}

/// Where an image comes from.
#[derive(Debug)]
pub(crate) enum Source {
    File(PathBuf),
    Stdin,
    /// It is none, for this reason: a folder without images, or one that can't be read. It takes its
    /// turn in the results like an image that can't be read.
    Nothing(String),
}

impl Input {
    /// An image as typed: a file, or stdin.
    pub(crate) fn one(path: &Path) -> Self {
        if is_stdin(path) {
            return Self { name: "-".into(), relative: "stdin".into(), source: Source::Stdin };
        }
        Self::file(path.into(), path.file_name().map(PathBuf::from).unwrap_or_default())
    }

    fn file(path: PathBuf, relative: PathBuf) -> Self {
        Self { name: path.to_string_lossy().into_owned(), relative, source: Source::File(path) }
    }

    fn nothing(path: &Path, reason: String) -> Self {
        let name = path.to_string_lossy().into_owned();
        Self { name, relative: PathBuf::new(), source: Source::Nothing(reason) }
    }

    /// Its file, if it has one.
    pub(crate) fn file_path(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Stdin | Source::Nothing(_) => None,
        }
    }

    /// The bytes of its path in hexadecimal digits, where the name is no UTF-8: two such names may be shown as one.
    pub(crate) fn raw(&self) -> Option<String> {
        let path = self.file_path().filter(|path| path.to_str().is_none())?;
        Some(path.as_os_str().as_encoded_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Its place in the folder that was typed, with slashes between the folders: the name that evaluations know it by.
    pub(crate) fn slashed(&self) -> String {
        let parts: Vec<_> = self.relative.iter().map(|part| part.to_string_lossy()).collect();
        parts.join("/")
    }

    /// About how many bytes reading and decoding take, by what the file claims; 0 if it claims nothing.
    pub(crate) fn cost(&self) -> usize {
        self.file_path().map_or(0, decoding_bytes)
    }

    /// The image, or the reason why not.
    pub(crate) fn decode(&self, options: &DecodeOptions) -> Result<RgbImage, String> {
        image::decode_with(&self.read()?, options).map_err(|error| error.to_string())
    }

    /// Its file, or the reason why not.
    pub(crate) fn read(&self) -> Result<Vec<u8>, String> {
        let bytes: io::Result<Vec<u8>> = match &self.source {
            Source::File(path) => File::open(path).and_then(image::read),
            Source::Stdin => image::read(io::stdin().lock()),
            Source::Nothing(reason) => return Err(reason.clone()),
        };
        bytes.map_err(|error| error.to_string())
    }
}

/// Whether a path stands for an image on stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The images, in the order in which results appear: those that are typed, then those of a list; and what else is in folders.
/// Only paths are held, so a folder may be large. Folders of `results` are not searched, unless they are typed themselves.
pub(crate) fn find(
    typed: &[PathBuf],
    list: Option<&Path>,
    results: impl IntoIterator<Item = PathBuf>,
) -> anyhow::Result<(Vec<Input>, LeftOut)> {
    if typed.iter().map(PathBuf::as_path).chain(list).filter(|path| is_stdin(path)).count() > 1 {
        return Err(Usage("stdin (-) can be read only once".into()).into());
    }
    let results: Vec<_> = results.into_iter().filter_map(|folder| identity(&folder)).collect();
    let (mut inputs, mut left_out) = (Vec::new(), LeftOut::default());
    for path in typed {
        if path.is_dir() && !is_stdin(path) {
            find_in_folder(path, &results, &mut inputs, &mut left_out);
        } else {
            inputs.push(Input::one(path));
        }
    }
    if let Some(list) = list {
        let paths = listed(list)?;
        if paths.is_empty() {
            inputs.push(Input::nothing(list, "a list without paths".into()));
        }
        for path in paths {
            if path.is_dir() {
                find_in_folder(&path, &results, &mut inputs, &mut left_out);
            } else {
                let place = below(&path).unwrap_or_else(|| path.file_name().map(PathBuf::from).unwrap_or_default());
                inputs.push(Input::file(path, place));
            }
        }
    }
    Ok((inputs, left_out))
}

/// The paths of a list: each ended by a NUL byte if there is one, else a line each.
fn listed(list: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut bytes = Vec::new();
    let read = match is_stdin(list) {
        true => io::stdin().lock().take(MOST_LISTED + 1).read_to_end(&mut bytes),
        false => File::open(list).and_then(|file| file.take(MOST_LISTED + 1).read_to_end(&mut bytes)),
    };
    let shown = list.to_string_lossy();
    read.with_context(|| format!("--files-from {shown}"))?;
    ensure!(bytes.len() as u64 <= MOST_LISTED, "--files-from {shown}: it is larger than {MOST_LISTED} bytes");
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let lines = !bytes.contains(&0);
    let paths = bytes.split(|&byte| byte == if lines { b'\n' } else { 0 });
    let paths = paths.map(|path| if lines { path.strip_suffix(b"\r").unwrap_or(path) } else { path });
    paths.filter(|path| !path.is_empty()).map(|path| path_of(path, list)).collect()
}

#[cfg(unix)]
fn path_of(bytes: &[u8], _: &Path) -> anyhow::Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Ok(OsStr::from_bytes(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8], list: &Path) -> anyhow::Result<PathBuf> {
    let path = std::str::from_utf8(bytes);
    Ok(path.with_context(|| format!("--files-from {}: a path is no UTF-8", list.to_string_lossy()))?.into())
}

/// A relative path that does not leave the folder where it begins, without what stands for that folder.
fn below(path: &Path) -> Option<PathBuf> {
    let mut place = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => place.push(part),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(place)
}

fn find_in_folder(folder: &Path, results: &[PathBuf], inputs: &mut Vec<Input>, left_out: &mut LeftOut) {
    let before = inputs.len();
    let hidden = |entry: &DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
    let has_results = |entry: &DirEntry| {
        let may = !results.is_empty() && entry.depth() > 0 && entry.file_type().is_dir();
        may && identity(entry.path()).is_some_and(|entry| results.contains(&entry))
    };
    let is_searched = |entry: &DirEntry| {
        let has_results = has_results(entry);
        if has_results {
            complain(format_args!("{} is for results: it is not searched", entry.path().to_string_lossy()));
        }
        !has_results && !hidden(entry)
    };
    let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(is_searched) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && has_image_extension(entry.path()) => {
                let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_path_buf();
                inputs.push(Input::file(entry.into_path(), relative));
            }
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => left_out.add(entry.path()),
            Err(error) => {
                let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                inputs.push(Input::nothing(error.path().unwrap_or(folder), reason));
            }
        }
    }
    if inputs.len() == before {
        inputs.push(Input::nothing(folder, "a folder without images".into()));
    }
}

fn has_image_extension(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    EXTENSIONS.contains(&extension.as_str())
}

/// The one path of a file that has many, if it exists.
pub(crate) fn identity(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// A result must not take the place of a file that is read.
pub(crate) fn refuse_to_overwrite<'a>(
    read: impl IntoIterator<Item = &'a Path>,
    results: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Usage> {
    let mut existing = results.into_iter().filter_map(|path| Some((identity(path)?, path))).peekable();
    // The usual case: nothing is there yet, and no path has to be looked up.
    if existing.peek().is_none() {
        return Ok(());
    }
    let read: HashSet<_> = read.into_iter().filter_map(identity).collect();
    match existing.find(|(identity, _)| read.contains(identity)) {
        Some((_, path)) => Err(Usage(format!("{} is an input: it is not overwritten", path.to_string_lossy()))),
        None => Ok(()),
    }
}
