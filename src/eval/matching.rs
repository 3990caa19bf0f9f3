//! Which found box is which annotated face, in one image.

use crate::geometry::PixelBox;

/// Boxes that overlap by this much (intersection over union) are of the same face.
pub(super) const SAME_FACE: f64 = 0.5;

/// A face as it is annotated.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrueFace {
    pub(super) corners: PixelBox,
    /// Whether it must be found. To find one that need not be is neither right nor wrong.
    pub(super) counts: bool,
}

/// What a found box is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A face that must be found, found the first time.
    Right,
    /// No face, or one that a box of a better score has.
    Wrong,
    /// A face that need not be found.
    Ignored,
}

/// Judges boxes in their order, which must be that of the scores: each belongs to the face that it
/// overlaps most.
pub(super) fn judge(found: impl Iterator<Item = PixelBox>, faces: &[TrueFace]) -> Vec<Verdict> {
    let mut taken = vec![false; faces.len()];
    let judge = |found: PixelBox| {
        let overlaps = faces.iter().map(|face| found.overlap(&face.corners)).enumerate();
        // Of equal overlaps the first counts.
        let best = overlaps.fold((0, 0.0), |best, it| if it.1 > best.1 { it } else { best });
        match best {
            (_, overlap) if overlap < SAME_FACE => Verdict::Wrong,
            (face, _) if !faces[face].counts => Verdict::Ignored,
            (face, _) if std::mem::replace(&mut taken[face], true) => Verdict::Wrong,
            _ => Verdict::Right,
        }
    };
    found.map(judge).collect()
}

/// For each of the faces that must be found, the most that a box overlaps it.
pub(super) fn best_overlaps(boxes: &[PixelBox], faces: &[TrueFace]) -> impl Iterator<Item = f64> {
    let best = |face: &TrueFace| boxes.iter().map(|found| found.overlap(&face.corners)).fold(0.0, f64::max);
    faces.iter().filter(|face| face.counts).map(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_face_is_found_once() {
        let faces = [
            TrueFace { corners: PixelBox([0.0, 0.0, 9.0, 9.0]), counts: true },
            TrueFace { corners: PixelBox([50.0, 0.0, 59.0, 9.0]), counts: false },
        ];
        let found = [
            PixelBox([0.0, 0.0, 9.0, 9.0]),
            PixelBox([1.0, 0.0, 9.0, 9.0]),
            PixelBox([50.0, 0.0, 59.0, 9.0]),
            PixelBox([50.0, 0.0, 59.0, 9.0]),
            PixelBox([20.0; 4]),
        ];
        use Verdict::{Ignored, Right, Wrong};
        assert_eq!(judge(found.into_iter(), &faces), [Right, Wrong, Ignored, Ignored, Wrong]);
        assert_eq!(judge(found.into_iter(), &[]), [Wrong; 5]);
    }

    #[test]
    fn the_best_overlap_of_each_face_that_counts() {
        let face = |x: f64, counts| TrueFace { corners: PixelBox([x, 0.0, x + 9.0, 9.0]), counts };
        let boxes = [PixelBox([0.0, 0.0, 9.0, 4.0]), PixelBox([0.0, 0.0, 9.0, 7.0]), PixelBox([50.0, 0.0, 59.0, 9.0])];
        let faces = [face(0.0, true), face(50.0, false), face(90.0, true)];
        assert_eq!(best_overlaps(&boxes, &faces).collect::<Vec<_>>(), [0.8, 0.0]);
        assert_eq!(best_overlaps(&[], &faces).collect::<Vec<_>>(), [0.0, 0.0]);
    }
}
