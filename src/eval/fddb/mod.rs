//! The evaluation of FDDB (Jain and Learned-Miller, "FDDB: A Benchmark for Face Detection in Unconstrained Settings",
//! 2010): ROC curves over found boxes and annotated ellipses.
//!
//! The overlap of a box and an ellipse is the number of pixels in both by the number of pixels in either, in the
//! image ([`raster`]). At each score the boxes that pass are paired with the ellipses one to one, so that the overlaps
//! have the largest sum ([`pairs`]). The discrete score of a pair is 1 if its overlap is more than one half, the
//! continuous score is the overlap itself; the curves are their sums by the number of all faces, over the number of
//! boxes whose discrete score is 0.

mod list;
mod pairs;
mod raster;

use serde::{Deserialize, Serialize};

pub use list::{Ellipse, Fddb, FddbImage, FddbResults, read_sizes};

use super::scored_box::ScoredBox;
use crate::error::{Error, Result};
use pairs::Pairs;

/// Both curves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Roc {
    /// Faces to be found.
    pub faces: usize,
    /// Boxes that were found.
    pub boxes: usize,
    /// From the highest score to the lowest, one for each that a box has.
    pub points: Vec<RocPoint>,
}

/// A threshold and what is found with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RocPoint {
    /// The least score.
    pub score: f64,
    /// Boxes that are no face.
    pub false_positives: usize,
    /// The discrete score, in parts of the faces.
    pub discrete: f64,
    /// The continuous score, in parts of the faces.
    pub continuous: f64,
}

impl Roc {
    /// The best point with at most `false_positives` false positives; none if the first has more.
    #[must_use]
    pub fn at(&self, false_positives: usize) -> Option<RocPoint> {
        let with = |point: &&RocPoint| point.false_positives <= false_positives;
        self.points.iter().filter(with).max_by(|a, b| a.discrete.total_cmp(&b.discrete)).copied()
    }
}

/// The curves of what was found in images of width and height `sizes`: boxes for each, in any order. An image
/// without boxes needs no size; its faces are missed.
///
/// # Errors
/// [`crate::ErrorKind::Data`] with the name of an image that has boxes and no size.
///
/// # Panics
/// If there are not as many lists and sizes as images.
pub fn fddb_roc(images: &[FddbImage], sizes: &[Option<[u32; 2]>], found: &[Vec<ScoredBox>]) -> Result<Roc> {
    assert_eq!([sizes.len(), found.len()], [images.len(); 2], "a size and boxes for each image");
    // What each box adds when it passes: score, discrete score, continuous score.
    let mut steps: Vec<(f64, i64, f64)> = Vec::new();
    for ((image, size), found) in images.iter().zip(sizes).zip(found) {
        if found.is_empty() {
            continue;
        }
        let size = size.ok_or_else(|| Error::data(format!("{}: the size of the image is not known", image.name)))?;
        let regions: Vec<_> = image.ellipses.iter().map(|ellipse| raster::Region::of(ellipse, size)).collect();
        let mut found: Vec<_> = found.iter().collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut pairs = Pairs::new(regions.len());
        let mut last = (0, 0.0);
        for found in found {
            pairs.add(regions.iter().map(|region| region.overlap(raster::rectangle(found, size))).collect());
            let sums =
                (pairs.overlaps().filter(|&overlap| overlap > 0.5).count() as i64, pairs.overlaps().sum::<f64>());
            steps.push((found.score, sums.0 - last.0, sums.1 - last.1));
            last = sums;
        }
    }
    steps.sort_by(|a, b| b.0.total_cmp(&a.0));
    let faces: usize = images.iter().map(|image| image.ellipses.len()).sum();
    let (mut points, mut right, mut overlap): (Vec<RocPoint>, _, _) = (Vec::new(), 0, 0.0);
    for (passed, &(score, discrete, continuous)) in steps.iter().enumerate() {
        (right, overlap) = (right + discrete, overlap + continuous);
        let part = |sum: f64| sum / faces.max(1) as f64;
        let false_positives = passed + 1 - right as usize;
        let point = RocPoint { score, false_positives, discrete: part(right as f64), continuous: part(overlap) };
        // All of one score pass together.
        match points.last_mut() {
            Some(last) if last.score == score => *last = point,
            _ => points.push(point),
        }
    }
    Ok(Roc { faces, boxes: steps.len(), points })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_images_by_hand() {
        // A "circle" of radius 0 is one pixel, and a box of no size too.
        let ellipse = |x: f64| Ellipse { major: 0.0, minor: 0.0, angle: 0.0, x, y: 5.0 };
        let found = |x: f64, width: f64, score: f64| ScoredBox { x, y: 5.0, width, height: 0.0, score };
        let images = [
            FddbImage { name: "a".into(), ellipses: vec![ellipse(3.0), ellipse(7.0)] },
            FddbImage { name: "b".into(), ellipses: vec![ellipse(3.0)] },
            FddbImage { name: "c".into(), ellipses: vec![ellipse(3.0)] },
        ];
        // In a: one pixel of two, then the very pixel, then nothing. In b the very pixel.
        let boxes = [
            vec![found(3.0, 0.0, 0.8), found(3.0, 1.0, 0.9), found(0.0, 0.0, 0.7)],
            vec![found(3.0, 0.0, 0.8)],
            vec![],
        ];
        let size = Some([10, 10]);
        let roc = fddb_roc(&images, &[size, size, None], &boxes).unwrap();
        let point = |score, false_positives, discrete: f64, continuous: f64| RocPoint {
            score,
            false_positives,
            discrete: discrete / 4.0,
            continuous: continuous / 4.0,
        };
        let expected = vec![point(0.9, 1, 0.0, 0.5), point(0.8, 1, 2.0, 2.0), point(0.7, 2, 2.0, 2.0)];
        assert_eq!(roc, Roc { faces: 4, boxes: 4, points: expected });
        assert_eq!((roc.at(0), roc.at(1).map(|point| point.score)), (None, Some(0.8)));
        let error = fddb_roc(&images, &[None; 3], &boxes).unwrap_err().to_string();
        assert!(error.starts_with("a: the size"), "{error}");
    }
}
