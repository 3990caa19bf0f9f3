//! Sources and samples from the recipe and the arguments, checked: of sets, and of the doctor.

use std::path::Path;

use mtcnn_cpu::Stage;
use mtcnn_cpu::data::{BoxesOf, LandmarkCrops, Mining, RandomCrops, SampleOptions, Sources};
use mtcnn_cpu::train::{Recipe, StageRecipe};

use crate::common::outcome::Usage;
use crate::prepare::args;

/// What a recipe has for a net, with what was typed put over it.
pub(crate) struct Options {
    pub(crate) samples: SampleOptions,
    pub(crate) mining: Option<Mining>,
    /// How many points of a face the nets learn.
    pub(crate) points: usize,
}

impl Options {
    /// Of a recipe alone.
    pub(crate) fn of_recipe(recipe: &Path, stage: Stage) -> anyhow::Result<Self> {
        let recipe = Recipe::read(recipe)?;
        let StageRecipe { samples, mining, .. } = recipe.stage(stage).clone();
        Ok(Self { samples, mining, points: recipe.points })
    }

    pub(crate) fn set(&mut self, args: &args::Set) {
        let samples = &mut self.samples;
        put(&mut samples.seed, args.seed);
        let caps = &mut samples.caps;
        for (cap, typed) in [
            (&mut caps.negatives, args.max_negatives),
            (&mut caps.positives, args.max_positives),
            (&mut caps.parts, args.max_parts),
            (&mut caps.landmarks, args.max_landmarks),
        ] {
            put(cap, typed.map(|typed| typed.0));
        }
        self.landmarks(&args.landmarks);
    }

    pub(crate) fn landmarks(&mut self, args: &args::Landmarks) {
        let LandmarkCrops { tries, min_face, degrees, mirror, mined: _ } = &mut self.samples.landmarks;
        put(tries, args.landmark_tries);
        put(min_face, args.min_landmark_face);
        put(degrees, args.turn);
        *mirror &= !args.no_mirror;
    }

    /// Where random crops are taken at all.
    pub(crate) fn random(&mut self, args: &args::Random) {
        if let Some(RandomCrops { negatives, near, face, min_face, .. }) = &mut self.samples.random {
            put(negatives, args.random_negatives);
            put(near, args.near_negatives);
            put(face, args.face_tries);
            put(min_face, args.min_face);
        }
    }

    pub(crate) fn mining(&mut self, args: &args::Mining, boxes: Option<BoxesOf>) -> anyhow::Result<()> {
        let (Some(mined), Some(mining)) = (&mut self.samples.mined, &mut self.mining) else {
            return Err(Usage("--recipe: it does not say how samples are mined (samples.mined, mining)".into()).into());
        };
        put(&mut mined.negatives, args.mined_negatives);
        put(&mut mining.boxes_of, boxes);
        put(&mut mining.thresholds, args.mine_thresholds);
        put(&mut mining.min_face, args.mine_min_face);
        put(&mut mining.factor, args.mine_factor);
        if args.random_crops {
            self.samples.random.get_or_insert_default();
        }
        Ok(())
    }
}

fn put<T>(value: &mut T, typed: Option<T>) {
    if let Some(typed) = typed {
        *value = typed;
    }
}

pub(crate) fn sources(args: &args::Sources) -> anyhow::Result<Sources> {
    if args.wider.is_empty() && args.landmarks.is_none() {
        return Err(Usage("--wider or --landmarks is needed".into()).into());
    }
    Ok(Sources::read(&args.wider, args.landmarks.as_deref(), args.split)?)
}
