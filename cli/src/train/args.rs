//! The command line of `train` as it is typed; its comments are the help.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Subcommand;
use clap::builder::{ArgPredicate, TypedValueParser};
use mtcnn_cpu::train::Convention;

use crate::common::choice::one_of;
use crate::common::format::ReportFormat;
use crate::common::number::{number, numbers};
use crate::common::reading_args::Decoding;
use crate::common::work_args::Work;

/// Trains the nets: one of them, or the whole cascade from nothing.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true, after_long_help = HELP)]
pub(crate) struct Train {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Trains the first net, which proposes boxes, with a set of samples of 12 pixels.
    Pnet(Net),
    /// Trains the second net, which rejects most of them, with a set of samples of 24 pixels.
    Rnet(Net),
    /// Trains the third net, which decides and finds the landmarks, with a set of samples of 48 pixels.
    Onet(Net),
    Cascade(Cascade),
    Recipe(Recipe),
}

/// One net.
#[derive(Debug, clap::Args)]
pub(crate) struct Net {
    /// The data set to train on, as `prepare` makes it.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// A data set for validation, not trained on (`prepare --split val`).
    #[arg(long, value_name = "DIR")]
    pub(crate) validation: Option<PathBuf>,

    /// The folder for the model, the checkpoint, the metrics and the curves.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Resume from the checkpoint in OUT, with the same bytes as if training had never stopped.
    #[arg(long)]
    pub(crate) resume: bool,

    /// The model file from which the result takes the other nets [default: the built-in weights].
    #[arg(long, value_name = "MODEL")]
    pub(crate) weights: Option<PathBuf>,

    /// Begin with the parameters of given nets, and not with random ones: `embedded` for the built-in weights, or a model
    /// file. The result has its other nets. The recipe should be one with low rates, such as `fine-tune`, which has steps for
    /// the third net only: the others need --steps.
    #[arg(long, value_name = "embedded|MODEL", conflicts_with = "weights")]
    pub(crate) from: Option<From>,

    /// The recipe: `mtcnn-caffe`, `quick`, `fine-tune` or a TOML file; `train recipe` shows them.
    #[arg(long, value_name = "RECIPE", default_value = "mtcnn-caffe", help_heading = "Recipe")]
    pub(crate) recipe: PathBuf,

    /// Steps to do, instead of the recipe's.
    #[arg(long, value_name = "N", value_parser = number::<u64>("training.steps"), help_heading = "Recipe")]
    pub(crate) steps: Option<u64>,

    /// The highest learning rate, instead of the recipe's.
    #[arg(long, value_name = "RATE", value_parser = number::<f64>("training.rate"), allow_negative_numbers = true, help_heading = "Recipe")]
    pub(crate) rate: Option<f64>,

    /// The seed of every random choice, instead of the recipe's. The same gives the same bytes, on any number
    /// of threads.
    #[arg(long, value_name = "N", help_heading = "Recipe")]
    pub(crate) seed: Option<u64>,

    /// Positives, negatives, parts and landmarks of a batch, instead of the recipe's.
    #[arg(long, value_name = "P,N,A,L", value_parser = numbers::<usize, 4>("training.batch", "four numbers are needed, such as 64,192,64,64"), help_heading = "Recipe")]
    pub(crate) batch: Option<[usize; 4]>,

    /// Whose conventions to follow where implementations differ, instead of the recipe's.
    #[arg(long, value_parser = conventions(), value_name = "WHOSE", help_heading = "Recipe")]
    pub(crate) convention: Option<Convention>,

    /// Steps from one checkpoint to the next.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Work")]
    pub(crate) checkpoint_every: u64,

    /// Steps from one line of the metrics to the next.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Work")]
    pub(crate) metrics_every: u64,

    /// Steps from one validation to the next.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Work")]
    pub(crate) validate_every: u64,

    /// The form of the results.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: ReportFormat,

    #[command(flatten)]
    pub(crate) work: Work,
}

