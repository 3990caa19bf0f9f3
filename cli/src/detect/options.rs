//! The options of `detect`, checked: what is wrong is said here, before hours of work. And a detector from
//! those options that `bench` has too.

use std::io::{self, IsTerminal};

use anyhow::Context;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Usage;
use crate::args::{self, Format};
use crate::common::drawing::Drawings;
use crate::common::input::{self, Input};
use crate::common::save::Save;
use crate::detect::wider_results::Layout;
use mtcnn_cpu::image::Orientation;
use mtcnn_cpu::{Detector, DetectorBuilder, Face, ImageView, Part, Timing, isa};

/// Everything that a run needs, usable.
pub(crate) struct Options {
    pub(crate) inputs: Vec<Input>,
    pub(crate) orientation: Orientation,
    /// The part of each picture that is looked at.
    pub(crate) roi: Option<Part>,
    pub(crate) detector: Detector,
    /// Pictures and the parts of one picture share these threads.
    pub(crate) pool: ThreadPool,
    pub(crate) format: Format,
    pub(crate) output: Output,
    pub(crate) drawings: Option<Drawings>,
    pub(crate) timing: bool,
}

/// Where results go.
pub(crate) enum Output {
    Stdout,
    File(Save),
    /// A file for each picture.
    Folder(Layout),
}

impl Options {
    pub(crate) fn new(args: args::Detect) -> anyhow::Result<Self> {
        if args.inputs.iter().filter(|path| input::is_stdin(path)).count() > 1 {
            return Err(Usage("stdin (-) can be read only once".into()).into());
        }
        // No threads of its own: it uses those of the pool that calls it.
        let detector = detection(&args.detection, 0)?;
        let pool = pool(args.detection.threads)?;

        let inputs = input::find(&args.inputs);
        let output = args.output.as_deref().filter(|path| !input::is_stdin(path));
        let (output, layout) = match (args.format, output) {
            (Some(Format::Wider), Some(folder)) => (None, Some(Layout::plan(folder, &inputs)?)),
            (Some(Format::Wider), None) => return Err(Usage("--format wider needs --output FOLDER".into()).into()),
            (_, output) => (output, None),
        };
        let plan = args.draw.as_deref().map(|path| Drawings::plan(path, &args.inputs, &inputs));
        let drawings = plan.transpose()?;
        if drawings.iter().flat_map(Drawings::paths).any(|path| Some(path) == output) {
            return Err(Usage("--output and a drawn picture can't be the same file".into()).into());
        }
        let results = output.into_iter().chain(layout.iter().flat_map(Layout::paths));
        refuse_to_overwrite(&inputs, results.chain(drawings.iter().flat_map(Drawings::paths)))?;
        if let Some(drawings) = &drawings {
            drawings.probe()?;
        }
        if let Some(layout) = &layout {
            layout.probe()?;
        }

        let on_terminal = output.is_none() && io::stdout().is_terminal();
        Ok(Self {
            inputs,
            orientation: args.detection.orientation(),
            roi: args.detection.roi,
            detector,
            pool,
            format: args.format.unwrap_or(if on_terminal { Format::Table } else { Format::Jsonl }),
            output: match (output, layout) {
                (_, Some(layout)) => Output::Folder(layout),
                (Some(file), None) => Output::File(Save::begin(file)?),
                (None, None) => Output::Stdout,
            },
            drawings,
            timing: args.timing,
        })
    }
}

impl args::Detection {
    pub(crate) fn orientation(&self) -> Orientation {
        if self.no_exif { Orientation::AsStored } else { Orientation::Upright }
    }
}

/// A detector as `detect` has it, with so many threads of its own, or with 0 those that it is called in.
pub(crate) fn detection(args: &args::Detection, threads: usize) -> anyhow::Result<Detector> {
    let mut builder = builder(&args.search)?.threads(threads).largest(args.largest);
    if let Some(count) = args.max_faces {
        builder = builder.max_faces(count as usize);
    }
    Ok(builder.build()?)
}

/// A detector of all faces, with so many threads of its own.
pub(crate) fn detector(args: &args::Search, threads: usize) -> anyhow::Result<Detector> {
    Ok(builder(args)?.threads(threads).build()?)
}

/// The options of a detector of all faces.
pub(crate) fn builder(args: &args::Search) -> anyhow::Result<DetectorBuilder> {
    let isa = isa::from_env()?;
    let mut builder = Detector::builder().isa(isa).profile(args.profile).min_face(args.min_face);
    if let Some(factor) = args.factor {
        builder = builder.factor(factor);
    }
    if let Some(side) = args.max_side {
        builder = builder.max_side(side as usize);
    }
    if let Some(thresholds) = args.thresholds {
        builder = builder.thresholds(thresholds);
    }
    if let Some(file) = &args.weights {
        builder = builder.weights(file);
    }
    Ok(builder)
}

/// So many threads, or with 0 as many as the machine has.
pub(crate) fn pool(threads: u16) -> anyhow::Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(threads.into()).build();
    pool.with_context(|| format!("can't start {threads} threads"))
}

/// The faces in a picture, or in what lies in it of a part.
pub(crate) fn detect(
    detector: &Detector,
    view: ImageView<'_>,
    roi: Option<Part>,
) -> Result<(Vec<Face>, Timing), mtcnn_cpu::Error> {
    let Some(Part { x, y, width, height }) = roi else { return detector.detect_timed(view) };
    let (x, y) = (x.min(view.width()), y.min(view.height()));
    let part = Part { x, y, width: width.min(view.width() - x), height: height.min(view.height() - y) };
    let (faces, timing) = detector.detect_timed(view.part(part)?)?;
    Ok((faces.iter().map(|face| face.moved(x as f32, y as f32)).collect(), timing))
}

/// A result must not take the place of a picture that is read.
pub(crate) fn refuse_to_overwrite<'a>(
    inputs: &[Input],
    results: impl Iterator<Item = &'a std::path::Path>,
) -> Result<(), Usage> {
    let mut existing = results.filter_map(|path| Some((input::identity(path)?, path))).peekable();
    // The usual case: nothing is there yet, and no path has to be looked up.
    if existing.peek().is_none() {
        return Ok(());
    }
    let read: std::collections::HashSet<_> = inputs.iter().filter_map(Input::identity).collect();
    match existing.find(|(identity, _)| read.contains(identity)) {
        Some((_, path)) => Err(Usage(format!("{} is an input: it is not overwritten", path.to_string_lossy()))),
        None => Ok(()),
    }
}
