//! How far found landmarks are from the annotated ones, in parts of the distance between the eyes.

use serde::{Deserialize, Serialize};

use crate::data::face_point::FacePointPicture;
use crate::error::{Error, Result};
use crate::face::{Face, Landmarks};
use crate::geometry::PixelBox;

/// A found face whose box overlaps the annotated one by less is another face, or none. The annotated boxes are tighter
/// than a detector's, so that half is too much to ask for.
const SAME: f64 = 0.3;

/// Distances in many pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LandmarkErrors {
    /// Pictures, of one annotated face each.
    pub pictures: usize,
    /// Of them, those whose face was found.
    pub found: usize,
    /// The mean over the found faces of the mean over the points: none if no face was found.
    pub mean: Option<f64>,
    /// The median over the found faces of the mean over the points.
    pub median: Option<f64>,
    /// The mean over the found faces for each point, in the order of [`Landmarks::NAMES`].
    pub points: Option<[f64; 5]>,
    /// The mean over the points, for each found face, from the smallest on: the cumulative curve has
    /// (i + 1) / pictures at the i-th.
    pub errors: Vec<f64>,
}

impl LandmarkErrors {
    /// The part of all pictures whose face was found with this error or less.
    pub fn within(&self, error: f64) -> f64 {
        self.errors.partition_point(|&it| it <= error) as f64 / self.pictures.max(1) as f64
    }
}

/// Compares what was found in each picture with its annotation. The face in question is the one whose box overlaps the
/// annotated box most, by 0.3 (intersection over union) at least.
///
/// # Errors
/// [`crate::ErrorKind::Data`] with the line of a picture whose eyes are annotated in one place.
///
/// # Panics
/// If there are not as many lists of faces as pictures.
pub fn landmark_errors(pictures: &[FacePointPicture], found: &[Vec<Face>]) -> Result<LandmarkErrors> {
    assert_eq!(found.len(), pictures.len(), "faces for each picture");
    let mut errors: Vec<[f64; 5]> = Vec::new();
    for (picture, faces) in pictures.iter().zip(found) {
        let [left, right, ..] = picture.points;
        let eyes = (left[0] - right[0]).hypot(left[1] - right[1]);
        if eyes == 0.0 {
            return Err(Error::data(format!("{}, line {}: both eyes are in one place", picture.name, picture.line)));
        }
        let overlap = |face: &Face| PixelBox(face.bbox.to_array().map(f64::from)).overlap(&picture.corners);
        let best = faces.iter().map(|face| (overlap(face), face)).max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, face)) = best.filter(|&(overlap, _)| overlap >= SAME) {
            errors.push(distances(&face.landmarks, &picture.points).map(|distance| distance / eyes));
        }
    }
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / errors.len() as f64;
    let mut each: Vec<f64> = errors.iter().map(|points| points.iter().sum::<f64>() / 5.0).collect();
    each.sort_by(f64::total_cmp);
    let some = !each.is_empty();
    let middle = |each: &[f64]| (each[(each.len() - 1) / 2] + each[each.len() / 2]) / 2.0;
    Ok(LandmarkErrors {
        pictures: pictures.len(),
        found: each.len(),
        mean: some.then(|| mean(&mut each.iter().copied())),
        median: some.then(|| middle(&each)),
        points: some.then(|| std::array::from_fn(|i| mean(&mut errors.iter().map(|points| points[i])))),
        errors: each,
    })
}

/// In pixels, of each point.
fn distances(found: &Landmarks, points: &[[f64; 2]; 5]) -> [f64; 5] {
    let found = found.to_array();
    std::array::from_fn(|i| (f64::from(found[i].x) - points[i][0]).hypot(f64::from(found[i].y) - points[i][1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BBox, Point};

    /// Eyes 10 pixels from each other.
    fn picture() -> FacePointPicture {
        let points = [[10.0, 10.0], [20.0, 10.0], [15.0, 15.0], [11.0, 20.0], [19.0, 20.0]];
        FacePointPicture { name: "a.jpg".into(), line: 1, corners: PixelBox([0.0, 0.0, 29.0, 29.0]), points }
    }

    /// Points so far from where they are, in a box of that height.
    fn face(off: f32, height: f32) -> Face {
        let point = |[x, y]: [f64; 2]| Point { x: x as f32 + 0.6 * off, y: y as f32 - 0.8 * off };
        let bbox = BBox { x1: 0.0, y1: 0.0, x2: 29.0, y2: height - 1.0 };
        Face { bbox, score: 1.0, landmarks: Landmarks::from_array(picture().points.map(point)) }
    }

    #[test]
    fn three_pictures_by_hand() {
        let pictures = [picture(), picture(), picture(), picture()];
        // The face that overlaps most counts; one that overlaps by a quarter does not; nothing is missed.
        let found = [vec![face(9.0, 10.0), face(1.0, 30.0)], vec![face(3.0, 20.0)], vec![face(1.0, 7.5)], vec![]];
        let errors = landmark_errors(&pictures, &found).unwrap();
        assert_eq!((errors.pictures, errors.found), (4, 2));
        for (value, expected) in [(errors.mean, 0.2), (errors.median, 0.2), (errors.points.map(|it| it[3]), 0.2)] {
            approx::assert_abs_diff_eq!(value.unwrap(), expected, epsilon = 1e-6);
        }
        assert_eq!([0.05, 0.15, 0.5].map(|error| errors.within(error)), [0.0, 0.25, 0.5]);
        let nothing = landmark_errors(&pictures[..1], &[vec![]]).unwrap();
        assert_eq!((nothing.mean, nothing.found, nothing.within(1.0)), (None, 0, 0.0));
        let squint = FacePointPicture { points: [[1.0; 2]; 5], ..picture() };
        assert!(landmark_errors(&[squint], &[vec![]]).unwrap_err().to_string().contains("line 1: both eyes"));
    }
}
