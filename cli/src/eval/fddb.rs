//! `mtcnn-cpu eval fddb`: ROC curves by the protocol of FDDB.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::common::chart::Panel;
use crate::common::outcome::Outcome;
use crate::common::save::Save;
use crate::eval::args;
use crate::eval::measuring::{boxes, look_for_faces, outcome, warn_of_fractions};
use mtcnn_cpu::data::images;
use mtcnn_cpu::eval::{Fddb, FddbResults, Roc, RocPoint, fddb_roc, read_sizes};

/// False positives at which results are usually compared.
const FALSE_POSITIVES: [usize; 5] = [50, 100, 500, 1000, 2000];

/// What was measured.
#[derive(Serialize)]
struct Measured<'a> {
    #[serde(rename = "pictures")]
    images: usize,
    missed: &'a [String],
    #[serde(flatten)]
    roc: &'a Roc,
}

/// Runs.
pub(crate) fn run(args: &args::Fddb) -> anyhow::Result<Outcome> {
    args.shown.probe()?;
    let mut list = Fddb::read(&args.fddb)?;
    if let Some(folder) = &args.images {
        list.root = folder.clone();
    }
    let files: Vec<_> = list.images.iter().map(|image| list.file(image)).collect();
    let (found, missed, why) = match &args.results {
        Some(file) => {
            let results = FddbResults::read(file, &list.images)?;
            warn_of_fractions(&results.boxes);
            (results.boxes, results.missing, "have no results")
        }
        None => {
            let names: Vec<_> = list.images.iter().map(|image| image.name.as_str()).collect();
            let (found, missed) = boxes(&names, look_for_faces(&args.detector, &files)?);
            (found, missed, "could not be read")
        }
    };
    let sizes = match &args.sizes {
        Some(file) => read_sizes(file, &list.images)?,
        None => {
            let orientation = args.detector.decoding.reading(&args.detector.memory).decode.orientation;
            files.iter().map(|file| images::size(file, orientation)).collect()
        }
    };
    let roc = fddb_roc(&list.images, &sizes, &found).map_err(|error| match args.sizes {
        Some(_) => error.into(),
        None => anyhow::anyhow!("{error}: neither from its file in {}, nor by --sizes", list.root.display()),
    })?;
    if let Some(folder) = &args.roc {
        write_curves(folder, &roc)?;
    }

    let line = |value: fn(&RocPoint) -> f64| {
        roc.points.iter().map(|point| (point.false_positives as f64, value(point))).collect::<Vec<_>>()
    };
    let lines = vec![("discrete", line(|point| point.discrete)), ("continuous", line(|point| point.continuous))];
    let panel = Panel {
        title: "FDDB: true positive rate over false positives",
        x: "false positives",
        range: Some((0.0, 1.0)),
        lines,
    };
    let measured = Measured { images: list.images.len(), missed: &missed, roc: &roc };
    args.shown.show(&[panel], &measured, |out| {
        writeln!(out, "{} faces in {} images, {} boxes", roc.faces, list.images.len(), roc.boxes)?;
        writeln!(out, "{:>15}  {:>8}  {:>10}  {:>9}", "FALSE POSITIVES", "DISCRETE", "CONTINUOUS", "SCORE")?;
        let most = roc.points.last().map(|point| point.false_positives);
        let counts = FALSE_POSITIVES.into_iter().filter(|&count| most.is_some_and(|most| count < most)).chain(most);
        for count in counts {
            match roc.at(count) {
                Some(RocPoint { score, discrete, continuous, .. }) => {
                    writeln!(out, "{count:>15}  {discrete:>8.4}  {continuous:>10.4}  {score:>9.4}")?;
                }
                None => writeln!(out, "{count:>15}  {:>8}  {:>10}  {:>9}", "-", "-", "-")?,
            }
        }
        Ok(())
    })?;
    Ok(outcome(&missed, measured.images, why))
}

/// Both curves as the official evaluation leaves them: a line for each score, from the lowest on.
fn write_curves(folder: &Path, roc: &Roc) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.to_string_lossy()))?;
    let write = |name: &str, line: &dyn Fn(&RocPoint) -> String| -> anyhow::Result<()> {
        let path = folder.join(name);
        let mut file = Save::begin(&path)?;
        let text: String = roc.points.iter().rev().map(|point| line(point) + "\n").collect();
        file.write_all(text.as_bytes())?;
        file.finish()
    };
    write("DiscROC.txt", &|it| format!("{:.6} {} {:.6}", it.discrete, it.false_positives, it.score))?;
    write("ContROC.txt", &|it| format!("{:.6} {}", it.continuous, it.false_positives))
}
