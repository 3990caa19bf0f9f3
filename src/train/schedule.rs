//! The learning rate over the steps of a training.

use serde::{Deserialize, Serialize};

/// How the rate falls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", rename_all_fields = "lowercase", tag = "kind", deny_unknown_fields)]
#[non_exhaustive]
pub enum Decay {
    /// It stays.
    Constant,
    /// It is multiplied by `factor` every `every` steps.
    Step {
        /// Steps from one fall to the next.
        every: u64,
        /// What the rate is multiplied with.
        factor: f64,
    },
    /// It is multiplied with `factor` at each of these steps.
    MultiStep {
        /// The steps, counted from 0.
        at: Vec<u64>,
        /// What the rate is multiplied with.
        factor: f64,
    },
    /// Down half a wave of the cosine, from the end of the warm-up to step `until`, and there it stays.
    Cosine {
        /// The step at which `to` is reached; without one in a recipe, the last.
        #[serde(default)]
        until: u64,
        /// The last rate, as a part of the first.
        to: f64,
    },
}

/// The learning rate at each step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The rate before it falls.
    pub rate: f64,
    /// Steps in which the rate rises evenly to its full height.
    pub warm_up: u64,
    /// How it falls.
    pub decay: Decay,
}

impl Schedule {
    /// The rate of a step, counted from 0.
    #[must_use]
    pub fn rate(&self, step: u64) -> f32 {
        let rise = if step < self.warm_up { (step + 1) as f64 / (self.warm_up + 1) as f64 } else { 1.0 };
        let fall = match &self.decay {
            Decay::Constant => 1.0,
            Decay::Step { every, factor } => factor.powf((step / (*every).max(1)) as f64),
            Decay::MultiStep { at, factor } => factor.powf(at.iter().filter(|&&at| at <= step).count() as f64),
            Decay::Cosine { until, to } => {
                let length = until.saturating_sub(self.warm_up).max(1) as f64;
                let part = (step.saturating_sub(self.warm_up) as f64 / length).min(1.0);
                to + (1.0 - to) * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
            }
        };
        (self.rate * rise * fall) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(warm_up: u64, decay: Decay, rates: &[(u64, f32)]) {
        let schedule = Schedule { rate: 0.1, warm_up, decay };
        for &(step, rate) in rates {
            approx::assert_relative_eq!(schedule.rate(step), rate, max_relative = 1e-6, epsilon = 1e-9);
        }
    }

    #[test]
    fn rates_fall_as_they_should() {
        check(0, Decay::Constant, &[(0, 0.1), (1_000_000, 0.1)]);
        check(0, Decay::Step { every: 10, factor: 0.1 }, &[(0, 0.1), (9, 0.1), (10, 0.01), (29, 0.001)]);
        let at = vec![6, 14];
        check(0, Decay::MultiStep { at, factor: 0.1 }, &[(5, 0.1), (6, 0.01), (13, 0.01), (14, 0.001)]);
        let cosine = Decay::Cosine { until: 104, to: 0.01 };
        check(4, cosine, &[(0, 0.02), (3, 0.08), (4, 0.1), (54, 0.0505), (104, 0.001), (9999, 0.001)]);
    }
}
