//! Making a data set: every image read once, its crops planned, cut and appended.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use rayon::ThreadPool;

use super::class::Class;
use super::cut::Cutter;
use super::images::{self, Reading};
use super::options::SampleOptions;
use super::plan::Planned;
use super::progress::{Progress, Skipped};
use super::set::{Manifest, Row, SourceInfo, Writer};
use super::sources::{Annotation, Sources, Task};
use crate::arch::Stage;
use crate::error::{Error, Result};
use crate::geometry::PixelBox;
use crate::image::{ImageView, Orientation};
use crate::ordered;

/// Fewer samples of a class than this are hardly enough to learn from.
const FEW: usize = 10_000;

/// What a stage of the cascade finds in an image: boxes `[x1, y1, x2, y2]`, best first, as the stage
/// gives them after moving them, both ends of a side inside.
pub type StageBoxes<'a> = dyn Fn(&ImageView<'_>) -> Vec<PixelBox> + Sync + 'a;

/// How a set is made. What is here and not in the options does not change the samples.
pub struct Preparation<'a> {
    /// The net that it is for.
    pub stage: Stage,
    /// How many points of a face the net is to learn: the list of faces with points must have as many.
    pub points: usize,
    /// Which samples.
    pub options: &'a SampleOptions,
    /// Finds what the stages before let pass; needed if crops are to be mined.
    pub boxes: Option<&'a StageBoxes<'a>>,
    /// What finds it, for the manifest.
    pub detector: String,
    /// Where the work is done.
    pub pool: &'a ThreadPool,
    /// How images are read. Only whether they are turned changes the samples, and the set notes it.
    pub reading: Reading,
    /// The part of the images that may be unreadable, from 0 to 1: so many are left out, more are an error.
    pub most_skipped: f64,
}

impl fmt::Debug for Preparation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, points, options, detector, reading, most_skipped, boxes: _, pool: _ } = self;
        f.debug_struct("Preparation")
            .field("stage", stage)
            .field("points", points)
            .field("options", options)
            .field("detector", detector)
            .field("reading", reading)
            .field("most_skipped", most_skipped)
            .finish_non_exhaustive()
    }
}

/// What was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Summary {
    /// As it is in the set.
    pub manifest: Manifest,
    /// Images that were left out.
    pub skipped: Vec<Skipped>,
    /// Images with landmarks that gave no sample.
    pub without_points: usize,
}

impl Summary {
    /// What will be missed by a training that draws samples of these classes.
    pub fn warnings(&self, draws: impl Fn(Class) -> bool) -> Vec<String> {
        let Self { manifest, without_points, .. } = self;
        let mut warnings = Vec::new();
        for class in Class::ALL.into_iter().filter(|&class| draws(class)) {
            match manifest.class(class).count {
                // Nobody asked for them.
                _ if class == Class::Landmark && manifest.points.is_empty() => {}
                0 => warnings.push(format!("there are NO {}: what they teach will not be learned", class.plural())),
                count if count < FEW => {
                    warnings.push(format!("there are only {count} {}: {FEW} or more are needed", class.plural()));
                }
                _ => {}
            }
        }
        let has_landmarks = manifest.class(Class::Landmark).count > 0;
        if has_landmarks && manifest.options.landmarks.mirror && manifest.points.mirror_pairs().is_none() {
            warnings.push(format!(
                "landmarks are not mirrored: the names of the points do not tell left from right: {}",
                manifest.points
            ));
        }
        if *without_points > 0 {
            let why = match manifest.options.landmarks.min_face {
                0.0 => "their boxes reach beyond the image, or points lie beside every crop".into(),
                least => format!("most likely their faces have less than {least} pixels"),
            };
            warnings.push(format!("{without_points} images with landmarks gave no sample: {why}"));
        }
        warnings
    }
}

