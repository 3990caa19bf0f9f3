//! The kinds of samples, and the nets that they are for.

use serde::{Deserialize, Serialize};

/// A net of the cascade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The first, which proposes boxes.
    PNet,
    /// The second, which rejects most of them.
    RNet,
    /// The third, which decides and finds the landmarks.
    ONet,
}

impl Stage {
    /// The side in pixels of the squares that the net looks at.
    pub fn side(self) -> usize {
        match self {
            Stage::PNet => 12,
            Stage::RNet => 24,
            Stage::ONet => 48,
        }
    }

    /// The name as the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::PNet => "pnet",
            Stage::RNet => "rnet",
            Stage::ONet => "onet",
        }
    }
}

/// What a sample is, which decides what can be learned from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// No face: it overlaps every face by less than 0.3.
    Negative,
    /// A face: it overlaps one by 0.65 or more.
    Positive,
    /// Part of a face: an overlap of 0.4 or more.
    Part,
    /// A face whose five points are known.
    Landmark,
}

impl Class {
    /// All classes, each at the place of its number.
    pub const ALL: [Class; 4] = [Class::Negative, Class::Positive, Class::Part, Class::Landmark];

    /// The label that all implementations of MTCNN use.
    pub fn label(self) -> i32 {
        match self {
            Class::Negative => 0,
            Class::Positive => 1,
            Class::Part => -1,
            Class::Landmark => -2,
        }
    }

    /// The name of many of them; files of a set begin with it.
    pub fn plural(self) -> &'static str {
        match self {
            Class::Negative => "negatives",
            Class::Positive => "positives",
            Class::Part => "parts",
            Class::Landmark => "landmarks",
        }
    }

    /// How many numbers are to be learned from a sample, beside whether it is a face.
    pub(crate) fn targets(self) -> usize {
        match self {
            Class::Negative => 0,
            Class::Positive | Class::Part => 4,
            Class::Landmark => 10,
        }
    }
}
