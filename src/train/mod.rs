//! Training a net: forward and backward passes, the loss with hard examples online, and the descent.
//!
//! A [`Trainer`] takes a batch of crops at a time. The same seed and the same batches give the same bytes on
//! any number of threads: those of the rayon pool that a step is called in.

mod cascade;
mod checkpoint;
mod feed;
mod init;
mod jitter;
mod layer;
mod loss;
mod metrics;
mod net;
mod permutation;
mod recipe;
mod run;
mod samples;
mod schedule;
mod sgd;
mod share;
#[cfg(test)]
mod tests;

use mtcnn_kernels::Isa;
use serde::{Deserialize, Serialize};

use crate::arch::Stage;
use crate::data::Class;
pub use cascade::{Cascade, Event, Report, StageReport};
pub use feed::{Cursors, Feed, Mixture, Shares};
pub use init::Initialisation;
pub use loss::{Convention, Gradients, Loss, Terms};
pub use metrics::Metrics;
pub use net::{ANSWER, Answer, Dropout, Kind, Net, Parameter};
pub use recipe::{Evaluation, PRESETS, Recipe, StageRecipe, TrainingRecipe};
pub use run::{Ended, METRICS, MODEL, Plan, Progress, Training};
pub use samples::{Draw, Samples};
pub use schedule::{Decline, Schedule};
pub use sgd::{Multipliers, Sgd};

/// Samples to learn from. Targets that a sample's class has no use for are not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// `[sample][row][column][3]`, red first.
    pub crops: &'a [u8],
    /// What each sample is.
    pub classes: &'a [Class],
    /// Of positives and parts: how far the face's x1 y1 x2 y2 are from the crop's, in parts of its side.
    pub boxes: &'a [[f32; 4]],
    /// Of landmark faces: x1 y1 … x5 y5 in parts of the crop.
    pub points: &'a [[f32; 10]],
}

/// How a net is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Of the first parameters and of dropout.
    pub seed: u64,
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
    pub decay: f32,
    /// Which parameters decay, and learn how fast.
    pub convention: Convention,
}

impl Options {
    /// The options of a stage as someone has them; the schedule, which depends on the length of the
    /// training, is constant.
    pub fn new(stage: Stage, convention: Convention) -> Self {
        let dropped = stage == Stage::ONet && convention != Convention::Aittsmd;
        Self {
            seed: 1,
            initialisation: Initialisation::XavierUniform,
            dropout: if dropped { 0.5 } else { 0.0 },
            loss: Loss::new(stage, convention),
            schedule: Schedule { rate: 0.001, warm_up: 0, decline: Decline::Constant },
            momentum: 0.9,
            decay: 0.0005,
            convention,
        }
    }
}

/// A net in training.
pub struct Trainer {
    net: Net,
    sgd: Sgd,
    options: Options,
    step: u64,
    gradients: Gradients,
}

impl Trainer {
    /// A training of a stage's net from the start.
    pub fn new(stage: Stage, isa: Isa, options: Options) -> Self {
        let mut net = Net::new(stage, isa);
        options.initialisation.apply(&mut net, options.seed);
        let sgd = Sgd::new(net.parameters(), stage, options.convention, options.momentum, options.decay);
        Self { net, sgd, options, step: 0, gradients: Gradients::default() }
    }

    /// One step: forward, loss, backward, descent. Memory is allocated only where a batch is larger than
    /// those before.
    ///
    /// # Panics
    /// If the batch has not as many crops, classes and targets.
    pub fn step(&mut self, batch: &Batch<'_>) -> Terms {
        self.check(batch);
        let Self { net, sgd, options, step, gradients } = self;
        let dropout = Dropout::Drawn { seed: options.seed, step: *step, ratio: options.dropout };
        let answers = net.forward(batch.crops, (options.dropout > 0.0).then_some(&dropout));
        let terms = options.loss.of(batch, answers, gradients);
        net.backward(batch.crops, &gradients.answers, &gradients.active);
        net.change(|parameters| sgd.step(parameters, options.schedule.rate(*step)));
        *step += 1;
        terms
    }

    /// The loss of a batch that is not learned from: without dropout, all negatives and positives counted.
    ///
    /// # Panics
    /// As [`Trainer::step`].
    pub fn validate(&mut self, batch: &Batch<'_>) -> Terms {
        self.check(batch);
        let Self { net, options, gradients, .. } = self;
        Loss { hard_ratio: 1.0, ..options.loss }.of(batch, net.forward(batch.crops, None), gradients)
    }

    fn check(&self, batch: &Batch<'_>) {
        let (samples, side) = (batch.classes.len(), self.net.side());
        assert_eq!(batch.crops.len(), samples * side * side * 3, "a crop for each sample");
        assert!(batch.boxes.len() == samples && batch.points.len() == samples, "targets for each sample");
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The learning rate of the next step.
    pub fn rate(&self) -> f32 {
        self.options.schedule.rate(self.step)
    }

    /// The net.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Whether all parameters and velocities are numbers.
    pub fn is_finite(&self) -> bool {
        self.state().all(|(.., values)| values.iter().all(|value| value.is_finite()))
    }

    /// All numbers of the training's state: a name, the shape, and the values, in an order that is always the
    /// same. With [`Trainer::steps`] they are all that [`Trainer::restore`] needs.
    pub fn state(&self) -> impl Iterator<Item = (String, &[usize], &[f32])> {
        let parameters = self.net.parameters();
        let values = parameters.iter().map(|p| (p.name.clone(), &p.shape[..], &p.values[..]));
        let velocities = parameters.iter().zip(self.sgd.velocities());
        values.chain(velocities.map(|(p, v)| (format!("velocity.{}", p.name), &p.shape[..], &v[..])))
    }

    /// Goes on from an earlier training's [state](Trainer::state), after so many steps; the error is the
    /// reason why not, and the training is as it was.
    pub fn restore<'a>(&mut self, steps: u64, find: impl Fn(&str) -> Option<&'a [f32]>) -> Result<(), String> {
        let found = |name: &str, numbers: usize| match find(name) {
            Some(values) if values.len() == numbers => Ok(values.to_vec()),
            Some(values) => Err(format!("{name} has {} numbers: it must have {numbers}", values.len())),
            None => Err(format!("{name} is missing")),
        };
        let names = || self.net.parameters().iter().map(|p| (&p.name, p.values.len()));
        let values = names().map(|(name, n)| found(name, n)).collect::<Result<Vec<_>, _>>()?;
        let velocities =
            names().map(|(name, n)| found(&format!("velocity.{name}"), n)).collect::<Result<Vec<_>, _>>()?;
        self.net.change(|parameters| {
            for (parameter, values) in parameters.iter_mut().zip(values) {
                parameter.values = values;
            }
        });
        for (velocity, values) in self.sgd.velocities_mut().iter_mut().zip(velocities) {
            *velocity = values;
        }
        self.step = steps;
        Ok(())
    }
}
