//! The evaluation of WIDER FACE as its authors publish it, in Matlab, and as others have written it anew:
//!
//! 1. The scores of the whole set are stretched to 0 to 1.
//! 2. In each image boxes are judged from the best score on ([`judge`]): a box is of the face that it overlaps most;
//!    faces that are not of the subset are neither right nor wrong.
//! 3. At the thresholds 0.999, 0.998, …, 0 precision and recall over all images are counted.
//! 4. The average precision is the area under the curve, each precision being the best at its recall or a higher one.

mod mat;
mod results;
mod truth;

pub use results::{Results, result_path};
pub use truth::{Truth, TruthImage};

use super::matching::{TrueFace, Verdict, judge};
use super::precision::Curve;
use super::scored_box::ScoredBox;

/// Steps of the threshold.
const THRESHOLDS: usize = 1000;

/// Precision and recall of a subset of [`Truth::subsets`], of boxes for each of [`Truth::images`], in any order. An
/// image without boxes has an empty list, and its faces are missed.
///
/// If all scores are the same, all boxes pass at every threshold.
///
/// # Panics
/// If `found` has not as many lists as there are images, or there is no such subset.
#[must_use]
pub fn official_curve(truth: &Truth, subset: usize, found: &[Vec<ScoredBox>]) -> Curve {
    let faces = truth.images.iter().flat_map(|image| &image.counts[subset]).filter(|&&counts| counts).count();
    curve(judged(truth, subset, found), faces)
}

/// The least score with which no more than so many boxes are wrong, for a last threshold: the worst score of all where that is
/// true of all.
///
/// # Panics
/// As [`official_curve`].
#[must_use]
pub fn least_score(truth: &Truth, subset: usize, found: &[Vec<ScoredBox>], wrong: usize) -> Option<f64> {
    let mut judged = judged(truth, subset, found);
    judged.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut passed = 0;
    let fits = |(_, verdict): &&(f64, Verdict)| {
        passed += usize::from(*verdict == Verdict::Wrong);
        passed <= wrong
    };
    judged.iter().take_while(fits).last().map(|&(score, _)| score)
}

/// All boxes with their scores, and what each is worth.
fn judged(truth: &Truth, subset: usize, found: &[Vec<ScoredBox>]) -> Vec<(f64, Verdict)> {
    assert_eq!(found.len(), truth.images.len(), "a list for each image");
    let judged = truth.images.iter().zip(found).map(|(image, found)| {
        let mut found = found.clone();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let annotated = image.boxes.iter().zip(&image.counts[subset]);
        let annotated: Vec<_> = annotated.map(|(&corners, &counts)| TrueFace { corners, counts }).collect();
        let verdicts = judge(found.iter().map(ScoredBox::corners), &annotated);
        let counts = !image.boxes.is_empty() || truth.empty_images_count;
        let verdict = |verdict| if counts { verdict } else { Verdict::Ignored };
        found.iter().map(|found| found.score).zip(verdicts.into_iter().map(verdict)).collect::<Vec<_>>()
    });
    judged.flatten().collect()
}

/// Steps 1, 3 and 4: the curve of all boxes with their scores and what each is worth, in any order, and the number of faces to
/// be found. This is the one measure of faces found in a set.
pub(super) fn curve(mut judged: Vec<(f64, Verdict)>, faces: usize) -> Curve {
    judged.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (low, high) = (judged.last().map_or(0.0, |it| it.0), judged.first().map_or(0.0, |it| it.0));
    let stretched = |score: f64| if high > low { (score - low) / (high - low) } else { 1.0 };
    let mut next = judged.into_iter().peekable();
    let (mut proposals, mut right) = (0, 0);
    let steps = (0..THRESHOLDS).map(|step| {
        let threshold = 1.0 - (step + 1) as f64 / THRESHOLDS as f64;
        while let Some((_, verdict)) = next.next_if(|&(score, _)| stretched(score) >= threshold) {
            proposals += usize::from(verdict != Verdict::Ignored);
            right += usize::from(verdict == Verdict::Right);
        }
        (threshold, proposals, right)
    });
    Curve::at_thresholds(steps, faces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PixelBox;

    fn found(x: f64, score: f64) -> ScoredBox {
        ScoredBox { x, y: 0.0, width: 9.0, height: 9.0, score }
    }

    /// Two images; the first has a face that counts, at 0, and one that does not, at 50; the second has one that
    /// counts, at 0.
    fn truth(empty_images_count: bool) -> Truth {
        let at = |x: f64| PixelBox([x, 0.0, x + 9.0, 9.0]);
        let image = |boxes: Vec<PixelBox>, counts: Vec<bool>| TruthImage {
            name: "0--A/a.jpg".into(),
            boxes,
            counts: vec![counts],
        };
        let images = vec![
            image(vec![at(0.0), at(50.0)], vec![true, false]),
            image(vec![at(0.0)], vec![true]),
            image(vec![], vec![]),
        ];
        Truth { subsets: vec!["all".into()], images, empty_images_count }
    }

    #[test]
    fn a_small_set_by_hand() {
        // Right, wrong, ignored, right. Stretched: 8 -> 1, 6 -> 2 / 3, 5 -> 1 / 2, 2 -> 0.
        let boxes = [vec![found(50.0, 5.0), found(20.0, 6.0), found(0.0, 8.0)], vec![found(0.0, 2.0)], vec![]];
        let curve = official_curve(&truth(false), 0, &boxes);
        assert_eq!((curve.faces, curve.found, curve.wrong), (2, 2, 1));
        // Half the faces at precision 1, the others at 2 of 3.
        approx::assert_abs_diff_eq!(curve.average_precision, 0.5 + 0.5 * 2.0 / 3.0, epsilon = 1e-12);
        let first = |precision: f64| curve.points.iter().find(|point| (point.precision - precision).abs() < 1e-9);
        assert_eq!(first(1.0).unwrap().score, 0.999);
        assert_eq!(first(0.5).unwrap().score, 0.666);
        assert_eq!(first(2.0 / 3.0).unwrap().score, 0.0);
    }

    #[test]
    fn the_least_score_is_that_before_a_wrong_box_too_many() {
        // Wrong: 6 and 4.
        let boxes = [vec![found(50.0, 5.0), found(20.0, 6.0), found(0.0, 8.0), found(30.0, 4.0)], vec![], vec![]];
        let least = [0, 1, 2].map(|wrong| least_score(&truth(false), 0, &boxes, wrong));
        assert_eq!(least, [Some(8.0), Some(5.0), Some(4.0)]);
        assert_eq!(least_score(&truth(false), 0, &[vec![], vec![], vec![]], 3), None);
    }

    #[test]
    fn images_without_faces_count_by_choice() {
        let boxes = [vec![found(0.0, 1.0)], vec![found(0.0, 1.0)], vec![found(0.0, 1.0)]];
        for (empty_images_count, precision) in [(false, 1.0), (true, 2.0 / 3.0)] {
            // All of one score: they pass together.
            let curve = official_curve(&truth(empty_images_count), 0, &boxes);
            approx::assert_abs_diff_eq!(curve.average_precision, precision, epsilon = 1e-12);
        }
        let nothing = official_curve(&truth(true), 0, &[vec![], vec![], vec![]]);
        assert_eq!((nothing.faces, nothing.found, nothing.average_precision), (2, 0, 0.0));
    }
}
