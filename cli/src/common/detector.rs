//! A detector, and the threads that it uses, from their arguments.

use anyhow::Context;
use mtcnn_cpu::weights::{self, Source};
use mtcnn_cpu::{Detector, DetectorBuilder, Face, ImageView, Part, Profile, Timing, isa};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::common::detection_args::{Detection, Looks, Search};
use crate::common::outcome::{Usage, complain};

/// A detector as `detect` has it, with `threads` threads of its own, or with 0 those of the pool it is called in.
pub(crate) fn detection(args: &Detection, threads: usize) -> anyhow::Result<Detector> {
    let mut builder = args.looks.of(builder(&args.search)?).threads(threads).largest(args.largest);
    if let Some(count) = args.max_faces {
        builder = builder.max_faces(count as usize);
    }
    Ok(builder.build()?)
}

/// A detector of all faces, with `threads` threads of its own.
pub(crate) fn detector(args: &Search, looks: &Looks, threads: usize) -> anyhow::Result<Detector> {
    Ok(looks.of(builder(args)?).threads(threads).build()?)
}

/// The options of a detector of all faces.
pub(crate) fn builder(args: &Search) -> anyhow::Result<DetectorBuilder> {
    let isa = isa::from_env()?;
    if let Some(warning) = mismatch(args)? {
        complain(format_args!("warning: {warning}"));
    }
    let mut builder = args.min_face.of(Detector::builder().isa(isa).profile(args.profile));
    if args.exact {
        builder = builder.screening(false);
    }
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

/// Whether the profile is for other weights: the nets of `mtcnn-caffe` were trained on other crops than the original ones, and
/// its profile was measured with them only.
fn mismatch(args: &Search) -> anyhow::Result<Option<String>> {
    let is_its_profile = args.profile == Profile::MTCNN_CAFFE;
    if args.weights.is_none() && !is_its_profile {
        return Ok(None);
    }
    let file = args.weights.as_deref().map_or("the weights inside".into(), |path| path.to_string_lossy());
    Ok(match (is_its_profile, weights::system(args.weights.as_deref())?) {
        (true, Some(system)) if system != Source::MtcnnCaffe => Some(format!(
            "--profile {} is meant for the weights of that system and its relatives; {file}: those of {system}",
            args.profile
        )),
        (false, Some(Source::MtcnnCaffe)) => Some(format!(
            "{file}: the weights of {}, for which --profile {} is meant, not {}",
            Source::MtcnnCaffe,
            Profile::MTCNN_CAFFE,
            args.profile
        )),
        _ => None,
    })
}

/// A pool of `threads` threads, or with 0 of as many as the machine has.
pub(crate) fn pool(threads: u16) -> anyhow::Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(threads.into()).build();
    pool.with_context(|| format!("can't start {threads} threads"))
}

/// The faces in an image, or in what lies in it of a part; an error if nothing does.
pub(crate) fn detect(
    detector: &Detector,
    view: ImageView<'_>,
    roi: Option<Part>,
) -> anyhow::Result<(Vec<Face>, Timing)> {
    let Some(Part { x, y, width, height }) = roi else { return Ok(detector.detect_timed(view)?) };
    if x >= view.width() || y >= view.height() {
        let (columns, rows) = (view.width(), view.height());
        let part = format!("--roi {x},{y},{width},{height}");
        return Err(Usage(format!("{part} is not in the image, which has {columns}x{rows} pixels")).into());
    }
    let part = Part { x, y, width: width.min(view.width() - x), height: height.min(view.height() - y) };
    Ok(detector.detect_part_timed(view, part)?)
}
