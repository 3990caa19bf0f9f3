//! The command line of `eval` as it is typed; its comments are the help.

use std::path::PathBuf;

use clap::Subcommand;
use mtcnn_cpu::Profile;
use mtcnn_cpu::data::Split;

use crate::common::detection_args::{Looks, Search, Threads, profiles};
use crate::common::format::ReportFormat;
use crate::common::number::number;
use crate::common::reading_args::{Decoding, Memory};
use crate::common::split_arg::splits;

/// Measures how good a detector is, by the protocols by which results are published.
///
/// It runs the detector of `detect` with the same options, or reads the results that any detector wrote to files.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true, after_long_help = HELP)]
pub(crate) struct Eval {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    Wider(Wider),
    Stages(Stages),
    Profiles(Profiles),
    Fddb(Fddb),
    Landmarks(Landmarks),
    Tracks(Tracks),
}

/// Average precision on WIDER FACE, by the official protocol.
///
/// Scores are scaled to 0 to 1 over the whole set. A box is right if it overlaps by half or more with a face that no
/// better box has. Faces outside the subset are neither right nor wrong. Precision and recall are counted at 1000
/// thresholds.
#[derive(Debug, clap::Args)]
#[command(after_long_help = WIDER_HELP)]
pub(crate) struct Wider {
    #[command(flatten)]
    pub(crate) list: List,

    /// The folder of the official ground truth: wider_face_val.mat, wider_easy_val.mat, wider_medium_val.mat and
    /// wider_hard_val.mat.
    ///
    /// It says which faces are easy, medium and hard. Without it there is one subset, by --min-size, of the list in
    /// wider_face_split; with it, whatever is found in an image without faces is wrong.
    #[arg(long, value_name = "DIR")]
    pub(crate) ground_truth: Option<PathBuf>,

    /// The shorter side in pixels of the smallest face that must be found, without --ground-truth. Smaller ones, and
    /// those marked as invalid, are neither right nor wrong.
    #[arg(long, value_name = "PIXELS", default_value_t = 20.0, value_parser = number::<f64>("evaluation.min_size"), conflicts_with = "ground_truth")]
    pub(crate) min_size: f64,

    /// Measure the results in this folder, in the official layout, instead of looking for faces.
    ///
    /// For each image EVENT/NAME.jpg there is a file EVENT/NAME.txt: the image's name, the number of
    /// boxes, and a line `x y w h score` for each. `detect --format wider` writes them. The faces of an image without
    /// a file count as missed.
    #[arg(long, value_name = "DIR")]
    pub(crate) results: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) chosen: Chosen,

    #[command(flatten)]
    pub(crate) shown: Shown,

    #[command(flatten)]
    pub(crate) detector: Detector,
}

/// Where the cascade loses faces of WIDER FACE: recall and boxes after each net, by the size of the faces.
///
/// The recall of a stage is the fraction of the faces that one of its boxes overlaps: by half or more, as in the
/// evaluations, and by 0.65. What a stage loses no later stage finds, and each box that it passes on costs the next one time.
#[derive(Debug, clap::Args)]
#[command(after_long_help = STAGES_HELP)]
pub(crate) struct Stages {
    #[command(flatten)]
    pub(crate) list: List,

    /// The shorter side in pixels of the smallest face that counts. Faces marked as invalid don't.
    #[arg(long, value_name = "PIXELS", default_value_t = 20.0, value_parser = number::<f64>("evaluation.min_size"))]
    pub(crate) min_size: f64,

    #[command(flatten)]
    pub(crate) chosen: Chosen,

    /// The form of the results.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table", help_heading = "Results")]
    pub(crate) format: ReportFormat,

    #[command(flatten)]
    pub(crate) detector: Detector,
}

/// The profiles beside each other: faces found, wrong boxes, landmarks and time, from which the default is chosen.
///
/// Each image is read once and shown to all profiles in turn, so that their times can be compared on a busy machine, too.
#[derive(Debug, clap::Args)]
#[command(after_long_help = PROFILES_HELP)]
pub(crate) struct Profiles {
    /// A folder of WIDER FACE; several are measured one by one.
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) wider: Vec<PathBuf>,

    /// Which part of it: val, train, or any NAME as for `eval wider`.
    #[arg(long, value_name = "NAME", default_value = "val")]
    pub(crate) split: String,

    /// The folder of CNN_FacePoint, or of train.csv and val.csv, for the errors of landmarks; of the split train its list for
    /// training, else the one for validation.
    #[arg(long, value_name = "DIR")]
    pub(crate) landmarks: Option<PathBuf>,

    /// The shorter side in pixels of the smallest face that must be found, as for `eval wider`.
    #[arg(long, value_name = "PIXELS", default_value_t = 20.0, value_parser = number::<f64>("evaluation.min_size"))]
    pub(crate) min_size: f64,

    /// The profiles, separated by commas [default: all, but for that of other weights than the ones used].
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = profiles())]
    pub(crate) profiles: Vec<Profile>,

    /// A model file (safetensors) instead of the built-in weights.
    #[arg(long, value_name = "FILE", help_heading = "Detection")]
    pub(crate) weights: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) shown: Shown,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) decoding: Decoding,

    #[command(flatten)]
    pub(crate) memory: Memory,
}

