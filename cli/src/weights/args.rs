//! The command line of `weights` as it is typed; its comments are the help.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use mtcnn_cpu::weights::{Colours, Flatten, LandmarkOrder, Orientation, Precision, Source, Target};

use crate::common::choice::one_of;
use crate::common::format::ReportFormat;
use crate::common::reading_args::Decoding;
use crate::common::work_args::Work;

/// Model files: from and to the files of other systems, and what is in them.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true, after_long_help = HELP)]
pub(crate) struct Weights {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    Import(Import),
    Export(Export),
    Convert(Convert),
    Calibrate(Calibrate),
    Info(Info),
}

/// Makes a model file from the weights of another system.
///
/// The three nets come in one file or several, in any order: which net a file has, and which layer is which, is
/// known by the shapes. How the nets see images and order their answers is recognised where the file tells it, and
/// stderr says what was recognised and why; where it does not, --from or the options below must say it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = IMPORT_HELP)]
pub(crate) struct Import {
    /// The files: .caffemodel, .onnx, .params, .pt, .npy, .npz, .lz4 or .safetensors; known by their content.
    #[arg(required = true, value_name = "FILES")]
    pub(crate) files: Vec<PathBuf>,

    /// The model file to write (safetensors).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) output: PathBuf,

    /// The system that the files are from; auto: it must be told by the files.
    #[arg(long, value_name = "SYSTEM", value_parser = sources(), default_value = AUTO)]
    pub(crate) from: From,

    /// How the nets see images: as they are, or transposed, as Matlab trains.
    #[arg(long, value_name = "HOW", value_parser = one_of(Orientation::ALL.iter().copied(), |_| ""), help_heading = "Conventions")]
    pub(crate) orientation: Option<Orientation>,

    /// The order of a pixel's colours.
    #[arg(long, value_name = "ORDER", value_parser = one_of(Colours::ALL.iter().copied(), |_| ""), help_heading = "Conventions")]
    pub(crate) colours: Option<Colours>,

    /// The order of the landmarks' values: x1 y1 x2 y2 … or x1 x2 … y1 y2 …
    #[arg(long, value_name = "ORDER", value_parser = one_of(LandmarkOrder::ALL.iter().copied(), |_| ""), help_heading = "Conventions")]
    pub(crate) landmarks: Option<LandmarkOrder>,

    /// The order of the inputs of the first dense layer, the slowest index first: c is the channel, y the image's
    /// row and x its column.
    #[arg(long, value_name = "ORDER", value_parser = one_of(Flatten::ALL.iter().copied(), |_| ""), help_heading = "Conventions")]
    pub(crate) flatten: Option<Flatten>,

    /// Keep the landmark heads of PNet and RNet, where the files have them. No detection uses them; exported files
    /// keep them in any case.
    #[arg(long)]
    pub(crate) all_heads: bool,

    /// Where the weights come from, for the description in the model file [default: the system and the files' names].
    #[arg(long, value_name = "TEXT", help_heading = "Description")]
    pub(crate) origin: Option<String>,

    /// The licence of the weights, for the description in the model file.
    #[arg(long, value_name = "TEXT", help_heading = "Description")]
    pub(crate) licence: Option<String>,
}

/// Writes the nets of a model file in the files of another system.
///
/// They take images as detection here does: upright, RGB, `[image][3][row][column]`, each byte b as (b - 127.5) / 128; and give
/// `prob`, the probabilities of no face and of a face, `box`, the offsets of the box's sides in parts of its size, and where
/// there are landmarks `lm`, x1 y1 … x5 y5, or as many as the model has, in parts of it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXPORT_HELP)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) model: Model,

    /// The system.
    #[arg(long, value_name = "SYSTEM", value_parser = one_of(Target::ALL.iter().copied(), |_| ""))]
    pub(crate) to: Target,

    /// The folder to write into; it is made if it is not there.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,

    /// Also write check.npz: inputs of the nets and what they answer here, to compare other systems' answers with.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes a model file with values of another type: with half of the bytes a value the file is half as large.
///
/// Detection and training take every type; they calculate with f32 whatever the file has.
#[derive(Debug, clap::Args)]
#[command(after_long_help = CONVERT_HELP)]
pub(crate) struct Convert {
    #[command(flatten)]
    pub(crate) model: Model,

