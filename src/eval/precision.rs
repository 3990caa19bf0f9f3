//! Precision and recall over all thresholds, and the area under their curve.

use serde::{Deserialize, Serialize};

/// A threshold and what is found with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CurvePoint {
    /// The least score.
    pub score: f32,
    /// The part of the faces that are found.
    pub recall: f64,
    /// The part of what is found that are faces.
    pub precision: f64,
}

/// Precision and recall at every score that something was found with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Curve {
    /// Faces to be found.
    pub faces: usize,
    /// Of them, found at the lowest threshold.
    pub found: usize,
    /// Found at the lowest threshold, and no face.
    pub wrong: usize,
    /// The area under the curve, each precision being the best at its recall or a higher one (Pascal VOC from
    /// 2010 on).
    pub average_precision: f64,
    /// From the highest score to the lowest.
    pub points: Vec<CurvePoint>,
}

impl Curve {
    /// Of what each threshold lets pass, from the highest threshold to the lowest: the threshold, what was found and
    /// could be wrong, and how much of that was right. Thresholds that let nothing pass have no point.
    pub(super) fn at_thresholds(passed: impl Iterator<Item = (f64, usize, usize)>, faces: usize) -> Self {
        let (mut found, mut wrong, mut points) = (0, 0, Vec::new());
        for (threshold, proposals, right) in passed.filter(|&(_, proposals, _)| proposals > 0) {
            (found, wrong) = (right, proposals - right);
            let recall = right as f64 / faces.max(1) as f64;
            points.push(CurvePoint { score: threshold as f32, recall, precision: right as f64 / proposals as f64 });
        }
        Self { faces, found, wrong, average_precision: area(&points), points }
    }
}

/// The area under points of growing recall, each precision being the best at its recall or a higher one.
fn area(points: &[CurvePoint]) -> f64 {
    let (mut area, mut best, mut recall) = (0.0, 0.0_f64, points.last().map_or(0.0, |last| last.recall));
    for pair in points.iter().rev().zip(points.iter().rev().skip(1).map(|point| point.recall).chain([0.0])) {
        best = best.max(pair.0.precision);
        area += best * (recall - pair.1);
        recall = pair.1;
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_that_under_the_best_precisions() {
        // Right, wrong, right, of 4 faces: 1/4 at 1, 1/4 at 2/3.
        let passed = [(1.0, 0, 0), (0.9, 1, 1), (0.8, 2, 1), (0.7, 3, 2)];
        let curve = Curve::at_thresholds(passed.into_iter(), 4);
        assert_eq!((curve.faces, curve.found, curve.wrong, curve.points.len()), (4, 2, 1, 3));
        approx::assert_abs_diff_eq!(curve.average_precision, 0.25 + 0.25 * 2.0 / 3.0, epsilon = 1e-12);
        assert_eq!(Curve::at_thresholds([].into_iter(), 4).average_precision, 0.0);
        assert_eq!(Curve::at_thresholds([(0.5, 1, 0)].into_iter(), 0).average_precision, 0.0);
    }
}
