//! What decides the result of a training, beside the samples.

use serde::{Deserialize, Serialize};

use super::options::TrainerOptions;
use super::sampler::Mixture;
use super::schedule::Decay;
use crate::arch::Stage;

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
}

impl Plan {
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { steps, mixture, options, .. } = self;
        let within = |name: &str, value: f64, from: f64, to: f64| match (from..=to).contains(&value) {
            true => Ok(()),
            false => Err(format!("{name} is {value}: it must be from {from} to {to}")),
        };
        within("the number of steps", *steps as f64, 1.0, 1e12)?;
        within("the samples of a batch", mixture.batch.sum() as f64, 1.0, 65536.0)?;
        within("the jitter", mixture.jitter, 0.0, 1.0)?;
        within("the learning rate", options.schedule.rate, 0.0, 1e3)?;
        within("the momentum", options.momentum.into(), 0.0, 0.9999)?;
        within("the weight decay", options.weight_decay.into(), 0.0, 1.0)?;
        within("the dropout", options.dropout, 0.0, 0.99)?;
        within("the part of hard examples", options.loss.hard_ratio, 0.0, 1.0)
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
