//! The kinds of samples.

use serde::{Deserialize, Serialize};

/// This much overlap with a face or more is one, where nothing else is asked for.
pub(super) const POSITIVE: f64 = 0.65;

/// What a sample is, which decides what can be learned from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// No face: it overlaps every face by less than 0.3.
    Negative,
    /// A face: it overlaps one by 0.65 or more, or by as much as [`crate::data::MinedCrops::positive`] says.
    Positive,
    /// Part of a face: an overlap of 0.4 or more, and less than that.
    Part,
    /// A face whose points are known.
    Landmark,
}

impl Class {
    /// All classes, each at the place of its number.
    pub const ALL: [Class; 4] = [Class::Negative, Class::Positive, Class::Part, Class::Landmark];

    /// The label that all implementations of MTCNN use.
    #[must_use]
    pub fn label(self) -> i32 {
        match self {
            Class::Negative => 0,
            Class::Positive => 1,
            Class::Part => -1,
            Class::Landmark => -2,
        }
    }

    /// The name of many of them; files of a set begin with it.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Class::Negative => "negatives",
            Class::Positive => "positives",
            Class::Part => "parts",
            Class::Landmark => "landmarks",
        }
    }

    /// How many numbers are to be learned from a sample, beside whether it is a face, where a face has so many points.
    pub(crate) fn targets(self, points: usize) -> usize {
        match self {
            Class::Negative => 0,
            Class::Positive | Class::Part => 4,
            Class::Landmark => 2 * points,
        }
    }
}
