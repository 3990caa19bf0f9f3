//! Making a data set: every picture read once, its crops planned, cut and appended.

use std::path::{Path, PathBuf};

use rayon::ThreadPool;

use super::cut::Cutter;
use super::face_point::{self, FacePoint};
use super::options::Options;
use super::plan::{Planned, landmark_crops, mined_crops, random_crops};
use super::set::{Manifest, Row, SourceInfo, Writer};
use super::wider::{self, Wider};
use super::{Class, Split, pictures};
use crate::arch::Stage;
use crate::error::{Error, Result};
use crate::image::ImageView;
use crate::ordered;
use crate::random::Random;

/// Fewer samples of a class than this are hardly enough to learn from.
const FEW: usize = 10_000;

/// The lists of what a set is made of; either may be missing.
#[derive(Debug)]
pub struct Sources {
    /// Which part of them.
    pub split: Split,
    /// Pictures with boxes.
    pub wider: Option<Wider>,
    /// Pictures with landmarks.
    pub face_point: Option<FacePoint>,
}

impl Sources {
    /// Reads the lists under the folders.
    ///
    /// # Errors
    /// As [`Wider::read`] and [`FacePoint::read`].
    pub fn read(wider: Option<&Path>, landmarks: Option<&Path>, split: Split) -> Result<Self> {
        let wider = wider.map(|folder| Wider::read(folder, split)).transpose()?;
        let face_point = landmarks.map(|folder| FacePoint::read(folder, split)).transpose()?;
        Ok(Self { split, wider, face_point })
    }

    /// All pictures, those with boxes first.
    pub(super) fn tasks(&self) -> Vec<Task<'_>> {
        let boxes = self.wider.iter().flat_map(|source| {
            let pictures = source.pictures.iter().enumerate();
            pictures.map(|(index, picture)| Task { images: &source.images, index, picture: Annotated::Boxes(picture) })
        });
        let landmarks = self.face_point.iter().flat_map(|source| {
            let pictures = source.pictures.iter().enumerate();
            pictures.map(|(index, picture)| Task { images: &source.images, index, picture: Annotated::Points(picture) })
        });
        boxes.chain(landmarks).collect()
    }
}

/// What a stage of the cascade finds in a picture: boxes `[x1, y1, x2, y2]`, best first, as the stage
/// gives them after moving them, both ends of a side inside.
pub type StageBoxes<'a> = dyn Fn(&ImageView<'_>) -> Vec<[f64; 4]> + Sync + 'a;

/// How a set is made. What is here and not in the options does not change the samples.
pub struct Preparation<'a> {
    /// The net that it is for.
    pub stage: Stage,
    /// Which samples.
    pub options: &'a Options,
    /// Finds what the stages before let pass; needed if crops are to be mined.
    pub boxes: Option<&'a StageBoxes<'a>>,
    /// What finds it, for the manifest.
    pub detector: String,
    /// Where the work is done.
    pub pool: &'a ThreadPool,
    /// About how many bytes pictures and samples may take at a time. A picture that takes more by itself
    /// is done alone.
    pub ram: usize,
    /// Whether a picture that can't be read is an error. Otherwise it is left out.
    pub strict: bool,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Pictures that are done.
    pub done: usize,
    /// Pictures.
    pub total: usize,
}

/// A picture that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// The file.
    pub picture: PathBuf,
    /// Why.
    pub reason: String,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Summary {
    /// As it is in the set.
    pub manifest: Manifest,
    /// Pictures that were left out.
    pub skipped: Vec<Skipped>,
    /// What will be missed in training.
    pub warnings: Vec<String>,
}

/// A picture of either list.
pub(super) struct Task<'a> {
    images: &'a Path,
    /// In its list.
    index: usize,
    pub(super) picture: Annotated<'a>,
}

