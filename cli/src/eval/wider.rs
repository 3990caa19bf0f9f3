//! `mtcnn-cpu eval wider`: average precision by the protocol of WIDER FACE.

use serde::Serialize;

use crate::common::chart::Panel;
use crate::common::outcome::{Outcome, Usage};
use crate::eval::args::{self, List};
use crate::eval::measuring::{boxes, look_for_faces, outcome, warn_of_fractions};
use mtcnn_cpu::data::wider::Wider;
use mtcnn_cpu::eval::{Curve, Results, Truth, official_curve};

/// What was measured.
#[derive(Serialize)]
struct Measured<'a> {
    #[serde(rename = "pictures")]
    images: usize,
    missed: &'a [String],
    subsets: Vec<Subset<'a>>,
}

#[derive(Serialize)]
struct Subset<'a> {
    name: &'a str,
    #[serde(flatten)]
    curve: Curve,
}

/// Runs.
pub(crate) fn run(args: &args::Wider) -> anyhow::Result<Outcome> {
    args.shown.probe()?;
    let (mut truth, root) = match &args.ground_truth {
        Some(_) if args.list.split != "val" || args.list.list.is_some() => {
            return Err(Usage("--ground-truth is of the images of --split val".into()).into());
        }
        Some(folder) => (Truth::read(folder)?, args.list.wider.as_ref().map(|folder| Wider::root(folder, "val"))),
        None => {
            let list = args.list.read()?.ok_or_else(List::missing)?;
            (Truth::from_list(&list, args.min_size), Some(list.root))
        }
    };
    args.chosen.keep(&mut truth.images, |image| &image.name)?;
    let (found, missed, why) = match (&args.results, root) {
        (Some(folder), _) => {
            let results = Results::read(folder, &truth)?;
            warn_of_fractions(&results.boxes);
            (results.boxes, results.missing, "have no results")
        }
        (None, Some(root)) => {
            let names: Vec<_> = truth.images.iter().map(|image| image.name.as_str()).collect();
            let files: Vec<_> = names.iter().map(|name| root.join(name)).collect();
            let (found, missed) = boxes(&names, look_for_faces(&args.detector, &files)?);
            (found, missed, "could not be read")
        }
        (None, None) => return Err(List::missing().into()),
    };
    let subset = |(index, name)| Subset { name, curve: official_curve(&truth, index, &found) };
    let names = truth.subsets.iter().map(String::as_str);
    let measured =
        Measured { images: truth.images.len(), missed: &missed, subsets: names.enumerate().map(subset).collect() };

    let line = |Subset { name, curve }: &Subset<'_>| {
        let legend = format!("{name}: AP {:.3}", curve.average_precision);
        let points = curve.points.iter().map(|point| (point.recall, point.precision));
        // The axis begins at 0, where nothing is found yet.
        let start = curve.points.first().map(|first| (0.0, first.precision));
        (legend, start.into_iter().chain(points).collect::<Vec<_>>())
    };
    let lines: Vec<_> = measured.subsets.iter().map(line).collect();
    let title = match &lines[..] {
        [(only, _)] => format!("WIDER FACE, precision over recall, {only}"),
        _ => "WIDER FACE, precision over recall".into(),
    };
    let panel = Panel {
        title: &title,
        x: "recall",
        range: Some((0.0, 1.0)),
        lines: lines.iter().map(|(name, points)| (name.as_str(), points.clone())).collect(),
    };
    args.shown.show(&[panel], &measured, |out| {
        writeln!(out, "{:16}  {:>6}  {:>6}  {:>6}  {:>6}", "SUBSET", "FACES", "FOUND", "WRONG", "AP")?;
        for Subset { name, curve } in &measured.subsets {
            let Curve { faces, found, wrong, average_precision, .. } = curve;
            writeln!(out, "{name:16}  {faces:>6}  {found:>6}  {wrong:>6}  {average_precision:.4}")?;
        }
        Ok(())
    })?;
    Ok(outcome(&missed, measured.images, why))
}
