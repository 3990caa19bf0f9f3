//! Results in the layout of WIDER FACE: in a folder a text file for each image, in the sub-folders of the images.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::common::input::Input;
use crate::common::outcome::Usage;
use crate::common::save::Save;
use mtcnn_cpu::Face;
use mtcnn_cpu::eval::{image_of_results, result_path};

/// The folder and the file of each input in it.
pub(crate) struct Layout {
    folder: PathBuf,
    files: Vec<PathBuf>,
}

impl Layout {
    /// Fails if two images would have the same file.
    pub(crate) fn plan(folder: &Path, inputs: &[Input]) -> Result<Self, Usage> {
        let shown = folder.to_string_lossy();
        if folder.exists() && !folder.is_dir() {
            return Err(Usage(format!("--output {shown}: --format wider needs a folder, and this is a file")));
        }
        let mut taken = HashSet::new();
        let file = |input: &Input| {
            let file = folder.join(result_path(&input.relative));
            match taken.insert(file.clone()) || input.relative.as_os_str().is_empty() {
                true => Ok(file),
                false => Err(Usage(format!("two images have the same results: {}", file.to_string_lossy()))),
            }
        };
        Ok(Self { folder: folder.into(), files: inputs.iter().map(file).collect::<Result<_, _>>()? })
    }

    /// Every file that may be written.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// Makes the folder, and fails if nothing can be written there.
    pub(crate) fn probe(&self) -> anyhow::Result<()> {
        make_folder(&self.folder)?;
        Save::probe(&self.folder)
    }

    /// Writes the results of that input.
    pub(crate) fn write(&self, index: usize, input: &Input, faces: &[Face]) -> anyhow::Result<()> {
        let path = &self.files[index];
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let mut file = Save::begin(path)?;
        let text = image_of_results(&input.slashed(), faces);
        file.write_all(text.as_bytes())?;
        file.finish()
    }
}

fn make_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.to_string_lossy()))
}
