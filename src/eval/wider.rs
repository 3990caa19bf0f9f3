//! A detector on the images of WIDER FACE.

use std::ops::ControlFlow;
use std::path::PathBuf;

use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use super::matching::{SAME_FACE, TrueFace, Verdict, best_overlaps, judge};
use super::official;
use super::precision::Curve;
use crate::data::images::{self, Reading};
use crate::data::wider::{Wider, WiderFace, WiderImage};
use crate::data::{Progress, Skipped};
use crate::detect::Detector;
use crate::error::{Error, Result};
use crate::geometry::PixelBox;
use crate::image::ImageView;
use crate::ordered;

/// What a detector found in the images of a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evaluation {
    /// The images that could be read.
    pub images: Vec<ImageResult>,
    /// Those that could not.
    pub skipped: Vec<Skipped>,
}

/// What was found in an image.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImageResult {
    /// As the list has it.
    pub name: String,
    /// Faces to be found.
    pub faces: Vec<FaceResult>,
    /// The shorter sides of the boxes that PNet, RNet and ONet let pass, after each has moved them and suppressed those
    /// that overlap.
    pub boxes: [Vec<f32>; 3],
    /// Scores of what was found, and what each box is worth.
    pub scores: Vec<(f32, Verdict)>,
}

/// What became of a face that is to be found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FaceResult {
    /// Its shorter side in pixels.
    pub size: f64,
    /// The most that a box which PNet, RNet and ONet let pass overlaps it (intersection over union).
    pub overlaps: [f64; 3],
}

/// What a stage of the cascade lets pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Boxes, after the stage has moved them and suppressed those that overlap.
    pub boxes: usize,
    /// Faces to be found that a box overlaps by half or more: what is lost here, no later stage finds.
    pub faces: usize,
}

impl Evaluation {
    /// How many images `chosen` says yes to, by the first folder of their name.
    pub fn count(&self, chosen: impl Fn(&str) -> bool) -> usize {
        self.images.iter().filter(|image| image.is_in(&chosen)).count()
    }

    /// What each stage lets pass in all the images that `chosen` says yes to.
    pub fn stages(&self, chosen: impl Fn(&str) -> bool) -> [Passed; 3] {
        let mut sums = [Passed::default(); 3];
        for image in self.images.iter().filter(|image| image.is_in(&chosen)) {
            for (stage, sum) in sums.iter_mut().enumerate() {
                sum.boxes += image.boxes[stage].len();
                sum.faces += image.faces.iter().filter(|face| face.overlaps[stage] >= SAME_FACE).count();
            }
        }
        sums
    }

    /// Precision and recall by the protocol of WIDER FACE, as [`super::official_curve`], over the images that `chosen` says yes to, by the first folder of their name.
    pub fn curve(&self, chosen: impl Fn(&str) -> bool) -> Curve {
        let chosen = || self.images.iter().filter(|image| image.is_in(&chosen));
        let scores = chosen().flat_map(|image| &image.scores);
        let judged = scores.map(|&(score, verdict)| (score.into(), verdict)).collect();
        official::curve(judged, chosen().map(|image| image.faces.len()).sum())
    }
}

impl FaceResult {
    fn new(size: f64) -> Self {
        Self { size, overlaps: [0.0; 3] }
    }
}

impl ImageResult {
    /// Whether `chosen` says yes to the first folder of its name.
    fn is_in(&self, chosen: impl Fn(&str) -> bool) -> bool {
        self.name.split('/').next().is_some_and(chosen)
    }
}

impl FromIterator<Evaluation> for Evaluation {
    /// All of them as one.
    fn from_iter<T: IntoIterator<Item = Evaluation>>(all: T) -> Self {
        let mut whole = Self { images: Vec::new(), skipped: Vec::new() };
        for Evaluation { images, skipped } in all {
            whole.images.extend(images);
            whole.skipped.extend(skipped);
        }
        whole
    }
}

/// Looks for the faces of all images in a list. Faces that are marked as invalid, or whose shorter side has less than
/// `min_face` pixels, need not be found.
///
/// Images are read as `reading` says and worked on side by side: the detector should use one thread. `progress` is called after each
/// image and says whether to go on.
///
/// # Errors
/// [`crate::ErrorKind::Data`] if no image could be read, or it was told to stop.
pub fn evaluate(
    detector: &Detector,
    list: &Wider,
    min_face: f64,
    reading: &Reading,
    pool: &ThreadPool,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Evaluation> {
    let (total, mut evaluation) = (list.images.len(), Evaluation { images: Vec::new(), skipped: Vec::new() });
    ordered::for_each_within(
        pool,
        total,
        reading.ram,
        |index| images::decoding_bytes(&list.root.join(&list.images[index].name)),
        |index| look(detector, list, &list.images[index], min_face, reading),
        |index, result| {
            match result {
                Ok(result) => evaluation.images.push(result),
                Err((image, reason)) => evaluation.skipped.push(Skipped { image, reason }),
            }
            Error::if_cancelled(progress(Progress { done: index + 1, total }))
        },
    )?;
    match &evaluation.skipped[..] {
        [Skipped { image, reason }, ..] if evaluation.images.is_empty() => {
            let image = image.display();
            Err(Error::data(format!("none of {total} images can be read; {image}: {reason}")))
        }
        _ => Ok(evaluation),
    }
}

fn look(
    detector: &Detector,
    list: &Wider,
    image: &WiderImage,
    min_face: f64,
    reading: &Reading,
) -> Result<ImageResult, (PathBuf, String)> {
    let path = list.root.join(&image.name);
    let (pixels, _) = images::read(&path, &reading.decode).map_err(|reason| (path, reason))?;
    let (found, [pnet, rnet]) = detector.detect_stages(&ImageView::from(&pixels));
    let possible = || image.faces.iter().filter(|face| face.is_possible());
    let size = |face: &WiderFace| face.width.min(face.height);
    let counts = |face: &WiderFace| !face.invalid && size(face) >= min_face;
    let annotated = possible().map(|face| TrueFace { corners: face.corners(), counts: counts(face) });
    let annotated: Vec<_> = annotated.collect();
    let onet: Vec<_> = found.iter().map(|face| PixelBox(face.bbox.to_array().map(f64::from))).collect();
    let stages = [pnet, rnet, onet];
    let mut faces: Vec<_> = possible().filter(|face| counts(face)).map(|face| FaceResult::new(size(face))).collect();
    for (stage, boxes) in stages.iter().enumerate() {
        for (face, overlap) in faces.iter_mut().zip(best_overlaps(boxes, &annotated)) {
            face.overlaps[stage] = overlap;
        }
    }
    let side = |PixelBox([x1, y1, x2, y2]): &PixelBox| (x2 - x1).min(y2 - y1) as f32;
    let boxes = stages.each_ref().map(|boxes| boxes.iter().map(side).collect());
    let [.., onet] = stages;
    let scores = found.iter().map(|face| face.score).zip(judge(onet.into_iter(), &annotated)).collect();
    Ok(ImageResult { name: image.name.clone(), faces, boxes, scores })
}