/// Which annotated images there are.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// The folder of WIDER FACE, which contains WIDER_val and wider_face_split. Several are measured each and all together.
    #[arg(long, value_name = "DIR")]
    pub(crate) wider: Vec<PathBuf>,

    /// Which part of it: val, train, or the NAME of a list wider_face_split/wider_face_NAME_bbx_gt.txt, of images in
    /// WIDER_NAME/images.
    #[arg(long, value_name = "NAME", default_value = "val")]
    pub(crate) split: String,

    /// Any list in the form of wider_face_val_bbx_gt.txt, instead of --wider.
    #[arg(long, value_name = "FILE", conflicts_with = "wider")]
    pub(crate) list: Option<PathBuf>,

    /// The folder to which the names in --list are relative [default: the list's].
    #[arg(long, value_name = "DIR", requires = "list")]
    pub(crate) images: Option<PathBuf>,
}

/// Which images are measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Chosen {
    /// Leave out the images of these events: folders such as 0--Parade, separated by commas.
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    pub(crate) without: Vec<String>,
}

/// ROC curves on FDDB, discrete and continuous, by the official protocol.
///
/// Boxes are compared with annotated ellipses, pixel by pixel, and paired with them one to one so that the overlaps have
/// the largest sum. A pair has the discrete score 1 if it overlaps by more than half, and its overlap as the continuous
/// score.
#[derive(Debug, clap::Args)]
#[command(after_long_help = FDDB_HELP)]
pub(crate) struct Fddb {
    /// The folder of FDDB, which contains FDDB-fold-01-ellipseList.txt to 10, itself or in FDDB-folds.
    #[arg(long, value_name = "DIR")]
    pub(crate) fddb: PathBuf,

    /// The folder to which the images' names are relative [default: originalPics in FDDB, or FDDB].
    #[arg(long, alias = "pictures", value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,

    /// Measure the results in this file instead of looking for faces.
    ///
    /// For each image it has the name without extension, the number of boxes, and a line `x y w h score` for each.
    /// `detect --format fddb` writes it. The faces of an image that is not in it count as missed.
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,

    /// The sizes of the images, if these are not at hand: lines `name width height`.
    ///
    /// Pixels beyond an image don't count, so the size decides the last digits.
    #[arg(long, value_name = "FILE")]
    pub(crate) sizes: Option<PathBuf>,

    /// Write the curves into this folder as the official evaluation does: DiscROC.txt with lines `rate
    /// false_positives score`, ContROC.txt with `rate false_positives`.
    #[arg(long, value_name = "DIR", help_heading = "Results")]
    pub(crate) roc: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) shown: Shown,

    #[command(flatten)]
    pub(crate) detector: Detector,
}

/// Errors of the landmarks on CNN_FacePoint, or on another list of faces with points.
///
/// In each image the detected face is taken whose box overlaps the annotated one most (0.3 at least). Its error is the
/// mean distance of the list's points from where the model has those of the same names, divided by the distance between the
/// annotated eyes, or by the mean side of the annotated box where the list has no `left_eye` and `right_eye`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = LANDMARKS_HELP)]
pub(crate) struct Landmarks {
    /// The folder of CNN_FacePoint, which contains trainImageList.txt, itself or in `train`, or of lists of other points: train.csv and
    /// val.csv as for `train cascade`.
    #[arg(long, value_name = "DIR")]
    pub(crate) landmarks: PathBuf,

    /// Which list: trainImageList.txt or train.csv, testImageList.txt or val.csv.
    #[arg(long, value_parser = splits(), value_name = "SPLIT", default_value = "val")]
    pub(crate) split: Split,

    #[command(flatten)]
    pub(crate) shown: Shown,

    #[command(flatten)]
    pub(crate) detector: Detector,
}

