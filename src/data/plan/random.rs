//! Crops at random places of an image whose faces are known, as `gen_12net_data` takes them.
//!
//! Unlike there, a crowd in which no negative fits, or an image too small for one, ends the search;
//! and the corner of a crop is rounded to a pixel before its targets are computed, so that they are
//! true of the pixels that were cut out.

use super::crop::{Crop, NEGATIVE, Planned, class_of};
use crate::data::class::POSITIVE;
use crate::data::options::RandomCrops;
use crate::data::overlap::{largest, offsets};
use crate::geometry::PixelBox;
use crate::random::Random;

/// Plans the crops of an image of `width x height` pixels. `faces` have an area.
pub(in crate::data) fn random_crops(
    [width, height]: [usize; 2],
    faces: &[PixelBox],
    options: &RandomCrops,
    random: &mut Random,
) -> Vec<Planned> {
    let image = Room { width: width as f64, height: height as f64, faces };
    let mut plan = Vec::new();
    image.negatives(options, random, &mut plan);
    for &face in faces {
        let PixelBox([x1, y1, ..]) = face;
        if face.width().max(face.height()) >= options.min_face && x1 >= 0.0 && y1 >= 0.0 {
            image.near_negatives(face, options, random, &mut plan);
            image.faces(face, options, random, &mut plan);
        }
    }
    plan
}

struct Room<'a> {
    width: f64,
    height: f64,
    faces: &'a [PixelBox],
}

