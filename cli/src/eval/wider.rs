//! `mtcnn-cpu eval wider`: average precision by the protocol of WIDER FACE.

use std::path::PathBuf;

use serde::Serialize;

use crate::common::chart::Panel;
use crate::common::outcome::{Outcome, Usage};
use crate::eval::args::{self, List};
use crate::eval::measuring::{boxes, look_for_faces, name_in, outcome, warn_of_fractions};
use mtcnn_cpu::data::wider::Wider;
use mtcnn_cpu::eval::{Curve, Results, Truth, official_curve};

/// What was measured.
#[derive(Serialize)]
struct Measured<'a> {
    #[serde(rename = "pictures")]
    images: usize,
    missed: &'a [String],
    subsets: Vec<Subset>,
}

#[derive(Serialize)]
struct Subset {
    name: String,
    #[serde(flatten)]
    curve: Curve,
}

/// A list to measure with.
struct Set {
    /// Among several.
    name: Option<String>,
    truth: Truth,
    /// The folder of its images, if they are at hand.
    root: Option<PathBuf>,
}

impl Set {
    fn new(list: Wider, min_size: f64) -> Self {
        Self { truth: Truth::from_list(&list, min_size), name: list.set, root: Some(list.root) }
    }
}

/// Runs.
pub(crate) fn run(args: &args::Wider) -> anyhow::Result<Outcome> {
    args.shown.probe()?;
    if args.list.wider.len() > 1 && (args.ground_truth.is_some() || args.results.is_some()) {
        return Err(Usage("--ground-truth and --results are of one --wider".into()).into());
    }
    let mut sets = match &args.ground_truth {
        Some(_) if args.list.split != "val" || args.list.list.is_some() => {
            return Err(Usage("--ground-truth is of the images of --split val".into()).into());
        }
        Some(folder) => {
            let root = args.list.wider.first().map(|folder| Wider::root(folder, "val"));
            vec![Set { name: None, truth: Truth::read(folder)?, root }]
        }
        None => args.list.read()?.into_iter().map(|list| Set::new(list, args.min_size)).collect(),
    };
    args.chosen.keep(&mut sets.iter_mut().map(|set| &mut set.truth.images).collect::<Vec<_>>(), |image| &image.name)?;
    let (found, missed, why) = match &args.results {
        Some(folder) => {
            let results = Results::read(folder, &sets[0].truth)?;
            warn_of_fractions(&results.boxes);
            (results.boxes, results.missing, "have no results")
        }
        None => {
            let images = || sets.iter().flat_map(|set| set.truth.images.iter().map(move |image| (set, &image.name)));
            let names: Vec<_> = images().map(|(set, name)| name_in(set.name.as_deref(), name)).collect();
            let file = |(set, name): (&Set, _)| set.root.as_ref().map(|root| root.join(name)).ok_or_else(List::missing);
            let files: Vec<_> = images().map(file).collect::<Result<_, _>>()?;
            let (found, missed) = boxes(&names, look_for_faces(&args.detector, &files)?);
            (found, missed, "could not be read")
        }
    };
    let (mut subsets, mut rest) = (Vec::new(), &found[..]);
    for Set { name: set, truth, .. } in &sets {
        let (own, others) = rest.split_at(truth.images.len());
        for (index, subset) in truth.subsets.iter().enumerate() {
            let name = set.as_ref().unwrap_or(subset).clone();
            subsets.push(Subset { name, curve: official_curve(truth, index, own) });
        }
        rest = others;
    }
    if let Some(all) = (sets.len() > 1).then(|| Truth::of_all(sets.into_iter().map(|set| set.truth))).flatten() {
        subsets.push(Subset { name: "all".into(), curve: official_curve(&all, 0, &found) });
    }
    let measured = Measured { images: found.len(), missed: &missed, subsets };

    let line = |Subset { name, curve }: &Subset| {
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
