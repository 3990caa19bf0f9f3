//! A training from start to end: batches are drawn ahead by a thread of their own, which waits for the disk,
//! states are saved, and what was saved is gone on from.
//!
//! ```text
//! OUT/checkpoint.safetensors   the state, saved now and then
//! OUT/metrics.jsonl            losses, accuracy, recall and speed, a line for some steps
//! OUT/model.safetensors        the nets, when the training is complete
//! ```

use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mtcnn_kernels::Isa;
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use super::checkpoint;
use super::loader::Loader;
use super::metrics::{Metrics, Sums};
use super::options::TrainerOptions;
use super::sampler::{Mixture, Sampler};
use super::trainer::Trainer;
use crate::arch::Stage;
use crate::data::DataSet;
use crate::error::{Error, Result};
use crate::weights::Model;

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

/// A training to do. What is here and not in the plan does not change the result.
pub struct Training<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// The samples.
    pub data: &'a DataSet,
    /// Samples that are not learned from, to look at now and then.
    pub validation: Option<&'a DataSet>,
    /// A model file whose other nets the result has; the embedded weights if there is none.
    pub base: Option<&'a Path>,
    /// The folder for the files.
    pub out: &'a Path,
    /// Whether to go on from a checkpoint that is there.
    pub resume: bool,
    /// Steps from one checkpoint to the next.
    pub checkpoint_every: u64,
    /// Steps from one line of the metrics to the next.
    pub metrics_every: u64,
    /// Steps from one look at the validation set to the next.
    pub validate_every: u64,
    /// Where the work is done.
    pub pool: &'a ThreadPool,
    /// The instruction set.
    pub isa: Isa,
}

/// How far a training is.
#[derive(Clone, Debug)]
pub struct TrainingProgress<'a> {
    /// Steps done.
    pub step: u64,
    /// Steps to do.
    pub steps: u64,
    /// Steps that were done before this run.
    pub from: u64,
    /// A new line of the metrics.
    pub metrics: Option<&'a Metrics>,
}

/// How a training ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All steps are done and the model file is there.
    Complete,
    /// It was asked to stop, and the checkpoint is of this step.
    Stopped(u64),
}

/// The file of a training's folder that everything is in to go on with.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";
/// The file of a training's folder that [`Metrics`] reads.
pub const METRICS: &str = "metrics.jsonl";
/// The file that the trained nets are in: of a training's folder, and of a cascade's.
pub const MODEL: &str = "model.safetensors";

/// Batches that are drawn ahead.
const AHEAD: usize = 4;
/// Batches of a look at the validation set.
const VALIDATION_BATCHES: u64 = 20;
/// Of the draws for validation, which have nothing to do with those for training.
const VALIDATION_SEED: u64 = 1;

