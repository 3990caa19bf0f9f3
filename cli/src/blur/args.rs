//! The command line of `blur` as it is typed; its comments are the help.

use std::path::PathBuf;

use clap::ValueEnum;
use mtcnn_cpu::Part;

use crate::common::detection_args::{ENVIRONMENT, part};
use crate::common::hiding_args::Hiding;
use crate::common::image_args::Images;

/// Makes the faces in images unrecognisable.
///
/// What is already there is not made again, so that a run that was stopped goes on where it was.
#[derive(Debug, clap::Args)]
#[command(after_help = "`--help` shows more: the results and examples.", after_long_help = blur_help())]
pub(crate) struct Blur {
    #[command(flatten)]
    pub(crate) images: Images,

    /// The copy: a file for one image, a folder for many.
    ///
    /// The extension decides the format: png, jpg, webp, bmp, tif. In a folder the copies keep the names and sub-folders of
    /// their images; .png is added to names without such an extension, and a number where two would be the same.
    #[arg(short, long, value_name = "PATH", help_heading = "Results")]
    pub(crate) output: PathBuf,

    /// Make copies in a folder again that are there.
    #[arg(long, help_heading = "Results")]
    pub(crate) overwrite: bool,

    /// What a copy keeps of its image's metadata.
    #[arg(long, value_enum, value_name = "WHAT", default_value = "none", help_heading = "Results")]
    pub(crate) metadata: Kept,

    #[command(flatten)]
    pub(crate) hiding: Hiding,

    /// Leave the faces alone whose centre is in this part of each image: left, top, width and height in pixels. It may be
    /// given several times.
    #[arg(long, value_name = "X,Y,W,H", value_parser = part, help_heading = "Blur")]
    pub(crate) keep: Vec<Part>,
}

/// What is kept of metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kept {
    /// Nothing: EXIF has a small picture of its own, the place and the camera
    None,
    /// The colour profile (ICC)
    Icc,
    /// It and EXIF's short fields: no picture, no maker's notes, no comment
    All,
}

// Lines of at most 78 characters: they are not broken again on a narrow terminal.
const HELP: &str = r#"Results:
  A line of JSON for each image:
  {"image","copy","width","height","faces":[{"box":[x1,y1,x2,y2],"score",
   "landmarks":{...},"hidden":true}]}; of a face that --keep keeps "hidden" is
  false. A copy is always written anew, as it is seen (upright), also of an image
  without faces; of an animation it has the first frame, of a TIFF the first page.
  The folder of copies may lie in that of the images: it is not searched.

What a blur hides:
  A face that is not found is not hidden. Lower --thresholds and a smaller
  --min-face find more. A blur or a mosaic keeps how a face looks from afar, and
  can be undone in part by those who know how it was made; --style solid --shape
  box leaves nothing.

Examples:
  mtcnn-cpu blur street.jpg -o safe.jpg
  mtcnn-cpu blur album/ -o safe/ --style solid --shape box
  mtcnn-cpu blur team.png -o guests.png --keep 120,80,200,220
  mtcnn-cpu blur album/ -o safe/ --thresholds 0.6,0.7,0.5 --grow 1.6

Exit status:
  0  all images were read, with or without faces
  1  some images could not be read, or copies not be written (the rest were)
  2  the command line is wrong
  130  Ctrl-C or SIGTERM: what was written is complete; a second ends at once"#;

fn blur_help() -> String {
    format!("{HELP}\n\n{ENVIRONMENT}")
}
