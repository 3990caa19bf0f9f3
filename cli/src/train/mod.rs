//! `mtcnn-cpu train`: a set of samples in, a model file out; or pictures in, and a whole cascade out.

pub(crate) mod args;
mod cascade;

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use self::args::What;
use crate::common::chart;
use crate::prepare::args::TextOrJson;
use crate::prepare::pool;
use crate::{Outcome, Usage, complain};
use mtcnn_cpu::Stage;
use mtcnn_cpu::data::DataSet;
use mtcnn_cpu::isa;
use mtcnn_cpu::train::{
    ClassCounts, Convention, Ended, METRICS, MODEL, Metrics, PRESETS, Plan, Recipe, Training, TrainingProgress,
};

/// The name of the picture with the curves.
pub(crate) const CURVES: &str = "curves.png";

/// Runs.
pub(crate) fn run(args: &args::Train) -> anyhow::Result<Outcome> {
    match &args.what {
        What::Pnet(args) => train(Stage::PNet, args),
        What::Rnet(args) => train(Stage::RNet, args),
        What::Onet(args) => train(Stage::ONet, args),
        What::Cascade(args) => cascade::run(args),
        What::Recipe(args) => print_recipe(&args.name),
    }
}

fn print_recipe(name: &str) -> anyhow::Result<Outcome> {
    let Some((_, text)) = PRESETS.iter().find(|preset| preset.0 == name) else {
        let names: Vec<_> = PRESETS.iter().map(|preset| preset.0).collect();
        return Err(Usage(format!("no recipe {name}: there are {}", names.join(" and "))).into());
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Outcome::Done)
}

fn train(stage: Stage, args: &args::Net) -> anyhow::Result<Outcome> {
    let plan = plan(stage, args)?;
    // Both sets together may take what is allowed.
    let open = |folder, part| DataSet::open(folder).map(|set| set.with_resident(args.work.ram / 4 * part));
    let data = open(&args.data, 3)?;
    let validation = args.validation.as_ref().map(|folder| open(folder, 1)).transpose()?;
    let pool = pool(&args.work)?;
    let training = Training {
        plan: &plan,
        data: &data,
        validation: validation.as_ref(),
        base: args.weights.as_deref(),
        out: &args.out,
        resume: args.resume,
        checkpoint_every: args.checkpoint_every,
        metrics_every: args.metrics_every,
        validate_every: args.validate_every,
        pool: &pool,
        isa: isa::from_env()?,
    };
    for warning in training.warnings()? {
        complain(format_args!("warning: {warning}"));
    }
    let stop = stop_flag()?;
    let began = Instant::now();
    let mut line = Line::new(stage);
    let ended = training.run(&mut |progress| {
        line.show(progress);
        !stop.load(Relaxed)
    });
    line.finish();
    let ended = ended?;
    let metrics = Metrics::read(&args.out.join(METRICS))?;
    chart::write(&args.out.join(CURVES), &metrics)?;
    if let Ended::Stopped(step) = ended {
        complain(format_args!("stopped after step {step}, and saved; --resume goes on from there"));
        return Ok(Outcome::Interrupted);
    }
    write_result(args, &plan, &metrics, began.elapsed())?;
    Ok(Outcome::Done)
}

fn plan(stage: Stage, args: &args::Net) -> anyhow::Result<Plan> {
    let mut recipe = Recipe::read(&args.recipe)?;
    recipe.seed = args.seed.unwrap_or(recipe.seed);
    let training = match stage {
        Stage::PNet => &mut recipe.pnet.training,
        Stage::RNet => &mut recipe.rnet.training,
        Stage::ONet => &mut recipe.onet.training,
    };
    training.steps = args.steps.unwrap_or(training.steps);
    training.rate = args.rate.unwrap_or(training.rate);
    if let Some([positives, negatives, parts, landmarks]) = args.batch {
        training.batch = ClassCounts { positives, negatives, parts, landmarks };
    }
    training.convention = match args.convention {
        Some(args::Convention::Own) => Convention::Own,
        Some(args::Convention::MtcnnCaffe) => Convention::MtcnnCaffe,
        Some(args::Convention::Aittsmd) => Convention::Aittsmd,
        None => training.convention,
    };
    Ok(recipe.plan(stage))
}

fn write_result(args: &args::Net, plan: &Plan, metrics: &[Metrics], time: Duration) -> anyhow::Result<()> {
    let (model, mut out) = (args.out.join(MODEL), io::stdout().lock());
    let last = |validation| metrics.iter().rev().find(|line| line.validation == validation);
    match args.format {
        TextOrJson::Json => {
            let result = serde_json::json!({
                "model": model, "steps": plan.steps, "seconds": time.as_secs_f64(), "last": last(false), "validation": last(true),
            });
            writeln!(out, "{result}")?;
        }
        TextOrJson::Text => {
            writeln!(out, "{}: {} steps, {:.0} s", model.display(), plan.steps, time.as_secs_f64())?;
            for (name, line) in [("trained", last(false)), ("validation", last(true))] {
                let Some(line) = line else { continue };
                writeln!(
                    out,
                    "{name:10}  loss {:.4} = face or not {:.4}, box {:.4}, landmarks {:.5}; accuracy {:.4}, recall {:.4}",
                    line.loss, line.cls, line.boxes, line.landmarks, line.accuracy, line.recall
                )?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// Set by Ctrl-C, from the first call on.
pub(crate) fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(flag) = FLAG.get() {
        return Ok(flag.clone());
    }
    let flag = FLAG.get_or_init(Arc::default).clone();
    let set = flag.clone();
    ctrlc::set_handler(move || {
        // The second time the user does not want to wait.
        if set.swap(true, Relaxed) {
            std::process::exit(130);
        }
    })
    .context("can't listen to Ctrl-C")?;
    Ok(flag)
}

/// The progress line, on stderr if that is a terminal.
pub(crate) struct Line {
    bar: ProgressBar,
    trained: String,
    validation: String,
}

impl Line {
    pub(crate) fn new(stage: Stage) -> Self {
        let template = format!("{} {{pos}}/{{len}} steps, {{eta}} left {{msg}}", stage.name());
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { bar: ProgressBar::new(0).with_style(style), trained: String::new(), validation: String::new() }
    }

    pub(crate) fn show(&mut self, progress: &TrainingProgress<'_>) {
        if self.bar.length() != Some(progress.steps) {
            self.bar.set_length(progress.steps);
            self.bar.set_position(progress.from);
            self.bar.reset_eta();
        }
        self.bar.set_position(progress.step);
        let Some(line) = progress.metrics else { return };
        let Metrics { loss, cls, boxes, landmarks, accuracy, recall, rate, speed, .. } = line;
        if line.validation {
            self.validation = format!("; validation: loss {loss:.4}, accuracy {accuracy:.3}, recall {recall:.3}");
        } else {
            self.trained = format!(
                "at {speed:.0} samples/s, rate {rate:.2e}; loss {loss:.4} ({cls:.4} {boxes:.4} {landmarks:.5}), accuracy {accuracy:.3}, recall {recall:.3}"
            );
        }
        self.bar.set_message(format!("{}{}", self.trained, self.validation));
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Draws the curves of a training's folder.
pub(crate) fn curves(folder: &Path) -> anyhow::Result<()> {
    chart::write(&folder.join(CURVES), &Metrics::read(&folder.join(METRICS))?)
}
