//! `mtcnn-cpu train cascade`: the whole training, and what it came to.

use std::io::{self, Write};
use std::ops::ControlFlow;

use mtcnn_cpu::data::Split;
use mtcnn_cpu::eval::{Curve, Passed};
use mtcnn_cpu::train::{CascadeEvent, CascadeReport, MODEL, Measured, Recipe, StageReport};
use mtcnn_cpu::{ErrorKind, Stage, isa};

use crate::common::detector::pool;
use crate::common::outcome::{Outcome, complain};
use crate::common::progress::{advance, progress_bar};
use crate::common::skipped::name_skipped;
use crate::common::stop::{going, stop_flag};
use crate::train::args::{Cascade, From};
use crate::train::curves::curves;
use crate::train::progress_line::ProgressLine;

/// Wrong boxes in an image on average that deserve a warning: the built-in weights have less than one, at the same thresholds.
const MANY_WRONG: f64 = 1.0;

/// Runs.
pub(crate) fn run(args: &Cascade) -> anyhow::Result<Outcome> {
    let (recipe, pool) = (Recipe::read(&args.recipe)?, pool(args.work.threads)?);
    let cascade = mtcnn_cpu::train::Cascade {
        recipe: &recipe,
        wider: &args.wider,
        landmarks: args.landmarks.as_deref(),
        base: args.from.as_ref().and_then(From::path),
        fine_tune: args.from.is_some(),
        out: &args.out,
        pool: &pool,
        reading: args.decoding.reading(&args.work.memory),
        most_skipped: args.max_skipped / 100.0,
        isa: isa::from_env()?,
    };
    let stop = stop_flag()?;
    let bar = progress_bar("images");
    let mut line: Option<ProgressLine> = None;
    let mut drawn = Ok(());
    let report = cascade.run(&mut |event| {
        match event {
            CascadeEvent::Preparing(_, progress) | CascadeEvent::Evaluating(progress) => advance(&bar, *progress),
            CascadeEvent::NoList(list) => {
                complain(format_args!("there is no {}: nothing of it is validated with", list.display()));
            }
            CascadeEvent::Prepared(stage, split, summary) => {
                bar.reset();
                bar.suspend(|| {
                    name_skipped(&summary.skipped);
                    // What is missing of the other part is not missed in training.
                    if *split == Split::Train {
                        let batch = cascade.recipe.stage(*stage).training.batch;
                        for warning in summary.warnings(|class| batch.of(class) > 0) {
                            complain(format_args!("{}: warning: {warning}", stage.name()));
                        }
                    }
                });
            }
            CascadeEvent::Training(stage, progress) => {
                line.get_or_insert_with(|| ProgressLine::new(*stage)).show(progress)
            }
            CascadeEvent::Trained(_, folder) => {
                line.take().inspect(ProgressLine::finish);
                drawn = curves(folder).map(drop);
            }
            _ => {}
        }
        if drawn.is_ok() { going(&stop) } else { ControlFlow::Break(()) }
    });
    bar.finish_and_clear();
    line.inspect(ProgressLine::finish);
    drawn?;
    let report = match report {
        Err(error) if error.kind() == ErrorKind::Cancelled => {
            complain("stopped, and saved; the same command goes on from there");
            return Ok(Outcome::Interrupted);
        }
        report => report?,
    };
    args.format.show(&report, |out| {
        write_report(out, &report)?;
        writeln!(out, "{}: {:.0} s in all", args.out.join(MODEL).display(), report.seconds)
    })?;
    // Average precision counts them little where they have the lowest scores.
    if let Some(all) = report.measured.first().filter(|all| all.wrong_per_image() > MANY_WRONG) {
        complain(format_args!(
            "warning: {:.1} wrong boxes in an image are many: more negatives in the batches of ONet, or a higher last threshold, \
             give fewer",
            all.wrong_per_image()
        ));
    }
    Ok(Outcome::Done)
}

fn write_report(out: &mut dyn Write, report: &CascadeReport) -> io::Result<()> {
    writeln!(
        out,
        "{:5} {:>9} {:>9} {:>9} {:>9} {:>10} {:>10} {:>9} {:>9}",
        "NET", "NEGATIVES", "POSITIVES", "PARTS", "LANDMARKS", "SAMPLES, S", "TRAINED, S", "ACCURACY", "RECALL"
    )?;
    for StageReport { stage, samples, seconds, trained, validation, .. } in &report.stages {
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
    for measured in &report.measured {
        let Measured { name, images, curve, passed, .. } = measured;
        let Curve { faces, found, wrong, average_precision, .. } = curve;
        let each = measured.wrong_per_image();
        writeln!(
            out,
            "{name}: average precision {average_precision:.4}; {found} of {faces} faces found, {wrong} wrong boxes in {images} images, \
             {each:.2} in each"
        )?;
        for (stage, Passed { boxes, faces: kept }) in Stage::ALL.iter().zip(passed) {
            let (name, part) = (stage.name(), *kept as f64 / (*faces).max(1) as f64);
            writeln!(out, "  after {name}: {boxes} boxes, {kept} of {faces} faces among them ({part:.3})")?;
        }
    }
    Ok(())
}