/// How well faces, or anything else, were followed through a video: MOTA, MOTP and IDF1 of files in the format of MOT15.
///
/// In each frame boxes that overlap by half or more are paired: first those that were paired in the frame before, then so
/// that the overlaps have the largest sum. The numbers are those of TrackEval.
#[derive(Debug, clap::Args)]
#[command(after_long_help = TRACKS_HELP)]
pub(crate) struct Tracks {
    /// What is true: a line `frame,id,x,y,width,height,confidence,-1,-1,-1` for each face in each frame, frames from 1.
    ///
    /// Lines with the confidence 0 do not count. There can be several files, one a sequence.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) truth: Vec<PathBuf>,

    /// What a tracker found, in the same form: a file for each of --truth, in the same order.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) results: Vec<PathBuf>,

    /// The form of the results.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table", help_heading = "Results")]
    pub(crate) format: ReportFormat,
}

/// How results are written.
#[derive(Debug, clap::Args)]
pub(crate) struct Shown {
    /// The form of the results; json includes the points of the curves.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table", help_heading = "Results")]
    pub(crate) format: ReportFormat,

    /// Draw the curves as a PNG.
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub(crate) curves: Option<PathBuf>,
}

/// How faces are looked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Detector {
    #[command(flatten)]
    pub(crate) search: Search,

    #[command(flatten)]
    pub(crate) looks: Looks,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) decoding: Decoding,

    #[command(flatten)]
    pub(crate) memory: Memory,
}

const HELP: &str = "\
Examples:
  mtcnn-cpu eval wider --wider WIDER                 the list of WIDER_val
  mtcnn-cpu eval wider --wider WIDER --ground-truth eval_tools/ground_truth
  mtcnn-cpu eval stages --wider WIDER                where faces are lost
  mtcnn-cpu eval profiles --wider WIDER              all profiles beside each other
  mtcnn-cpu eval fddb --fddb FDDB --curves roc.png
  mtcnn-cpu eval landmarks --landmarks CNN_FacePoint --format json
  mtcnn-cpu eval tracks --truth gt.txt --results tracks.txt
  Why one face is lost: `mtcnn-cpu explain`.

Exit status:
  0  measured
  1  a required file can't be read or is damaged; or images could not be
     read, and their faces are counted as missed
  2  the command line is wrong";

const WIDER_HELP: &str = "\
Results:
  faces      the faces that must be found
  found      those found at the lowest score
  wrong      boxes that are no face, or one that a better box has
  AP         average precision: the area under the curve
  A curve that ends early has less area: published APs usually come from a low
  last threshold, such as --thresholds 0.6,0.7,0.05.

Formats:
  table   One line per subset.
  json    One object: {\"pictures\",\"missed\":[names of images that could not be
          read or have no results],\"subsets\":[{\"name\",\"faces\",\"found\",\"wrong\",
          \"average_precision\",\"points\":[{\"score\",\"recall\",\"precision\"}]}]}
          with a point for each threshold, 0.999 to 0, of the stretched scores.

Examples:
  mtcnn-cpu eval wider --wider WIDER --min-size 50 --curves curves.png
  mtcnn-cpu eval wider --list mine_bbx_gt.txt --images photos/
  mtcnn-cpu eval wider --wider WIDER --ground-truth eval_tools/ground_truth
  mtcnn-cpu detect WIDER/WIDER_val/images --format wider -o results/
  mtcnn-cpu eval wider --ground-truth eval_tools/ground_truth --results results/

Exit status:
  0  measured
  1  a required file can't be read or is damaged; or images could not be
     read or have no results, and their faces are counted as missed
  2  the command line is wrong";

const STAGES_HELP: &str = "\
Results:
  SIZE   the shorter side of the faces in pixels
  BOXES  the boxes per image that a net passes on, on average, after it has
         moved them and suppression; in a size's line those of that size.
         Those of ONet are the results.

Formats:
  table   All faces, then one line per size that occurs.
  json    One object: {\"pictures\",\"missed\":[names of images that could not be
          read],\"overlaps\":[0.5,0.65],\"sizes\":[{\"from\",\"to\",\"faces\",
          \"pnet\":{\"boxes\",\"recall\":[at 0.5, at 0.65]},\"rnet\",\"onet\"}]}
          with all faces first; \"to\" is null where there is no end, and recall
          where there are no faces.

Examples:
  mtcnn-cpu eval stages --wider WIDER
  mtcnn-cpu eval stages --wider WIDER --thresholds 0.5,0.6,0.7 --min-face 12
  mtcnn-cpu eval stages --wider WIDER --split train --without 0--Parade,3--Riot