    /// The type of the values.
    #[arg(long, value_name = "TYPE", value_parser = one_of(Precision::ALL.iter().copied(), |_| ""))]
    pub(crate) dtype: Precision,

    /// The model file to write (safetensors).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) output: PathBuf,
}

/// Measures on images how far low precision errs with a model, and writes the model with what was measured.
///
/// With AVX-512 VNNI, low precision first rejects what the first two nets would reject by far, and detection takes less time. How far
/// that is depends on the weights. It is known of the weights inside, and so of each model whose first two nets are theirs, such as
/// `train cascade --from embedded` makes; of others it is measured here. All images are looked at twice, in the way of every
/// profile: some hundred photographs with faces, of the kind that will be looked at, are enough.
#[derive(Debug, clap::Args)]
#[command(after_long_help = CALIBRATE_HELP)]
pub(crate) struct Calibrate {
    #[command(flatten)]
    pub(crate) model: Model,

    /// Images, and folders of images; may be given more than once.
    #[arg(short, long, required = true, value_name = "PATH")]
    pub(crate) images: Vec<PathBuf>,

    /// The model file to write (safetensors).
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) output: PathBuf,

    /// The form of the report.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: ReportFormat,

    #[command(flatten)]
    pub(crate) decoding: Decoding,

    #[command(flatten)]
    pub(crate) work: Work,
}

/// Shows what a model file has in it: nets, tensors, their shapes and types, where it comes from.
#[derive(Debug, clap::Args)]
#[command(after_long_help = INFO_HELP)]
pub(crate) struct Info {
    #[command(flatten)]
    pub(crate) model: Model,

    /// The form of the results.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: ReportFormat,
}

/// The model file that something is done with.
#[derive(Debug, clap::Args)]
pub(crate) struct Model {
    /// The model file [default: the weights inside].
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
}

impl Model {
    /// Its path; `None` of the weights inside.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.model.as_deref()
    }
}

/// A system, or none: it must be told by the files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From(pub(crate) Option<Source>);

const AUTO: &str = "auto";

fn sources() -> impl TypedValueParser<Value = From> {
    let names = Source::ALL.iter().map(|source| source.name());
    PossibleValuesParser::new([AUTO].into_iter().chain(names)).map(|name| From(name.parse().ok()))
}

const HELP: &str = "\
Examples:
  mtcnn-cpu weights import det1.caffemodel det2.caffemodel det3.caffemodel -o model.safetensors
  mtcnn-cpu weights export --to onnx trained/model.safetensors -o onnx
  mtcnn-cpu weights convert --dtype f16 model.safetensors -o small.safetensors
  mtcnn-cpu weights calibrate model.safetensors --images photos/ -o fast.safetensors
  mtcnn-cpu weights info model.safetensors
  mtcnn-cpu detect --weights model.safetensors photo.jpg";

const IMPORT_HELP: &str = "\
Systems:
  name             files               images             landmarks
  kpzhang          det*.caffemodel     transposed, RGB    x1 … x5 y1 … y5
  mtcnn-caffe      *.caffemodel        upright, BGR       x1 y1 … x5 y5
  facenet-pytorch  *.pt                upright, RGB       x1 … x5 y1 … y5
  ipazc            *.lz4               upright, RGB       x1 … x5 y1 … y5
  davidsandberg    det*.npy            transposed, RGB    x1 … x5 y1 … y5
  mtcnn-cpu        what it exported    upright, RGB       x1 y1 … x5 y5
  The dense inputs are cxy, cyx, xyc, xyc, xyc and cyx. An option changes one of
  these, or says it where no system is told.

Files: Caffe, ONNX, MXNet (.params), PyTorch (a state dict, also in a checkpoint,
of one net or of all), NumPy (.npz; .npy with a dictionary), joblib in LZ4, and
safetensors of other programs. HDF5, TensorFlow and plain pickles are not read.

Recognised are: the values of the original MTCNN, whatever the file; files of
mtcnn-caffe and kpzhang by the nets' names and the layers that feed them in
training; the others by their form. Weights of the original MTCNN give the same
bytes as the model inside.

