//! `mtcnn-cpu prepare pnet`, `rnet`, `onet`: images and lists in, a data set out.

pub(crate) mod args;
mod doctor;
mod options;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use mtcnn_cpu::data::{
    BoxesOf, Caps, ClassInfo, MinedCrops, Miner, Mining, Preparation, SampleOptions, Skipped, StageBoxes, Summary,
    prepare,
};
use mtcnn_cpu::{ImageView, Stage, isa};
use serde::Serialize;

use crate::common::detector::pool;
use crate::common::outcome::{Outcome, complain};
use crate::common::progress::{advance, progress_bar};
use crate::common::skipped::name_skipped;
use crate::prepare::args::What;
use crate::prepare::options::{landmark_crops, random_crops, sources};

/// Runs.
pub(crate) fn run(args: &args::Prepare) -> anyhow::Result<Outcome> {
    match &args.what {
        What::Pnet(args) => make(Stage::PNet, &args.set, Some(&args.random), None),
        What::Rnet(args) => {
            let random = args.mining.random_crops.then_some(&args.random);
            make(Stage::RNet, &args.set, random, Some((&args.mining, BoxesOf::PNet)))
        }
        What::Onet(args) => {
            let random = args.mining.random_crops.then_some(&args.random);
            make(Stage::ONet, &args.set, random, Some((&args.mining, args.boxes_of)))
        }
        What::Doctor(args) => doctor::run(args),
    }
}

fn make(
    stage: Stage,
    args: &args::Set,
    random: Option<&args::Random>,
    mining: Option<(&args::Mining, BoxesOf)>,
) -> anyhow::Result<Outcome> {
    let defaults = SampleOptions::new(stage).caps;
    let cap = |typed: Option<args::Cap>, default| typed.map_or(default, |cap| cap.0);
    let options = SampleOptions {
        seed: args.seed,
        caps: Caps {
            negatives: cap(args.max_negatives, defaults.negatives),
            positives: cap(args.max_positives, defaults.positives),
            parts: cap(args.max_parts, defaults.parts),
            landmarks: cap(args.max_landmarks, defaults.landmarks),
        },
        random: random.map(random_crops),
        landmarks: landmark_crops(&args.landmarks),
        mined: mining.map(|(it, _)| MinedCrops { negatives: it.mined_negatives, ..MinedCrops::default() }),
    };
    let pool = pool(args.work.threads)?;
    let miner = mining.map(|(mining, boxes_of)| miner(mining, boxes_of)).transpose()?;
    let boxes = |view: &ImageView<'_>| miner.as_ref().map_or_else(Vec::new, |miner| miner.boxes(view));
    let how = Preparation {
        stage,
        options: &options,
        boxes: miner.is_some().then_some(&boxes as &StageBoxes<'_>),
        detector: miner.as_ref().map_or_else(String::new, |miner| miner.about().into()),
        pool: &pool,
        ram: args.work.ram,
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

    let Summary { manifest, skipped, warnings, .. } = &summary;
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

fn miner(args: &args::Mining, boxes_of: BoxesOf) -> anyhow::Result<Miner> {
    let (thresholds, min_face, factor) = (args.mine_thresholds, args.mine_min_face, args.mine_factor);
    let isa = isa::from_env()?;
    Ok(Miner::new(&Mining { boxes_of, thresholds, min_face, factor }, args.weights.as_deref(), isa)?)
}
