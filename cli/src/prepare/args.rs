//! The command line of `prepare` as it is typed; its comments are the help.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::TypedValueParser;
use mtcnn_cpu::data::{BoxesOf, Split};

use crate::common::choice::one_of;
use crate::common::format::ReportFormat;
use crate::common::number::{number, numbers};
use crate::common::reading_args::Decoding;
use crate::common::split_arg::splits;
use crate::common::work_args::Work;

/// Prepares data sets of samples for training.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true, after_long_help = HELP)]
pub(crate) struct Prepare {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    Pnet(Pnet),
    Rnet(Rnet),
    Onet(Onet),
    #[command(visible_alias = "check")]
    Doctor(Doctor),
}

/// Samples of 12 pixels for the first net: crops at random places, and crops of faces with landmarks.
#[derive(Debug, clap::Args)]
pub(crate) struct Pnet {
    #[command(flatten)]
    pub(crate) set: Set,

    #[command(flatten)]
    pub(crate) random: Random,
}

/// Samples of 24 pixels for the second net: crops where the first net detected something, and crops of faces with
/// landmarks.
#[derive(Debug, clap::Args)]
pub(crate) struct Rnet {
    #[command(flatten)]
    pub(crate) set: Set,

    #[command(flatten)]
    pub(crate) mining: Mining,

    #[command(flatten)]
    pub(crate) random: Random,
}

/// Samples of 48 pixels for the third net: crops where the first two nets detected something, and crops of
/// faces with landmarks.
#[derive(Debug, clap::Args)]
pub(crate) struct Onet {
    #[command(flatten)]
    pub(crate) set: Set,

    /// The net whose boxes become samples [default: rnet, or the recipe's].
    ///
    /// A second net that rejects nearly everything leaves the third without negatives to learn from; the
    /// first net gives many boxes.
    #[arg(long, value_parser = nets(), value_name = "NET", help_heading = "Mining")]
    pub(crate) boxes_of: Option<BoxesOf>,

    #[command(flatten)]
    pub(crate) mining: Mining,

    #[command(flatten)]
    pub(crate) random: Random,
}

/// Sources and result.
#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) sources: Sources,

    /// The folder of the data set. It appears under its name when it is complete.
    ///
    /// Nothing that is there already is overwritten. While the set is made it is beside it, in OUT.partial;
    /// after a crash or a kill the next run removes that and begins anew.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) out: PathBuf,

    /// Treat an image that can't be read as an error. Otherwise it is named and left out.
    #[arg(long)]
    pub(crate) strict: bool,

    /// The form of the results.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: ReportFormat,

    /// The recipe, of whose net the `samples` and `mining` are taken: `mtcnn-caffe`, `quick` or a TOML file. The options
    /// below go before it.
    #[arg(long, value_name = "RECIPE", default_value = "mtcnn-caffe", help_heading = "Samples")]
    pub(crate) recipe: PathBuf,

    /// The seed of every random choice. The same gives the same bytes, on any number of threads [default: 0, or the
    /// recipe's].
    #[arg(long, value_name = "N", help_heading = "Samples")]
    pub(crate) seed: Option<u64>,

    /// The most negatives, or `all` [default: 1000000, 600000, 300000 for the three nets, or
    /// the recipe's].
    #[arg(long, value_name = "N", value_parser = cap, help_heading = "Samples")]
    pub(crate) max_negatives: Option<Cap>,

    /// The most positives, or `all` [default: all, or the recipe's].
    #[arg(long, value_name = "N", value_parser = cap, help_heading = "Samples")]
    pub(crate) max_positives: Option<Cap>,

    /// The most parts of faces, or `all` [default: 1000000, 500000, all for the three nets, or
    /// the recipe's].
    #[arg(long, value_name = "N", value_parser = cap, help_heading = "Samples")]
    pub(crate) max_parts: Option<Cap>,

    /// The most landmarks, or `all` [default: all, or the recipe's].
    #[arg(long, value_name = "N", value_parser = cap, help_heading = "Samples")]
    pub(crate) max_landmarks: Option<Cap>,

    #[command(flatten)]
    pub(crate) landmarks: Landmarks,

    #[command(flatten)]
    pub(crate) decoding: Decoding,

    #[command(flatten)]
    pub(crate) work: Work,
}

