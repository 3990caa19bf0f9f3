//! The options of `detect`, checked: what is wrong is said here, before hours of work. And a detector from
//! those options that `bench` has too.

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal};
use std::path::Path;

use mtcnn_cpu::data::images::Reading;
use mtcnn_cpu::image::Orientation;

use crate::common::copies::Copies;
use crate::common::input::{self, Input, refuse_to_overwrite};
use crate::common::outcome::Usage;
use crate::common::run::Run;
use crate::common::save::Save;
use crate::detect::args::{self, Format};
use crate::detect::growing::{self, Growing};
use crate::detect::output::Names;
use crate::detect::wider_results::Layout;

/// Everything that a run needs, usable.
pub(crate) struct Options {
    pub(crate) run: Run,
    pub(crate) format: Format,
    pub(crate) output: Output,
    pub(crate) drawings: Option<Copies>,
    pub(crate) names: Names,
    pub(crate) timing: bool,
}

/// Where results go.
pub(crate) enum Output {
    Stdout,
    /// A file that appears when it is complete.
    File(Save),
    /// A file that grows by lines.
    Growing(Growing),
    /// A file for each image.
    Folder(Layout),
}

impl Options {
    pub(crate) fn new(args: args::Detect) -> anyhow::Result<Self> {
        let folders = args.draw.iter().chain(args.output.iter().filter(|_| args.format == Some(Format::Wider)));
        let mut run = Run::new(&args.images, usual_orientation(args.format), folders.cloned())?;
        let inputs = &run.inputs;
        let output = args.output.as_deref().filter(|path| !input::is_stdin(path));
        let (output, layout) = match (args.format, output) {
            (Some(Format::Wider), Some(folder)) => (None, Some(Layout::plan(folder, inputs)?)),
            (Some(Format::Wider), None) => return Err(Usage("--format wider needs --output FOLDER".into()).into()),
            (_, output) => (output, None),
        };
        if let Some(Format::Fddb) = args.format {
            check_fddb_names(inputs)?;
        }
        let plan = args.draw.as_deref().map(|path| Copies::plan("--draw", path, run.is_of_one_image, inputs));
        let drawings = plan.transpose()?;
        if drawings.iter().flat_map(Copies::paths).any(|path| Some(path) == output) {
            return Err(Usage("--output and a drawn image can't be the same file".into()).into());
        }
        let results = output.into_iter().chain(layout.iter().flat_map(Layout::paths));
        refuse_to_overwrite(run.files(), results.chain(drawings.iter().flat_map(Copies::paths)))?;
        if let Some(drawings) = &drawings {
            drawings.probe()?;
        }
        if let Some(layout) = &layout {
            layout.probe()?;
        }

        let on_terminal = output.is_none() && io::stdout().is_terminal();
        let format = args.format.unwrap_or(if on_terminal { Format::Table } else { Format::Jsonl });
        let output = match (output, layout) {
            (_, Some(layout)) => Output::Folder(layout),
            (Some(path), None) if format == Format::Jsonl && (path.is_file() || !path.exists()) => {
                Output::Growing(match args.overwrite {
                    true => growing::open_empty(path)?,
                    false => go_on(path, &mut run, drawings.as_ref())?,
                })
            }
            (Some(path), None) => Output::File(Save::begin_alone(path)?),
            (None, None) => Output::Stdout,
        };
        let names = Names { csv_safe: args.csv_safe, on_terminal };
        Ok(Self { run, format, output, drawings, names, timing: args.timing })
    }

    /// Whether there is a file that a signal must not leave half done.
    pub(crate) fn writes_files(&self) -> bool {
        self.drawings.is_some() || !matches!(self.output, Output::Stdout)
    }
}

/// Opens a file of results, and leaves out of a run the images that have theirs in it, and their drawn copy.
fn go_on(path: &Path, run: &mut Run, drawings: Option<&Copies>) -> anyhow::Result<Growing> {
    let is_drawn = |index: usize| drawings.is_none_or(|drawings| drawings.path(index).exists());
    let keys: Vec<_> = run.inputs.iter().map(|input| (input.name.clone(), input.raw())).collect();
    let indices: HashMap<_, _> = keys.iter().zip(0..).collect();
    let mut done = HashSet::new();
    let file = growing::open(path, |line| {
        let key = (line.image.clone(), line.raw.clone());
        let stays = line.error.is_none() && indices.get(&key).is_none_or(|&index| is_drawn(index));
        if stays {
            done.insert(key);
        }
        stays
    })?;
    run.go_on(|index| done.contains(&keys[index]));
    Ok(file)
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
