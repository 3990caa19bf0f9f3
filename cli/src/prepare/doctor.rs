//! `mtcnn-cpu prepare doctor`: what is wrong with lists, images and sets, before hours are spent.

use std::io::{self, Write};

use mtcnn_cpu::Stage;
use mtcnn_cpu::data::doctor::{
    Bar, BoxShape, Histogram, SetReport, SourceReport, TOO_SMALL, check_set, check_sources, unlike,
};
use mtcnn_cpu::data::{Class, DataSet};
use mtcnn_cpu::quote::quoted;
use serde::Serialize;

use crate::common::detector::pool;
use crate::common::outcome::{Outcome, Usage};
use crate::common::progress::{advance, progress_bar};
use crate::prepare::args::Doctor;
use crate::prepare::options::{Options, sources};

/// Findings of one kind that text shows; JSON has all.
const MOST_SHOWN: usize = 5;

#[derive(Serialize)]
struct Report {
    sources: Vec<SourceReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<SetReport>,
}

/// Runs.
pub(crate) fn run(args: &Doctor) -> anyhow::Result<Outcome> {
    let has_sources = !args.sources.wider.is_empty() || args.sources.landmarks.is_some();
    if !has_sources && args.data.is_none() {
        return Err(Usage("--wider, --landmarks or --data is needed".into()).into());
    }
    let mut report = Report { sources: Vec::new(), set: None };
    if has_sources {
        let mut options = Options::of_recipe(&args.recipe, Stage::PNet)?;
        options.landmarks(&args.landmark_crops);
        options.random(&args.random);
        let (sources, pool) = (sources(&args.sources)?, pool(args.work.threads)?);
        let reading = args.decoding.reading(&args.work.memory);
        let bar = progress_bar("images");
        let advance = &mut |progress| advance(&bar, progress);
        report.sources = check_sources(&sources, Stage::PNet, &options.samples, &pool, &reading, advance);
        bar.finish_and_clear();
    }
    if let Some(folder) = &args.data {
        let set = DataSet::open(folder)?;
        let bar = progress_bar("samples");
        report.set = Some(check_set(&set, &mut |progress| advance(&bar, progress)));
        bar.finish_and_clear();
    }

    args.format.show(&report, |out| {
        report.sources.iter().try_for_each(|source| write_source(out, source))?;
        if let Some([flat, tall]) = unlike(report.sources.iter().flat_map(|source| &source.shapes)) {
            writeln!(
                out,
                "hint: boxes of two kinds: {:.2} times as high as wide in {}, {:.2} times in {}; a recipe's without_boxes = [\"{}\"] \
                 learns from one of them only that they are faces\n",
                flat.median, flat.folder, tall.median, tall.folder, flat.folder
            )?;
        }
        report.set.iter().try_for_each(|set| write_set(out, set))
    })?;
    let sound = report.sources.iter().all(|source| source.unreadable.is_empty())
        && report.set.iter().all(|set| set.damage.is_empty());
    Ok(if sound { Outcome::Done } else { Outcome::Partly })
}

fn write_source(out: &mut dyn Write, report: &SourceReport) -> io::Result<()> {
    writeln!(out, "{}: {}", report.kind, report.list.display())?;
    writeln!(out, "  images       {:>9}", report.images)?;
    writeln!(out, "    unreadable   {:>9}", report.unreadable.len())?;
    writeln!(out, "    oriented     {:>9}", report.oriented)?;
    writeln!(out, "    without faces{:>9}", report.without_faces)?;
    writeln!(out, "  faces          {:>9}", report.faces)?;
    write_histogram(out, "their longer sides, pixels", &report.sizes)?;
    if !report.shapes.is_empty() {
        writeln!(out, "  heights over widths of their boxes, medians")?;
    }
    for BoxShape { folder, faces, median, .. } in &report.shapes {
        writeln!(out, "    {folder:13}{faces:>9} {median:.2}")?;
    }
    writeln!(out, "  samples of the first net")?;
    for (class, count) in Class::ALL.into_iter().zip(report.samples) {
        writeln!(out, "    {:13}{count:>9}", class.plural())?;
    }
    write_histogram(out, "their overlaps with a face", &report.overlaps)?;
    let unreadable = report.unreadable.iter().map(|it| format!("{}: {}", it.image.display(), it.reason));
    write_some(out, "unreadable images", report.unreadable.len(), unreadable)?;
    let mut kinds: Vec<&str> = report.findings.iter().map(|finding| finding.what).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let findings = || report.findings.iter().filter(|finding| finding.what == kind);
        let lines = findings().map(|finding| format!("line {}: {}", finding.line, finding.image));
        write_some(out, kind, findings().count(), lines)?;
    }
    if let Some(pixels) = smaller_face(report) {
        writeln!(
            out,
            "  hint: most faces with landmarks are too small to be used; --min-landmark-face {pixels} takes them"
        )?;
    }
    writeln!(out)
}

/// Where most faces with points are too small for samples, the side in pixels from which on at least nine of ten would be
/// used.
fn smaller_face(report: &SourceReport) -> Option<f64> {
    let too_small = report.findings.iter().filter(|finding| finding.what == TOO_SMALL).count();
    let (mut below, least) = (0, report.faces / 10);
    let mut enough = |bar: &&Bar| {
        below += bar.count;
        below > least
    };
    (2 * too_small > report.faces).then(|| report.sizes.bars().iter().find(&mut enough).map(|bar| bar.from.max(1.0)))?
}

fn write_set(out: &mut dyn Write, report: &SetReport) -> io::Result<()> {
    writeln!(out, "{}: samples of {}", report.set.display(), report.stage.name())?;
    for info in &report.classes {
        writeln!(out, "    {:13}{:>9} of {}", info.class.plural(), info.count, info.made)?;
    }
    writeln!(out, "  by folder      {}", Class::ALL.map(|class| format!("{:>9}", class.plural())).join(" "))?;
    for folder in &report.folders {
        writeln!(out, "    {:13}{}", folder.folder, folder.samples.map(|count| format!("{count:>9}")).join(" "))?;
    }
    write_histogram(out, "overlaps of positives and parts", &report.overlaps)?;
    if report.swapped > 0 {
        writeln!(out, "  {} landmarks with left and right swapped", report.swapped)?;
    }
    write_some(out, "damaged blocks", report.damage.len(), report.damage.iter().cloned())
}

fn write_histogram(out: &mut dyn Write, what: &str, histogram: &Histogram) -> io::Result<()> {
    const LONGEST: usize = 40;
    writeln!(out, "  {what}")?;
    let most = histogram.bars().iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    for bar in histogram.bars() {
        let range = bar.to.map_or(format!("{} and more", bar.from), |to| format!("{} to {to}", bar.from));
        let marks = "#".repeat((bar.count * LONGEST).div_ceil(most));
        writeln!(out, "{}", format!("    {range:13}{:>9} {marks}", bar.count).trim_end())?;
    }
    Ok(())
}

/// How many, and the first of them.
fn write_some(out: &mut dyn Write, what: &str, count: usize, lines: impl Iterator<Item = String>) -> io::Result<()> {
    if count == 0 {
        return Ok(());
    }
    writeln!(out, "  {what}: {count}")?;
    for line in lines.take(MOST_SHOWN) {
        writeln!(out, "    {}", quoted(&line))?;
    }
    if count > MOST_SHOWN { writeln!(out, "    …") } else { Ok(()) }
}