impl Room<'_> {
    /// Sides of negatives stay below this.
    fn half(&self) -> f64 {
        (self.width.min(self.height) / 2.0).trunc()
    }

    /// Negatives anywhere.
    fn negatives(&self, options: &RandomCrops, random: &mut Random, plan: &mut Vec<Planned>) {
        let smallest = if self.half() > f64::from(options.side) { options.side } else { options.near_side };
        let mut wanted = options.negatives;
        for _ in 0..u64::from(options.negatives) * u64::from(options.tries) {
            if wanted == 0 {
                break;
            }
            let Some(side) = random.between(f64::from(smallest), self.half()) else { break };
            let (Some(x), Some(y)) = (random.between(0.0, self.width - side), random.between(0.0, self.height - side))
            else {
                break;
            };
            wanted -= u32::from(self.negative(x, y, side, plan));
        }
    }

    /// Negatives that touch a face.
    fn near_negatives(&self, face: PixelBox, options: &RandomCrops, random: &mut Random, plan: &mut Vec<Planned>) {
        let PixelBox([x1, y1, ..]) = face;
        for _ in 0..options.near {
            let Some(side) = random.between(f64::from(options.near_side), self.half()) else { break };
            let dx = random.between((-side).max(-x1), face.width());
            let dy = random.between((-side).max(-y1), face.height());
            let (Some(dx), Some(dy)) = (dx, dy) else { break };
            let (x, y) = ((x1 + dx).max(0.0).trunc(), (y1 + dy).max(0.0).trunc());
            if x + side <= self.width && y + side <= self.height {
                self.negative(x, y, side, plan);
            }
        }
    }

    /// Takes a square if it is a negative.
    fn negative(&self, x: f64, y: f64, side: f64, plan: &mut Vec<Planned>) -> bool {
        let (overlap, _) = largest(PixelBox([x, y, x + side, y + side]), self.faces);
        let taken = overlap < NEGATIVE;
        if taken {
            plan.push(Planned::negative(Crop::upright(x, y, side, side), overlap));
        }
        taken
    }

    /// Positives and parts of one face.
    fn faces(&self, face: PixelBox, options: &RandomCrops, random: &mut Random, plan: &mut Vec<Planned>) {
        let (PixelBox([x1, y1, ..]), width, height) = (face, face.width(), face.height());
        if width < 5.0 || height < 5.0 {
            return;
        }
        for _ in 0..options.face {
            let side = random.between(0.8 * width.min(height), (1.25 * width.max(height)).ceil());
            let (dx, dy) = (random.between(-0.2 * width, 0.2 * width), random.between(-0.2 * height, 0.2 * height));
            let (Some(side), Some(dx), Some(dy)) = (side, dx, dy) else { break };
            let half = (side / 2.0).trunc();
            let x = (x1 + width / 2.0 + dx - half).max(0.0).trunc();
            let y = (y1 + height / 2.0 + dy - half).max(0.0).trunc();
            if x + side > self.width || y + side > self.height {
                continue;
            }
            let square = PixelBox([x, y, x + side, y + side]);
            let overlap = square.overlap(&face);
            if let Some(class) = class_of(overlap, POSITIVE) {
                let (crop, offsets) = (Crop::upright(x, y, side, side), offsets(face, square, side, side));
                plan.push(Planned { class, crop, overlap, offsets, points: Vec::new() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::class::Class;

    fn plan(size: [usize; 2], faces: &[PixelBox], seed: u64) -> Vec<Planned> {
        random_crops(size, faces, &RandomCrops::default(), &mut Random::new(seed, 0))
    }

    const FACES: [PixelBox; 4] = [
        PixelBox([100.0, 80.0, 160.0, 150.0]),
        PixelBox([0.0, 0.0, 30.0, 25.0]),
        PixelBox([300.5, 200.25, 322.0, 230.0]),
        PixelBox([390.0, 290.0, 460.0, 350.0]),
    ];

    #[test]
    fn every_crop_is_what_its_class_says() {
        let mut counts = [0; 4];
        for seed in 0..20 {
            for planned in plan([400, 300], &FACES, seed) {
                let Crop { x, y, width, height, .. } = planned.crop;
                assert!(x + width <= 400 && y + height <= 300 && width == height && width >= 12, "{planned:?}");
                let [x, y, side] = [x, y, width].map(|number| number as f64);
                let corners = PixelBox([x, y, x + side, y + side]);
                let (best, _) = largest(corners, &FACES);
                counts[planned.class as usize] += 1;
                if planned.class == Class::Negative {
                    assert!(best < 0.3 && best == planned.overlap && planned.offsets == [0.0; 4], "{planned:?}");
                    continue;
                }
                // The targets lead back to the face.
                let face: [f64; 4] = std::array::from_fn(|i| corners.0[i] + f64::from(planned.offsets[i]) * side);
                let near = |other: &&PixelBox| face.iter().zip(other.0).all(|(a, b)| (*a - b).abs() < 1e-4);
                let face = FACES.iter().find(near).unwrap_or_else(|| panic!("{planned:?}: {face:?}"));
                let overlap = corners.overlap(face);
                assert_eq!(overlap, planned.overlap);
                let range = if planned.class == Class::Positive { 0.65..=1.0 } else { 0.4..=0.65 };
                assert!(range.contains(&overlap), "{planned:?}");
            }
        }
        assert!(counts[0] >= 20 * 50 && counts[1] > 200 && counts[2] > 200 && counts[3] == 0, "{counts:?}");
    }

    #[test]
    fn an_image_without_faces_has_all_negatives() {
        let plan = plan([640, 480], &[], 1);
        assert_eq!(plan.len(), 50);
        assert!(plan.iter().all(|it| it.class == Class::Negative && (40..240).contains(&it.crop.width)));
    }

    #[test]
    fn an_image_full_of_faces_ends() {
        let crowd: Vec<_> = (0..60)
            .flat_map(|y| (0..60).map(move |x| [x, y].map(|at| f64::from(at) * 5.0)))
            .flat_map(|[x, y]| [20.0, 60.0, 120.0].map(|side| PixelBox([x, y, x + side, y + side])))
            .collect();
        let options = RandomCrops { near: 0, face: 0, ..RandomCrops::default() };
        let plan = random_crops([300, 300], &crowd, &options, &mut Random::new(1, 1));
        assert!(plan.len() < 50, "{}", plan.len());
    }

    #[test]
    fn small_images_have_smaller_negatives_or_none() {
        for size in [[0, 0], [1, 1], [24, 24], [25, 10], [1, 1000]] {
            assert_eq!(plan(size, &[], 1), [], "{size:?}");
        }
        let negatives = plan([39, 36], &[], 1);
        assert_eq!(negatives.len(), 50);
        assert!(negatives.iter().all(|it| (12..18).contains(&it.crop.width)));
        // Between 40 and 80 pixels the original fails too.
        assert_eq!(plan([70, 70], &[], 1).len(), 50);
        for size in 1..40 {
            let face = PixelBox([0.0, 0.0, size as f64 - 1.0, size as f64 - 1.0]);
            for planned in plan([size, size], &[face], 3) {
                assert!(planned.crop.x + planned.crop.width <= size && planned.crop.y + planned.crop.height <= size);
            }
        }
    }

    #[test]
    fn faces_too_small_or_beyond_the_image_only_keep_negatives_away() {
        for face in [[50.0, 50.0, 68.0, 68.0], [-1.0, 50.0, 60.0, 110.0], [50.0, -3.0, 110.0, 60.0]] {
            let plan = plan([200, 200], &[PixelBox(face)], 1);
            assert!(plan.iter().all(|it| it.class == Class::Negative) && plan.len() == 50);
        }
        // Wholly outside, or larger than everything.
        for face in [[500.0, 500.0, 600.0, 600.0], [0.0, 0.0, 9000.0, 9000.0]] {
            assert!(plan([200, 200], &[PixelBox(face)], 1).iter().all(|it| it.class == Class::Negative));
        }
    }
}