/// Trains all three nets from images and lists: samples, first net, mined samples, second net, mined samples, third net,
/// evaluation.
///
/// Each step has a folder in OUT. A complete step is not repeated: after a crash, a kill or Ctrl-C the same command
/// resumes where it was.
#[derive(Debug, clap::Args)]
pub(crate) struct Cascade {
    /// The folder of WIDER FACE, which contains WIDER_train, WIDER_val and wider_face_split. More than one may be given, or of
    /// one's own in its layout: in a recipe `SET/FOLDER` and `SET/*` then mean images of the set whose folder is named SET.
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) wider: Vec<PathBuf>,

    /// The folder of CNN_FacePoint, which contains trainImageList.txt, itself or in `train`; or of another list of that form,
    /// or of train.csv and val.csv with the header image,x1,y1,x2,y2,NAME_x,NAME_y,… The recipe's `points` is how many points
    /// of a face they have: with 0 there is no list.
    #[arg(long, value_name = "DIR")]
    pub(crate) landmarks: Option<PathBuf>,

    /// The folder for all output.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Begin with given nets, and not with random ones: `embedded` for the built-in weights, or a model file. They go on
    /// learning from the images here, with what the nets themselves let pass. A net to which the recipe gives no steps stays as
    /// it is.
    #[arg(long, value_name = "embedded|MODEL")]
    pub(crate) from: Option<From>,

    /// The recipe: `mtcnn-caffe`, `quick`, `fine-tune` or a TOML file; `train recipe` shows them [default: mtcnn-caffe; with
    /// --from fine-tune].
    #[arg(
        long,
        value_name = "RECIPE",
        default_value = "mtcnn-caffe",
        default_value_if("from", ArgPredicate::IsPresent, "fine-tune"),
        hide_default_value = true
    )]
    pub(crate) recipe: PathBuf,

    /// The most images that may be unreadable, in percent: they are named and left out, more are an error.
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0, value_parser = percent)]
    pub(crate) max_skipped: f64,

    /// The form of the report.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: ReportFormat,

    #[command(flatten)]
    pub(crate) decoding: Decoding,

    #[command(flatten)]
    pub(crate) work: Work,
}

/// Which nets a training begins with.
#[derive(Clone, Debug)]
pub(crate) enum From {
    /// Those inside.
    Embedded,
    /// Those of a file.
    Model(PathBuf),
}

impl From {
    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Embedded => None,
            Self::Model(path) => Some(path),
        }
    }
}

impl FromStr for From {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "embedded" { Self::Embedded } else { Self::Model(text.into()) })
    }
}

/// Prints a recipe, to be edited and passed to `--recipe`.
#[derive(Debug, clap::Args)]
pub(crate) struct Recipe {
    /// Which: `mtcnn-caffe` has the hyperparameters of mtcnn-caffe, `quick` is for small data, `fine-tune` for nets that are trained.
    #[arg(value_name = "NAME", default_value = "mtcnn-caffe")]
    pub(crate) name: String,
}

const HELP: &str = "\
Examples:
  mtcnn-cpu train cascade --wider WIDER --landmarks CNN_FacePoint --out trained
  mtcnn-cpu detect --weights trained/model.safetensors IMAGE
  mtcnn-cpu train cascade --from embedded --wider MINE --out tuned
  mtcnn-cpu train recipe quick > mine.toml
  mtcnn-cpu prepare pnet --wider WIDER --landmarks CNN_FacePoint --out set12
  mtcnn-cpu train pnet --data set12 --out net12 --recipe mine.toml
  mtcnn-cpu train pnet --data set12 --out net12 --recipe mine.toml --resume

Exit status:
  0  all steps were done
  1  they were not
  2  the command line is wrong
  130  Ctrl-C: the state was saved";

fn conventions() -> impl TypedValueParser<Value = Convention> {
    one_of(Convention::ALL.iter().copied(), |convention| match convention {
        Convention::Own => "Decay of weights only, one learning rate",
        Convention::MtcnnCaffe => "Of lippman1125's mtcnn-caffe: biases learn twice as fast, slopes decay",
        Convention::Aittsmd => {
            "Of AITTSMD's MTCNN-Tensorflow: squares are not halved, the rate counts when the parameters move"
        }
    })
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("a number from 0 to 100 is needed".into()),
    }
}
