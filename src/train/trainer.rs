//! A net in training: forward and backward pass, loss and descent, a batch at a time.

use mtcnn_kernels::Isa;

use super::batch::Batch;
use super::dropout::Dropout;
use super::loss::{Gradients, Loss, Terms};
use super::options::TrainerOptions;
use super::sgd::Sgd;
use super::trainable::TrainableNet;
use crate::arch::Stage;
use crate::weights::Model;

/// A net in training.
#[derive(Debug)]
pub struct Trainer {
    net: TrainableNet,
    sgd: Sgd,
    options: TrainerOptions,
    step: u64,
    gradients: Gradients,
}

impl Trainer {
    /// A training of a stage's net from the start.
    ///
    /// # Panics
    /// As [`TrainableNet::new`].
    #[must_use]
    pub fn new(stage: Stage, isa: Isa, options: TrainerOptions) -> Self {
        let mut net = TrainableNet::new(stage, options.points, isa);
        options.initialisation.apply(&mut net, options.seed);
        let sgd = Sgd::new(net.parameters(), stage, options.convention, options.momentum, options.weight_decay);
        Self { net, sgd, options, step: 0, gradients: Gradients::default() }
    }

    /// Lets the net begin with its parameters in a model. What only a training has, such as PNet's landmarks, begins with random
    /// ones.
    ///
    /// # Panics
    /// If the model gives another number of points with this net.
    pub(super) fn begin_with(&mut self, model: &Model) {
        self.net.change(|parameters| {
            for parameter in parameters {
                if let Some(values) = model.find(&parameter.name) {
                    parameter.values.copy_from_slice(values);
                }
            }
        });
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
        assert_eq!(batch.points.len(), samples * 2 * self.options.points, "points for each sample");
        let targets = [batch.offsets.len(), batch.boxed.len()];
        assert!(targets.iter().all(|&targets| targets == samples), "targets for each sample");
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
    pub fn net(&self) -> &TrainableNet {
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

    /// Goes on from an earlier training's [state](Trainer::state), which had done `steps` steps; the error is the
    /// reason why not, and then the training is as it was.
    pub fn restore<'a>(&mut self, steps: u64, find: impl Fn(&str) -> Option<&'a [f32]>) -> Result<(), String> {
        let found = |name: &str, numbers: usize| match find(name) {
            Some(values) if values.len() == numbers => Ok(values.to_vec()),
            Some(values) => Err(format!("{name} has {} values: it must have {numbers}", values.len())),
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
