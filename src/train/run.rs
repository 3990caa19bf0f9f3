//! A training from start to end: batches are drawn ahead by a thread of their own, which waits for the disk,
//! states are saved, and what was saved is gone on from.
//!
//! ```text
//! OUT/checkpoint.safetensors   the state, saved now and then
//! OUT/metrics.jsonl            losses, accuracy, recall and speed, a line for some steps
//! OUT/model.safetensors        the nets, when the training is complete
//! ```

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mtcnn_kernels::Isa;
use rayon::ThreadPool;

use super::checkpoint::{self, Inputs};
use super::loader::{Draw, Loader};
use super::metrics::{Metrics, Sums};
use super::plan::Plan;
use super::sampler::{Cursors, Sampler};
use super::trainer::Trainer;
use super::validation::Validation;
use crate::arch::Stage;
use crate::data::DataSet;
use crate::error::{Error, Result};
use crate::files;
use crate::points::PointNames;
use crate::weights::{Lean, Model};

/// A training to do. What is here and not in the plan does not change the result.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// The samples.
    pub data: &'a DataSet,
    /// Samples that are not learned from, to look at now and then.
    pub validation: Option<&'a DataSet>,
    /// A model file whose other nets the result has; the embedded weights if there is none.
    pub base: Option<&'a Path>,
    /// Whether the net begins with its parameters in `base`, and not with random ones.
    pub fine_tune: bool,
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
#[non_exhaustive]
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
#[non_exhaustive]
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

/// Why a net without steps is not trained.
pub(super) const NO_STEPS: &str =
    "0 steps leave a net as it is given: that is for train cascade --from, and not for all nets";

/// Batches that are drawn ahead.
const AHEAD: usize = 4;
/// A model of the three nets has 2 MB.
pub(super) const MOST_MODEL: u64 = 64 << 20;

