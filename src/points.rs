//! The names of a model's points, and a face's points by these names: of models that give others than the five.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::geometry::Point;

/// The names of the five points of [`crate::Landmarks`], in its order.
pub(crate) const FIVE: [&str; 5] = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];

/// No model has more points: a file that says so is damaged, or meant to fill the memory.
pub(crate) const MOST_POINTS: usize = 256;

/// Letters of the longest name.
const LONGEST: usize = 64;

/// What may stand between the words of a name.
const SEPARATORS: [char; 3] = ['_', '-', '.'];

/// Names of points, each another, in the order of a model's answers.
///
/// A name has 1 to 64 ASCII letters, digits and `_`, `-`, `.`, and begins with a letter or a digit. Left and right in a name are
/// those of the image: they tell which points change their places in a mirror image.
#[derive(Clone)]
pub struct PointNames(Arc<Inner>);

struct Inner {
    names: Vec<String>,
    /// Where the five are, if all are there.
    five: Option<[usize; 5]>,
    mirror: Option<Vec<[usize; 2]>>,
}

impl PointNames {
    /// From the names themselves.
    ///
    /// # Errors
    /// The reason why they are none.
    pub fn new(names: Vec<String>) -> Result<Self, String> {
        if names.len() > MOST_POINTS {
            return Err(format!("{} points: at most {MOST_POINTS} are possible", names.len()));
        }
        for (i, name) in names.iter().enumerate() {
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || SEPARATORS.contains(&letter);
            if !name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
                || name.len() > LONGEST
                || !name.chars().all(is_plain)
            {
                let shown: String = name.chars().take(LONGEST).collect();
                return Err(format!(
                    "\"{}\" is no name of a point: it must be 1 to {LONGEST} letters, digits, and _ - . between them",
                    shown.escape_debug()
                ));
            }
            if names[..i].contains(name) {
                return Err(format!("two points are called {name}"));
            }
        }
        Ok(Self::of_sound(names))
    }

    fn of_sound(names: Vec<String>) -> Self {
        let five = FIVE.map(|of_five| names.iter().position(|name| name == of_five));
        let five = if five.contains(&None) { None } else { Some(five.map(Option::unwrap_or_default)) };
        let mirror = mirror(&names);
        Self(Arc::new(Inner { names, five, mirror }))
    }

    /// The names of as many points where nobody says them: the five, or `point_1`, `point_2` and so on.
    ///
    /// # Panics
    /// If they are more than 256.
    #[must_use]
    pub fn of_count(points: usize) -> Self {
        assert!(points <= MOST_POINTS, "{points} points");
        Self::of_sound(match points {
            5 => FIVE.map(str::to_owned).into(),
            _ => (1..=points).map(|number| format!("point_{number}")).collect(),
        })
    }

    /// Whether they are the five of [`crate::Landmarks`] and no others, in its order.
    #[must_use]
    pub fn are_the_five(&self) -> bool {
        self.0.names == FIVE
    }

    /// Where the five of [`crate::Landmarks`] are among them, if all are.
    #[must_use]
    pub fn five(&self) -> Option<[usize; 5]> {
        self.0.five
    }

    /// The pairs of points that change places in a mirror image: those whose names are the same but for `left` and `right`,
    /// or `l` and `r`, as words of their own. `None` if that can't be known: a name with one of them has no partner, or one
    /// without them has other words than those of points in the middle of a face, such as `nose` and `chin`.
    #[must_use]
    pub fn mirror_pairs(&self) -> Option<&[[usize; 2]]> {
        self.0.mirror.as_deref()
    }
}

impl Deref for PointNames {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0.names
    }
}

impl Default for PointNames {
    /// The five.
    fn default() -> Self {
        Self::of_count(5)
    }
}

impl PartialEq for PointNames {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.names == other.0.names
    }
}

impl Eq for PointNames {}

impl fmt::Debug for PointNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.names.fmt(f)
    }
}

impl fmt::Display for PointNames {
    /// The first of them, with commas: for a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        match self.len() {
            0 => f.write_str("none"),
            1..=SHOWN => f.write_str(&self.join(", ")),
            count => write!(f, "{}, … ({count} in all)", self[..SHOWN].join(", ")),
        }
    }
}

/// See [`PointNames::mirror_pairs`].
fn mirror(names: &[String]) -> Option<Vec<[usize; 2]>> {
    let mut pairs = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let mirrored = mirrored(name)?;
        if mirrored == *name {
            // `LEye` and `eye1` are on a side, too, which nobody can tell.
            if !name.split(SEPARATORS).all(|word| CENTRAL.contains(&&*word.to_ascii_lowercase())) {
                return None;
            }
        } else {
            let other = names.iter().position(|name| *name == mirrored)?;
            if is_left(name) {
                pairs.push([i, other]);
            }
        }
    }
    Some(pairs)
}

/// Words of points in the middle of a face.
const CENTRAL: [&str; 22] = [
    "between", "bottom", "bridge", "brows", "center", "centre", "chin", "eyes", "forehead", "glabella", "lip", "lips",
    "lower", "middle", "mouth", "nasion", "nose", "philtrum", "root", "tip", "top", "upper",
];

