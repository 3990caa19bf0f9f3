//! `mtcnn-cpu explain`: why a face of an image is found or lost.

pub(crate) mod args;

use std::io::{self, Write};
use std::slice;

use anyhow::anyhow;
use image::RgbImage;
use mtcnn_cpu::eval::{CandidatePath, Cell, Explanation, LevelView, PathEnd, PlaceOutcome, explain, hint};
use mtcnn_cpu::image::Orientation;
use mtcnn_cpu::image::panels::{Colour, Mark, Panel, draw_panels};
use mtcnn_cpu::quote::quoted;
use mtcnn_cpu::{ImageView, PixelBox, Thresholds};

use crate::common::copies::Copies;
use crate::common::detector::{builder, pool};
use crate::common::input::{Input, refuse_to_overwrite};
use crate::common::outcome::{Outcome, Usage};
use crate::explain::args::Explain;

/// Boxes that the table shows; JSON has all.
const MOST_SHOWN: usize = 16;
/// Boxes that a panel of the image shows: more can't be told apart.
const MOST_DRAWN: usize = 6;

/// Runs.
pub(crate) fn run(args: &Explain) -> anyhow::Result<Outcome> {
    let input = Input::one(&args.image);
    let drawing = args.draw.as_deref().map(|path| {
        let drawing = Copies::plan("--draw", path, !args.image.is_dir(), slice::from_ref(&input))?;
        refuse_to_overwrite(input.file_path(), drawing.paths())?;
        Ok::<_, Usage>(drawing)
    });
    let drawing = drawing.transpose()?;
    drawing.iter().try_for_each(Copies::probe)?;
    let builder = builder(&args.search)?.threads(0);
    let (detector, pool) = (builder.clone().build()?, pool(args.threads.threads)?);

    // A line break in a name would break the table.
    let name = quoted(&input.name).to_string();
    let decode = args.decoding.options(Orientation::Upright);
    let image = input.decode(&decode).map_err(|reason| anyhow!("{name}: {reason}"))?;
    let [x, y, width, height] = args.place;
    let (columns, rows) = image.dimensions();
    if x >= f64::from(columns) || y >= f64::from(rows) || x + width <= 0.0 || y + height <= 0.0 {
        let place = format!("--box {x},{y},{width},{height}");
        return Err(Usage(format!("{place} is not in the image {name}, which has {columns}x{rows} pixels")).into());
    }
    let (place, view) = ([x, y, x + width, y + height], ImageView::from(&image));
    let explanation = pool.install(|| -> Result<_, mtcnn_cpu::Error> {
        let mut explanation = explain(&detector, &view, PixelBox(place));
        if !matches!(explanation.outcome, PlaceOutcome::Found { .. }) {
            let build = |least, thresholds: Thresholds| builder.clone().min_face(least).thresholds(thresholds).build();
            explanation.hint = hint(&explanation, &view, args.search.min_face.pixels(&view), build)?;
        }
        Ok(explanation)
    })?;
    if let Some(drawing) = drawing {
        drawing.write(0, &drawn(&image, &explanation))?;
    }
    args.format.show(&explanation, |out| table(out, &name, &explanation))?;
    Ok(Outcome::Done)
}

