//! A detector on the pictures of WIDER FACE.

use std::ops::ControlFlow;
use std::path::PathBuf;

use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use super::matching::{SAME, TrueFace, Verdict, best_overlaps, judge};
use super::official;
use super::precision::Curve;
use crate::data::wider::{Wider, WiderFace, WiderPicture};
use crate::data::{Progress, Skipped, pictures};
use crate::detect::Detector;
use crate::error::{Error, Result};
use crate::geometry::PixelBox;
use crate::image::ImageView;
use crate::ordered;

/// What a detector found in the pictures of a list.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The pictures that could be read.
    pub pictures: Vec<PictureResult>,
    /// Those that could not.
    pub skipped: Vec<Skipped>,
}

/// What was found in a picture.
#[derive(Clone, Debug)]
pub struct PictureResult {
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
    /// What each stage lets pass in all the pictures that `chosen` says yes to.
    pub fn stages(&self, chosen: impl Fn(&str) -> bool) -> [Passed; 3] {
        let mut sums = [Passed::default(); 3];
        for picture in self.pictures.iter().filter(|picture| picture.is_in(&chosen)) {
            for (stage, sum) in sums.iter_mut().enumerate() {
                sum.boxes += picture.boxes[stage].len();
                sum.faces += picture.faces.iter().filter(|face| face.overlaps[stage] >= SAME).count();
            }
        }
        sums
    }

    /// Precision and recall by the protocol of WIDER FACE, as [`super::official_curve`], over the pictures that `chosen` says yes to, by the first folder of their name.
    pub fn curve(&self, chosen: impl Fn(&str) -> bool) -> Curve {
        let chosen = || self.pictures.iter().filter(|picture| picture.is_in(&chosen));
        let scores = chosen().flat_map(|picture| &picture.scores);
        let judged = scores.map(|&(score, verdict)| (score.into(), verdict)).collect();
        official::curve(judged, chosen().map(|picture| picture.faces.len()).sum())
    }
}

impl FaceResult {
    fn new(size: f64) -> Self {
        Self { size, overlaps: [0.0; 3] }
    }
}

impl PictureResult {
    /// Whether `chosen` says yes to the first folder of its name.
    fn is_in(&self, chosen: impl Fn(&str) -> bool) -> bool {
        self.name.split('/').next().is_some_and(chosen)
    }
}

/// Looks for the faces of all pictures in a list. Faces that are marked as invalid, or whose shorter side has less than
/// `min_face` pixels, need not be found.
///
/// Pictures are worked on side by side: the detector should use one thread. `progress` is called after each
/// picture and says whether to go on.
///
/// # Errors
/// [`crate::ErrorKind::Data`] if no picture could be read, or it was told to stop.
pub fn evaluate(
    detector: &Detector,
    list: &Wider,
    min_face: f64,
    pool: &ThreadPool,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Evaluation> {
    let (total, mut evaluation) = (list.pictures.len(), Evaluation { pictures: Vec::new(), skipped: Vec::new() });
    ordered::for_each(
        pool,
        total,
        |index| look(detector, list, &list.pictures[index], min_face),
        |index, result| {
            match result {
                Ok(result) => evaluation.pictures.push(result),
                Err((picture, reason)) => evaluation.skipped.push(Skipped { picture, reason }),
            }
            match progress(Progress { done: index + 1, total }) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::cancelled()),
            }
        },
    )?;
    match &evaluation.skipped[..] {
        [Skipped { picture, reason }, ..] if evaluation.pictures.is_empty() => {
            let picture = picture.display();
            Err(Error::data(format!("none of {total} pictures can be read; {picture}: {reason}")))
        }
        _ => Ok(evaluation),
    }
}

fn look(
    detector: &Detector,
    list: &Wider,
    picture: &WiderPicture,
    min_face: f64,
) -> Result<PictureResult, (PathBuf, String)> {
    let path = list.root.join(&picture.name);
    let pixels = pictures::read(&path).map_err(|reason| (path, reason))?;
    let (found, [pnet, rnet]) = detector.detect_stages(&ImageView::from(&pixels));
    let possible = || picture.faces.iter().filter(|face| face.is_possible());
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
    Ok(PictureResult { name: picture.name.clone(), faces, boxes, scores })
}
