//! `mtcnn-cpu prepare pnet`, `rnet`, `onet`: images and lists in, a data set out.

pub(crate) mod args;
mod doctor;
mod options;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use mtcnn_cpu::data::{ClassInfo, Miner, Preparation, Skipped, StageBoxes, Summary, prepare};
use mtcnn_cpu::{ImageView, Stage, isa};
use serde::Serialize;

use crate::common::detector::pool;
use crate::common::outcome::{Outcome, complain};
use crate::common::progress::{advance, progress_bar};
use crate::common::skipped::name_skipped;
use crate::prepare::args::What;
use crate::prepare::options::{Options, sources};

/// Runs.
pub(crate) fn run(args: &args::Prepare) -> anyhow::Result<Outcome> {
    let of_recipe = |set: &args::Set, stage| {
        let mut options = Options::of_recipe(&set.recipe, stage)?;
        options.set(set);
        anyhow::Ok(options)
    };
    match &args.what {
        What::Pnet(args) => {
            let mut options = of_recipe(&args.set, Stage::PNet)?;
            options.random(&args.random);
            make(Stage::PNet, &args.set, &options, None)
        }
        What::Rnet(args) => {
            let mut options = of_recipe(&args.set, Stage::RNet)?;
            options.mining(&args.mining, None)?;
            options.random(&args.random);
            make(Stage::RNet, &args.set, &options, args.mining.weights.as_deref())
        }
        What::Onet(args) => {
            let mut options = of_recipe(&args.set, Stage::ONet)?;
            options.mining(&args.mining, args.boxes_of)?;
            options.random(&args.random);
            make(Stage::ONet, &args.set, &options, args.mining.weights.as_deref())
        }
        What::Doctor(args) => doctor::run(args),
    }
}

fn make(stage: Stage, args: &args::Set, options: &Options, weights: Option<&Path>) -> anyhow::Result<Outcome> {
    let pool = pool(args.work.threads)?;
    let isa = isa::from_env()?;
    let miner = options.mining.map(|mining| Miner::new(&mining, weights, isa)).transpose()?;
    let boxes = |view: &ImageView<'_>| miner.as_ref().map_or_else(Vec::new, |miner| miner.boxes(view));
    let how = Preparation {
        stage,
        points: options.points,
        options: &options.samples,
        boxes: miner.is_some().then_some(&boxes as &StageBoxes<'_>),
        detector: miner.as_ref().map_or_else(String::new, |miner| miner.about().into()),
        pool: &pool,
        reading: args.decoding.reading(&args.work.memory),
        most_skipped: if args.strict { 0.0 } else { 1.0 },
    };
    let sources = sources(&args.sources)?;
    let bar = progress_bar("images");
    let summary = prepare(&sources, &how, &args.out, &mut |progress| {
        advance(&bar, progress);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let summary = summary?;

    let Summary { manifest, skipped, .. } = &summary;
    let warnings = &summary.warnings(|_| true);
    let made = Made { set: &args.out, classes: &manifest.classes, skipped, warnings };
    args.format.show(&made, |out| table(out, &args.out, &summary))?;
    name_skipped(skipped);
    for warning in warnings {
        complain(format_args!("warning: {warning}"));
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct Made<'a> {
    set: &'a Path,
    classes: &'a [ClassInfo],
    skipped: &'a [Skipped],
    warnings: &'a [String],
}

fn table(out: &mut dyn Write, set: &Path, summary: &Summary) -> io::Result<()> {
    let manifest = &summary.manifest;
    writeln!(out, "{}: {}, {2}x{2} pixels", set.display(), manifest.stage.name(), manifest.side)?;
    writeln!(out, "{:10}  {:>9}  {:>9}  {:>9}", "CLASS", "SAMPLES", "OF", "CAP")?;
    for info in &manifest.classes {
        let cap = manifest.options.caps.of(info.class).map_or("all".into(), |cap| cap.to_string());
        writeln!(out, "{:10}  {:>9}  {:>9}  {cap:>9}", info.class.plural(), info.count, info.made)?;
    }
    Ok(())
}
