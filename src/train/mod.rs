//! Training a net: forward and backward passes, the loss with hard examples online, and the descent.
//!
//! A [`Trainer`] takes a batch of crops at a time. The same seed and the same batches give the same bytes on
//! any number of threads: those of the rayon pool that a step is called in.

mod answer;
mod batch;
mod cascade;
mod checkpoint;
mod dropout;
mod init;
mod jitter;
mod layer;
mod loader;
mod loss;
mod metrics;
mod net;
mod options;
mod parameter;
mod permutation;
mod plan;
mod recipe;
mod run;
mod sampler;
mod schedule;
mod sgd;
mod shard;
#[cfg(test)]
mod tests;
mod trainable;
mod trainer;
mod validation;

pub use batch::Batch;
pub use cascade::{Cascade, CascadeEvent, CascadeReport, Measured, StageReport};
pub use dropout::Dropout;
pub use init::Initialisation;
pub use loader::{Draw, Loader};
pub use loss::{Convention, Gradients, Loss, Terms};
pub use metrics::Metrics;
pub use options::TrainerOptions;
pub use parameter::{Parameter, ParameterKind};
pub use plan::Plan;
pub use recipe::{EvaluationRecipe, PRESETS, Recipe, StageRecipe, TrainingRecipe};
pub use run::{Ended, METRICS, MODEL, Training, TrainingProgress};
pub use sampler::{ClassCounts, Cursors, Mixture, Sampler};
pub use schedule::{Decay, Schedule};
pub use sgd::{Multipliers, Sgd};
pub use trainable::TrainableNet;
pub use trainer::Trainer;
