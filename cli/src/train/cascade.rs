//! `mtcnn-cpu train cascade`: the whole training, and what it came to.

use std::io::{self, Write};
use std::sync::atomic::Ordering::Relaxed;

use crate::prepare::args::TextOrJson;
use crate::prepare::{advance, pool, progress_bar};
use crate::train::args;
use crate::train::{Line, curves, stop_flag};
use crate::{Outcome, complain};
use mtcnn_cpu::eval::{Curve, Passed};
use mtcnn_cpu::isa;
use mtcnn_cpu::train::{Cascade, CascadeEvent, CascadeReport, MODEL, Recipe, StageReport};

/// Runs.
pub(crate) fn run(args: &args::Cascade) -> anyhow::Result<Outcome> {
    let (recipe, pool) = (Recipe::read(&args.recipe)?, pool(&args.work)?);
    let cascade = Cascade {
        recipe: &recipe,
        wider: &args.wider,
        landmarks: args.landmarks.as_deref(),
        out: &args.out,
        pool: &pool,
        ram: args.work.ram,
        isa: isa::from_env()?,
    };
    let stop = stop_flag()?;
    let bar = progress_bar("pictures");
    let mut line: Option<Line> = None;
    let mut drawn = Ok(());
    let report = cascade.run(&mut |event| {
        match event {
            CascadeEvent::Preparing(_, progress) | CascadeEvent::Evaluating(progress) => advance(&bar, *progress),
            CascadeEvent::Prepared(stage, _, warnings) => {
                bar.reset();
                for warning in *warnings {
                    bar.suspend(|| complain(format_args!("{}: warning: {warning}", stage.name())));
                }
            }
            CascadeEvent::Training(stage, progress) => line.get_or_insert_with(|| Line::new(*stage)).show(progress),
            CascadeEvent::Trained(_, folder) => {
                line.take().inspect(Line::finish);
                drawn = curves(folder);
            }
        }
        drawn.is_ok() && !stop.load(Relaxed)
    });
    bar.finish_and_clear();
    line.inspect(Line::finish);
    let report = report?;
    drawn?;
    let Some(report) = report else {
        complain("stopped, and saved; the same command goes on from there");
        return Ok(Outcome::Interrupted);
    };
    let mut out = io::stdout().lock();
    match args.format {
        TextOrJson::Json => writeln!(out, "{}", serde_json::to_string(&report)?)?,
        TextOrJson::Text => {
            write_report(&mut out, &report)?;
            writeln!(out, "{}: {:.0} s in all", args.out.join(MODEL).display(), report.seconds)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn write_report(out: &mut impl Write, report: &CascadeReport) -> io::Result<()> {
    writeln!(
        out,
        "{:5} {:>9} {:>9} {:>9} {:>9} {:>10} {:>10} {:>9} {:>9}",
        "NET", "NEGATIVES", "POSITIVES", "PARTS", "LANDMARKS", "SAMPLES, S", "TRAINED, S", "ACCURACY", "RECALL"
    )?;
    for StageReport { stage, samples, seconds, trained, validation } in &report.stages {
        write!(out, "{:5}", stage.name())?;
        for class in samples {
            write!(out, " {:>9}", class.count)?;
        }
        write!(out, " {:>10.0} {:>10.0}", seconds[0], seconds[1])?;
        match validation.as_ref().or(trained.as_ref()) {
            Some(line) => writeln!(out, " {:>9.4} {:>9.4}", line.accuracy, line.recall)?,
            None => writeln!(out)?,
        }
    }
    let curves = [("all pictures", &report.all), ("photographs", &report.photographs)];
    for ((name, curve), passed) in curves.into_iter().zip(&report.passed) {
        let Some(Curve { faces, found, wrong, average_precision, .. }) = curve else { continue };
        writeln!(
            out,
            "{name}: average precision {average_precision:.4}; {found} of {faces} faces found, {wrong} wrong"
        )?;
        for (stage, Passed { boxes, faces: kept }) in report.stages.iter().zip(passed) {
            let (name, part) = (stage.stage.name(), *kept as f64 / (*faces).max(1) as f64);
            writeln!(out, "  after {name}: {boxes} boxes, {kept} of {faces} faces among them ({part:.3})")?;
        }
    }
    Ok(())
}
