//! The command line of `blur` as it is typed; its comments are the help.

use std::path::PathBuf;

use clap::ValueEnum;
use mtcnn_cpu::Part;

use crate::common::detection_args::{ENVIRONMENT, part};
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

/// How faces are hidden.
#[derive(Debug, clap::Args)]
pub(crate) struct Hiding {
    /// What becomes of a face.
    #[arg(long, value_enum, value_name = "STYLE", default_value = "gaussian", help_heading = "Blur")]
    pub(crate) style: Style,

    /// The outline of what is hidden.
    #[arg(long, value_enum, value_name = "SHAPE", default_value = "ellipse", help_heading = "Blur")]
    pub(crate) shape: Shape,

    /// By what the sides of a face's box are multiplied, about its centre, 0.5 to 10.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.3, value_parser = factor, help_heading = "Blur")]
    pub(crate) grow: f64,
}

/// What becomes of a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// Blurred: pleasant, but some of it can be won back
    Gaussian,
    /// Square cells of one colour: the same
    Mosaic,
    /// Black: nothing is left of it
    Solid,
}

/// The outline of what is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// The ellipse in the box
    Ellipse,
    /// The whole box
    Box,
}

/// What is kept of metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kept {
    /// Nothing: EXIF has a small picture of its own, the place and the camera
    None,
    /// The colour profile (ICC)
    Icc,
    /// It and EXIF, without its small picture and the maker's notes
    All,
}

// Lines of at most 78 characters: they are not broken again on a narrow terminal.
const HELP: &str = r#"Results:
  A line of JSON for each image:
  {"image","copy","width","height","faces":[{"box":[x1,y1,x2,y2],"score",
   "landmarks":{...},"hidden":true}]}; of a face that --keep keeps "hidden" is
  false. A copy is always written anew, as it is seen (upright), also of an image
  without faces; of an animation it has the first frame, of a TIFF the first page.

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
  130  Ctrl-C or SIGTERM: what was written is complete"#;

fn blur_help() -> String {
    format!("{HELP}\n\n{ENVIRONMENT}")
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if (0.5..=10.0).contains(&factor) => Ok(factor),
        _ => Err("a number is needed, from 0.5 to 10".into()),
    }
}

impl From<&Hiding> for mtcnn_cpu::image::blur::Blur {
    fn from(typed: &Hiding) -> Self {
        use mtcnn_cpu::image::blur::{BlurShape, BlurStyle};
        Self {
            style: match typed.style {
                Style::Gaussian => BlurStyle::Gaussian,
                Style::Mosaic => BlurStyle::Mosaic,
                Style::Solid => BlurStyle::Solid([0; 4]),
            },
            shape: match typed.shape {
                Shape::Ellipse => BlurShape::Ellipse,
                Shape::Box => BlurShape::Box,
            },
            grow: typed.grow,
        }
    }
}
