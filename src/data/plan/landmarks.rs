//! Crops of a face whose points are known, as `gen_12net_landmark` takes them: about its box, some of
//! them mirrored, some turned to either side.

use super::crop::{Crop, Planned, Turn};
use super::mined::square_in;
use crate::data::class::{Class, POSITIVE};
use crate::data::mirror::mirror_points;
use crate::data::options::LandmarkCrops;
use crate::geometry::PixelBox;
use crate::points::PointNames;
use crate::random::Random;

/// How far beyond a crop points may lie that are not the five, in parts of its side: a chin is not in every box.
const REACH: f32 = 0.5;

/// A face's points, and their names.
#[derive(Clone, Copy)]
pub(in crate::data) struct Known<'a> {
    pub(in crate::data) points: &'a [[f64; 2]],
    pub(in crate::data) names: &'a PointNames,
}

/// Plans the crops of an image of `width x height` pixels with one face. None if the face is too small
/// or its box reaches beyond the image. None is mirrored if the names do not tell what becomes of the points.
pub(in crate::data) fn landmark_crops(
    size: [usize; 2],
    face: PixelBox,
    points: Known<'_>,
    options: &LandmarkCrops,
    random: &mut Random,
) -> Vec<Planned> {
    let Some(face) = usable(size, face, options) else { return Vec::new() };
    let PixelBox([left, top, ..]) = face;
    let (face_width, face_height) = (face.width(), face.height());
    let [last_column, last_row] = size.map(|side| side as f64 - 1.0);
    let mirror = options.mirror && points.names.mirror_pairs().is_some();
    let mut plan = Vec::new();
    plan.extend(planned(face, face, points, None, false));
    for _ in 0..options.tries {
        let side = random.between(0.8 * face_width.min(face_height), (1.25 * face_width.max(face_height)).ceil());
        let dx = random.between(-0.2 * face_width, 0.2 * face_width);
        let dy = random.between(-0.2 * face_height, 0.2 * face_height);
        // A face of less than 5 pixels has no room to move in.
        let (Some(side), dx, dy) = (side, dx.unwrap_or(0.0), dy.unwrap_or(0.0)) else { break };
        let half = (side / 2.0).trunc();
        let x = (left + face_width / 2.0 - half + dx).max(0.0).trunc();
        let y = (top + face_height / 2.0 - half + dy).max(0.0).trunc();
        let crop = PixelBox([x, y, x + side, y + side]);
        if side < 1.0 || x + side > last_column || y + side > last_row || crop.overlap(&face) <= POSITIVE {
            continue;
        }
        plan.extend(planned(crop, face, points, None, false));
        if mirror && random.coin() {
            plan.extend(planned(crop, face, points, None, true));
        }
        for degrees in [options.degrees, -options.degrees] {
            if degrees != 0.0 && random.coin() {
                plan.extend(planned(crop, face, points, Some(degrees), false));
                if mirror {
                    plan.extend(planned(crop, face, points, Some(degrees), true));
                }
            }
        }
    }
    plan
}

/// The box of a face in whole pixels; `None` if it is too small or reaches beyond the image.
fn usable([width, height]: [usize; 2], face: PixelBox, options: &LandmarkCrops) -> Option<PixelBox> {
    let face = PixelBox(face.0.map(f64::trunc));
    let PixelBox([left, top, right, bottom]) = face;
    let inside = left >= 0.0 && top >= 0.0 && right <= width as f64 - 1.0 && bottom <= height as f64 - 1.0;
    // A side of one pixel has no parts to place points in.
    let has_parts = face.width() >= 2.0 && face.height() >= 2.0;
    (inside && has_parts && face.width().max(face.height()) >= options.min_face).then_some(face)
}

