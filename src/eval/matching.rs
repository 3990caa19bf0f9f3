//! Which found box is which annotated face, in one picture.

/// Boxes that overlap by this much (intersection over union) are of the same face.
pub(super) const SAME: f64 = 0.5;

/// A face as it is annotated, `[x1, y1, x2, y2]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrueFace {
    pub(super) corners: [f64; 4],
    /// Whether it must be found. To find one that need not be is neither right nor wrong.
    pub(super) counts: bool,
}

/// What a found box is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A face that must be found, found the first time.
    Right,
    /// No face, or one that a box of a better score has.
    Wrong,
    /// A face that need not be found.
    Ignored,
}

/// Judges boxes `[x1, y1, x2, y2]` in their order, which must be that of the scores: each belongs to the face that it
/// overlaps most. As in the official evaluation both ends of a side are inside.
pub(super) fn judge(found: impl Iterator<Item = [f64; 4]>, faces: &[TrueFace]) -> Vec<Verdict> {
    let mut taken = vec![false; faces.len()];
    let judge = |found: [f64; 4]| {
        let overlaps = faces.iter().map(|face| overlap(found, face.corners)).enumerate();
        // Of equal overlaps the first counts.
        let best = overlaps.fold((0, 0.0), |best, it| if it.1 > best.1 { it } else { best });
        match best {
            (_, overlap) if overlap < SAME => Verdict::Wrong,
            (face, _) if !faces[face].counts => Verdict::Ignored,
            (face, _) if std::mem::replace(&mut taken[face], true) => Verdict::Wrong,
            _ => Verdict::Right,
        }
    };
    found.map(judge).collect()
}

/// For each of the faces that must be found, the most that a box overlaps it.
pub(super) fn best_overlaps(boxes: &[[f64; 4]], faces: &[TrueFace]) -> impl Iterator<Item = f64> {
    let best = |face: &TrueFace| boxes.iter().map(|&found| overlap(found, face.corners)).fold(0.0, f64::max);
    faces.iter().filter(|face| face.counts).map(best)
}

/// Intersection over union; both ends of a side are inside.
pub(super) fn overlap(a: [f64; 4], b: [f64; 4]) -> f64 {
    let side = |from: f64, to: f64| (to - from + 1.0).max(0.0);
    let area = |[x1, y1, x2, y2]: [f64; 4]| side(x1, x2) * side(y1, y2);
    let both = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    if both > 0.0 { both / (area(a) + area(b) - both) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_face_is_found_once() {
        let faces = [
            TrueFace { corners: [0.0, 0.0, 9.0, 9.0], counts: true },
            TrueFace { corners: [50.0, 0.0, 59.0, 9.0], counts: false },
        ];
        let found =
            [[0.0, 0.0, 9.0, 9.0], [1.0, 0.0, 9.0, 9.0], [50.0, 0.0, 59.0, 9.0], [50.0, 0.0, 59.0, 9.0], [20.0; 4]];
        use Verdict::{Ignored, Right, Wrong};
        assert_eq!(judge(found.into_iter(), &faces), [Right, Wrong, Ignored, Ignored, Wrong]);
        assert_eq!(judge(found.into_iter(), &[]), [Wrong; 5]);
    }

    #[test]
    fn the_best_overlap_of_each_face_that_counts() {
        let face = |x: f64, counts| TrueFace { corners: [x, 0.0, x + 9.0, 9.0], counts };
        let boxes = [[0.0, 0.0, 9.0, 4.0], [0.0, 0.0, 9.0, 7.0], [50.0, 0.0, 59.0, 9.0]];
        let faces = [face(0.0, true), face(50.0, false), face(90.0, true)];
        assert_eq!(best_overlaps(&boxes, &faces).collect::<Vec<_>>(), [0.8, 0.0]);
        assert_eq!(best_overlaps(&[], &faces).collect::<Vec<_>>(), [0.0, 0.0]);
    }

    #[test]
    fn both_ends_of_a_side_are_inside() {
        assert_eq!(overlap([0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 4.0]), 0.5);
        assert_eq!(overlap([0.0, 0.0, 9.0, 9.0], [10.0, 0.0, 19.0, 9.0]), 0.0);
        assert_eq!(overlap([0.0, 0.0, 9.0, 9.0], [5.0, 5.0, 3.0, 3.0]), 0.0);
    }
}