/// Where images come from.
#[derive(Debug, clap::Args)]
pub(crate) struct Sources {
    /// The folder of WIDER FACE, which contains WIDER_train and wider_face_split. More than one may be given, or of one's own in
    /// its layout.
    #[arg(long, value_name = "DIR")]
    pub(crate) wider: Vec<PathBuf>,

    /// The folder of CNN_FacePoint, which contains trainImageList.txt, itself or in `train`; or of another list of that form,
    /// or of train.csv and val.csv with the header image,x1,y1,x2,y2,NAME_x,NAME_y,… The recipe's `points` is how many points
    /// of a face they have.
    #[arg(long, value_name = "DIR")]
    pub(crate) landmarks: Option<PathBuf>,

    /// Which part of them: wider_face_train… and trainImageList, or wider_face_val… and testImageList.
    #[arg(long, value_parser = splits(), value_name = "SPLIT", default_value = "train")]
    pub(crate) split: Split,
}

/// Crops of faces with landmarks.
#[derive(Debug, clap::Args)]
pub(crate) struct Landmarks {
    /// The longer side in pixels of the smallest face with landmarks to use [default: 40, or the recipe's].
    #[arg(long, value_name = "PIXELS", value_parser = number::<f64>("samples.landmarks.min_face"), allow_negative_numbers = true, help_heading = "Landmarks")]
    pub(crate) min_landmark_face: Option<f64>,

    /// Tries for crops about such a face, beside its own box [default: 10, or the recipe's].
    #[arg(long, value_name = "N", value_parser = number::<u32>("samples.landmarks.tries"), allow_negative_numbers = true, help_heading = "Landmarks")]
    pub(crate) landmark_tries: Option<u32>,

    /// Degrees by which some of them are turned, to either side; 0 turns none [default: 5, or the recipe's].
    #[arg(long, value_name = "DEGREES", value_parser = number::<f64>("samples.landmarks.degrees"), allow_negative_numbers = true, help_heading = "Landmarks")]
    pub(crate) turn: Option<f64>,

    /// Mirror none of them, whatever the recipe says.
    #[arg(long, help_heading = "Landmarks")]
    pub(crate) no_mirror: bool,
}

/// Crops at random places.
#[derive(Debug, clap::Args)]
pub(crate) struct Random {
    /// Negatives per image, anywhere in it [default: 50, or the recipe's].
    #[arg(long, value_name = "N", value_parser = number::<u32>("samples.random.negatives"), allow_negative_numbers = true, help_heading = "Random crops")]
    pub(crate) random_negatives: Option<u32>,

    /// Tries for negatives that touch a face, for each face [default: 5, or the recipe's].
    #[arg(long, value_name = "N", value_parser = number::<u32>("samples.random.near"), allow_negative_numbers = true, help_heading = "Random crops")]
    pub(crate) near_negatives: Option<u32>,

    /// Tries for positives and parts, for each face [default: 20, or the recipe's].
    #[arg(long, value_name = "N", value_parser = number::<u32>("samples.random.face"), allow_negative_numbers = true, help_heading = "Random crops")]
    pub(crate) face_tries: Option<u32>,

    /// The longer side in pixels of the smallest face to crop [default: 20, or the recipe's].
    #[arg(long, value_name = "PIXELS", value_parser = number::<f64>("samples.random.min_face"), allow_negative_numbers = true, help_heading = "Random crops")]
    pub(crate) min_face: Option<f64>,
}

/// Crops where the earlier nets detected something.
#[derive(Debug, clap::Args)]
pub(crate) struct Mining {
    /// A model file (safetensors) with the earlier nets [default: the built-in weights].
    #[arg(long, value_name = "MODEL", help_heading = "Mining")]
    pub(crate) weights: Option<PathBuf>,

