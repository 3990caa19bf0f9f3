//! What samples to make; the defaults are the numbers of the original training scripts.

use serde::{Deserialize, Serialize};

use super::class::{Class, POSITIVE};
use super::ranges;
use crate::arch::Stage;

/// Everything that decides which samples are made, beside the images: the same options and sources
/// give the same set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleOptions {
    /// The seed of every random choice.
    #[serde(default)]
    pub seed: u64,
    /// How many samples of a class to keep.
    #[serde(default)]
    pub caps: Caps,
    /// Crops at random places, about faces and away from them.
    pub random: Option<RandomCrops>,
    /// Crops of faces whose points are known.
    pub landmarks: LandmarkCrops,
    /// Crops where the stages before found something; they need a detector.
    pub mined: Option<MinedCrops>,
}

impl SampleOptions {
    /// Each number against its range.
    pub(crate) fn check(&self) -> Result<(), String> {
        // A seed may be any.
        ranges::check("samples", &Self { seed: 0, ..self.clone() })
    }

    /// The defaults for a net: random crops for the first, mined ones for the others.
    pub fn new(stage: Stage) -> Self {
        let (negatives, parts) = match stage {
            Stage::PNet => (Some(1_000_000), Some(1_000_000)),
            Stage::RNet => (Some(600_000), Some(500_000)),
            Stage::ONet => (Some(300_000), None),
        };
        Self {
            seed: 0,
            caps: Caps { negatives, positives: None, parts, landmarks: None },
            random: (stage == Stage::PNet).then(RandomCrops::default),
            landmarks: LandmarkCrops::default(),
            mined: (stage != Stage::PNet).then(MinedCrops::default),
        }
    }
}

/// The most samples of each class; `None` keeps all. Of more, as many are chosen without favour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Of [`Class::Negative`].
    pub negatives: Option<u64>,
    /// Of [`Class::Positive`].
    pub positives: Option<u64>,
    /// Of [`Class::Part`].
    pub parts: Option<u64>,
    /// Of [`Class::Landmark`].
    pub landmarks: Option<u64>,
}

impl Caps {
    /// The cap of a class.
    #[must_use]
    pub fn of(&self, class: Class) -> Option<u64> {
        match class {
            Class::Negative => self.negatives,
            Class::Positive => self.positives,
            Class::Part => self.parts,
            Class::Landmark => self.landmarks,
        }
    }
}

/// Crops at random places of WIDER FACE, as `gen_12net_data` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomCrops {
    /// Negatives of an image, anywhere in it.
    pub negatives: u32,
    /// The most places to try for each of them: in a crowd there may be no room for any.
    pub tries: u32,
    /// Their smallest side; in an image too small for it, `near_side`.
    pub side: u32,
    /// Tries for negatives that touch a face, for each face.
    pub near: u32,
    /// Their smallest side.
    pub near_side: u32,
    /// Tries for positives and parts, for each face.
    pub face: u32,
    /// The longer side of the smallest face that crops are taken of. Smaller ones still keep negatives
    /// away.
    pub min_face: f64,
}

impl Default for RandomCrops {
    fn default() -> Self {
        Self { negatives: 50, tries: 20, side: 40, near: 5, near_side: 12, face: 20, min_face: 20.0 }
    }
}

/// Crops of CNN_FacePoint, as `gen_12net_landmark` takes them; mined ones need a detector.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LandmarkCrops {
    /// Tries for crops beside the face's own box.
    pub tries: u32,
    /// The longer side of the smallest face that crops are taken of. The original images' is 40.
    pub min_face: f64,
    /// By how many degrees some crops are turned, to either side; 0 turns none.
    pub degrees: f64,
    /// Whether some crops are mirrored.
    pub mirror: bool,
    /// The least overlap with the face of boxes of the stages before that are cropped, too, if any are: when faces are looked
    /// for, those are what the net is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mined: Option<f64>,
}

impl Default for LandmarkCrops {
    fn default() -> Self {
        Self { tries: 10, min_face: 40.0, degrees: 5.0, mirror: true, mined: None }
    }
}

/// Crops where the stages before found something, as `gen_rnet_example` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MinedCrops {
    /// The most negatives of an image; those of the best scores come first.
    pub negatives: u32,
    /// The smallest side of a crop.
    pub side: u32,
    /// The least overlap with a face that makes a crop a positive; with less it is a part of one. A net is asked about such boxes
    /// as the net before gives, of which many overlap a face by no more than half.
    pub positive: f64,
}

impl Default for MinedCrops {
    fn default() -> Self {
        Self { negatives: 100, side: 20, positive: POSITIVE }
    }
}
