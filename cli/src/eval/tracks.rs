//! `mtcnn-cpu eval tracks`: how well faces were followed through a video.

use serde::Serialize;

use crate::common::outcome::{Outcome, Usage};
use crate::eval::args;
use mtcnn_cpu::eval::{MotFile, TrackScores, track_scores};
use mtcnn_cpu::quote::printable;

/// What was measured.
#[derive(Serialize)]
struct Measured {
    sequences: Vec<Sequence>,
    all: Sequence,
}

#[derive(Serialize)]
struct Sequence {
    name: String,
    frames: usize,
    truth: usize,
    found: usize,
    missed: usize,
    wrong: usize,
    switches: usize,
    mota: f64,
    motp: f64,
    idf1: f64,
}

impl Sequence {
    fn new(name: String, scores: &TrackScores) -> Self {
        let &TrackScores { frames, truth, found, switches, .. } = scores;
        let (missed, wrong) = (scores.missed(), scores.wrong());
        let (mota, motp, idf1) = (scores.mota(), scores.motp(), scores.idf1());
        Self { name, frames, truth, found, missed, wrong, switches, mota, motp, idf1 }
    }
}

/// Runs.
pub(crate) fn run(args: &args::Tracks) -> anyhow::Result<Outcome> {
    let [truths, results] = [args.truth.len(), args.results.len()];
    if truths != results {
        return Err(Usage(format!("--truth has {truths} files and --results {results}: there must be as many")).into());
    }
    let mut scores = Vec::new();
    for (truth, results) in args.truth.iter().zip(&args.results) {
        scores.push(track_scores(&MotFile::read(truth)?, &MotFile::read(results)?));
    }
    let names = args.results.iter().map(|file| file.to_string_lossy().into_owned());
    let sequences = names.zip(&scores).map(|(name, scores)| Sequence::new(name, scores)).collect();
    let all = Sequence::new("all".into(), &scores.iter().copied().sum());
    let measured = Measured { sequences, all };
    args.format.show(&measured, |out| {
        write!(
            out,
            "{:>6}  {:>6}  {:>6}  {:>6}  {:>6}  {:>8}",
            "FRAMES", "TRUTH", "FOUND", "MISSED", "WRONG", "SWITCHES"
        )?;
        writeln!(out, "  {:>7}  {:>6}  {:>6}  SEQUENCE", "MOTA", "MOTP", "IDF1")?;
        let all = (measured.sequences.len() > 1).then_some(&measured.all);
        for it in measured.sequences.iter().chain(all) {
            let Sequence { frames, truth, found, missed, wrong, switches, .. } = it;
            write!(out, "{frames:>6}  {truth:>6}  {found:>6}  {missed:>6}  {wrong:>6}  {switches:>8}")?;
            let name = printable(&it.name);
            writeln!(out, "  {:>7.4}  {:>6.4}  {:>6.4}  {name}", it.mota, it.motp, it.idf1)?;
        }
        Ok(())
    })?;
    Ok(Outcome::Done)
}
