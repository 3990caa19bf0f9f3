//! What a detection returns: a box, a score and five landmarks, in pixels of the given image.

use crate::geometry::{BBox, Point};

/// The five points of a face; left and right are those of the image, not of the person. (0, 0) is the centre of the first pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Landmarks {
    /// Centre of the eye on the left side of the image.
    pub left_eye: Point,
    /// Centre of the eye on the right side of the image.
    pub right_eye: Point,
    /// Tip of the nose.
    pub nose: Point,
    /// Corner of the mouth on the left side of the image.
    pub mouth_left: Point,
    /// Corner of the mouth on the right side of the image.
    pub mouth_right: Point,
}

impl Landmarks {
    /// The names of the points, in the order of [`Landmarks::to_array`].
    pub const NAMES: [&str; 5] = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];

    /// The points in the order of [`Landmarks::NAMES`].
    #[must_use]
    pub fn to_array(&self) -> [Point; 5] {
        [self.left_eye, self.right_eye, self.nose, self.mouth_left, self.mouth_right]
    }

    /// The points from the order of [`Landmarks::NAMES`].
    #[must_use]
    pub fn from_array([left_eye, right_eye, nose, mouth_left, mouth_right]: [Point; 5]) -> Self {
        Self { left_eye, right_eye, nose, mouth_left, mouth_right }
    }
}

/// One detected face. With the feature `serde` it has the form in which the program prints faces as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Face {
    /// Where it is.
    #[cfg_attr(feature = "serde", serde(rename = "box"))]
    pub bbox: BBox,
    /// The probability that it is a face, by the last net: 0 to 1.
    pub score: f32,
    /// Eyes, nose and corners of the mouth.
    pub landmarks: Landmarks,
}

impl Face {
    /// A face from its parts.
    #[must_use]
    pub const fn new(bbox: BBox, score: f32, landmarks: Landmarks) -> Self {
        Self { bbox, score, landmarks }
    }

    /// The face moved by `dx` pixels to the right and `dy` down.
    #[must_use]
    pub fn moved(&self, dx: f32, dy: f32) -> Face {
        let points = self.landmarks.to_array().map(|point| Point::new(point.x + dx, point.y + dy));
        Face { bbox: self.bbox.moved(dx, dy), landmarks: Landmarks::from_array(points), ..*self }
    }
}

#[cfg(all(test, feature = "convert"))]
mod tests {
    use super::*;

    #[test]
    fn json_is_that_of_the_program_and_leads_back() {
        let points = [1.0, 2.0, 3.0, 4.0, 5.0].map(|x| Point::new(x, 0.5));
        let face = Face::new(BBox::new(1.5, -2.0, 30.25, 40.0), 0.75, Landmarks::from_array(points));
        let json = serde_json::to_string(&face).unwrap();
        let landmarks = r#"{"left_eye":[1.0,0.5],"right_eye":[2.0,0.5],"nose":[3.0,0.5],"mouth_left":[4.0,0.5],"mouth_right":[5.0,0.5]}"#;
        assert_eq!(json, format!(r#"{{"box":[1.5,-2.0,30.25,40.0],"score":0.75,"landmarks":{landmarks}}}"#));
        assert_eq!(serde_json::from_str::<Face>(&json).unwrap(), face);
    }
}