impl Training<'_> {
    /// Trains. `progress` is called after every step and says whether to go on; when it says no, a
    /// checkpoint is saved.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Train`] if the plan or the data make no sense, the folder has a training and it is not to be gone
    /// on with, or the loss is no longer a number; [`crate::ErrorKind::Data`] if a sample is damaged; [`crate::ErrorKind::Unreadable`].
    pub fn run(&self, progress: &mut (dyn FnMut(&TrainingProgress<'_>) -> ControlFlow<()> + Send)) -> Result<Ended> {
        self.pool.install(|| self.run_in_pool(progress))
    }

    fn run_in_pool(&self, progress: &mut dyn FnMut(&TrainingProgress<'_>) -> ControlFlow<()>) -> Result<Ended> {
        self.check()?;
        fs::create_dir_all(self.out).map_err(|source| Error::write(self.out, source))?;
        let another = || Error::train("another run trains into this folder").at(self.out);
        let _lock = files::lock(&self.out.join("lock"))?.ok_or_else(another)?;
        // Before hours of work that would end with this error.
        let mut base = self.base_model()?;
        let (stage, names) = (self.plan.stage, &self.data.manifest().points);
        if self.fine_tune && (base.names() != names || base.arch(stage).points != names.len()) {
            check_blend(&base, self.plan, names)?;
            // Points of other names are other points, however many they are.
            base.forget_points(stage);
        }
        let mut session = Session::new(self, &base)?;
        let from = session.trainer.steps();
        Metrics::cut(&session.metrics_file, from)?;

        let steps = self.plan.steps;
        let mut sampler = Sampler::new(self.data, &self.plan.mixture, self.plan.options.seed)?;
        sampler.seek(&session.progress.cursors);
        let (sender, drawn) = mpsc::sync_channel(AHEAD);
        let ended = std::thread::scope(|scope| {
            scope.spawn(move || {
                for step in from..steps {
                    let draws = sampler.draw(step).map(|draws| (draws, sampler.cursors()));
                    // Nobody listens after an error or a stop.
                    if sender.send(draws).is_err() {
                        break;
                    }
                }
            });
            // Owned here, so that the thread above ends when this one leaves.
            let drawn = drawn;
            while session.trainer.steps() < steps {
                let Ok(next) = drawn.recv() else { break };
                let (draws, cursors) = next?;
                session.step(&draws, cursors)?;
                let mut flow = session.report(from, progress)?;
                if session.validate(from, progress)?.is_break() {
                    flow = ControlFlow::Break(());
                }
                let step = session.trainer.steps();
                if step.is_multiple_of(self.checkpoint_every.max(1)) || step == steps || flow.is_break() {
                    session.save()?;
                }
                if flow.is_break() && step < steps {
                    return Ok(Ended::Stopped(step));
                }
            }
            Ok(Ended::Complete)
        })?;
        if ended == Ended::Complete {
            self.write_model(base, &session.trainer)?;
        }
        Ok(ended)
    }

    /// What the training will miss, to be told to the user before it begins.
    ///
    /// # Errors
    /// As [`Sampler::new`].
    pub fn warnings(&self) -> Result<Vec<String>> {
        self.check()?;
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
            let (names, points) = (&set.manifest().points, plan.options.points);
            if names.len() != points {
                let there = names.len();
                let reason =
                    format!("samples with {there} points of a face: the recipe asks for {points} (points = {points})");
                return Err(Error::train(reason).at(set.folder()));
            }
            if *names != data.manifest().points {
                let trained = &data.manifest().points;
                let reason = format!("samples with the points {names}: those that are trained with have {trained}");
                return Err(Error::train(reason).at(set.folder()));
            }
        }
        if plan.steps == 0 {
            return Err(Error::train(NO_STEPS));
        }
        plan.check().map_err(Error::train)
    }

    fn base_model(&self) -> Result<Model> {
        self.base.map_or_else(|| Ok(Model::embedded()), Model::read)
    }

    fn write_model(&self, mut model: Model, trainer: &Trainer) -> Result<()> {
        let learned = if self.fine_tune { self.plan.blend as f32 } else { 1.0 };
        let mut parameters = Vec::new();
        for parameter in trainer.net().parameters() {
            let mut values = parameter.values.clone();
            if learned < 1.0
                && let Some(given) = model.find(&parameter.name)
            {
                values.iter_mut().zip(given).for_each(|(value, given)| *value = given + learned * (*value - given));
            }
            if let [_, face] = &mut values[..]
                && parameter.name.ends_with(".cls.bias")
            {
                *face += self.plan.score_shift as f32;
            }
            parameters.push((parameter.name.clone(), values));
        }
        let names = &self.data.manifest().points;
        if self.plan.stage == Stage::ONet {
            let mut lean = model.lean().towards(Lean::TRAINED, learned.into());
            if model.names() != names {
                // Nothing of the given ones is left in them.
                lean.points = Lean::TRAINED.points;
            }
            model.set_lean(lean);
        }
        model.set_net(self.plan.stage, names, parameters);
        let name = self.plan.stage.name();
        let origin = format!("{name} trained by mtcnn-cpu {} for {} steps", env!("CARGO_PKG_VERSION"), trainer.steps());
        model.write(&self.out.join(MODEL), &origin)
    }

    /// What it is made from, with checksums.
    fn inputs(&self) -> Result<Inputs> {
        let base = self.base.map(|path| files::read(path, MOST_MODEL)).transpose()?;
        Ok(Inputs {
            plan: self.plan.clone(),
            data: self.data.manifest().fingerprint(),
            validation: self.validation.map(|set| set.manifest().fingerprint()),
            base: base.map(|bytes| crc32fast::hash(&bytes)),
            fine_tuned: self.fine_tune,
        })
    }
}

/// Whether points of these names can be learned from a given model with other ones: in a mean of both nets they would be where
/// neither has them.
pub(super) fn check_blend(given: &Model, plan: &Plan, names: &PointNames) -> Result<()> {
    let (known, blend) = (given.names(), plan.blend);
    if plan.stage != Stage::ONet || blend >= 1.0 || names.is_empty() || known == names {
        return Ok(());
    }
    Err(Error::train(format!(
        "the points to learn are {names}, and those of the given net {known}: a mean of both (blend = {blend}) has neither; \
         blend = 1.0 in the recipe's onet.training learns them"
    )))
}

/// A training under way.
struct Session<'a> {
    training: &'a Training<'a>,
    inputs: Inputs,
    trainer: Trainer,
    validation: Option<Validation<'a>>,
    loader: Loader,
    progress: checkpoint::Progress,
    checkpoint: PathBuf,
    metrics_file: PathBuf,
    /// The step of the checkpoint.
    saved: u64,
    /// Since the last line of the metrics, without what was no step.
    began: Instant,
    pauses: Duration,
    rate: f64,
}

impl<'a> Session<'a> {
    /// At the start, or where the checkpoint is.
    fn new(training: &'a Training<'a>, base: &Model) -> Result<Self> {
        let Training { plan, data, out, isa, .. } = *training;
        let sampler = Sampler::new(data, &plan.mixture, plan.options.seed)?;
        let progress = checkpoint::Progress { cursors: sampler.cursors(), sums: Sums::default() };
        let mut session = Self {
            training,
            inputs: training.inputs()?,
            trainer: Trainer::new(plan.stage, isa, plan.options.clone()),
            validation: training.validation.map(|set| Validation::new(set, &plan.mixture, isa)).transpose()?,
            loader: Loader::default(),
            progress,
            checkpoint: out.join(CHECKPOINT),
            metrics_file: out.join(METRICS),
            saved: 0,
            began: Instant::now(),
            pauses: Duration::ZERO,
            rate: 0.0,
        };
        if training.fine_tune {
            session.trainer.begin_with(base);
        }
        if session.checkpoint.exists() {
            session.resume(sampler)?;
        }
        Ok(session)
    }

