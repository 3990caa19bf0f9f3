//! The loss of samples that are not learned from, always of the same ones.

use std::collections::BTreeMap;
use std::time::Instant;

use mtcnn_kernels::Isa;

use super::loader::Loader;
use super::metrics::{Metrics, Sums};
use super::sampler::{Mixture, Sampler};
use super::trainer::Trainer;
use crate::data::DataSet;
use crate::error::Result;

/// Batches of one validation.
const BATCHES: u64 = 20;
/// Of the draws for validation, which have nothing to do with those for training.
const SEED: u64 = 1;

/// A set to look at, always at the same samples.
pub(super) struct Validation<'a> {
    set: &'a DataSet,
    mixture: Mixture,
    isa: Isa,
    loader: Loader,
}

impl<'a> Validation<'a> {
    pub(super) fn new(set: &'a DataSet, mixture: &Mixture, isa: Isa) -> Result<Self> {
        let mixture = Mixture { mirror: false, jitter: 0.0, folders: BTreeMap::new(), ..mixture.clone() };
        Sampler::new(set, &mixture, SEED)?;
        Ok(Self { set, mixture, isa, loader: Loader::default() })
    }

    pub(super) fn run(&mut self, trainer: &mut Trainer) -> Result<Metrics> {
        let (began, mut sums) = (Instant::now(), Sums::default());
        let mut sampler = Sampler::new(self.set, &self.mixture, SEED)?;
        for batch in 0..BATCHES {
            self.loader.make(self.isa, self.set, &sampler.draw(batch)?);
            sums.add(&trainer.validate(&self.loader.batch()));
        }
        let samples = (BATCHES as usize * self.mixture.batch.sum()) as f64;
        Ok(sums.metrics(trainer.steps(), true, 0.0, samples / began.elapsed().as_secs_f64()))
    }
}
