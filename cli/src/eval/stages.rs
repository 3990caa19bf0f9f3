//! `mtcnn-cpu eval stages`: where the cascade loses faces, and how many boxes each stage has to look at.

use std::ops::ControlFlow;

use std::io::{self, Write};

use serde::Serialize;

use crate::common::detector::pool;
use crate::common::outcome::{Outcome, complain};
use crate::common::progress::{advance, progress_bar};
use crate::eval::args;
use crate::eval::measuring::{MOST_NAMED, name_in};
use mtcnn_cpu::data::Skipped;
use mtcnn_cpu::eval::{Evaluation, OVERLAPS, SizeClass, evaluate, size_classes};

/// What was measured.
#[derive(Serialize)]
struct Measured {
    #[serde(rename = "pictures")]
    images: usize,
    missed: Vec<String>,
    overlaps: [f64; 2],
    sizes: Vec<SizeClass>,
}

/// Runs.
pub(crate) fn run(args: &args::Stages) -> anyhow::Result<Outcome> {
    let mut lists = args.list.read()?;
    args.chosen.keep(&mut lists.iter_mut().map(|list| &mut list.images).collect::<Vec<_>>(), |image| &image.name)?;
    let detector = args.detector.build()?;
    let pool = pool(args.detector.threads.threads)?;
    let reading = args.detector.decoding.reading(&args.detector.memory);
    let bar = progress_bar("images");
    let (mut evaluations, mut missed) = (Vec::new(), Vec::new());
    for list in &lists {
        let evaluation = evaluate(&detector, list, args.min_size, &reading, &pool, &mut |progress| {
            advance(&bar, progress);
            ControlFlow::Continue(())
        })?;
        for Skipped { image, .. } in &evaluation.skipped {
            let name = image.strip_prefix(&list.root).unwrap_or(image).to_string_lossy();
            missed.push(name_in(list.set.as_deref(), &name));
        }
        evaluations.push(evaluation);
        bar.reset();
    }
    bar.finish_and_clear();
    let evaluation: Evaluation = evaluations.into_iter().collect();
    for skipped in evaluation.skipped.iter().take(MOST_NAMED) {
        complain(format_args!("{}: {}", skipped.image.display(), skipped.reason));
    }
    let measured = Measured {
        images: evaluation.images.len(),
        missed,
        overlaps: OVERLAPS,
        sizes: size_classes(&evaluation, args.min_size),
    };
    args.format.show(&measured, |out| table(out, &measured))?;
    if measured.missed.is_empty() {
        return Ok(Outcome::Done);
    }
    // No stage lost them.
    let (missed, total) = (measured.missed.len(), lists.iter().map(|list| list.images.len()).sum::<usize>());
    complain(format_args!("{missed} of {total} images could not be read: their faces are left out"));
    Ok(Outcome::Partly)
}

fn table(out: &mut dyn Write, measured: &Measured) -> io::Result<()> {
    let [low, high] = OVERLAPS.map(|overlap| format!("{overlap:.2}"));
    writeln!(out, "{} images; recall at an overlap of {low} and {high}, boxes in an image", measured.images)?;
    write!(out, "{:9}  {:>6}", "", "")?;
    for net in ["PNET", "RNET", "ONET"] {
        write!(out, "  | {net:24}")?;
    }
    write!(out, "\n{:9}  {:>6}", "SIZE", "FACES")?;
    for _ in 0..3 {
        write!(out, "  | {low:>6}  {high:>6}  {:>8}", "BOXES")?;
    }
    writeln!(out)?;
    for (i, class) in measured.sizes.iter().enumerate() {
        let size = match class.to {
            _ if i == 0 => "all".into(),
            Some(to) => format!("{} - {to}", class.from),
            None => format!("{} -", class.from),
        };
        write!(out, "{size:9}  {:>6}", class.faces)?;
        for pass in [class.pnet, class.rnet, class.onet] {
            let [low, high] = pass.recall.map(|part| part.map_or("-".into(), |part| format!("{part:.4}")));
            write!(out, "  | {low:>6}  {high:>6}  {:>8.1}", pass.boxes)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
