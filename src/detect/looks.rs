//! Several looks at one image: at its mirror image, whose answers are averaged with those of the image itself, and at the
//! image turned. Each look is a detection of its own, over a copy of the pixels.

use super::timing::Level;
use crate::choice::choice;
use crate::face::Face;
use crate::geometry::{BBox, Point};
use crate::image::ImageView;
use crate::points::PointNames;

choice! {
    /// How an image is turned before faces are looked for: clockwise, in degrees.
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub enum Rotation {
        /// A quarter to the right: faces that look to the left of the image stand upright then.
        By90 = "90",
        /// Upside down.
        By180 = "180",
        /// A quarter to the left.
        By270 = "270",
    }
}

/// How an image is looked at: turned first, then mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) rotation: Option<Rotation>,
    pub(super) mirrored: bool,
}

/// What the score of a face becomes that only one of two looks has.
const ALONE: f32 = 0.7;

/// The least score of a face in one of two looks: what both see so dimly does not pass together. Each has more boxes to average
/// than pass in the end.
pub(super) fn least_of_two(threshold: f32) -> f32 {
    (2.0 * threshold - 1.0).max(0.02).min(threshold)
}

/// From this overlap (intersection over union) on, the boxes of two looks are of one face.
const SAME: f32 = 0.5;

/// From this part of the smaller box on, that lies in the larger one, the boxes of two turns are of one face: upright and turned nets
/// draw them differently.
const SAME_TURNED: f32 = 0.5;

/// The pixels of a look, and what is found in it; their memory is kept for the next.
#[derive(Default)]
pub(super) struct Looks {
    pub(super) pixels: Vec<u8>,
    pub(super) faces: Vec<Face>,
    /// What was found in the image turned.
    pub(super) turned: Vec<Face>,
    /// The levels of the last timing, for their memory.
    pub(super) levels: Vec<Level>,
    taken: Vec<bool>,
}

impl Look {
    /// Columns and rows of the image as it is seen.
    fn size(self, width: usize, height: usize) -> [usize; 2] {
        match self.rotation {
            None | Some(Rotation::By180) => [width, height],
            Some(Rotation::By90 | Rotation::By270) => [height, width],
        }
    }

    /// The image as it is seen, its pixels in `pixels`.
    pub(super) fn copy<'a>(self, view: &ImageView<'_>, pixels: &'a mut Vec<u8>) -> ImageView<'a> {
        let (width, height, bytes) = (view.width(), view.height(), view.format().bytes_per_pixel());
        let [columns, rows] = self.size(width, height);
        pixels.clear();
        for y in 0..rows {
            for x in 0..columns {
                let x = if self.mirrored { columns - 1 - x } else { x };
                let (x, y) = match self.rotation {
                    None => (x, y),
                    Some(Rotation::By90) => (y, height - 1 - x),
                    Some(Rotation::By180) => (width - 1 - x, height - 1 - y),
                    Some(Rotation::By270) => (width - 1 - y, x),
                };
                pixels.extend_from_slice(&view.data()[y * view.stride() + x * bytes..][..bytes]);
            }
        }
        ImageView::new(pixels, columns, rows, view.format()).expect("as many bytes as pixels need")
    }

    /// A face that was seen so, in the image of `width x height` pixels as it is. Points keep the names that they have in the
    /// upright face.
    pub(super) fn back(self, face: &Face, names: &PointNames, width: usize, height: usize) -> Face {
        let [columns, _] = self.size(width, height).map(|side| side as f32);
        let (width, height) = (width as f32, height as f32);
        // `beyond` is what the last number of a side lacks of its length: 0 for edges, 1 for points.
        let place = |[x, y]: [f32; 2], beyond: f32| {
            let x = if self.mirrored { columns - beyond - x } else { x };
            match self.rotation {
                None => [x, y],
                Some(Rotation::By90) => [y, height - beyond - x],
                Some(Rotation::By180) => [width - beyond - x, height - beyond - y],
                Some(Rotation::By270) => [width - beyond - y, x],
            }
        };
        let BBox { x1, y1, x2, y2 } = face.bbox;
        let ([ax, ay], [bx, by]) = (place([x1, y1], 0.0), place([x2, y2], 0.0));
        let bbox = BBox::new(ax.min(bx), ay.min(by), ax.max(bx), ay.max(by));
        let face = face.placed(bbox, |Point { x, y }| Point::from(place([x, y], 1.0)));
        if self.mirrored { face.renamed(names.mirror_pairs().unwrap_or_default()) } else { face }
    }
}

impl Looks {
    /// Averages `faces` with those of a second look, in `self.faces`, boxes and points weighted by the scores. A face that only one of them has loses a part of its score.
    pub(super) fn average(&mut self, faces: &mut Vec<Face>) {
        self.taken.clear();
        self.taken.resize(self.faces.len(), false);
        for face in &mut *faces {
            let free = self.faces.iter().enumerate().filter(|&(i, _)| !self.taken[i]);
            let overlaps = free.map(|(i, other)| (i, other.bbox.overlap(&face.bbox)));
            let best = overlaps.fold((0, SAME), |best, it| if it.1 > best.1 { it } else { best });
            if best.1 > SAME {
                self.taken[best.0] = true;
                let other = &self.faces[best.0];
                let sum = face.score + other.score;
                let part = if sum > 0.0 { other.score / sum } else { 0.5 };
                *face = Face { score: 0.5 * sum, ..face.between(other, part) };
            } else {
                face.score *= ALONE;
            }
        }
        let alone = self.faces.iter().zip(&self.taken).filter(|&(_, &taken)| !taken).map(|(face, _)| face);
        faces.extend(alone.map(|face| Face { score: ALONE * face.score, ..face.clone() }));
        // Of two that are one after all the better stays.
        drop_doubles(faces, |face, better| smaller_part(face, better) > 0.7);
    }

