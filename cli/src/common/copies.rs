//! Changed copies of images, such as drawn ones: which file each goes to, and writing it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ::image::{ImageFormat, RgbImage};

use crate::common::encoding::{format, make_folder, write_image_with};
use crate::common::input::Input;
use crate::common::metadata::Metadata;
use crate::common::outcome::{Usage, complain};
use crate::common::save::Save;

/// Copies that stderr names.
const MOST_NAMED: usize = 20;

/// A file for the copy of each input.
pub(crate) struct Copies {
    paths: Vec<PathBuf>,
    /// The folder of the copies, if it is not one file.
    folder: Option<PathBuf>,
}

impl Copies {
    /// For the path of `option`. A folder or several inputs need a folder; one image goes to a file, or into a folder if
    /// there is one of that name.
    pub(crate) fn plan(option: &str, path: &Path, one_image: bool, inputs: &[Input]) -> Result<Self, Usage> {
        let shown = path.to_string_lossy();
        let into_folder = path.is_dir() || shown.ends_with(std::path::is_separator);
        if one_image && !into_folder {
            return match format(path) {
                Some(_) => Ok(Self { paths: vec![path.into()], folder: None }),
                None => Err(Usage(format!("{option} {shown}: the extension must be png, jpg, webp, bmp or tif"))),
            };
        }
        if path.exists() && !path.is_dir() || !into_folder && format(path).is_some() {
            return Err(Usage(format!("{option} {shown}: many images need a folder, and this is a file")));
        }
        let mut taken = HashMap::new();
        let paths = inputs.iter().map(|input| path.join(free_name(&input.relative, &mut taken))).collect();
        Ok(Self { paths, folder: Some(path.into()) })
    }

    /// Every file that may be written.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(PathBuf::as_path)
    }

    /// Says on stderr which copy is of which image, where the names do not tell. `verb` is what is done to an image.
    pub(crate) fn tell_renamed(&self, inputs: &[Input], verb: &str) {
        // Names in a folder of copies differ from their images' by an extension, or by a number.
        let pairs = self.paths.iter().zip(inputs).filter(|_| self.folder.is_some());
        let numbered = |(copy, input): &(&PathBuf, &Input)| {
            let (copy, name) = (copy.file_stem(), input.relative.as_path());
            copy != name.file_stem() && copy != name.file_name()
        };
        let mut renamed = pairs.filter(numbered);
        for (copy, input) in renamed.by_ref().take(MOST_NAMED) {
            complain(format_args!("{} is {verb} as {}", input.name, copy.to_string_lossy()));
        }
        match renamed.count() {
            0 => {}
            more => complain(format_args!("… and {more} more copies with a number in their name")),
        }
    }

    /// Fails if nothing can be written there.
    pub(crate) fn probe(&self) -> anyhow::Result<()> {
        if let Some(folder) = &self.folder {
            make_folder(folder)?;
            return Save::probe(folder);
        }
        self.paths.iter().try_for_each(|file| Save::begin(file).map(drop))
    }

    /// The file of that input.
    pub(crate) fn path(&self, index: usize) -> &Path {
        &self.paths[index]
    }

    /// Whether the copies go into a folder.
    pub(crate) fn is_folder(&self) -> bool {
        self.folder.is_some()
    }

    /// Writes the copy of that input.
    pub(crate) fn write(&self, index: usize, image: &RgbImage) -> anyhow::Result<()> {
        self.write_with(index, image, Metadata::default()).map(drop)
    }

    /// The same, with metadata. Gives what the format can't hold of them.
    pub(crate) fn write_with(
        &self,
        index: usize,
        image: &RgbImage,
        metadata: Metadata,
    ) -> anyhow::Result<Option<&'static str>> {
        write_image_with(self.path(index), image, format(self.path(index)).unwrap_or(ImageFormat::Png), metadata)
    }
}

/// The name itself, with a format that can be written and, if it is taken, a number.
fn free_name(relative: &Path, taken: &mut HashMap<String, usize>) -> PathBuf {
    let mut name = relative.to_path_buf();
    if format(relative).is_none() {
        name.as_mut_os_string().push(".png");
    }
    // Some file systems do not tell A from a.
    let key = |name: &Path| name.to_string_lossy().to_lowercase();
    // Goes on from the last number of this name: thousands of images may share one.
    let mut number = taken.get(&key(&name)).copied().unwrap_or(1);
    let mut candidate = name.clone();
    while taken.contains_key(&key(&candidate)) {
        number += 1;
        let mut file = OsString::from(name.file_stem().unwrap_or_default());
        file.push(format!("-{number}."));
        file.push(name.extension().unwrap_or_default());
        candidate = name.with_file_name(file);
    }
    taken.insert(key(&name), number);
    taken.entry(key(&candidate)).or_insert(1);
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_folders_and_never_collide() {
        let mut taken = HashMap::new();
        let mut name = |relative: &str| free_name(Path::new(relative), &mut taken).to_string_lossy().into_owned();
        assert_eq!(name("a/b.jpg"), "a/b.jpg");
        assert_eq!(name("b.jpg"), "b.jpg");
        assert_eq!(name("B.JPG"), "B-2.JPG");
        assert_eq!(name("b.jpg"), "b-3.jpg");
        assert_eq!(name("b-3.jpg"), "b-3-2.jpg");
        assert_eq!(name("clip.gif"), "clip.gif.png");
        assert_eq!(name("stdin"), "stdin.png");
    }
}
