//! `mtcnn-cpu train pnet`, `rnet`, `onet`: a set of samples in, a model file out.

use std::time::{Duration, Instant};

use mtcnn_cpu::data::DataSet;
use mtcnn_cpu::train::{Ended, MODEL, Metrics, Plan, Training};
use mtcnn_cpu::{Stage, isa};

use crate::common::detector::pool;
use crate::common::outcome::{Outcome, complain};
use crate::common::stop::{going, stop_flag};
use crate::train::args::{From, Net};
use crate::train::curves::curves;
use crate::train::options;
use crate::train::progress_line::ProgressLine;

/// Runs.
pub(crate) fn run(stage: Stage, args: &Net) -> anyhow::Result<Outcome> {
    let plan = options::plan(stage, args)?;
    let data = DataSet::open(&args.data)?;
    let validation = args.validation.as_ref().map(DataSet::open).transpose()?;
    let pool = pool(args.work.threads)?;
    let training = Training {
        plan: &plan,
        data: &data,
        validation: validation.as_ref(),
        base: args.weights.as_deref().or(args.from.as_ref().and_then(From::path)),
        fine_tune: args.from.is_some(),
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
    let mut line = ProgressLine::new(stage);
    let ended = training.run(&mut |progress| {
        line.show(progress);
        going(&stop)
    });
    line.finish();
    let ended = ended?;
    let metrics = curves(&args.out)?;
    if let Ended::Stopped(step) = ended {
        complain(format_args!("stopped after step {step}, and saved; --resume goes on from there"));
        return Ok(Outcome::Interrupted);
    }
    write_result(args, &plan, &metrics, began.elapsed())?;
    Ok(Outcome::Done)
}

fn write_result(args: &Net, plan: &Plan, metrics: &[Metrics], time: Duration) -> anyhow::Result<()> {
    let model = args.out.join(MODEL);
    let last = |validation| metrics.iter().rev().find(|line| line.validation == validation);
    let result = serde_json::json!({
        "model": model, "steps": plan.steps, "seconds": time.as_secs_f64(), "last": last(false), "validation": last(true),
    });
    args.format.show(&result, |out| {
        writeln!(out, "{}: {} steps, {:.0} s", model.display(), plan.steps, time.as_secs_f64())?;
        for (name, line) in [("trained", last(false)), ("validation", last(true))] {
            let Some(line) = line else { continue };
            writeln!(
                out,
                "{name:10}  loss {:.4} = face or not {:.4}, box {:.4}, landmarks {:.5}; accuracy {:.4}, recall {:.4}",
                line.loss, line.cls, line.boxes, line.landmarks, line.accuracy, line.recall
            )?;
        }
        Ok(())
    })
}
