//! Several looks at one image: at its mirror image, whose answers are averaged with those of the image itself, and at the
//! image turned. Each look is a detection of its own, over a copy of the pixels.

use super::timing::Level;
use crate::choice::choice;
use crate::face::{Face, Landmarks};
use crate::geometry::{BBox, Point};
use crate::image::ImageView;

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
    pub(super) fn back(self, face: &Face, width: usize, height: usize) -> Face {
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
        let mut points = face.landmarks.to_array().map(|Point { x, y }| Point::from(place([x, y], 1.0)));
        if self.mirrored {
            points.swap(0, 1);
            points.swap(3, 4);
        }
        Face::new(bbox, face.score, Landmarks::from_array(points))
    }
}

impl Looks {
    /// Averages `faces` with those of a second look, in `self.faces`. A face that only one of them has loses a part of its score.
    pub(super) fn average(&mut self, faces: &mut Vec<Face>) {
        self.taken.clear();
        self.taken.resize(self.faces.len(), false);
        for face in &mut *faces {
            let free = self.faces.iter().enumerate().filter(|&(i, _)| !self.taken[i]);
            let overlaps = free.map(|(i, other)| (i, other.bbox.overlap(&face.bbox)));
            let best = overlaps.fold((0, SAME), |best, it| if it.1 > best.1 { it } else { best });
            if best.1 > SAME {
                self.taken[best.0] = true;
                *face = mean(face, &self.faces[best.0]);
            } else {
                face.score *= ALONE;
            }
        }
        let alone = self.faces.iter().zip(&self.taken).filter(|&(_, &taken)| !taken).map(|(face, _)| face);
        let alone = alone.copied();
        faces.extend(alone.map(|face| Face { score: ALONE * face.score, ..face }));
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
        let face = faces[i];
        if !faces[..kept].iter().any(|better| same(&face, better)) {
            faces[kept] = face;
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

/// The mean of two faces, boxes and points weighted by the scores.
fn mean(a: &Face, b: &Face) -> Face {
    let sum = a.score + b.score;
    let part = if sum > 0.0 { b.score / sum } else { 0.5 };
    let between = |a: f32, b: f32| a + (b - a) * part;
    let (p, q) = (a.bbox.to_array(), b.bbox.to_array());
    let bbox: [f32; 4] = std::array::from_fn(|i| between(p[i], q[i]));
    let (p, q) = (a.landmarks.to_array(), b.landmarks.to_array());
    let points = std::array::from_fn(|i| Point::new(between(p[i].x, q[i].x), between(p[i].y, q[i].y)));
    Face::new(bbox.into(), 0.5 * sum, Landmarks::from_array(points))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PixelFormat;

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
                let back = look.back(&Face::new(BBox::new(x, y, x + 1.0, y + 1.0), 1.0, points), width, height);
                let Point { x, y } = back.landmarks.nose;
                assert_eq!(pixel[0] as usize, (y as usize * width + x as usize) * 3, "{look:?}");
                assert_eq!(back.bbox, BBox::new(x, y, x + 1.0, y + 1.0), "{look:?}");
            }
        }
    }

    #[test]
    fn left_stays_left_in_a_mirror() {
        let look = Look { rotation: None, mirrored: true };
        let back = look.back(&face(10.0, 10.0, 20.0, 1.0), 100, 100);
        assert!(back.landmarks.left_eye.x < back.landmarks.right_eye.x);
        assert!(back.landmarks.mouth_left.x < back.landmarks.mouth_right.x);
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
