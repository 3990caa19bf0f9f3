//! The command line of `bench` as it is typed; its comments are the help.

use std::path::PathBuf;
use std::time::Duration;

use crate::common::detection_args::{Detection, ENVIRONMENT};
use crate::common::format::ReportFormat;

/// Measures how fast this machine finds the faces in an image, and where the time goes.
///
/// The image is read once and its faces are detected again and again, with the options of `detect`. The
/// machine's own limit is measured beside it: the multiply-adds per second that a core can do at most.
#[derive(Debug, clap::Args)]
#[command(after_help = "`--help` shows more: what is measured, the formats and examples.", after_long_help = bench_help())]
pub(crate) struct Bench {
    /// An image, or - for an image on stdin [default: a built-in image with 51 faces].
    #[arg(value_name = "IMAGE")]
    pub(crate) image: Option<PathBuf>,

    /// The form of the results [default: table on a terminal, json otherwise].
    #[arg(short, long, value_enum, value_name = "FORMAT", help_heading = "Results")]
    pub(crate) format: Option<ReportFormat>,

    /// How long to measure; at least one detection is done.
    ///
    /// Warming up and measuring the machine's limit take another third.
    #[arg(short, long, value_name = "SECONDS", default_value = "3", value_parser = seconds, allow_negative_numbers = true, help_heading = "Results")]
    pub(crate) seconds: Duration,

    /// Add the result to the records in a folder: a file for each CPU, a line for each run.
    #[arg(long, value_name = "FOLDER", help_heading = "Records")]
    pub(crate) record: Option<PathBuf>,

    /// Compare with the folder's last record of the same CPU, instruction set, threads, image and options.
    ///
    /// Times are compared relative to the machine's limit, since its clock and its neighbours change
    /// both. The exit status is 1 if a stage has become slower than --tolerance allows, or if there is no such
    /// record; with --record this run is then the first.
    #[arg(long, value_name = "FOLDER", help_heading = "Records")]
    pub(crate) compare: Option<PathBuf>,

    /// How much slower a stage may be, as a fraction: 0.1 is a tenth.
    ///
    /// A stage is slower if its median and its minimum both are. Stages of less than a tenth of the total
    /// are shown but not judged.
    #[arg(long, value_name = "PART", default_value = "0.1", requires = "compare", value_parser = tolerance, allow_negative_numbers = true, help_heading = "Records")]
    pub(crate) tolerance: f64,

    /// A note to keep with the record, such as the commit.
    #[arg(long, value_name = "TEXT", requires = "record", help_heading = "Records")]
    pub(crate) note: Option<String>,

    /// Find the faces of every image of a folder with and without screening, as every profile does, and compare them.
    ///
    /// Nothing is measured. Shown are PNet's cells, how many of them were looked at again in f32, how many that pass were
    /// lost, images whose faces differ in a bit or more, and how far a cell that passed was from being rejected, at least,
    /// as a difference of logits. The exit status is 1 if a cell was lost or a face differs.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["image", "record", "compare", "roi"], help_heading = "Screening")]
    pub(crate) verify: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) detection: Detection,
}

const BENCH_HELP: &str = r#"What is measured:
  total    from call to return: decoded image in, faces out
  pyramid  resizing the image to every level, and normalising
  pnet     the first net, on every level; in: cells, out: boxes
  crops    cutting out and resizing the boxes, for both later nets
  rnet     the second net, one crop per box
  onet     the third net, one crop per box; out: faces
  nms      dropping boxes that overlap better ones, after each net; one thread
  From pyramid to onet the ms are per thread: the working time of all threads,
  divided by their number. Waiting for one another is in the total alone.
  GFLOP/s count useful floating-point operations (two per multiply-add, without
  padding) of one working thread, at the median ms. The peak is what one core
  reaches in multiply-adds alone, the better of two measurements, before and
  after. A net may exceed it: Winograd convolution needs fewer operations, and
  what low precision rejects (screening) counts as if f32 had computed it.
  The spread is the range of the middle half of the detections, as a fraction of
  their median. Images and megapixels per second are those of the median total.

Formats:
  table   One line per stage and one per level.
  json    One object:
          {"picture","width","height","faces","runs","seconds",
           "pictures_per_second","megapixels_per_second",
           "ms":{"total":{"median","min","spread"},"pyramid","pnet","crops","rnet",
            "onet","nms"},
           "peak_gflops","pnet_of_peak","rnet_of_peak","onet_of_peak",
           "gflops":{"pnet":{"median","best"},"rnet","onet"},
           "levels":[{"scale","width","height","candidates","kept"}],
           "candidates":{"pnet":{"in","out"},"rnet","onet"},
           "recomputed":{"pnet","rnet"},
           "isa","threads","version"}
          Rates are null for a net that had nothing to do. Recomputed are the cells
          and crops that screening left to f32, null without it. With --compare:
           "compared":{"date","note","tolerance","runs","worse",
            "slower":[{"stage","median","min","spread","worse"}]}
          where 0.1 is a tenth slower.
  A record is the same object with "date" (UTC), "cpu", "note", "options" and
  "pixels", a checksum of the image; the file is named after the CPU.

Examples:
  mtcnn-cpu bench                              this machine, all its threads
  mtcnn-cpu bench photo.jpg --threads 1        one of your images, one thread
  mtcnn-cpu bench photo.jpg --min-face 40      only larger faces
  MTCNN_CPU_ISA=avx2 mtcnn-cpu bench           another instruction set
  mtcnn-cpu bench --verify photos/             does screening change a face?
  mtcnn-cpu bench --record runs/ --note "$(git rev-parse --short HEAD)"
                                               keep the result
  mtcnn-cpu bench --compare runs/              slower than last time?

Exit status:
  0  measured
  1  the image, the model file or a record could not be read or written; with
     --compare, something is slower, or there is nothing to compare with; with
     --verify, a face differs
  2  the command line is wrong"#;

fn bench_help() -> String {
    format!("{BENCH_HELP}\n\n{ENVIRONMENT}")
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a number of seconds is needed, more than 0 and at most 3600".into()),
    }
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(part) if (0.0..=100.0).contains(&part) => Ok(part),
        _ => Err("a part is needed, such as 0.1 for a tenth, at least 0 and at most 100".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_more_than_none_and_an_end_is_in_sight() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for wrong in ["", "0", "-1", "1e-99999", "3601", "inf", "NaN", "ten"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
