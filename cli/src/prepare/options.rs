//! Sources and crops from their arguments: of sets, and of the doctor.

use mtcnn_cpu::data::{LandmarkCrops, RandomCrops, Sources};

use crate::common::outcome::Usage;
use crate::prepare::args;

pub(crate) fn sources(args: &args::Sources) -> anyhow::Result<Sources> {
    if args.wider.is_none() && args.landmarks.is_none() {
        return Err(Usage("--wider or --landmarks is needed".into()).into());
    }
    Ok(Sources::read(args.wider.as_deref(), args.landmarks.as_deref(), args.split)?)
}

pub(crate) fn random_crops(args: &args::Random) -> RandomCrops {
    RandomCrops {
        negatives: args.random_negatives,
        near: args.near_negatives,
        face: args.face_tries,
        min_face: args.min_face,
        ..RandomCrops::default()
    }
}

pub(crate) fn landmark_crops(args: &args::Landmarks) -> LandmarkCrops {
    LandmarkCrops {
        tries: args.landmark_tries,
        min_face: args.min_landmark_face,
        degrees: args.turn,
        mirror: !args.no_mirror,
    }
}
