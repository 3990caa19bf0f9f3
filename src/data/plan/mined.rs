//! Crops where the stages before found something, as `gen_rnet_example` takes them: what they wrongly
//! hold for a face is what the next net must learn to reject.

use super::crop::{Crop, NEGATIVE, Planned, class_of};
use crate::data::options::MinedCrops;
use crate::data::overlap::{largest, offsets};
use crate::geometry::PixelBox;

/// Plans the crops of an image of `width x height` pixels. `found` are boxes as a stage gives them,
/// best first; `faces` have an area.
pub(in crate::data) fn mined_crops(
    [width, height]: [usize; 2],
    faces: &[PixelBox],
    found: &[PixelBox],
    options: &MinedCrops,
) -> Vec<Planned> {
    let mut plan = Vec::new();
    let mut negatives = 0;
    for &found in found {
        let Some(square) = square_in([width, height], found) else { continue };
        let (PixelBox([x1, y1, ..]), columns, rows) = (square, square.width(), square.height());
        if columns < f64::from(options.side) || rows < f64::from(options.side) {
            continue;
        }
        let crop = Crop::upright(x1, y1, columns, rows);
        let (overlap, nearest) = largest(square, faces);
        if overlap < NEGATIVE {
            if negatives < options.negatives {
                negatives += 1;
                plan.push(Planned::negative(crop, overlap));
            }
        } else if let (Some(class), Some(nearest)) = (class_of(overlap, options.positive), nearest) {
            let offsets = offsets(faces[nearest], square, columns, rows);
            plan.push(Planned { class, crop, overlap, offsets, points: Vec::new() });
        }
    }
    plan
}

/// The square that a net is shown of a box, in whole pixels; `None` if it reaches beyond the image.
pub(super) fn square_in([width, height]: [usize; 2], found: PixelBox) -> Option<PixelBox> {
    let square = PixelBox(found.squared().0.map(f64::trunc));
    let PixelBox([x1, y1, x2, y2]) = square;
    // So that a box that is not finite is left out, too.
    let inside = x1 >= 0.0 && y1 >= 0.0 && x2 <= width as f64 - 1.0 && y2 <= height as f64 - 1.0;
    inside.then_some(square)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::class::Class;

    const FACES: [PixelBox; 2] = [PixelBox([100.0, 100.0, 149.0, 149.0]), PixelBox([140.0, 140.0, 189.0, 189.0])];

    fn plan(found: &[[f64; 4]]) -> Vec<Planned> {
        let found: Vec<_> = found.iter().copied().map(PixelBox).collect();
        mined_crops([300, 200], &FACES, &found, &MinedCrops { negatives: 2, ..MinedCrops::default() })
    }

    #[test]
    fn boxes_become_what_they_overlap() {
        let found = [
            [102.0, 100.0, 151.9, 149.9],
            [10.0, 10.0, 40.0, 40.0],
            [160.0, 140.0, 199.0, 189.0],
            [200.0, 10.0, 230.0, 30.0],
            [200.0, 50.0, 230.0, 80.0],
        ];
        let plan = plan(&found);
        let classes: Vec<_> = plan.iter().map(|it| it.class).collect();
        // The third negative is one too many.
        assert_eq!(classes, [Class::Positive, Class::Negative, Class::Part, Class::Negative]);
        // Squared, then whole pixels; 50 of them from 102 on.
        assert_eq!((plan[0].crop.x, plan[0].crop.width, plan[0].crop.height), (102, 50, 50));
        assert_eq!(plan[0].offsets, [-0.04, 0.0, -0.04, 0.0]);
        // 40x50 becomes 50x50 about the same centre, and belongs to the second face.
        assert_eq!((plan[2].crop.x, plan[2].crop.y, plan[2].crop.width), (155, 140, 50));
        assert_eq!(plan[2].offsets, [-0.3, 0.0, -0.3, 0.0]);
    }

    #[test]
    fn how_much_overlap_makes_a_face_is_an_option() {
        // 50 x 50, of which 38 x 50 are common: an overlap of .61.
        let found = [PixelBox([112.0, 100.0, 161.0, 149.0])];
        for (positive, class) in [(0.65, Class::Part), (0.6, Class::Positive)] {
            let plan = mined_crops([300, 200], &FACES[..1], &found, &MinedCrops { positive, ..MinedCrops::default() });
            assert_eq!((plan[0].class, plan[0].offsets), (class, [-0.24, 0.0, -0.24, 0.0]));
        }
    }

    #[test]
    fn boxes_too_small_or_beyond_the_image_are_skipped() {
        let nan = f64::NAN;
        for found in [
            [10.0, 10.0, 28.0, 28.0],
            [-1.5, 10.0, 40.0, 51.0],
            [270.0, 10.0, 300.0, 40.0],
            [10.0, 150.0, 60.0, 200.0],
            [nan, nan, nan, nan],
            [0.0, 0.0, f64::INFINITY, 50.0],
        ] {
            assert_eq!(plan(&[found]), [], "{found:?}");
        }
        assert_eq!(plan(&[[10.0, 10.0, 29.0, 29.0]]).len(), 1, "just 20 pixels");
        assert_eq!(
            mined_crops([300, 200], &[], &[PixelBox([10.0, 10.0, 40.0, 40.0])], &MinedCrops::default()).len(),
            1
        );
    }
}