/// Plans crops where a stage found the face, if any are wanted: of boxes as it gives them, those that overlap the face enough.
pub(in crate::data) fn mined_landmark_crops(
    size: [usize; 2],
    face: PixelBox,
    points: Known<'_>,
    found: &[PixelBox],
    options: &LandmarkCrops,
) -> Vec<Planned> {
    let (Some(least), Some(face)) = (options.mined, usable(size, face, options)) else { return Vec::new() };
    let squares = found.iter().filter_map(|&found| square_in(size, found));
    // A side of one pixel has no parts to place points in.
    let squares = squares.filter(|square| square.width() >= 2.0 && square.overlap(&face) >= least);
    squares.filter_map(|square| planned(square, face, points, None, false)).collect()
}

/// A crop with its points, unless one of the five lies outside of it or on its border, or one of others
/// far from it. Both ends of the crop count for its pixels; points are measured in the distance of the ends.
fn planned(
    crop: PixelBox,
    face: PixelBox,
    Known { points, names }: Known<'_>,
    degrees: Option<f64>,
    mirrored: bool,
) -> Option<Planned> {
    let PixelBox([x1, y1, x2, y2]) = crop;
    let turn = degrees.map(|degrees| Turn::new(degrees, [(x1 + x2) / 2.0, (y1 + y2) / 2.0]));
    let mut parts = vec![0.0; 2 * points.len()];
    for (part, &point) in parts.chunks_exact_mut(2).zip(points) {
        let [x, y] = turn.map_or(point, |turn| turn.forward(point));
        part.copy_from_slice(&[((x - x1) / (x2 - x1)) as f32, ((y - y1) / (y2 - y1)) as f32]);
    }
    let reach = if names.are_the_five() { 0.0 } else { REACH };
    if parts.iter().any(|&part| part <= -reach || part >= 1.0 + reach) {
        return None;
    }
    if mirrored {
        mirror_points(&mut parts, names.mirror_pairs()?);
    }
    let pixels = Crop { turn, mirrored, ..Crop::upright(x1, y1, crop.width(), crop.height()) };
    let overlap = crop.overlap(&face);
    Some(Planned { class: Class::Landmark, crop: pixels, overlap, offsets: [0.0; 4], points: parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: PixelBox = PixelBox([40.0, 50.0, 99.0, 119.0]);
    const POINTS: [[f64; 2]; 5] = [[55.5, 70.0], [82.0, 71.0], [70.0, 88.0], [58.0, 101.0], [80.0, 100.25]];

    fn plan(size: [usize; 2], options: &LandmarkCrops, seed: u64) -> Vec<Planned> {
        of(size, FACE, &POINTS, options, &mut Random::new(seed, 0))
    }

    fn of(
        size: [usize; 2],
        face: PixelBox,
        points: &[[f64; 2]],
        options: &LandmarkCrops,
        random: &mut Random,
    ) -> Vec<Planned> {
        let names = PointNames::of_count(points.len());
        landmark_crops(size, face, Known { points, names: &names }, options, random)
    }

    #[test]
    fn points_lead_back_to_the_image() {
        let (mut mirrored, mut turned) = (0, 0);
        for seed in 0..50 {
            let plan = plan([160, 160], &LandmarkCrops::default(), seed);
            let first = &plan[0];
            assert_eq!((first.crop.x, first.crop.y, first.crop.width, first.crop.height), (40, 50, 60, 70));
            for Planned { class, crop, overlap, points, .. } in plan {
                assert!(class == Class::Landmark && overlap > 0.65);
                assert!(crop.x + crop.width <= 160 && crop.y + crop.height <= 160, "{crop:?}");
                let mut points = points;
                if crop.mirrored {
                    mirrored += 1;
                    mirror_points(&mut points, &[[0, 1], [3, 4]]);
                }
                for (part, expected) in points.chunks_exact(2).zip(POINTS) {
                    assert!(part.iter().all(|&part| part > 0.0 && part < 1.0));
                    let x = crop.x as f64 + f64::from(part[0]) * (crop.width - 1) as f64;
                    let y = crop.y as f64 + f64::from(part[1]) * (crop.height - 1) as f64;
                    let [x, y] = crop.turn.map_or([x, y], |turn| turn.back([x, y]));
                    assert!((x - expected[0]).abs() < 1e-4 && (y - expected[1]).abs() < 1e-4, "{x} {y} {expected:?}");
                }
                turned += usize::from(crop.turn.is_some());
            }
        }
        assert!(mirrored > 150 && turned > 150, "{mirrored} {turned}");
    }

    #[test]
    fn augmentation_can_be_left_out() {
        let options = LandmarkCrops { degrees: 0.0, mirror: false, ..LandmarkCrops::default() };
        let plan = plan([160, 160], &options, 1);
        assert!((2..=11).contains(&plan.len()));
        assert!(plan.iter().all(|it| it.crop.turn.is_none() && !it.crop.mirrored));
    }

    #[test]
    fn small_faces_and_boxes_beyond_the_image_give_none() {
        let options = LandmarkCrops { min_face: 71.0, ..LandmarkCrops::default() };
        assert_eq!(plan([160, 160], &options, 1), []);
        assert_eq!(plan([99, 160], &LandmarkCrops::default(), 1), []);
        let options = LandmarkCrops { min_face: 0.0, ..LandmarkCrops::default() };
        for corners in [[5.0, 5.0, 5.0, 40.0], [9.0, 9.0, 1.0, 1.0], [-1.0, 0.0, 50.0, 50.0]] {
            assert_eq!(of([160, 160], PixelBox(corners), &POINTS, &options, &mut Random::new(1, 1)), []);
        }
        // A face of 3 pixels, with points inside.
        let points = [[21.0, 21.0]; 5];
        let plan = of([40, 40], PixelBox([20.0, 20.0, 22.0, 22.0]), &points, &options, &mut Random::new(1, 1));
        assert!(!plan.is_empty());
    }

    #[test]
    fn crops_are_mined_where_the_face_was_found() {
        let found = [[35.0, 52.0, 99.0, 111.0], [70.0, 50.0, 139.0, 119.0], [-8.0, 50.0, 70.0, 119.0], [f64::NAN; 4]];
        let known = Known { points: &POINTS, names: &PointNames::default() };
        let mined = |least_face| LandmarkCrops { mined: Some(0.5), min_face: least_face, ..LandmarkCrops::default() };
        let plan = mined_landmark_crops([160, 160], FACE, known, &found.map(PixelBox), &mined(70.0));
        assert_eq!(mined_landmark_crops([160, 160], FACE, known, &found.map(PixelBox), &mined(71.0)), []);
        // The second overlaps the face by less, the third reaches beyond the image.
        let [planned] = &plan[..] else { panic!("{plan:?}") };
        // 65 pixels in each direction, about the same centre.
        assert_eq!((planned.crop.x, planned.crop.y, planned.crop.width, planned.crop.height), (35, 49, 65, 65));
        assert_eq!((planned.points[0], planned.points[1]), (20.5 / 64.0, 21.0 / 64.0));
    }

    #[test]
    fn a_point_outside_of_the_crop_drops_it() {
        let mut points = POINTS;
        points[2] = [140.0, 88.0];
        let random = &mut Random::new(1, 1);
        assert_eq!(of([160, 160], FACE, &points, &LandmarkCrops::default(), random), []);
    }

    #[test]
    fn other_points_may_lie_beside_the_face_and_are_mirrored_only_if_their_names_tell_how() {
        // The second lies below the box.
        let points = [[70.0, 88.0], [70.0, 125.0]];
        for (names, mirrors) in [(["nose", "chin"], true), (["point_1", "point_2"], false)] {
            let names = PointNames::new(names.map(String::from).into()).unwrap();
            let known = Known { points: &points, names: &names };
            let plan: Vec<_> = (0..20)
                .flat_map(|seed| {
                    landmark_crops([160, 160], FACE, known, &LandmarkCrops::default(), &mut Random::new(seed, 0))
                })
                .collect();
            assert!(plan.len() > 20 && plan.iter().all(|it| it.points.len() == 4));
            assert_eq!(plan.iter().any(|it| it.crop.mirrored), mirrors);
            assert!(plan.iter().any(|it| it.points[3] > 1.0));
        }
    }
}
