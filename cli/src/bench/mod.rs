//! `mtcnn-cpu bench`: how fast this machine finds the faces in one image, beside its own limit.

pub(crate) mod args;
mod comparison;
mod record;
mod report;
mod verify;

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use image::RgbImage;
use mtcnn_cpu::image::{Orientation, decode};
use mtcnn_cpu::quote::quoted;
use mtcnn_cpu::{Detector, Part};
use mtcnn_kernels::peak;

use crate::bench::args::Bench;
use crate::bench::comparison::Compared;
use crate::bench::record::{Records, Subject};
use crate::bench::report::{Measured, Report, ms};
use crate::bench::verify::verify;
use crate::common::detector::{detect, detection};
use crate::common::format::ReportFormat;
use crate::common::input::Input;
use crate::common::outcome::{Outcome, complain};

/// What is measured if nothing is named: it is at hand wherever the program is.
const BUILT_IN: (&str, &[u8]) = ("crowd.jpg (built in)", include_bytes!("crowd.jpg"));

/// An end for tiny images, before their times fill the memory.
const MOST_RUNS: usize = 1_000_000;

/// Runs.
pub(crate) fn run(args: &Bench) -> anyhow::Result<Outcome> {
    if let Some(folder) = &args.verify {
        return verify(args, folder);
    }
    let detector = detection(&args.detection, args.detection.threads.threads.into())?;
    let (name, image) = read(args)?;
    let before = args.compare.as_deref().map(Records::read).transpose()?;
    let records = args.record.as_deref().map(Records::read).transpose()?;
    let save = records.as_ref().map(Records::begin).transpose()?;

    let mut report = Report::new(name, &image, measure(&detector, &image, args.detection.roi, args.seconds)?);
    let subject = Subject::new(&args.detection, &image, &report.isa, report.threads);
    report.compared = before.as_ref().and_then(|before| before.compare(&subject, &report, args.tolerance));
    let format = args.format.unwrap_or_else(ReportFormat::of_stdout);
    format.show(&report, |out| write!(out, "{report}"))?;

    if let Some(warning) = report.compared.as_ref().and_then(Compared::warning) {
        complain(format_args!("warning: {warning}"));
    }
    if report.threads > 1 {
        let single = detection(&args.detection, 1)?;
        let measured = measure(&single, &image, args.detection.roi, args.seconds / 5)?;
        if let Some(note) = report.no_gain_over(&Report::new(String::new(), &image, measured)) {
            complain(note);
        }
    }
    let outcome = match (&before, &report.compared) {
        (Some(before), None) => {
            complain(format_args!("{}: no record of the same to compare with: {subject}", before.path().display()));
            // The first of its kind is no fault when it is being recorded.
            if args.record.is_some() { Outcome::Done } else { Outcome::Worse }
        }
        (_, Some(compared)) if compared.worse => {
            complain(format_args!("slower than on {} by more than {}", compared.date, compared.tolerance));
            Outcome::Worse
        }
        _ => Outcome::Done,
    };
    if let (Some(records), Some(save)) = (records, save) {
        records.append(save, &subject, args.note.as_deref(), report)?;
    }
    Ok(outcome)
}

fn read(args: &Bench) -> anyhow::Result<(String, RgbImage)> {
    let Some(path) = &args.image else { return Ok((BUILT_IN.0.to_owned(), decode(BUILT_IN.1)?)) };
    let input = Input::one(path);
    // A line break in a name would break the table.
    let name = quoted(&input.name).to_string();
    match input.decode(&args.detection.decoding.options(Orientation::Upright)) {
        Ok(image) => Ok((name, image)),
        Err(reason) => Err(anyhow!("{name}: {reason}")),
    }
}

fn measure(detector: &Detector, image: &RgbImage, roi: Option<Part>, time: Duration) -> anyhow::Result<Measured> {
    // The clock of a core rises, and buffers grow, before anything counts.
    let aside = time / 10;
    let before = peak::gflops(detector.isa(), aside);
    let begin = Instant::now();
    loop {
        black_box(detect(detector, image.into(), roi)?);
        if begin.elapsed() >= aside {
            break;
        }
    }

    let (begin, mut runs) = (Instant::now(), Vec::new());
    loop {
        let (faces, timing) = black_box(detect(detector, image.into(), roi)?);
        runs.push(ms(&timing));
        let elapsed = begin.elapsed();
        if elapsed >= time || runs.len() >= MOST_RUNS {
            let peak = before.max(peak::gflops(detector.isa(), aside));
            return Ok(Measured { faces: faces.len(), timing, ms: runs, seconds: elapsed.as_secs_f64(), peak });
        }
    }
}
