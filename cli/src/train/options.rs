//! The plan of a net's training: the recipe's, with what was typed put over it.

use mtcnn_cpu::Stage;
use mtcnn_cpu::train::{ClassCounts, Plan, Recipe};

use crate::train::args::Net;

pub(crate) fn plan(stage: Stage, args: &Net) -> anyhow::Result<Plan> {
    let mut recipe = Recipe::read(&args.recipe)?;
    recipe.seed = args.seed.unwrap_or(recipe.seed);
    let training = match stage {
        Stage::PNet => &mut recipe.pnet.training,
        Stage::RNet => &mut recipe.rnet.training,
        Stage::ONet => &mut recipe.onet.training,
    };
    training.steps = args.steps.unwrap_or(training.steps);
    training.rate = args.rate.unwrap_or(training.rate);
    if let Some([positives, negatives, parts, landmarks]) = args.batch {
        training.batch = ClassCounts { positives, negatives, parts, landmarks };
    }
    training.convention = args.convention.unwrap_or(training.convention);
    Ok(recipe.plan(stage))
}
