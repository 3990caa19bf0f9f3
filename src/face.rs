//! What a detection returns: a box, a score and the points of a face, most often five, in pixels of the given image.

use crate::geometry::{BBox, Point};
use crate::points::{FIVE, PointNames, Points};

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
    pub const NAMES: [&str; 5] = FIVE;

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

/// One detected face. With the feature `serde` it has the form in which the program prints faces as JSON: `landmarks` has the
/// points by their names, whichever the model gives, and is not there without points.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Face {
    /// Where it is.
    pub bbox: BBox,
    /// The probability that it is a face, by the last net: 0 to 1.
    pub score: f32,
    /// Eyes, nose and corners of the mouth, if they are among the model's points, as they are with the weights inside.
    pub landmarks: Option<Landmarks>,
    /// All points of a model whose points are others than these five, more, or in another order; empty if it gives the five, or none. A face
    /// has memory of its own for them.
    pub points: Points,
}

impl Face {
    /// A face from its parts.
    #[must_use]
    pub fn new(bbox: BBox, score: f32, landmarks: impl Into<Option<Landmarks>>) -> Self {
        Self { bbox, score, landmarks: landmarks.into(), points: Points::EMPTY }
    }

    /// A face with a model's points, in the order of their names.
    ///
    /// # Panics
    /// If there are not as many of both.
    #[must_use]
    pub fn with_points(bbox: BBox, score: f32, names: &PointNames, places: &[Point]) -> Self {
        assert_eq!(names.len(), places.len(), "a name for each point");
        let landmarks = names.five().map(|five| Landmarks::from_array(five.map(|i| places[i])));
        let points = if names.are_the_five() { Points::EMPTY } else { Points::new(names, places.to_vec()) };
        Self { bbox, score, landmarks, points }
    }

    /// The face moved by `dx` pixels to the right and `dy` down.
    #[must_use]
    pub fn moved(&self, dx: f32, dy: f32) -> Face {
        self.placed(self.bbox.moved(dx, dy), |point| Point::new(point.x + dx, point.y + dy))
    }

    /// Its points by their names, in the model's order: those of [`Face::points`], or else the five.
    pub fn named_points(&self) -> impl Iterator<Item = (&str, Point)> {
        let five = self.landmarks.filter(|_| self.points.is_empty());
        self.points.iter().chain(five.into_iter().flat_map(|five| FIVE.into_iter().zip(five.to_array())))
    }

    /// The point of that name, if the model gives it.
    #[must_use]
    pub fn point(&self, name: &str) -> Option<Point> {
        self.named_points().find(|it| it.0 == name).map(|it| it.1)
    }

    /// All points, the five before the others, in the order in which [`Face::placed`] places them.
    pub(crate) fn all_points(&self) -> impl Iterator<Item = Point> {
        self.landmarks.into_iter().flat_map(|five| five.to_array()).chain(self.points.iter().map(|it| it.1))
    }

    /// The face in another box, each point where `place` puts it.
    pub(crate) fn placed(&self, bbox: BBox, mut place: impl FnMut(Point) -> Point) -> Self {
        let landmarks = self.landmarks.map(|five| Landmarks::from_array(five.to_array().map(&mut place)));
        let points = if self.points.is_empty() {
            Points::EMPTY
        } else {
            self.points.at(self.points.iter().map(|it| place(it.1)))
        };
        Self { bbox, score: self.score, landmarks, points }
    }

    /// The face with its points under the names that they have in a mirror image; `pairs` are of the model's names.
    pub(crate) fn renamed(mut self, pairs: &[[usize; 2]]) -> Self {
        if let Some(five) = self.landmarks {
            let [a, b, nose, c, d] = five.to_array();
            self.landmarks = Some(Landmarks::from_array([b, a, nose, d, c]));
        }
        if !self.points.is_empty() {
            self.points.swap(pairs);
        }
        self
    }

    /// Box and points at a part of the way to those of another face; the score stays.
    pub(crate) fn between(&self, other: &Self, part: f32) -> Self {
        let between = |a: f32, b: f32| a + part * (b - a);
        let (a, b) = (self.bbox.to_array(), other.bbox.to_array());
        let bbox: [f32; 4] = std::array::from_fn(|i| between(a[i], b[i]));
        let point = |(a, b): (Point, Point)| Point::new(between(a.x, b.x), between(a.y, b.y));
        let landmarks = self.landmarks.zip(other.landmarks).map(|(a, b)| {
            let (a, b) = (a.to_array(), b.to_array());
            Landmarks::from_array(std::array::from_fn(|i| point((a[i], b[i]))))
        });
        let points = match self.points.is_empty() || self.points.names() != other.points.names() {
            true => self.points.clone(),
            false => self.points.at(std::iter::zip(&*self.points, &*other.points).map(|(&a, &b)| point((a, b)))),
        };
        Self { bbox: bbox.into(), score: self.score, landmarks: landmarks.or(self.landmarks), points }
    }

