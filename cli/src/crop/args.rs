//! The command line of `crop` as it is typed; its comments are the help.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::common::detection_args::ENVIRONMENT;
use crate::common::image_args::Images;

/// Cuts the faces out of images: aligned by their points for recognition, or with a margin about their boxes.
///
/// What is already there is not made again, so that a run that was stopped goes on where it was.
#[derive(Debug, clap::Args)]
#[command(after_help = "`--help` shows more: the results and examples.", after_long_help = crop_help())]
pub(crate) struct Crop {
    #[command(flatten)]
    pub(crate) images: Images,

    /// The folder of the crops.
    ///
    /// They keep the sub-folders and names of their images: x.png for the best face of x.jpg, x_2.png for the second.
    #[arg(short, long, value_name = "DIR", help_heading = "Results")]
    pub(crate) output: PathBuf,

    /// The template that the five points are brought to, or none: then the box is cut out. A model without these five can't
    /// align.
    #[arg(long, value_enum, value_name = "TEMPLATE", default_value = "arcface", help_heading = "Crops")]
    pub(crate) align: Align,

    /// The side of the crops in pixels [default: 112 arcface, 512 ffhq; 160 by the facenet rules; else as they are cut].
    ///
    /// For arcface a multiple of 112 or of 128.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..=8192), help_heading = "Crops")]
    pub(crate) size: Option<u16>,

    /// How a box is cut out, with --align none.
    #[arg(long, value_enum, value_name = "RULE", default_value = "square", help_heading = "Crops")]
    pub(crate) rule: Rule,

    /// The margin about a box: in pixels by the facenet rules, else a part of its sides [default: 0 facenet-pytorch, 32
    /// facenet, 0.25 square, 0 box].
    #[arg(long, value_name = "MARGIN", value_parser = margin, help_heading = "Crops")]
    pub(crate) margin: Option<f64>,

    /// What becomes of a square or box that reaches beyond the image [default: black for square, clip for box].
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Crops")]
    pub(crate) beyond: Option<Beyond>,

    /// Leave out faces with a lower score, 0 to 1.
    #[arg(long, value_name = "SCORE", default_value_t = 0.0, value_parser = score, help_heading = "Crops")]
    pub(crate) min_score: f32,

    /// The format of the crops.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "png", help_heading = "Results")]
    pub(crate) format: Format,

    /// Draw all crops of this run, small, on one image, for a look at hundreds at once: the first 1000.
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub(crate) sheet: Option<PathBuf>,

    /// Write the boxes that were cut out as davidsandberg's align_dataset_mtcnn does: a line `crop x1 y1 x2 y2`, or the
    /// name alone of an image without faces. With --align none.
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub(crate) boxes: Option<PathBuf>,
}

/// Where the points go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Align {
    /// insightface's norm_crop, 112x112
    Arcface,
    /// 96 wide and 112 high
    Sphereface,
    /// That of GFPGAN and CodeFormer, 512x512
    Ffhq,
    /// Nowhere: the box is cut out by --rule
    None,
}

/// How a box is cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rule {
    /// extract_face of facenet-pytorch: a margin in pixels of the crop
    FacenetPytorch,
    /// davidsandberg's align_dataset_mtcnn: a margin in pixels of the image, 44 for 182, 32 for 160
    Facenet,
    /// A square about the centre of the box
    Square,
    /// The box
    Box,
}

/// What becomes of what is not in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Beyond {
    /// It is cut off
    Clip,
    /// It is black
    Black,
}

/// What crops are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Without loss
    Png,
    /// Smaller, with loss
    Jpg,
    /// Without loss, smaller
    Webp,
}

// Lines of at most 78 characters: they are not broken again on a narrow terminal.
const HELP: &str = r#"Results:
  A line of JSON for each crop:
  {"image","crop","box":[x1,y1,x2,y2],"score","landmarks":{...}} with
  "transform", the two rows of the matrix from image to crop, or "region", the
  pixels [x1,y1,x2,y2] that were cut out, the last two not in it. Where all points
  of a face are one it can't be aligned: it is cut out as a square, and stderr
  says so. An image whose first crop is in DIR is not looked at again.

Examples:
  mtcnn-cpu crop photos/ -o faces/                      112x112, for ArcFace
  mtcnn-cpu crop photos/ -o faces/ --largest --sheet faces.png
  mtcnn-cpu crop lfw/ -o lfw_160/ --align none --rule facenet --size 160 \
      --largest --boxes boxes.txt
  mtcnn-cpu crop photos/ -o faces/ --align none --margin 0.4 --format jpg

Exit status:
  0  all images were read, with or without faces
  1  some images could not be read, or crops not be written (the rest were)
  2  the command line is wrong
  130  Ctrl-C or SIGTERM: what was written is complete; a second ends at once"#;

fn crop_help() -> String {
    format!("{HELP}\n\n{ENVIRONMENT}")
}

fn margin(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(margin) if (0.0..=8192.0).contains(&margin) => Ok(margin),
        _ => Err("a number is needed, from 0 to 8192".into()),
    }
}

fn score(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(score) if (0.0..=1.0).contains(&score) => Ok(score),
        _ => Err("a number is needed, from 0 to 1".into()),
    }
}