fn table(out: &mut dyn Write, name: &str, explanation: &Explanation) -> io::Result<()> {
    let Explanation { r#box: PixelBox([x1, y1, x2, y2]), verdict, hint, thresholds, levels, candidates, .. } =
        explanation;
    writeln!(out, "{name}, box {x1},{y1},{},{}: {verdict}", x2 - x1, y2 - y1)?;
    if let Some(hint) = hint {
        writeln!(out, "{hint}")?;
    } else if !verdict.starts_with("found") {
        writeln!(out, "neither a smaller --min-face nor lower --thresholds find it")?;
    }
    let [pnet, rnet, onet] = thresholds;
    writeln!(out, "\nSquares that PNet looks at, from {pnet}:")?;
    writeln!(
        out,
        "{:>6}  {:>6}  {:>12}  {:>12}  {:>6}  {:>6}  {:>6}  {:>6}",
        "SCALE", "SIDE", "MOST OVERLAP", "AND ITS SCORE", "NEAR", "BEST", "PASSED", "LEFT"
    )?;
    for LevelView { scale, side, near, closest, best, passed, left, .. } in levels {
        let closest = closest.map_or(("-".into(), "-".into()), |it| (number(it.overlap, 2), number(it.score, 3)));
        let best = best.map_or("-".into(), |best| number(best.score, 3));
        let (overlap, score) = closest;
        writeln!(
            out,
            "{scale:>6.3}  {side:>6.1}  {overlap:>12}  {score:>13}  {near:>6}  {best:>6}  {passed:>6}  {left:>6}"
        )?;
    }
    if candidates.is_empty() {
        return writeln!(out, "\nNo box near it passes PNet.");
    }
    writeln!(
        out,
        "\nBoxes near it that pass PNet, their scores and overlaps with it; RNet from {rnet}, ONet from {onet}:"
    )?;
    writeln!(
        out,
        "{:>6}  | {:>6} {:>7}  | {:>6} {:>7}  | {:>6} {:>7}  | {:>7}  END",
        "SCALE", "PNET", "OVERLAP", "RNET", "OVERLAP", "ONET", "OVERLAP", "FACE"
    )?;
    for track in candidates.iter().take(MOST_SHOWN) {
        let shown = |cell: Option<Cell>| {
            cell.map_or(("-".into(), "-".into()), |cell| (number(cell.score, 3), number(cell.overlap, 2)))
        };
        write!(out, "{:>6.3}", track.scale)?;
        for cell in [Some(track.pnet), track.rnet, track.onet] {
            let (score, overlap) = shown(cell);
            write!(out, "  | {score:>6} {overlap:>7}")?;
        }
        writeln!(out, "  | {:>7}  {}", shown(track.face).1, end(track, levels))?;
    }
    match candidates.len().saturating_sub(MOST_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "… and {more} more: --format json has all"),
    }
}

fn number(value: impl Into<f64>, digits: usize) -> String {
    format!("{:.digits$}", value.into())
}

/// Where the way of a box ends, in a few words.
fn end(track: &CandidatePath, levels: &[LevelView]) -> String {
    match track.end {
        PathEnd::Score { stage } => format!("{}: score", stage.title()),
        PathEnd::Outside { stage } => format!("{}: outside of the image", stage.title()),
        PathEnd::Face => "face".into(),
        PathEnd::Suppressed { stage, in_level, by: PixelBox([x1, y1, x2, y2]), score, by_level } => {
            let at = if in_level { "same scale".into() } else { format!("scale {:.3}", levels[by_level].scale) };
            let (width, height) = (x2 - x1, y2 - y1);
            format!("{}: overlaps {x1:.0},{y1:.0},{width:.0},{height:.0} with {score:.3}, {at}", stage.title())
        }
    }
}

/// What each net looks at near the place, side by side.
fn drawn(image: &RgbImage, explanation: &Explanation) -> RgbImage {
    let Explanation { r#box: place, verdict, hint, thresholds, levels, candidates, .. } = explanation;
    let asked = Mark { corners: place.0, colour: Colour::Asked, label: None };
    let colour = |passes| if passes { Colour::Passed } else { Colour::Lost };
    let mark = |cell: Cell, passes: bool| {
        let label = Some(format!("{:.2}", cell.score));
        (cell.score, Mark { corners: cell.r#box.0, colour: colour(passes), label })
    };
    let squares = levels.iter().filter_map(|level| level.best.or(level.closest.filter(|it| it.overlap >= 0.1)));
    let pnet: Vec<_> = squares.map(|cell| mark(cell, cell.score >= thresholds[0])).collect();
    let rnet = candidates.iter().filter_map(|track| Some(mark(track.rnet?, track.onet.is_some()))).collect();
    let onet = |track: &CandidatePath| Some(mark(track.face.or(track.onet)?, track.face.is_some()));
    let onet = candidates.iter().filter_map(onet).collect();
    let names =
        ["PNet: the best square of each scale", "RNet: boxes given to it", "ONet: boxes given to it, and faces"];
    let panel = |(title, mut marks): (&str, Vec<(f32, Mark)>)| {
        marks.sort_by(|a, b| b.0.total_cmp(&a.0));
        marks.truncate(if title.starts_with("PNet") { usize::MAX } else { MOST_DRAWN });
        // The best last, so that it is on top.
        let marks = marks.into_iter().rev().map(|(_, mark)| mark);
        Panel { title: title.into(), marks: [asked.clone()].into_iter().chain(marks).collect() }
    };
    let panels: Vec<_> = names.into_iter().zip([pnet, rnet, onet]).map(panel).collect();
    let legend = "Yellow: the box asked for. Green: passes. Red: does not. Numbers are scores.";
    let lines: Vec<_> = [Some(verdict.as_str()), hint.as_deref(), Some(legend)].into_iter().flatten().collect();
    draw_panels(image, place.0, &panels, &lines)
}
