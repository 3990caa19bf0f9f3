//! Where a model's boxes and points lie beside where they should: nets that were trained on crops counted from 1 lean.

#[cfg(any(feature = "convert", feature = "train"))]
use std::collections::BTreeMap;

use crate::quote::quoted;
use crate::range::Range;

/// The keys of a model file's description.
const BOXES: &str = "box_shift";
const POINTS: &str = "point_shift";

/// Shifts that a file may ask for, in pixels.
const SHIFTS: Range = Range::pixels(-10.0, 10.0);

/// What a model's faces must be moved by where crops are cut exactly, to the right and down, in pixels of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lean {
    pub(crate) boxes: f64,
    pub(crate) points: f64,
}

impl Lean {
    /// Of the original nets, and of all that do not say. They were trained on crops that count pixels from 1 and annotation
    /// that counts from 0; the mirror image of a face shows that their boxes begin .9 pixels too far to the left.
    pub(crate) const ORIGINAL: Self = Self { boxes: 0.9, points: -0.55 };

    /// Of nets that were trained here: points of a crop are counted from the centre of its first pixel to that of its last.
    #[cfg(feature = "train")]
    pub(crate) const TRAINED: Self = Self { boxes: 0.0, points: -0.5 };

    /// From what a description says of a key; the error is the reason why not.
    pub(super) fn read<'a>(entry: impl Fn(&str) -> Option<&'a str>) -> Result<Self, String> {
        let shift = |key: &str, otherwise: f64| match entry(key) {
            None => Ok(otherwise),
            Some(text) => match text.parse() {
                Ok(shift) => SHIFTS.check(key, shift).map(|()| shift),
                Err(_) => Err(format!("{key} is {}, which is no number of pixels", quoted(text))),
            },
        };
        Ok(Self { boxes: shift(BOXES, Self::ORIGINAL.boxes)?, points: shift(POINTS, Self::ORIGINAL.points)? })
    }

    /// The entries of a description that tell it.
    #[cfg(feature = "convert")]
    pub(super) fn entries(description: &BTreeMap<String, String>) -> impl Iterator<Item = (String, String)> {
        [BOXES, POINTS].into_iter().filter_map(|key| Some((key.into(), description.get(key)?.clone())))
    }

    /// Into a description.
    #[cfg(feature = "train")]
    pub(super) fn write(self, description: &mut BTreeMap<String, String>) {
        for (key, shift) in [(BOXES, self.boxes), (POINTS, self.points)] {
            description.insert(key.into(), shift.to_string());
        }
    }

    /// The part of another's that is left where this much of the difference to it was learned.
    #[cfg(feature = "train")]
    pub(crate) fn towards(self, other: Self, part: f64) -> Self {
        let between = |from: f64, to: f64| from + part * (to - from);
        Self { boxes: between(self.boxes, other.boxes), points: between(self.points, other.points) }
    }
}
