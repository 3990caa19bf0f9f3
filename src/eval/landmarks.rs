//! How far found landmarks are from the annotated ones, in parts of the distance between the eyes or of the box.

use serde::{Deserialize, Serialize};

use crate::data::face_point::{FacePoint, FacePointImage};
use crate::error::{Error, Result};
use crate::face::Face;
use crate::geometry::PixelBox;
use crate::points::PointNames;

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
    /// The mean over the found faces for each point, in the list's order.
    pub points: Option<Vec<f64>>,
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

/// What errors are parts of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ErrorUnit {
    /// The distance of these two points, `left_eye` and `right_eye`.
    Eyes([usize; 2]),
    /// The mean of the sides of the annotated box.
    Side,
}

impl ErrorUnit {
    /// That of a list with points of these names.
    #[must_use]
    pub fn of(names: &PointNames) -> Self {
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        match (place("left_eye"), place("right_eye")) {
            (Some(left), Some(right)) => Self::Eyes([left, right]),
            _ => Self::Side,
        }
    }

    /// In pixels.
    fn length(&self, image: &FacePointImage) -> Result<f64> {
        let (length, reason) = match *self {
            Self::Eyes([left, right]) => {
                let [left, right] = [image.points[left], image.points[right]];
                ((left[0] - right[0]).hypot(left[1] - right[1]), "both eyes are in one place")
            }
            Self::Side => ((image.corners.width() + image.corners.height()) / 2.0, "a box without an area"),
        };
        match length > 0.0 {
            true => Ok(length),
            false => Err(Error::data(format!("{}, line {}: {reason}", image.name, image.line))),
        }
    }
}

/// Finds out before the images are looked at whether a model gives all points of a list.
///
/// # Errors
/// [`crate::ErrorKind::Data`] with the first name that it lacks.
pub fn check_points(list: &FacePoint, model: &PointNames) -> Result<()> {
    match list.names.iter().find(|&name| !model.contains(name)) {
        None => Ok(()),
        Some(name) => Err(missing_point(list, name)),
    }
}

fn missing_point(list: &FacePoint, name: &str) -> Error {
    Error::data(format!("the model gives no point {name}, which {} has", list.list.display()))
}