/// A picture with what is known of it.
#[derive(Clone, Copy)]
pub(super) enum Annotated<'a> {
    Boxes(&'a wider::Picture),
    Points(&'a face_point::Picture),
}

impl Task<'_> {
    fn name(&self) -> &str {
        self.place().1
    }

    pub(super) fn path(&self) -> PathBuf {
        self.images.join(self.name())
    }

    /// The line in its list, and the name as it is there.
    pub(super) fn place(&self) -> (usize, &str) {
        match self.picture {
            Annotated::Boxes(picture) => (picture.line, &picture.name),
            Annotated::Points(picture) => (picture.line, &picture.name),
        }
    }

    /// The first folder of the name.
    fn folder(&self) -> &str {
        self.name().split_once('/').map_or("", |(folder, _)| folder)
    }

    /// A generator for this picture and stage alone.
    fn random(&self, seed: u64, stage: Stage) -> Random {
        let list = match self.picture {
            Annotated::Boxes(_) => 0,
            Annotated::Points(_) => 1,
        };
        Random::new(seed, (stage.side() as u64) << 48 | list << 40 | self.index as u64)
    }

    /// The crops to take of a picture of that size; `found` is asked only for crops to be mined.
    pub(super) fn plan(
        &self,
        size: [usize; 2],
        stage: Stage,
        options: &Options,
        found: impl FnOnce() -> Vec<[f64; 4]>,
    ) -> Vec<Planned> {
        let mut random = self.random(options.seed, stage);
        match self.picture {
            Annotated::Boxes(picture) => {
                let possible = picture.faces.iter().filter(|face| face.is_possible());
                let faces: Vec<_> = possible.map(wider::Face::corners).collect();
                let mut plan = Vec::new();
                if let Some(options) = &options.random {
                    plan = random_crops(size, &faces, options, &mut random);
                }
                if let Some(options) = &options.mined {
                    plan.append(&mut mined_crops(size, &faces, &found(), options));
                }
                plan
            }
            Annotated::Points(picture) => {
                landmark_crops(size, picture.corners, &picture.points, &options.landmarks, &mut random)
            }
        }
    }

    /// About the most bytes that a picture and its samples take.
    fn cost(&self, stage: Stage, options: &Options) -> usize {
        let samples = match self.picture {
            Annotated::Boxes(picture) => {
                let random = options.random.map_or(0, |it| {
                    it.negatives as usize + picture.faces.len() * (it.near as usize + it.face as usize)
                });
                random + options.mined.map_or(0, |it| it.negatives as usize + picture.faces.len())
            }
            Annotated::Points(_) => 1 + 6 * options.landmarks.tries as usize,
        };
        pictures::decoding_bytes(&self.path()).saturating_add(samples * stage.side().pow(2) * 3)
    }
}