impl Training<'_> {
    /// Trains. `progress` is called after every step and says whether to go on; when it says no, a
    /// checkpoint is saved.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Train`] if the plan or the data make no sense, the folder has a training and it is not to be gone
    /// on with, or the loss is no longer a number; [`crate::ErrorKind::Data`] if a sample is damaged; [`crate::ErrorKind::Unreadable`].
    pub fn run(&self, progress: &mut (dyn FnMut(&TrainingProgress<'_>) -> bool + Send)) -> Result<Ended> {
        self.pool.install(|| self.run_in_pool(progress))
    }

    fn run_in_pool(&self, progress: &mut dyn FnMut(&TrainingProgress<'_>) -> bool) -> Result<Ended> {
        let Self { plan, data, out, .. } = *self;
        self.check()?;
        fs::create_dir_all(out).map_err(io(out))?;
        let _lock = lock(out)?;
        let text = serde_json::to_string(plan).expect("plain values");
        let fingerprint = data.manifest().fingerprint();
        let mut trainer = Trainer::new(plan.stage, self.isa, plan.options.clone());
        let mut sampler = Sampler::new(data, &plan.mixture, plan.options.seed)?;
        let mut validation = self.validation.map(|set| Validation::new(set, &plan.mixture, self.isa)).transpose()?;

        let path = out.join(CHECKPOINT);
        if path.exists() {
            if !self.resume {
                let reason = "there is a training already: it can be resumed; or train into another folder";
                return Err(Error::train(reason).at(out));
            }
            let saved = checkpoint::read(&path)?;
            let refuse =
                |what: &str| Err(Error::train(format!("{}: a checkpoint of a training {what}", path.display())));
            if saved.header.plan != text {
                return refuse(&difference(&saved.header.plan, &text));
            }
            if saved.header.data != fingerprint || !sampler.seek(&saved.header.cursors) {
                return refuse(&format!("with other samples than {}", data.folder().display()));
            }
            saved.restore(&path, &mut trainer)?;
        }
        let from = trainer.steps();
        let metrics_file = out.join(METRICS);
        Metrics::cut(&metrics_file, from)?;

        let (sender, drawn) = mpsc::sync_channel(AHEAD);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for step in from..plan.steps {
                    let draws = sampler.draw(step).map(|draws| (draws, sampler.cursors()));
                    // Nobody listens after an error or a stop.
                    if sender.send(draws).is_err() {
                        break;
                    }
                }
            });
            // Owned here, so that the thread above ends when this one leaves.
            let drawn = drawn;
            let mut samples = Loader::default();
            let (mut sums, mut began, mut saved) = (Sums::default(), Instant::now(), from);
            let mut not_steps = Duration::ZERO;
            while trainer.steps() < plan.steps {
                let Ok(next) = drawn.recv() else { break };
                let (draws, cursors) = next?;
                samples.make(self.isa, data, &draws)?;
                let rate = f64::from(trainer.rate());
                let terms = trainer.step(&samples.batch());
                let step = trainer.steps();
                if !terms.total.is_finite() {
                    return Err(self.diverged(step, rate, saved));
                }
                sums.add(&terms);
                let mut line = None;
                if step.is_multiple_of(self.metrics_every.max(1)) || step == plan.steps {
                    let seconds = began.elapsed().saturating_sub(not_steps).as_secs_f64();
                    let speed = (sums.steps as usize * terms_samples(plan)) as f64 / seconds.max(1e-9);
                    let metrics = sums.metrics(step, false, rate, speed);
                    metrics.append(&metrics_file)?;
                    line = Some(metrics);
                    (sums, began, not_steps) = (Sums::default(), Instant::now(), Duration::ZERO);
                }
                let mut going = progress(&TrainingProgress { step, steps: plan.steps, from, metrics: line.as_ref() });
                let pause = Instant::now();
                if let Some(validation) = &mut validation
                    && (step.is_multiple_of(self.validate_every.max(1)) || step == plan.steps)
                {
                    let metrics = validation.look(&mut trainer)?;
                    metrics.append(&metrics_file)?;
                    going &= progress(&TrainingProgress { step, steps: plan.steps, from, metrics: Some(&metrics) });
                }
                if step.is_multiple_of(self.checkpoint_every.max(1)) || step == plan.steps || !going {
                    if !trainer.is_finite() {
                        return Err(self.diverged(step, rate, saved));
                    }
                    checkpoint::write(&path, &trainer, &text, fingerprint, &cursors)?;
                    saved = step;
                }
                not_steps += pause.elapsed();
                if !going && step < plan.steps {
                    return Ok(Ended::Stopped(step));
                }
            }
            self.write_model(&trainer)?;
            Ok(Ended::Complete)
        })
    }

    /// What the training will miss, to be told to the user before it begins.
    ///
    /// # Errors
    /// As [`Sampler::new`].
    pub fn warnings(&self) -> Result<Vec<String>> {
        let sampler = Sampler::new(self.data, &self.plan.mixture, 0)?;
        let missing = sampler.missing().into_iter();
        let missing =
            missing.map(|class| format!("there are NO {}: what they teach will not be learned", class.plural()));
        let unknown = sampler.unknown_folders().into_iter();
        let unknown = unknown.map(|folder| format!("{folder} has a weight, but the samples are of no such folder"));
        Ok(missing.chain(unknown).collect())
    }

    fn check(&self) -> Result<()> {
        let Self { plan, data, .. } = *self;
        for set in [Some(data), self.validation].into_iter().flatten() {
            let (is, must) = (set.manifest().stage, plan.stage);
            if is != must {
                let reason = format!("samples for {}: {} is to be trained", is.name(), must.name());
                return Err(Error::train(reason).at(set.folder()));
            }
        }
        plan.check().map_err(Error::train)
    }

    fn diverged(&self, step: u64, rate: f64, saved: u64) -> Error {
        let checkpoint = match saved {
            0 => "nothing was saved".into(),
            _ => format!("{} is of step {saved}", self.out.join(CHECKPOINT).display()),
        };
        Error::train(format!(
            "step {step}: the loss is no longer a number: the learning rate, {rate}, is most likely too high; {checkpoint}"
        ))
    }

    fn write_model(&self, trainer: &Trainer) -> Result<()> {
        let mut model = match self.base {
            Some(path) => Model::read(path)?,
            None => Model::embedded(),
        };
        for parameter in trainer.net().parameters() {
            model.set(&parameter.name, parameter.values.clone());
        }
        let name = self.plan.stage.name();
        let origin = format!("{name} trained by mtcnn-cpu {} for {} steps", env!("CARGO_PKG_VERSION"), trainer.steps());
        model.write(&self.out.join(MODEL), &origin)
    }
}