/// Makes a set and puts it into the folder `out`, which must not be there or be empty.
///
/// The set is made in a folder beside it, `<out>.partial`, and gets its name when it is complete: after
/// a crash or a kill there is no set, and the next run begins anew. `progress` is called after each image, and says whether
/// to go on.
///
/// # Errors
/// [`crate::ErrorKind::Option`] if crops are to be mined without `boxes` or an option is out of its range, [`crate::ErrorKind::Data`] if `out` is taken, the list has another number of points, or no
/// image could be read, or too many could not; [`crate::ErrorKind::Unreadable`] if the set can't be written.
pub fn prepare(
    sources: &Sources,
    how: &Preparation<'_>,
    out: &Path,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Summary> {
    let Preparation { stage, options, pool, .. } = *how;
    if (options.mined.is_some() || options.landmarks.mined.is_some()) && how.boxes.is_none() {
        return Err(Error::option("mining needs a detector of the stages before"));
    }
    options.check().map_err(Error::option)?;
    let tasks = sources.tasks();
    let names = sources.names(how.points)?;
    let mut writer = Writer::begin(out, stage.side(), names.len())?;
    let mut manifest = Manifest::new(stage, sources.split, options.clone(), how.detector.clone(), names);
    manifest.upright = how.reading.decode.orientation == Orientation::Upright;
    let (mut skipped, mut skipped_of) = (Vec::new(), vec![0; sources.wider.len() + 1]);
    let mut without_points = 0;
    ordered::for_each_within(
        pool,
        tasks.len(),
        how.reading.ram,
        |index| tasks[index].cost(stage, options),
        |index| make(&tasks[index], how),
        |index, made| {
            let task = &tasks[index];
            let has_points = matches!(task.image, Annotation::Points(..));
            match made {
                Ok(samples) => {
                    let folders = &mut manifest.folders;
                    let folder = folders.iter().position(|it| *it == task.folder()).unwrap_or_else(|| {
                        folders.push(task.folder().into_owned());
                        folders.len() - 1
                    });
                    without_points += usize::from(has_points && samples.counts == [0; 4]);
                    writer.append(Row::new(folder, task.name(), samples.counts), &samples.bytes)?;
                }
                Err(reason) => {
                    skipped_of[task.list] += 1;
                    if (skipped.len() + 1) as f64 > how.most_skipped * tasks.len() as f64 {
                        let reason = too_many(&reason, skipped.len() + 1, tasks.len(), how.most_skipped);
                        return Err(Error::data(reason).at(task.path()));
                    }
                    skipped.push(Skipped { image: task.path(), reason });
                }
            }
            Error::if_cancelled(progress(Progress { done: index + 1, total: tasks.len() }))
                .map_err(|error| error.at(out))
        },
    )?;
    if let [first, ..] = &skipped[..]
        && skipped.len() == tasks.len()
    {
        let (image, reason) = (first.image.display(), &first.reason);
        return Err(Error::data(format!("none of {} images can be read; {image}: {reason}", tasks.len())));
    }
    manifest.sources = source_infos(sources, &skipped_of);
    let manifest = writer.finish(manifest)?;
    Ok(Summary { manifest, skipped, without_points })
}

/// Why an image that can't be read is one too many.
fn too_many(reason: &str, skipped: usize, total: usize, most: f64) -> String {
    match most {
        0.0 => reason.into(),
        _ => {
            format!("{reason}; {skipped} of {total} images can't be read, and no more than {}% may be", most * 100.0)
        }
    }
}

/// The samples of an image, one after the other in each class.
struct Samples {
    bytes: [Vec<u8>; 4],
    counts: [u32; 4],
}

fn make(task: &Task<'_>, how: &Preparation<'_>) -> Result<Samples, String> {
    let (image, _) = images::read(&task.path(), &how.reading.decode)?;
    let (view, side) = (ImageView::from(&image), how.stage.side());
    let found = || how.boxes.map_or_else(Vec::new, |boxes| boxes(&view));
    let plan = task.plan([view.width(), view.height()], how.stage, how.options, found);
    let mut samples = Samples { bytes: Default::default(), counts: [0; 4] };
    let mut cutter = Cutter::default();
    for class in Class::ALL {
        let planned = || plan.iter().filter(|planned| planned.class == class);
        let (bytes, count) = (&mut samples.bytes[class as usize], planned().count());
        samples.counts[class as usize] = u32::try_from(count).map_err(|_| "too many samples")?;
        bytes.reserve_exact(count * (side * side * 3 + class.targets(how.points) * 4));
        for Planned { crop, offsets, points, .. } in planned() {
            cutter.cut(&view, crop, side, bytes);
            let targets: &[f32] = if class == Class::Landmark { points } else { &offsets[..class.targets(how.points)] };
            bytes.extend(targets.iter().flat_map(|number| number.to_le_bytes()));
        }
    }
    Ok(samples)
}

/// `skipped` are of each list.
fn source_infos(sources: &Sources, skipped: &[usize]) -> Vec<SourceInfo> {
    let wider = sources.wider.iter().zip(skipped).map(|(source, &skipped)| SourceInfo {
        kind: "WIDER FACE".into(),
        list: source.list.clone(),
        crc32: source.crc32,
        images: source.images.len(),
        skipped,
    });
    let face_point = sources.face_point.iter().map(|source| SourceInfo {
        kind: source.kind().into(),
        list: source.list.clone(),
        crc32: source.crc32,
        images: source.images.len(),
        skipped: skipped[sources.wider.len()],
    });
    wider.chain(face_point).collect()
}