Nothing in a file is run: pickles are read as plain data, and refused if they
call for anything but the arrays and tensors that they should have. Files of more
than 16 MiB, packed or unpacked, are refused.

Examples:
  mtcnn-cpu weights import det?.caffemodel -o original.safetensors
  mtcnn-cpu weights import pnet.pt rnet.pt onet.pt -o model.safetensors
  mtcnn-cpu weights import --from mtcnn-caffe 12.caffemodel 24.caffemodel \\
      48.caffemodel -o mine.safetensors
  mtcnn-cpu detect --profile mtcnn-caffe --weights mine.safetensors photo.jpg

Exit status:
  0  the model file is written
  1  a file can't be read, is damaged or refused, or does not tell enough
  2  the command line is wrong";

const EXPORT_HELP: &str = "\
Systems:
  onnx   pnet.onnx, rnet.onnx, onet.onnx: operator set 13, any number of images;
         PNet takes images of any size from 12x12 on.
  caffe  A .prototxt and a .caffemodel for each net.
  npz    mtcnn.npz for NumPy: an array for each parameter, such as rnet.conv1.weight.
  All carry the description of the model file: origin, licence. `weights import`
  reads them back, to the same bytes as a model file of f32; but a net of one
  or two points, whose heads look like others, it refuses.

Examples:
  mtcnn-cpu weights export --to onnx -o onnx --check
  mtcnn-cpu weights export --to caffe trained/model.safetensors -o caffe

Exit status:
  0  the files are written
  1  the model can't be read or is none, or a file can't be written
  2  the command line is wrong";

const CONVERT_HELP: &str = "\
Types:
  f32   4 bytes a value, as training writes it.
  f16   2 bytes: 11 bits of precision. A value above 65504 is refused.
  bf16  2 bytes: 8 bits of precision.
  What half precision costs, with the weights inside: average precision on 754
  images with 18,288 faces .9433 as f32, .9432 as f16, .9431 as bf16; on the
  389 faces of the photographs among them .7898, .7887, .7950. Faces near a
  threshold come and go. Half of the file is saved, no time.
  What `weights calibrate` has measured is of the values as they were, and left out.

Examples:
  mtcnn-cpu weights convert --dtype f16 model.safetensors -o small.safetensors

Exit status:
  0  the file is written
  1  the model can't be read or is none, or has too large a value
  2  the command line is wrong";

const CALIBRATE_HELP: &str = "\
Report, a line for each net and range of thresholds:
  answers       Cells of PNet, or crops of RNet, that were looked at in f32 and in
                low precision.
  error         The root mean square of the difference, of logits.
  passed        Answers that pass the lower threshold.
  largest loss  By how much one of them scores less than its threshold in low
                precision, at most.
  margin        1.5 times that, and at least 8 times the error: what scores less
                than a threshold by more is rejected. None if less than 1000
                answers passed: with such thresholds all is done in f32.
  With --format json a list of {\"net\",\"answers\",\"error\",\"margins\":
  [{\"thresholds\",\"passed\",\"largest_loss\",\"margin\"}]} on one line.

The faces are the same to the bit unless a margin is too small, and whether one
is, `bench --verify FOLDER --weights MODEL` tells with other images. RNet is
measured on what PNet lets pass at each profile's own threshold, .6. What was
measured is in the description of the file, under \"screening\", and holds as long
as no value of the first two nets changes.

Examples:
  mtcnn-cpu weights calibrate trained/model.safetensors --images photos/ \\
      -o model.safetensors
  mtcnn-cpu bench --verify other-photos/ --weights model.safetensors

Exit status:
  0  the file is written
  1  the model can't be read or is none, nothing could be concluded, or an image
     could not be read: the file is written without it
  2  the command line is wrong, or this machine has no low precision to measure";

const INFO_HELP: &str = "\
Formats:
  table   The description, and a line a net and a line a tensor.
  json    One object: {\"parameters\",\"bytes\",\"points\":[…],\"calibrated\",
          \"description\":{…},\"nets\":[{\"name\",\"parameters\",\"tensors\":
          [{\"name\",\"dtype\",\"shape\"}]}]}
  `calibrated` is on how many images `weights calibrate` has measured the first
  two nets, if it has.

Exit status:
  0  shown
  1  it can't be read or is no model file
  2  the command line is wrong";