/// Compares what was found in each image with its annotation, point by point of the list. Errors are parts of the distance
/// between the eyes, or of the mean side of the annotated box where the list has no `left_eye` and `right_eye`. The face in
/// question is the one whose box overlaps the annotated box most, by 0.3 (intersection over union) at least.
///
/// # Errors
/// [`crate::ErrorKind::Data`] with the line of an image whose eyes are annotated in one place, or if a found face has no point of
/// a name that the list has.
///
/// # Panics
/// If there are not as many lists of faces as images.
pub fn landmark_errors(list: &FacePoint, found: &[Vec<Face>]) -> Result<LandmarkErrors> {
    let FacePoint { names, images, .. } = list;
    assert_eq!(found.len(), images.len(), "faces for each image");
    let unit = ErrorUnit::of(names);
    let mut errors: Vec<Vec<f64>> = Vec::new();
    for (image, faces) in images.iter().zip(found) {
        let length = unit.length(image)?;
        let overlap = |face: &Face| PixelBox(face.bbox.to_array().map(f64::from)).overlap(&image.corners);
        let best = faces.iter().map(|face| (overlap(face), face)).max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, face)) = best.filter(|&(overlap, _)| overlap >= NEAREST_OVERLAP) {
            let error = |(name, &[x, y]): (&String, &[f64; 2])| {
                let point = face.point(name).ok_or_else(|| missing_point(list, name))?;
                Ok((f64::from(point.x) - x).hypot(f64::from(point.y) - y) / length)
            };
            errors.push(names.iter().zip(&image.points).map(error).collect::<Result<_>>()?);
        }
    }
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / errors.len() as f64;
    let mut each: Vec<f64> = errors.iter().map(|points| points.iter().sum::<f64>() / points.len() as f64).collect();
    each.sort_by(f64::total_cmp);
    let some = !each.is_empty();
    let middle = |each: &[f64]| (each[(each.len() - 1) / 2] + each[each.len() / 2]) / 2.0;
    let of_point = |i: usize| mean(&mut errors.iter().map(|points| points[i]));
    Ok(LandmarkErrors {
        images: images.len(),
        found: each.len(),
        mean: some.then(|| mean(&mut each.iter().copied())),
        median: some.then(|| middle(&each)),
        points: some.then(|| (0..names.len()).map(of_point).collect()),
        errors: each,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BBox, Landmarks, Point};

    /// Eyes 10 pixels from each other.
    const POINTS: [[f64; 2]; 5] = [[10.0, 10.0], [20.0, 10.0], [15.0, 15.0], [11.0, 20.0], [19.0, 20.0]];

    fn list(names: PointNames, images: Vec<FacePointImage>) -> FacePoint {
        FacePoint { root: "".into(), list: "list.txt".into(), crc32: 0, names, images }
    }

    fn image() -> FacePointImage {
        let points = POINTS.into();
        FacePointImage { name: "a.jpg".into(), line: 1, corners: PixelBox([0.0, 0.0, 29.0, 29.0]), points }
    }

    /// Points so far from where they are, in a box of that height.
    fn face(off: f32, height: f32) -> Face {
        let point = |[x, y]: [f64; 2]| Point { x: x as f32 + 0.6 * off, y: y as f32 - 0.8 * off };
        let bbox = BBox { x1: 0.0, y1: 0.0, x2: 29.0, y2: height - 1.0 };
        Face::new(bbox, 1.0, Landmarks::from_array(POINTS.map(point)))
    }

    #[test]
    fn three_images_by_hand() {
        let four = list(PointNames::default(), vec![image(), image(), image(), image()]);
        // The face that overlaps most counts; one that overlaps by a quarter does not; nothing is missed.
        let found = [vec![face(9.0, 10.0), face(1.0, 30.0)], vec![face(3.0, 20.0)], vec![face(1.0, 7.5)], vec![]];
        let errors = landmark_errors(&four, &found).unwrap();
        assert_eq!((errors.images, errors.found), (4, 2));
        for (value, expected) in
            [(errors.mean, 0.2), (errors.median, 0.2), (errors.points.as_ref().map(|it| it[3]), 0.2)]
        {
            approx::assert_abs_diff_eq!(value.unwrap(), expected, epsilon = 1e-6);
        }
        assert_eq!([0.05, 0.15, 0.5].map(|error| errors.within(error)), [0.0, 0.25, 0.5]);
        let nothing = landmark_errors(&list(PointNames::default(), vec![image()]), &[vec![]]).unwrap();
        assert_eq!((nothing.mean, nothing.found, nothing.within(1.0)), (None, 0, 0.0));
        let squint = list(PointNames::default(), vec![FacePointImage { points: vec![[1.0; 2]; 5], ..image() }]);
        assert!(landmark_errors(&squint, &[vec![]]).unwrap_err().to_string().contains("line 1: both eyes"));
    }

    #[test]
    fn other_points_are_compared_by_their_names_in_parts_of_the_box() {
        let names = PointNames::new(["nose", "mouth_left"].map(String::from).into()).unwrap();
        let list = list(names, vec![FacePointImage { points: POINTS[2..4].into(), ..image() }]);
        // A pixel from where they are, of a box of 30 pixels; the model has more points than the list.
        let errors = landmark_errors(&list, &[vec![face(1.0, 30.0)]]).unwrap();
        approx::assert_abs_diff_eq!(errors.mean.unwrap(), 1.0 / 30.0, epsilon = 1e-6);
        let without = Face::new(face(1.0, 30.0).bbox, 1.0, None);
        let error = landmark_errors(&list, &[vec![without]]).unwrap_err().to_string();
        assert!(error.contains("the model gives no point nose, which list.txt has"), "{error}");
        assert!(check_points(&list, &PointNames::default()).is_ok());
        assert_eq!(check_points(&list, &PointNames::of_count(0)).unwrap_err().to_string(), error);
    }
}
