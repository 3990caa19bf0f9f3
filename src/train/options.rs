//! How a net is trained, as one value.

use serde::{Deserialize, Serialize};

use super::init::Initialisation;
use super::loss::{Convention, Loss};
use super::schedule::{Decay, Schedule};
use crate::arch::Stage;

/// How a net is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerOptions {
    /// Of the first parameters and of dropout.
    pub seed: u64,
    /// The points of a face that the net learns.
    #[serde(default = "TrainerOptions::five")]
    pub points: usize,
    /// The first parameters.
    pub initialisation: Initialisation,
    /// The part of the features before the heads that is dropped.
    pub dropout: f64,
    /// The loss.
    pub loss: Loss,
    /// The learning rate.
    pub schedule: Schedule,
    /// The part of the velocity that stays from step to step.
    pub momentum: f32,
    /// How much of their values the weights lose, times the learning rate.
    pub weight_decay: f32,
    /// Which parameters decay, and learn how fast.
    pub convention: Convention,
}

impl TrainerOptions {
    pub(super) fn five() -> usize {
        5
    }

    /// The options of a stage as someone has them; the schedule, which depends on the length of the
    /// training, is constant.
    #[must_use]
    pub fn new(stage: Stage, convention: Convention) -> Self {
        let dropped = stage == Stage::ONet && convention != Convention::Aittsmd;
        Self {
            seed: 1,
            points: 5,
            initialisation: Initialisation::XavierUniform,
            dropout: if dropped { 0.5 } else { 0.0 },
            loss: Loss::new(stage, convention),
            schedule: Schedule { rate: 0.001, warm_up: 0, decay: Decay::Constant },
            momentum: 0.9,
            weight_decay: 0.0005,
            convention,
        }
    }
}