Exit status:
  0  measured
  1  a required file can't be read or is damaged; or images could not be
     read, and their faces are left out
  2  the command line is wrong";

const PROFILES_HELP: &str = "\
Results:
  AP, FOUND, WRONG  as `eval wider` has them, at the profile's own thresholds
  AP .05     with a last threshold of .05
  EQUAL      the last threshold with which no more boxes are wrong than
             facenet-pytorch's at its own, and the faces found with that
  ERROR      of the landmarks, as `eval landmarks` has it
  TIME       of all images of the folder, facenet-pytorch's being 1

Formats:
  table   A table for each folder, and one of the landmarks.
  json    One object: {\"wider\":[{\"folder\",\"pictures\",\"missed\",\"faces\",
          \"profiles\":[{\"name\",\"average_precision\",\"found\",\"wrong\",
          \"average_precision_low\",\"equal\":{\"threshold\",\"found\"},
          \"seconds\",\"time\"}]}],\"landmarks\":[{\"name\",\"mean\",\"median\",
          \"found\",\"pictures\"}]}

Examples:
  mtcnn-cpu eval profiles --wider WIDER --landmarks CNN_FacePoint
  mtcnn-cpu eval profiles --wider WIDER --wider MORE --split train --curves pr.png

Exit status:
  0  measured
  1  a required file can't be read or is damaged; or images could not be
     read, and their faces are counted as missed
  2  the command line is wrong";

const FDDB_HELP: &str = "\
Results:
  The rates are sums of scores divided by the number of all faces; a false
  positive is a box whose discrete score is 0. The last line is for the lowest
  score: a lower last threshold, such as --thresholds 0.6,0.7,0.1, makes the
  curve longer.

Formats:
  table   The rates at 50, 100, 500, 1000 and 2000 false positives, and at most.
  json    One object: {\"pictures\",\"missed\":[names of images that could not be
          read or have no results],\"faces\",\"boxes\",\"points\":[{\"score\",
          \"false_positives\",\"discrete\",\"continuous\"}]} with a point for each
          score, from the highest on.

Examples:
  mtcnn-cpu eval fddb --fddb FDDB --thresholds 0.6,0.7,0.1 --curves roc.png
  mtcnn-cpu detect FDDB/originalPics --format fddb -o results.txt
  mtcnn-cpu eval fddb --fddb FDDB --results results.txt --roc curves/

Exit status:
  0  measured
  1  a required file can't be read or is damaged; or images could not be
     read or have no results, and their faces are counted as missed
  2  the command line is wrong";

const LANDMARKS_HELP: &str = "\
Formats:
  table   The errors over all detected faces, of each point, and the fraction of
          all images with an error of at most 0.05, 0.08, 0.1 and 0.2; an image
          without a detected face has none.
  json    One object: {\"missed\":[names of images that could not be read],
          \"within\":[{\"error\",\"part\"}],\"pictures\",\"found\",\"mean\",\"median\",
          \"points\":[of left and right eye, nose, left and right corner of the
          mouth],\"errors\":[of each detected face, the smallest first]}; of a
          list with other points \"names\" has their names
  Points are compared by their names. Without left_eye and right_eye in the list
  errors are parts of the mean side of the annotated box.

Examples:
  mtcnn-cpu eval landmarks --landmarks CNN_FacePoint --curves errors.png

Exit status:
  0  measured
  1  a required file can't be read or is damaged; or images could not be
     read, and their faces are counted as missed
  2  the command line is wrong";

const TRACKS_HELP: &str = "\
Results:
  TRUTH     boxes of the truth
  FOUND     of them, those that a box of the results overlaps by half or more
  MISSED    the others: FN
  WRONG     boxes of the results that are left over: FP
  SWITCHES  how often a face goes on in another track than before: IDSW
  MOTA      1 - (MISSED + WRONG + SWITCHES) / TRUTH
  MOTP      the mean overlap of the boxes found
  IDF1      the same by identity: each face has one track in the whole video

Formats:
  table   One line per sequence, and one for all if there are several.
  json    One object: {\"sequences\":[{\"name\",\"frames\",\"truth\",\"found\",
          \"missed\",\"wrong\",\"switches\",\"mota\",\"motp\",\"idf1\"}],\"all\":{…}}

Examples:
  mtcnn-cpu eval tracks --truth gt.txt --results tracks.txt
  mtcnn-cpu eval tracks --truth a/gt.txt b/gt.txt --results a/mine.txt b/mine.txt

Exit status:
  0  measured
  1  a file can't be read or is damaged
  2  the command line is wrong";