    /// The scores from which the first two nets let a box pass. Lower ones give more samples [default: 0.6,0.6, or the recipe's].
    #[arg(long, value_name = "A,B", value_parser = numbers::<f32, 2>("mining.thresholds", "two numbers are needed, such as 0.6,0.6"), allow_negative_numbers = true, help_heading = "Mining")]
    pub(crate) mine_thresholds: Option<[f32; 2]>,

    /// The side in pixels of the smallest face that is looked for [default: 20, or the recipe's].
    #[arg(long, value_name = "PIXELS", value_parser = number::<f64>("mining.min_face"), allow_negative_numbers = true, help_heading = "Mining")]
    pub(crate) mine_min_face: Option<f64>,

    /// The size of a pyramid level divided by the one before [default: 0.79, or the recipe's].
    #[arg(long, value_name = "FACTOR", value_parser = number::<f64>("mining.factor"), allow_negative_numbers = true, help_heading = "Mining")]
    pub(crate) mine_factor: Option<f64>,

    /// The most negatives mined per image, those with the best scores first [default: 100, or the recipe's].
    #[arg(long, value_name = "N", value_parser = number::<u32>("samples.mined.negatives"), allow_negative_numbers = true, help_heading = "Mining")]
    pub(crate) mined_negatives: Option<u32>,

    /// Take random crops too, as for the first net.
    #[arg(long, help_heading = "Random crops")]
    pub(crate) random_crops: bool,
}

/// Checks lists, images and data sets for faults, before you spend hours on them.
///
/// In lists it reports images that are missing or damaged, images without faces, boxes that are impossible or
/// outside their image, swapped landmarks, sizes of faces, and the samples that the first net would get,
/// with their overlaps. Every image is decoded. In a data set it reports samples by class and by folder, overlaps,
/// and whether every byte is as it was written.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 if all could be read; 1 if a list, an image or a set could not, or is damaged; \
                        2 if the command line is wrong."
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) sources: Sources,

    /// A data set of samples to check.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// The form of the report; json lists every finding, the table the first of each kind.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: ReportFormat,

    /// The recipe of the samples: `mtcnn-caffe`, `quick` or a TOML file. The options below go before it.
    #[arg(long, value_name = "RECIPE", default_value = "mtcnn-caffe")]
    pub(crate) recipe: PathBuf,

    #[command(flatten)]
    pub(crate) landmark_crops: Landmarks,

    #[command(flatten)]
    pub(crate) random: Random,

    #[command(flatten)]
    pub(crate) decoding: Decoding,

    #[command(flatten)]
    pub(crate) work: Work,
}

const HELP: &str = "\
Examples:
  mtcnn-cpu prepare doctor --wider WIDER --landmarks CNN_FacePoint
  mtcnn-cpu prepare pnet --wider WIDER --landmarks CNN_FacePoint --out set12
  mtcnn-cpu prepare rnet --wider WIDER --landmarks CNN_FacePoint --out set24 \\
      --weights pnet.safetensors
  mtcnn-cpu prepare doctor --data set24

Exit status:
  0  the set was made; images that could not be read were left out
  1  it was not
  2  the command line is wrong";

/// The most samples of a class; `None` for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cap(pub(crate) Option<u64>);

fn nets() -> impl TypedValueParser<Value = BoxesOf> {
    one_of(BoxesOf::ALL.iter().copied(), |net| match net {
        BoxesOf::PNet => "The first",
        BoxesOf::RNet => "The second, which sees those of the first",
    })
}

fn cap(text: &str) -> Result<Cap, String> {
    match text {
        "all" => Ok(Cap(None)),
        number => number.parse().map(|number| Cap(Some(number))).map_err(|_| "a whole number is needed, or all".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_numbers_or_all() {
        assert_eq!(cap("all"), Ok(Cap(None)));
        assert_eq!(cap("0"), Ok(Cap(Some(0))));
        for wrong in ["", "-1", "1e6", "ALL", "1.0"] {
            assert!(cap(wrong).is_err(), "{wrong}");
        }
    }
}