impl Plan {
    fn check(&self) -> Result<(), String> {
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
}

/// Samples of a batch.
fn terms_samples(plan: &Plan) -> usize {
    plan.mixture.batch.sum()
}

/// A set to look at, always at the same samples.
struct Validation<'a> {
    set: &'a DataSet,
    mixture: Mixture,
    isa: Isa,
    samples: Loader,
}

impl<'a> Validation<'a> {
    fn new(set: &'a DataSet, mixture: &Mixture, isa: Isa) -> Result<Self> {
        let mixture = Mixture { mirror: false, jitter: 0.0, folders: Default::default(), ..mixture.clone() };
        Sampler::new(set, &mixture, VALIDATION_SEED)?;
        Ok(Self { set, mixture, isa, samples: Loader::default() })
    }

    fn look(&mut self, trainer: &mut Trainer) -> Result<Metrics> {
        let (began, mut sums) = (Instant::now(), Sums::default());
        let mut sampler = Sampler::new(self.set, &self.mixture, VALIDATION_SEED)?;
        for batch in 0..VALIDATION_BATCHES {
            self.samples.make(self.isa, self.set, &sampler.draw(batch)?)?;
            sums.add(&trainer.validate(&self.samples.batch()));
        }
        let samples = (VALIDATION_BATCHES as usize * self.mixture.batch.sum()) as f64;
        Ok(sums.metrics(trainer.steps(), true, 0.0, samples / began.elapsed().as_secs_f64()))
    }
}

/// Nobody else trains into the folder as long as it lives.
fn lock(out: &Path) -> Result<File> {
    let path = out.join("lock");
    let file = File::create(&path).map_err(io(&path))?;
    // A file system without locks is no reason to give up.
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => {
            Err(Error::train(format!("{}: another run trains into this folder", out.display())))
        }
        _ => Ok(file),
    }
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> Error + use<> {
    let path = path.to_path_buf();
    move |source| Error::read(&path, source)
}

/// Where two plans differ.
fn difference(saved: &str, asked: &str) -> String {
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    let (mut saved, mut asked, mut name) = (parse(saved), parse(asked), String::new());
    // Down to the first value that is another.
    while let (Some(a), Some(b)) = (saved.as_object(), asked.as_object()) {
        let Some(key) = b.keys().find(|&key| a.get(key) != b.get(key)).cloned() else { break };
        name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        (saved, asked) = (a.get(&key).cloned().unwrap_or_default(), b[&key].clone());
    }
    format!("with {name} {saved}: {asked} is asked for")
}
