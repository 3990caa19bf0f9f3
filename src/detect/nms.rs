//! Non-maximum suppression: of boxes that overlap much, only the best stays.

use super::boxes::Candidate;

/// What the overlap of two boxes is divided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Overlap {
    /// The area that they cover together.
    Union,
    /// The area of the smaller one.
    Smaller,
}

/// Keeps the candidates that no better one overlaps by more than `threshold`, best first; of equal
/// scores the first counts as better. `extra` is what a side adds to `x2 - x1`, 0 or 1.
///
/// Greedy: a box that was suppressed suppresses nothing.
pub(crate) fn suppress(candidates: &mut Vec<Candidate>, threshold: f64, overlap: Overlap, extra: f64) {
    suppress_with(candidates, |candidate| candidate, threshold, overlap, extra);
}

/// [`suppress`] for things that have a candidate and more.
pub(crate) fn suppress_with<T>(
    things: &mut Vec<T>,
    candidate: impl Fn(&T) -> &Candidate,
    threshold: f64,
    overlap: Overlap,
    extra: f64,
) {
    things.sort_by(|a, b| candidate(b).score.total_cmp(&candidate(a).score));
    let area = |[x1, y1, x2, y2]: [f64; 4]| (x2 - x1 + extra) * (y2 - y1 + extra);
    let mut kept: Vec<[f64; 4]> = Vec::new();
    things.retain(|thing| {
        let corners = candidate(thing).corners;
        let [x1, y1, x2, y2] = corners;
        let free = kept.iter().all(|&better| {
            let [bx1, by1, bx2, by2] = better;
            let width = (x2.min(bx2) - x1.max(bx1) + extra).max(0.0);
            let height = (y2.min(by2) - y1.max(by1) + extra).max(0.0);
            let common = width * height;
            let whole = match overlap {
                Overlap::Union => area(corners) + area(better) - common,
                Overlap::Smaller => area(corners).min(area(better)),
            };
            // Boxes without an area do not overlap, whatever 0/0 is.
            common <= 0.0 || common / whole <= threshold
        });
        if free {
            kept.push(corners);
        }
        free
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(corners: [f64; 4], score: f32) -> Candidate {
        Candidate { corners, score, offsets: [0.0; 4] }
    }

    fn kept(mut candidates: Vec<Candidate>, threshold: f64, overlap: Overlap, extra: f64) -> Vec<f32> {
        suppress(&mut candidates, threshold, overlap, extra);
        candidates.iter().map(|candidate| candidate.score).collect()
    }

    #[test]
    fn the_best_of_an_overlap_stays() {
        let boxes = vec![
            candidate([0.0, 0.0, 10.0, 10.0], 0.7),
            candidate([1.0, 0.0, 11.0, 10.0], 0.9),
            candidate([100.0, 0.0, 110.0, 10.0], 0.8),
        ];
        assert_eq!(kept(boxes, 0.5, Overlap::Union, 0.0), [0.9, 0.8]);
    }

    #[test]
    fn an_overlap_of_just_the_threshold_stays() {
        // 50 of 100 + 50 - 50.
        let boxes = || vec![candidate([0.0, 0.0, 10.0, 10.0], 0.9), candidate([0.0, 0.0, 10.0, 5.0], 0.8)];
        assert_eq!(kept(boxes(), 0.5, Overlap::Union, 0.0), [0.9, 0.8]);
        // 66 of 121: more than half, as soon as a side counts one more.
        assert_eq!(kept(boxes(), 0.5, Overlap::Union, 1.0), [0.9]);
    }

    #[test]
    fn a_box_inside_another_is_all_overlap_by_the_smaller() {
        let boxes = || vec![candidate([0.0, 0.0, 100.0, 100.0], 0.9), candidate([10.0, 10.0, 20.0, 20.0], 0.8)];
        assert_eq!(kept(boxes(), 0.7, Overlap::Union, 0.0), [0.9, 0.8]);
        assert_eq!(kept(boxes(), 0.7, Overlap::Smaller, 0.0), [0.9]);
    }

    #[test]
    fn a_suppressed_box_suppresses_nothing() {
        // Each overlaps the next by 6 of 14, but not the one after it.
        let boxes = vec![
            candidate([0.0, 0.0, 10.0, 1.0], 0.9),
            candidate([4.0, 0.0, 14.0, 1.0], 0.8),
            candidate([8.0, 0.0, 18.0, 1.0], 0.7),
        ];
        assert_eq!(kept(boxes, 0.4, Overlap::Union, 0.0), [0.9, 0.7]);
    }

    #[test]
    fn equal_scores_keep_the_first() {
        let mut boxes = vec![candidate([0.0, 0.0, 10.0, 10.0], 0.9), candidate([0.0, 1.0, 10.0, 10.0], 0.9)];
        suppress(&mut boxes, 0.5, Overlap::Union, 0.0);
        assert_eq!(boxes, [candidate([0.0, 0.0, 10.0, 10.0], 0.9)]);
    }

    #[test]
    fn no_boxes_and_boxes_without_area() {
        assert!(kept(vec![], 0.5, Overlap::Union, 0.0).is_empty());
        let point = || vec![candidate([5.0; 4], 0.9), candidate([5.0; 4], 0.8)];
        assert_eq!(kept(point(), 0.5, Overlap::Union, 0.0), [0.9, 0.8]);
    }
}