    /// Whether all numbers of its points are finite.
    pub(crate) fn has_finite_points(&self) -> bool {
        self.named_points().all(|(_, Point { x, y })| x.is_finite() && y.is_finite())
    }
}

#[cfg(feature = "serde")]
const _: () = {
    use std::fmt;

    use serde::de::{Error, MapAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Points by their names, in their order.
    struct Named<'a>(&'a Face);

    impl Serialize for Named<'_> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_map(self.0.named_points())
        }
    }

    #[derive(Serialize)]
    #[serde(rename = "Face")]
    struct Written<'a> {
        r#box: BBox,
        score: f32,
        #[serde(skip_serializing_if = "Option::is_none")]
        landmarks: Option<Named<'a>>,
    }

    impl Serialize for Face {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let landmarks = self.named_points().next().is_some().then_some(Named(self));
            Written { r#box: self.bbox, score: self.score, landmarks }.serialize(to)
        }
    }

    /// The same, as it is read.
    #[derive(Default)]
    struct Read(Vec<String>, Vec<Point>);

    impl<'de> Deserialize<'de> for Read {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct ByName;

            impl<'de> Visitor<'de> for ByName {
                type Value = Read;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("points by their names")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
                    let mut read = Read::default();
                    while let Some((name, point)) = map.next_entry()? {
                        read.0.push(name);
                        read.1.push(point);
                    }
                    Ok(read)
                }
            }

            from.deserialize_map(ByName)
        }
    }

    impl<'de> Deserialize<'de> for Face {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            #[derive(Deserialize)]
            #[serde(rename = "Face")]
            struct Form {
                r#box: BBox,
                score: f32,
                #[serde(default)]
                landmarks: Read,
            }

            let Form { r#box, score, landmarks: Read(names, places) } = Form::deserialize(from)?;
            let names = PointNames::new(names).map_err(D::Error::custom)?;
            Ok(Face::with_points(r#box, score, &names, &places))
        }
    }
};

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

    #[test]
    fn points_of_other_names_have_them_in_json_and_a_face_without_points_has_no_key() {
        let names = ["chin", "nose", "left_eye", "right_eye", "mouth_left", "mouth_right"].map(String::from);
        let names = PointNames::new(names.into()).unwrap();
        let places: Vec<_> = (0..6).map(|i| Point::new(i as f32, 0.5)).collect();
        let face = Face::with_points(BBox::new(0.0, 0.0, 8.0, 8.0), 0.5, &names, &places);
        assert_eq!(face.landmarks.map(|five| five.nose), Some(Point::new(1.0, 0.5)));
        assert_eq!((face.point("chin"), face.point("ear")), (Some(Point::new(0.0, 0.5)), None));
        let json = serde_json::to_string(&face).unwrap();
        assert!(json.contains(r#""landmarks":{"chin":[0.0,0.5],"nose":[1.0,0.5],"#), "{json}");
        assert_eq!(serde_json::from_str::<Face>(&json).unwrap(), face);

        let face = Face::new(BBox::new(0.0, 0.0, 8.0, 8.0), 0.5, None);
        let json = serde_json::to_string(&face).unwrap();
        assert_eq!(json, r#"{"box":[0.0,0.0,8.0,8.0],"score":0.5}"#);
        assert_eq!(serde_json::from_str::<Face>(&json).unwrap(), face);
    }

    #[test]
    fn all_points_of_a_face_move_with_it() {
        let names = PointNames::of_count(3);
        let places = [1.0, 2.0, 3.0].map(|x| Point::new(x, x));
        let face = Face::with_points(BBox::default(), 0.5, &names, &places).moved(10.0, 20.0);
        assert_eq!(face.points[..], [1.0, 2.0, 3.0].map(|x| Point::new(x + 10.0, x + 20.0)));
        let half = face.between(&face.moved(2.0, 4.0), 0.5);
        assert_eq!(half, face.moved(1.0, 2.0));
    }
}