/// Makes a set and puts it into the folder `out`, which must not be there or be empty.
///
/// The set is made in a folder beside it, `<out>.partial`, and gets its name when it is complete: after
/// a crash or a kill there is no set, and the next run begins anew. `progress` is called after each picture, and says whether
/// to go on.
///
/// # Errors
/// [`crate::ErrorKind::Option`] if crops are to be mined without `boxes`, [`crate::ErrorKind::Data`] if `out` is taken, or no
/// picture could be read, or one if `strict`; [`crate::ErrorKind::Unreadable`] if the set can't be written.
pub fn prepare(
    sources: &Sources,
    how: &Preparation<'_>,
    out: &Path,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Summary> {
    let Preparation { stage, options, pool, .. } = *how;
    if options.mined.is_some() && how.boxes.is_none() {
        return Err(Error::option("mining needs a detector of the stages before"));
    }
    let tasks = sources.tasks();
    let mut writer = Writer::begin(out, stage.side())?;
    let mut manifest = Manifest::new(stage, sources.split, options.clone(), how.detector.clone());
    let (mut skipped, mut skipped_of) = (Vec::new(), [0; 2]);
    let mut without_points = 0;
    ordered::for_each_within(
        pool,
        tasks.len(),
        how.ram,
        |index| tasks[index].cost(stage, options),
        |index| make(&tasks[index], how),
        |index, made| {
            let task = &tasks[index];
            let has_points = matches!(task.picture, Annotated::Points(_));
            match made {
                Ok(samples) => {
                    let folders = &mut manifest.folders;
                    let folder = folders.iter().position(|it| it == task.folder()).unwrap_or_else(|| {
                        folders.push(task.folder().into());
                        folders.len() - 1
                    });
                    without_points += usize::from(has_points && samples.counts == [0; 4]);
                    writer.append(Row::new(folder, task.name(), samples.counts), &samples.bytes)?;
                }
                Err(reason) if how.strict => {
                    return Err(Error::data(reason).at(task.path()));
                }
                Err(reason) => {
                    skipped_of[usize::from(has_points)] += 1;
                    skipped.push(Skipped { picture: task.path(), reason });
                }
            }
            match progress(Progress { done: index + 1, total: tasks.len() }) {
                true => Ok(()),
                false => Err(Error::data(format!("{}: stopped before it was complete", out.display()))),
            }
        },
    )?;
    if let [first, ..] = &skipped[..]
        && skipped.len() == tasks.len()
    {
        let (picture, reason) = (first.picture.display(), &first.reason);
        return Err(Error::data(format!("none of {} pictures can be read; {picture}: {reason}", tasks.len())));
    }
    manifest.sources = source_infos(sources, skipped_of);
    let manifest = writer.finish(manifest)?;
    let warnings = warnings(&manifest, without_points);
    Ok(Summary { manifest, skipped, warnings })
}

/// The samples of a picture, one after the other in each class.
struct Samples {
    bytes: [Vec<u8>; 4],
    counts: [u32; 4],
}

fn make(task: &Task<'_>, how: &Preparation<'_>) -> Result<Samples, String> {
    let picture = pictures::read(&task.path())?;
    let (view, side) = (ImageView::from(&picture), how.stage.side());
    let found = || how.boxes.map_or_else(Vec::new, |boxes| boxes(&view));
    let plan = task.plan([view.width(), view.height()], how.stage, how.options, found);
    let mut samples = Samples { bytes: Default::default(), counts: [0; 4] };
    let mut cutter = Cutter::default();
    for class in Class::ALL {
        let planned = || plan.iter().filter(|planned| planned.class == class);
        let (bytes, count) = (&mut samples.bytes[class as usize], planned().count());
        samples.counts[class as usize] = u32::try_from(count).map_err(|_| "too many samples")?;
        bytes.reserve_exact(count * (side * side * 3 + class.targets() * 4));
        for Planned { crop, offsets, points, .. } in planned() {
            cutter.cut(&view, crop, side, bytes);
            let targets: &[f32] = if class == Class::Landmark { points } else { &offsets[..class.targets()] };
            bytes.extend(targets.iter().flat_map(|number| number.to_le_bytes()));
        }
    }
    Ok(samples)
}

fn source_infos(sources: &Sources, [wider_skipped, points_skipped]: [usize; 2]) -> Vec<SourceInfo> {
    let wider = sources.wider.iter().map(|source| SourceInfo {
        kind: "WIDER FACE".into(),
        list: source.list.clone(),
        crc32: source.crc32,
        pictures: source.pictures.len(),
        skipped: wider_skipped,
    });
    let face_point = sources.face_point.iter().map(|source| SourceInfo {
        kind: "CNN_FacePoint".into(),
        list: source.list.clone(),
        crc32: source.crc32,
        pictures: source.pictures.len(),
        skipped: points_skipped,
    });
    wider.chain(face_point).collect()
}

/// What will be missed.
fn warnings(manifest: &Manifest, without_points: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    for class in Class::ALL {
        match manifest.class(class).count {
            0 => warnings.push(format!("there are NO {}: what they teach will not be learned", class.plural())),
            count if count < FEW => {
                warnings.push(format!("there are only {count} {}: {FEW} or more are needed", class.plural()));
            }
            _ => {}
        }
    }
    if without_points > 0 {
        let least = manifest.options.landmarks.min_face;
        warnings.push(format!(
            "{without_points} pictures with landmarks gave no sample: most likely their faces have less than {least} pixels"
        ));
    }
    warnings
}
