//! The command line of `detect` as it is typed; its comments are the help.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::common::detection_args::ENVIRONMENT;
use crate::common::image_args::Images;

/// Finds the faces in images.
///
/// Reads JPEG, PNG, WebP, BMP, TIFF, GIF (the first frame) and PNM, known by their content, turned
/// upright by their EXIF orientation (see --orientation). Results come in the order of the inputs, best score first.
#[derive(Debug, clap::Args)]
#[command(after_help = "`--help` shows more: the formats and examples.", after_long_help = detect_help())]
pub(crate) struct Detect {
    #[command(flatten)]
    pub(crate) images: Images,

    /// The form of the results [default: table on a terminal, jsonl otherwise].
    #[arg(short, long, value_enum, value_name = "FORMAT", help_heading = "Results")]
    pub(crate) format: Option<Format>,

    /// Write the results to a file instead of stdout; with --format wider to a folder.
    ///
    /// A file of --format jsonl, the usual one, grows by a line an image. If it is there already, it is gone on with: images
    /// that have their line in it are not done again, others are added, and those that could not be read are tried again.
    /// Files of other formats are replaced, and appear under their name when they are complete.
    #[arg(short, long, value_name = "FILE", help_heading = "Results")]
    pub(crate) output: Option<PathBuf>,

    /// Replace a file of --format jsonl instead of going on with it: what was found with other options does not stay.
    #[arg(long, requires = "output", help_heading = "Results")]
    pub(crate) overwrite: bool,

    /// Draw boxes, scores and landmarks on a copy: a file for one image, a folder for many.
    ///
    /// The extension decides the format: png, jpg, webp, bmp, tif. In a folder the copies keep the names
    /// and sub-folders of their images; .png is added to names without such an extension, and a
    /// number where two would be the same.
    #[arg(short, long, value_name = "PATH", help_heading = "Results")]
    pub(crate) draw: Option<PathBuf>,

    /// Begin cells of --format csv that a spreadsheet would take for a formula (= + - @ and tab) with an apostrophe.
    ///
    /// Anybody may have named the images, and a formula can send what is in the table elsewhere.
    #[arg(long, help_heading = "Results")]
    pub(crate) csv_safe: bool,

    /// Print where the time went on stderr, one line per stage.
    #[arg(long, help_heading = "Results")]
    pub(crate) timing: bool,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: one line per face
    Table,
    /// One array of all images
    Json,
    /// One JSON object per line and image, as soon as it is done
    Jsonl,
    /// One row per face
    Csv,
    /// As WIDER FACE is evaluated: a text file for each image in the folder OUTPUT
    Wider,
    /// As FDDB is evaluated: one text file
    Fddb,
}

// Lines of at most 78 characters: they are not broken again on a narrow terminal.
const DETECT_HELP: &str = r#"Formats:
  jsonl   One line per image (broken here):
          {"image":"a.jpg","width":640,"height":480,"faces":[
           {"box":[x1,y1,x2,y2],"score":0.99,"landmarks":{"left_eye":[x,y],
            "right_eye":[x,y],"nose":[x,y],"mouth_left":[x,y],"mouth_right":[x,y]}}]}
          An image that can't be read: {"image":"a.jpg","error":"the reason"}
          Where the name is not UTF-8 there is "raw", its bytes in hexadecimal.
          A model of one's own may have other points: "landmarks" has them by
          their names, and is not there without any; so have columns of csv.
  json    An array of the same objects.
  csv     One row per face; "face" counts from 1 in each image. An image
          without faces has one row, with face 0; one that can't be read has a
          row with only its name and the error.
  table   One line per face, without landmarks. An image without faces has
          the line "no faces"; one that can't be read "not read", and stderr
          says why.
  wider   A folder in the layout of WIDER FACE: for 0--Parade/a.jpg in a folder of
          images OUTPUT/0--Parade/a.txt, with the image's name, the number of
          faces, and a line "x y width height score" for each.
  fddb    The same lines for all images in one file, with names as FDDB has
          them, without extension. `eval --help` says more about both.
  Coordinates are pixels of the upright image; left is the image's left.

Examples:
  mtcnn-cpu detect photo.jpg                             a table of faces
  mtcnn-cpu detect photo.jpg --draw faces.png            and an image of them
  mtcnn-cpu detect album/ --draw drawn/ -o faces.jsonl   a whole folder
  mtcnn-cpu detect a.jpg b.png --format csv > faces.csv
  curl -s https://example.org/a.jpg | mtcnn-cpu detect -
  mtcnn-cpu detect crowd.jpg --min-face 40 --timing      faster, with times
  mtcnn-cpu detect WIDER_val/images --format wider -o results/
  find . -name '*.jpg' -print0 | mtcnn-cpu detect --files-from - -o faces.jsonl
  seq 0 7 | parallel mtcnn-cpu detect album/ --shard {}/8 -o {}.jsonl --threads 1

Exit status:
  0  all images were read, with or without faces
  1  some images could not be read or drawn (the rest were), or a required file
     could not be read or written
  2  the command line is wrong
  130  stopped by a signal: the results of the images before are complete

Files, but for those of JSON lines, are written under a temporary name
(.mtcnn-cpu-...tmp) beside the final one and renamed when complete. Ctrl-C,
SIGTERM and SIGHUP keep the images that are done; a second one ends the program
at once. If the program is killed, such a file may remain until the next run
that writes there, but never half a result; the last of JSON lines may be half
written, and the next run mends it. Of two runs that write one FILE at one
time the second is an error; runs that share a folder each write whole files,
and the last to write a file wins. A signal that is ignored at the start, as
SIGHUP is with nohup, stays so (on Linux)."#;

fn detect_help() -> String {
    format!("{DETECT_HELP}\n\n{ENVIRONMENT}")
}