    /// Adds the faces of a turned look, in `self.turned`. One that is there already is given once, with the better score.
    pub(super) fn add(&self, faces: &mut Vec<Face>) {
        faces.extend_from_slice(&self.turned);
        drop_doubles(faces, |face, better| smaller_part(face, better) > SAME_TURNED);
    }
}

/// Sorts by scores, and drops whatever is the same as a better one.
fn drop_doubles(faces: &mut Vec<Face>, same: impl Fn(&Face, &Face) -> bool) {
    // Of equal scores the first stays.
    faces.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept = 0;
    for i in 0..faces.len() {
        if !faces[..kept].iter().any(|better| same(&faces[i], better)) {
            faces.swap(kept, i);
            kept += 1;
        }
    }
    faces.truncate(kept);
}

/// The common area divided by that of the smaller box.
fn smaller_part(a: &Face, b: &Face) -> f32 {
    let common = a.bbox.common_area(&b.bbox);
    if common > 0.0 { common / a.bbox.area().min(b.bbox.area()) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Landmarks, PixelFormat};

    const ALL: [Option<Rotation>; 4] = [None, Some(Rotation::By90), Some(Rotation::By180), Some(Rotation::By270)];

    fn face(x: f32, y: f32, side: f32, score: f32) -> Face {
        let points = [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]];
        let points = points.map(|[dx, dy]| Point::new(x + dx * side, y + dy * side));
        Face::new(BBox::new(x, y, x + side, y + side), score, Landmarks::from_array(points))
    }

    /// A pixel that is seen somewhere is, as a point and as a box around it, led back to where it was.
    #[test]
    fn what_is_seen_leads_back_to_where_it_is() {
        let (width, height) = (5, 3);
        let bytes: Vec<u8> = (0..45).collect();
        let view = ImageView::new(&bytes, width, height, PixelFormat::Rgb).unwrap();
        let mut pixels = Vec::new();
        for look in ALL.into_iter().flat_map(|rotation| [false, true].map(|mirrored| Look { rotation, mirrored })) {
            let seen = look.copy(&view, &mut pixels);
            assert_eq!(seen.width() * seen.height(), width * height);
            for (i, pixel) in seen.data().chunks_exact(3).enumerate() {
                let (x, y) = ((i % seen.width()) as f32, (i / seen.width()) as f32);
                let points = Landmarks::from_array([Point::new(x, y); 5]);
                let face = Face::new(BBox::new(x, y, x + 1.0, y + 1.0), 1.0, points);
                let back = look.back(&face, &PointNames::default(), width, height);
                let Point { x, y } = back.landmarks.unwrap().nose;
                assert_eq!(pixel[0] as usize, (y as usize * width + x as usize) * 3, "{look:?}");
                assert_eq!(back.bbox, BBox::new(x, y, x + 1.0, y + 1.0), "{look:?}");
            }
        }
    }

    #[test]
    fn left_stays_left_in_a_mirror() {
        let look = Look { rotation: None, mirrored: true };
        let back = look.back(&face(10.0, 10.0, 20.0, 1.0), &PointNames::default(), 100, 100).landmarks.unwrap();
        assert!(back.left_eye.x < back.right_eye.x && back.mouth_left.x < back.mouth_right.x);
        let names = ["r_ear", "nose", "l_ear", "mouth_left", "left_eye", "right_eye", "mouth_right"].map(String::from);
        let (names, places) =
            (PointNames::new(names.into()).unwrap(), [90, 50, 10, 40, 30, 70, 60].map(|x| [x as f32, 0.0]));
        let seen = Face::with_points(BBox::default(), 1.0, &names, &places.map(Point::from));
        // 99 less what was there, with the other name.
        let back = look.back(&seen, &names, 100, 100);
        assert_eq!(
            back.points.iter().map(|(_, it)| it.x).collect::<Vec<_>>(),
            [89.0, 49.0, 9.0, 39.0, 29.0, 69.0, 59.0]
        );
        assert_eq!(back.landmarks.unwrap().left_eye, back.point("left_eye").unwrap());
    }

    #[test]
    fn two_looks_are_averaged_and_one_alone_counts_less() {
        let mut looks =
            Looks { faces: vec![face(12.0, 0.0, 20.0, 0.5), face(80.0, 0.0, 20.0, 0.9)], ..Looks::default() };
        let mut faces = vec![face(10.0, 0.0, 20.0, 1.0), face(50.0, 0.0, 20.0, 0.8)];
        looks.average(&mut faces);
        let seen: Vec<_> = faces.iter().map(|face| (face.score, face.bbox.x1)).collect();
        let expected = [(0.75, 10.0 + 2.0 / 3.0), (0.63, 80.0), (0.56, 50.0)];
        for (seen, expected) in seen.iter().zip(expected) {
            approx::assert_abs_diff_eq!(seen.0, expected.0, epsilon = 1e-6);
            approx::assert_abs_diff_eq!(seen.1, expected.1, epsilon = 1e-5);
        }
        assert_eq!(seen.len(), expected.len());
    }

    #[test]
    fn a_face_of_two_turns_is_given_once() {
        let looks = Looks { turned: vec![face(12.0, 3.0, 18.0, 0.9), face(60.0, 0.0, 20.0, 0.7)], ..Looks::default() };
        let mut faces = vec![face(10.0, 0.0, 20.0, 0.8)];
        looks.add(&mut faces);
        assert_eq!(faces.iter().map(|face| face.score).collect::<Vec<_>>(), [0.9, 0.7]);
    }
}