    fn resume(&mut self, mut sampler: Sampler<'_>) -> Result<()> {
        let Training { plan, data, out, resume, .. } = *self.training;
        if !resume {
            let reason = "there is a training already: it can be resumed; or train into another folder";
            return Err(Error::train(reason).at(out));
        }
        let saved = checkpoint::read(&self.checkpoint)?;
        let steps = saved.header.steps;
        let then = &saved.header.inputs;
        let refuse =
            |reason: String| Err(Error::train(format!("it can't be resumed so: {reason}")).at(&self.checkpoint));
        if plan.steps < steps {
            return refuse(format!("{steps} steps are done, and {} (--steps) are asked for", plan.steps));
        }
        // More steps lengthen the training.
        if let Some(reason) = then.plan.clone().with_steps(plan.steps).difference(plan) {
            return refuse(reason);
        }
        if then.data != self.inputs.data || !sampler.seek(&saved.header.progress.cursors) {
            return refuse(format!("it was trained with other samples than {}", data.folder().display()));
        }
        if then.validation != self.inputs.validation {
            return refuse("it was validated with another set (--validation)".into());
        }
        if then.base != self.inputs.base {
            return refuse("it was begun with another model file (--weights or --from)".into());
        }
        if then.fine_tuned != self.inputs.fine_tuned {
            let was = if then.fine_tuned { "given weights" } else { "random numbers" };
            return refuse(format!("its net began with {was} (--from)"));
        }
        saved.restore(&self.checkpoint, &mut self.trainer)?;
        self.progress = saved.header.progress.clone();
        self.saved = steps;
        Ok(())
    }

    fn step(&mut self, draws: &[Draw], cursors: Cursors) -> Result<()> {
        self.loader.make(self.training.isa, self.training.data, draws);
        self.rate = self.trainer.rate().into();
        let terms = self.trainer.step(&self.loader.batch());
        if !terms.total.is_finite() {
            return Err(self.diverged());
        }
        self.progress.sums.add(&terms);
        self.progress.cursors = cursors;
        Ok(())
    }

    /// Tells of a step, and of a line of the metrics where one is due.
    fn report(
        &mut self,
        from: u64,
        progress: &mut dyn FnMut(&TrainingProgress<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let (plan, step) = (self.training.plan, self.trainer.steps());
        let mut line = None;
        if step.is_multiple_of(self.training.metrics_every.max(1)) || step == plan.steps {
            let seconds = self.began.elapsed().saturating_sub(self.pauses).as_secs_f64();
            let speed = (self.progress.sums.steps as usize * plan.mixture.batch.sum()) as f64 / seconds.max(1e-9);
            let metrics = self.progress.sums.metrics(step, false, self.rate, speed);
            metrics.append(&self.metrics_file)?;
            line = Some(metrics);
            (self.progress.sums, self.began, self.pauses) = (Sums::default(), Instant::now(), Duration::ZERO);
        }
        Ok(progress(&TrainingProgress { step, steps: plan.steps, from, metrics: line.as_ref() }))
    }

    /// Validates where that is due, and tells of it.
    fn validate(
        &mut self,
        from: u64,
        progress: &mut dyn FnMut(&TrainingProgress<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let (steps, step) = (self.training.plan.steps, self.trainer.steps());
        let due = step.is_multiple_of(self.training.validate_every.max(1)) || step == steps;
        let Some(validation) = self.validation.as_mut().filter(|_| due) else { return Ok(ControlFlow::Continue(())) };
        let pause = Instant::now();
        let metrics = validation.run(&mut self.trainer)?;
        metrics.append(&self.metrics_file)?;
        let flow = progress(&TrainingProgress { step, steps, from, metrics: Some(&metrics) });
        self.pauses += pause.elapsed();
        Ok(flow)
    }

    fn save(&mut self) -> Result<()> {
        let pause = Instant::now();
        if !self.trainer.is_finite() {
            return Err(self.diverged());
        }
        checkpoint::write(&self.checkpoint, &self.trainer, &self.inputs, &self.progress)?;
        self.saved = self.trainer.steps();
        self.pauses += pause.elapsed();
        Ok(())
    }

    fn diverged(&self) -> Error {
        let (step, rate, saved) = (self.trainer.steps(), self.rate, self.saved);
        let checkpoint = match saved {
            0 => "nothing was saved".into(),
            _ => format!("{} is of step {saved}", self.checkpoint.display()),
        };
        Error::train(format!(
            "step {step}: the loss is no longer a number: the learning rate, {rate}, is most likely too high; {checkpoint}"
        ))
    }
}
