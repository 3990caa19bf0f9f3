//! The options of `detect`, checked: what is wrong is said here, before hours of work. And a detector from
//! those options that `bench` has too.

use std::collections::HashSet;
use std::io::{self, IsTerminal};

use mtcnn_cpu::data::images::Reading;
use mtcnn_cpu::image::{DecodeOptions, Orientation};
use mtcnn_cpu::{Detector, Part};
use rayon::ThreadPool;

use crate::common::detector::{detection, pool};
use crate::common::drawing::Drawings;
use crate::common::input::{self, Input, refuse_to_overwrite};
use crate::common::left_out::LeftOut;
use crate::common::outcome::Usage;
use crate::common::save::Save;
use crate::detect::args::{self, Format};
use crate::detect::wider_results::Layout;

/// Everything that a run needs, usable.
pub(crate) struct Options {
    pub(crate) inputs: Vec<Input>,
    /// Files of folders that are no inputs.
    pub(crate) left_out: LeftOut,
    pub(crate) decode: DecodeOptions,
    /// The most bytes for images at work.
    pub(crate) ram: usize,
    /// The part of each image that is looked at.
    pub(crate) roi: Option<Part>,
    pub(crate) detector: Detector,
    /// Images and the parts of one image share these threads.
    pub(crate) pool: ThreadPool,
    pub(crate) format: Format,
    pub(crate) output: Output,
    pub(crate) drawings: Option<Drawings>,
    pub(crate) csv_safe: bool,
    pub(crate) timing: bool,
}

/// Where results go.
pub(crate) enum Output {
    Stdout,
    File(Save),
    /// A file for each image.
    Folder(Layout),
}

impl Options {
    pub(crate) fn new(args: args::Detect) -> anyhow::Result<Self> {
        // No threads of its own: it uses those of the pool that calls it.
        let detector = detection(&args.detection, 0)?;
        let pool = pool(args.detection.threads.threads)?;

        let (inputs, left_out) = input::find(&args.inputs)?;
        let output = args.output.as_deref().filter(|path| !input::is_stdin(path));
        let (output, layout) = match (args.format, output) {
            (Some(Format::Wider), Some(folder)) => (None, Some(Layout::plan(folder, &inputs)?)),
            (Some(Format::Wider), None) => return Err(Usage("--format wider needs --output FOLDER".into()).into()),
            (_, output) => (output, None),
        };
        if let Some(Format::Fddb) = args.format {
            check_fddb_names(&inputs)?;
        }
        let plan = args.draw.as_deref().map(|path| Drawings::plan(path, &args.inputs, &inputs));
        let drawings = plan.transpose()?;
        if drawings.iter().flat_map(Drawings::paths).any(|path| Some(path) == output) {
            return Err(Usage("--output and a drawn image can't be the same file".into()).into());
        }
        let results = output.into_iter().chain(layout.iter().flat_map(Layout::paths));
        refuse_to_overwrite(
            inputs.iter().filter_map(Input::file_path),
            results.chain(drawings.iter().flat_map(Drawings::paths)),
        )?;
        if let Some(drawings) = &drawings {
            drawings.probe()?;
        }
        if let Some(layout) = &layout {
            layout.probe()?;
        }

        let on_terminal = output.is_none() && io::stdout().is_terminal();
        Ok(Self {
            inputs,
            left_out,
            decode: args.detection.decoding.options(usual_orientation(args.format)),
            ram: args.memory.ram,
            roi: args.detection.roi,
            detector,
            pool,
            format: args.format.unwrap_or(if on_terminal { Format::Table } else { Format::Jsonl }),
            output: match (output, layout) {
                (_, Some(layout)) => Output::Folder(layout),
                (Some(file), None) => Output::File(Save::begin_alone(file)?),
                (None, None) => Output::Stdout,
            },
            drawings,
            csv_safe: args.csv_safe,
            timing: args.timing,
        })
    }
    /// Whether there is a file that a signal must not leave half done.
    pub(crate) fn writes_files(&self) -> bool {
        self.drawings.is_some() || !matches!(self.output, Output::Stdout)
    }
}

/// Results for an evaluation are of what its annotation sees, as those of `eval` are.
fn usual_orientation(format: Option<Format>) -> Orientation {
    match format {
        Some(Format::Wider | Format::Fddb) => Reading::default().decode.orientation,
        _ => Orientation::Upright,
    }
}

/// The one file of FDDB knows images by their names without extension, a line each.
fn check_fddb_names(inputs: &[Input]) -> Result<(), Usage> {
    let mut taken = HashSet::new();
    for input in inputs {
        let name = input.slashed();
        if name.contains(['\n', '\r']) {
            return Err(Usage(format!("--format fddb has a line a name, and there is a line break in {name}")));
        }
        let stem = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem).to_owned();
        if !name.is_empty() && !taken.insert(stem) {
            return Err(Usage(format!("two images have the same name in --format fddb: {name}")));
        }
    }
    Ok(())
}
