//! The command line of `explain` as it is typed; its comments are the help.

use std::path::PathBuf;

use crate::common::detection_args::{Search, Threads};
use crate::common::format::ReportFormat;
use crate::common::reading_args::Decoding;

/// Tells why a face is found or lost: at which scale, at which net, and with what scores.
///
/// The cascade runs as in `detect` with the same options, and is observed at one place: how PNet scores the squares that
/// overlap the box best, which boxes go on, which are suppressed by better ones, and how RNet and ONet score the
/// rest. If the face is lost, changes to --min-face and --thresholds are tried that might find it.
#[derive(Debug, clap::Args)]
#[command(after_help = "`--help` shows more: what the columns mean, the formats and examples.", after_long_help = EXPLAIN_HELP)]
pub(crate) struct Explain {
    /// An image, or - for an image on stdin.
    #[arg(value_name = "IMAGE")]
    pub(crate) image: PathBuf,

    /// The face: left, top, width and height in pixels. It may reach beyond the image.
    #[arg(long = "box", value_name = "X,Y,W,H", value_parser = place, allow_hyphen_values = true)]
    pub(crate) place: [f64; 4],

    /// The form of the results.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table", help_heading = "Results")]
    pub(crate) format: ReportFormat,

    /// Draw the boxes near the face, one view per net. The extension decides the format: png, jpg, webp, bmp, tif.
    #[arg(short, long, value_name = "FILE", help_heading = "Results")]
    pub(crate) draw: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) search: Search,

    #[command(flatten)]
    pub(crate) decoding: Decoding,

    #[command(flatten)]
    pub(crate) threads: Threads,
}

const EXPLAIN_HELP: &str = r#"What is shown:
  First the verdict. A face counts as found if its box overlaps the box asked for
  by half or more (intersection over union). A box is near if it overlaps it by
  0.3 or more; a face is lost at the last net that is given such a box.
  Then, for each scale of the pyramid, the squares that PNet looks at: their side
  in pixels of the image, the one that overlaps the box most and its score, how
  many are near, their best score, how many pass the threshold, and how many are
  left after suppression.
  Then the boxes near it that pass PNet, those that come furthest first: how each
  net scores them, how much they overlap the box at that net, and where they end:
  "score" is below the threshold; "overlaps" names the better box that suppresses
  them.

Formats:
  table   As above.
  json    One object: {"box":[x1,y1,x2,y2],"verdict","outcome":{"what",...},"hint",
          "thresholds",
          "levels":[{"scale","side","near","closest":CELL,"best":CELL,"passed",
           "kept","left"}],
          "candidates":[{"level","scale","pnet":CELL,"rnet":CELL,"onet":CELL,
           "face":CELL,"end":{"what",...}}]}
          with CELL {"box","overlap","score"}, or null; "kept" are left in their
          level. "what" of the outcome is found, beside, not-looked-for, score,
          suppressed or moved; of an end score, suppressed, outside or face.

Examples:
  mtcnn-cpu explain party.jpg --box 412,80,36,44
  mtcnn-cpu explain party.jpg --box 412,80,36,44 --draw why.png
  mtcnn-cpu explain party.jpg --box 412,80,36,44 --min-face 12 --format json

Exit status:
  0  explained, whether the face is found or lost
  1  the image or the model file could not be read, or the drawing not written
  2  the command line is wrong, or the box is not in the image"#;

fn place(text: &str) -> Result<[f64; 4], String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[x, y, width, height]) if [x, y].iter().all(|at| at.abs() <= 1e9) && within(width) && within(height) => {
            Ok([x, y, width, height])
        }
        _ => Err("four numbers are needed, left, top, width and height, such as 412,80,36,44".into()),
    }
}

/// Whether a box can have such a side.
fn within(side: f64) -> bool {
    side > 0.0 && side <= 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_four_numbers() {
        assert_eq!(place("-1, 2.5,30,40"), Ok([-1.0, 2.5, 30.0, 40.0]));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "1,2,0,4", "1,2,3,-4", "NaN,1,2,3", "1,2,inf,3", "a,b,c,d"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
