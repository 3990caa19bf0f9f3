//! How far found landmarks are from the annotated ones, in parts of the distance between the eyes.

use serde::{Deserialize, Serialize};

use crate::data::face_point::FacePointImage;
use crate::error::{Error, Result};
use crate::face::{Face, Landmarks};
use crate::geometry::PixelBox;

/// A found face whose box overlaps the annotated one by less is another face, or none. The annotated boxes are tighter
/// than a detector's, so that half is too much to ask for.
const NEAREST_OVERLAP: f64 = 0.3;

/// Distances in many images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LandmarkErrors {
    /// Images, of one annotated face each.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// Of them, those whose face was found.
    pub found: usize,
    /// The mean over the found faces of the mean over the points: none if no face was found.
    pub mean: Option<f64>,
    /// The median over the found faces of the mean over the points.
    pub median: Option<f64>,
    /// The mean over the found faces for each point, in the order of [`Landmarks::NAMES`].
    pub points: Option<[f64; 5]>,
    /// The mean over the points, for each found face, from the smallest on: the cumulative curve has
    /// (i + 1) / images at the i-th.
    pub errors: Vec<f64>,
}

impl LandmarkErrors {
    /// The part of all images whose face was found with this error or less.
    #[must_use]
    pub fn within(&self, error: f64) -> f64 {
        self.errors.partition_point(|&it| it <= error) as f64 / self.images.max(1) as f64
    }
}

/// Compares what was found in each image with its annotation. The face in question is the one whose box overlaps the
/// annotated box most, by 0.3 (intersection over union) at least.
///
/// # Errors
/// [`crate::ErrorKind::Data`] with the line of an image whose eyes are annotated in one place.
///
/// # Panics
/// If there are not as many lists of faces as images.
pub fn landmark_errors(images: &[FacePointImage], found: &[Vec<Face>]) -> Result<LandmarkErrors> {
    assert_eq!(found.len(), images.len(), "faces for each image");
    let mut errors: Vec<[f64; 5]> = Vec::new();
    for (image, faces) in images.iter().zip(found) {
        let [left, right, ..] = image.points;
        let eyes = (left[0] - right[0]).hypot(left[1] - right[1]);
        if eyes == 0.0 {
            return Err(Error::data(format!("{}, line {}: both eyes are in one place", image.name, image.line)));
        }
        let overlap = |face: &Face| PixelBox(face.bbox.to_array().map(f64::from)).overlap(&image.corners);
        let best = faces.iter().map(|face| (overlap(face), face)).max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, face)) = best.filter(|&(overlap, _)| overlap >= NEAREST_OVERLAP) {
            let Some(landmarks) = &face.landmarks else {
                return Err(Error::data(format!("{}: the model gives none of the five points", image.name)));
            };
            errors.push(distances(landmarks, &image.points).map(|distance| distance / eyes));
        }
    }
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / errors.len() as f64;
    let mut each: Vec<f64> = errors.iter().map(|points| points.iter().sum::<f64>() / 5.0).collect();
    each.sort_by(f64::total_cmp);
    let some = !each.is_empty();
    let middle = |each: &[f64]| (each[(each.len() - 1) / 2] + each[each.len() / 2]) / 2.0;
    Ok(LandmarkErrors {
        images: images.len(),
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
    fn image() -> FacePointImage {
        let points = [[10.0, 10.0], [20.0, 10.0], [15.0, 15.0], [11.0, 20.0], [19.0, 20.0]];
        FacePointImage { name: "a.jpg".into(), line: 1, corners: PixelBox([0.0, 0.0, 29.0, 29.0]), points }
    }

    /// Points so far from where they are, in a box of that height.
    fn face(off: f32, height: f32) -> Face {
        let point = |[x, y]: [f64; 2]| Point { x: x as f32 + 0.6 * off, y: y as f32 - 0.8 * off };
        let bbox = BBox { x1: 0.0, y1: 0.0, x2: 29.0, y2: height - 1.0 };
        Face::new(bbox, 1.0, Landmarks::from_array(image().points.map(point)))
    }

    #[test]
    fn three_images_by_hand() {
        let images = [image(), image(), image(), image()];
        // The face that overlaps most counts; one that overlaps by a quarter does not; nothing is missed.
        let found = [vec![face(9.0, 10.0), face(1.0, 30.0)], vec![face(3.0, 20.0)], vec![face(1.0, 7.5)], vec![]];
        let errors = landmark_errors(&images, &found).unwrap();
        assert_eq!((errors.images, errors.found), (4, 2));
        for (value, expected) in [(errors.mean, 0.2), (errors.median, 0.2), (errors.points.map(|it| it[3]), 0.2)] {
            approx::assert_abs_diff_eq!(value.unwrap(), expected, epsilon = 1e-6);
        }
        assert_eq!([0.05, 0.15, 0.5].map(|error| errors.within(error)), [0.0, 0.25, 0.5]);
        let nothing = landmark_errors(&images[..1], &[vec![]]).unwrap();
        assert_eq!((nothing.mean, nothing.found, nothing.within(1.0)), (None, 0, 0.0));
        let squint = FacePointImage { points: [[1.0; 2]; 5], ..image() };
        assert!(landmark_errors(&[squint], &[vec![]]).unwrap_err().to_string().contains("line 1: both eyes"));
    }
}
