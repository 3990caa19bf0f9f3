//! What decides the result of a training, beside the samples.

use serde::{Deserialize, Serialize};

use super::options::TrainerOptions;
use super::sampler::Mixture;
use super::schedule::Decay;
use crate::arch::Stage;
use crate::data::ranges;
use crate::range::Range;

/// All samples of a batch together.
const BATCH: Range = Range::new(1.0, 65536.0);

/// Everything that decides the result of a training, beside the samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The net.
    pub stage: Stage,
    /// Steps to do.
    pub steps: u64,
    /// What batches are made of.
    pub mixture: Mixture,
    /// How the net is trained.
    pub options: TrainerOptions,
    /// The part of what was learned in the result of a training that began with given parameters; the rest of it is those. A
    /// mean of both often has most of what was learned, and most of what the given ones know of other images (Wortsman et al.
    /// 2022, "Robust fine-tuning of zero-shot models").
    #[serde(default = "Plan::all_learned")]
    pub blend: f64,
    /// What is added to the logit of a face in the result, so that at equal thresholds more passes, or less: about what training with
    /// `e^score_shift` times as many faces for each negative would give (Menon et al. 2021, "Long-tail learning via logit adjustment").
    /// What is told of a training under way, losses and curves, is of the net without it.
    #[serde(default)]
    pub score_shift: f64,
}

impl Plan {
    fn all_learned() -> f64 {
        1.0
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let Self { steps, mixture, options, .. } = self;
        let TrainerOptions { loss, schedule, .. } = options;
        for (name, key, value) in [
            ("the number of points", "points", options.points as f64),
            ("the number of steps", "training.steps", *steps as f64),
            ("the jitter", "training.jitter", mixture.jitter),
            ("the learning rate", "training.rate", schedule.rate),
            ("the warm-up", "training.warm_up", schedule.warm_up as f64),
            ("the momentum", "training.momentum", options.momentum.into()),
            ("the weight decay", "training.weight_decay", options.weight_decay.into()),
            ("the blend", "training.blend", self.blend),
            ("the shift of scores", "training.score_shift", self.score_shift),
            ("the dropout", "training.dropout", options.dropout),
            ("the part of hard examples", "training.hard_ratio", loss.hard_ratio),
        ] {
            ranges::range(key).check(name, value)?;
        }
        ranges::check("training.weights", &loss.weights.to_vec())?;
        ranges::check("training.rate_decay", &schedule.decay)?;
        ranges::check("training.initialisation", &options.initialisation)?;
        ranges::check("training.folders", &mixture.folders)?;
        ranges::check("training.batch", &mixture.batch)?;
        BATCH.check("the sum of a batch", mixture.batch.sum() as f64)
    }

    /// The same plan with another number of steps. A schedule that ends with the training still does.
    pub(super) fn with_steps(mut self, steps: u64) -> Self {
        if let Decay::Cosine { until, .. } = &mut self.options.schedule.decay
            && *until == self.steps
        {
            *until = steps;
        }
        self.steps = steps;
        self
    }

    /// Where another plan has another value, in the words of a recipe, and its option if it has one.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        let value = |plan: &Self| serde_json::to_value(plan).expect("plain values");
        let (mut one, mut two, mut path) = (value(self), value(other), Vec::new());
        // Down to the first value that is another.
        while let (Some(a), Some(b)) = (one.as_object(), two.as_object()) {
            let Some(key) = b.keys().find(|&key| a.get(key) != b.get(key)).cloned() else { break };
            (one, two) = (a.get(&key).cloned().unwrap_or_default(), b[&key].clone());
            path.push(key);
        }
        let name = path.iter().rfind(|key| !["kind", "0"].contains(&key.as_str()))?;
        let option = |key: &String| ["steps", "seed", "rate", "batch", "convention"].contains(&key.as_str());
        let option = path.iter().find(|key| option(key)).map(|key| format!(" (--{key})")).unwrap_or_default();
        Some(format!("the {}{option} is {one} in the checkpoint and {two} now", name.replace('_', " ")))
    }
}