/// The words for left and right.
const SIDES: [[&str; 2]; 5] = [["left", "right"], ["Left", "Right"], ["LEFT", "RIGHT"], ["l", "r"], ["L", "R"]];

/// A name with left for right; `None` if one of them is in it, but no word of its own.
fn mirrored(name: &str) -> Option<String> {
    let mut mirrored = String::new();
    for part in name.split_inclusive(SEPARATORS) {
        let word = part.trim_end_matches(SEPARATORS);
        let other = SIDES.iter().find_map(|&[left, right]| match word {
            _ if word == left => Some(right),
            _ if word == right => Some(left),
            _ => None,
        });
        let small = word.to_ascii_lowercase();
        if other.is_none() && (small.contains("left") || small.contains("right")) {
            return None;
        }
        mirrored += other.unwrap_or(word);
        mirrored += &part[word.len()..];
    }
    Some(mirrored)
}

fn is_left(name: &str) -> bool {
    let first = name.split(SEPARATORS).find_map(|word| SIDES.iter().flatten().position(|&side| side == word));
    first.is_some_and(|place| place % 2 == 0)
}

/// The points of a face that is found by a model with others than the five; empty with any other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// None without points: an empty value takes no memory.
    names: Option<PointNames>,
    places: Vec<Point>,
}

impl Points {
    /// Without any.
    pub const EMPTY: Self = Self { names: None, places: Vec::new() };

    /// Points with their names.
    ///
    /// # Panics
    /// If there are not as many of both.
    #[must_use]
    pub fn new(names: &PointNames, places: Vec<Point>) -> Self {
        assert_eq!(names.len(), places.len(), "a name for each point");
        Self { names: (!places.is_empty()).then(|| names.clone()), places }
    }

    /// Their names, in their order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        self.names.as_deref().unwrap_or_default()
    }

    /// Names and points, in the model's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Point)> {
        self.names().iter().map(String::as_str).zip(self.places.iter().copied())
    }

    /// The point of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Point> {
        self.iter().find(|it| it.0 == name).map(|it| it.1)
    }

    /// Lets the points of each pair change their places.
    pub(crate) fn swap(&mut self, pairs: &[[usize; 2]]) {
        pairs.iter().for_each(|&[a, b]| self.places.swap(a, b));
    }

    /// The same names, at other places.
    pub(crate) fn at(&self, places: impl Iterator<Item = Point>) -> Self {
        Self { names: self.names.clone(), places: places.collect() }
    }
}

impl Deref for Points {
    type Target = [Point];

    fn deref(&self) -> &[Point] {
        &self.places
    }
}

/// A list of texts.
#[cfg(feature = "serde")]
impl serde::Serialize for PointNames {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.names.serialize(to)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for PointNames {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Result<PointNames, String> {
        PointNames::new(names.iter().map(|&name| name.into()).collect())
    }

    #[test]
    fn left_and_right_change_places_in_a_mirror() {
        assert_eq!(PointNames::default().mirror_pairs(), Some(&[[0, 1], [3, 4]][..]));
        let pairs = |list: &[&str]| names(list).unwrap().mirror_pairs().map(<[_]>::to_vec);
        assert_eq!(pairs(&["r_ear", "chin", "l_ear", "brow-Left.2", "brow-Right.2"]), Some(vec![[2, 0], [3, 4]]));
        assert_eq!(pairs(&["chin", "forehead"]), Some(vec![]));
        assert_eq!(pairs(&[]), Some(vec![]));
        for unknown in [
            &["point_1"][..],
            &["jaw_3", "chin"],
            &["left_eye", "nose"],
            &["LeftEye", "RightEye"],
            &["LEye", "REye"],
            &["7"],
        ] {
            assert_eq!(pairs(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn the_five_are_known_wherever_they_stand() {
        assert!(PointNames::of_count(5).are_the_five());
        let more = names(&["chin", "nose", "mouth_right", "left_eye", "right_eye", "mouth_left"]).unwrap();
        assert_eq!((more.five(), more.are_the_five()), (Some([3, 4, 1, 5, 2]), false));
        assert_eq!(PointNames::of_count(9).five(), None);
        assert_eq!(PointNames::of_count(2)[..], ["point_1", "point_2"]);
    }

    #[test]
    fn names_that_could_do_harm_or_mean_two_points_are_refused() {
        for (list, reason) in [
            (&["a", "a"][..], "two points are called a"),
            (&[""], "\"\" is no name of a point"),
            (&["\u{1b}[2J"], "\"\\u{1b}[2J\" is no name"),
            (&["-x"], "\"-x\" is no name"),
            (&["a,b"], "\"a,b\" is no name"),
            (&[&"x".repeat(65)], "is no name of a point"),
        ] {
            assert!(names(list).unwrap_err().contains(reason), "{list:?}");
        }
        let many: Vec<String> = (0..257).map(|i| format!("p{i}")).collect();
        assert_eq!(PointNames::new(many).unwrap_err(), "257 points: at most 256 are possible");
    }
}
