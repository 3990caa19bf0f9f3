//! The command line as it is typed; its comments are the help.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};

use mtcnn_cpu::{Isa, Part, Profile, Thresholds, isa};

/// Finds faces in pictures: boxes, scores and five landmarks (MTCNN, on the CPU).
#[derive(Debug, Parser)]
#[command(name = "mtcnn-cpu", version, long_version = LONG_VERSION.as_str(), arg_required_else_help = true)]
#[command(
    after_help = "`mtcnn-cpu detect --help`, `bench --help` and the like show the options, the formats and examples."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Detect(Detect),
    Bench(Bench),
    Eval(crate::eval::args::Eval),
    Explain(Explain),
    Prepare(crate::prepare::args::Prepare),
    Train(crate::train::args::Train),
    Weights(crate::weights::args::Weights),
}

/// Finds the faces in pictures.
///
/// Reads JPEG, PNG, WebP, BMP, TIFF, GIF (the first frame) and PNM, known by their content, turned
/// upright by their EXIF orientation. Results come in the order of the inputs, best score first.
#[derive(Debug, clap::Args)]
#[command(after_help = "`--help` shows more: the formats and examples.", after_long_help = detect_help())]
pub(crate) struct Detect {
    /// Pictures, folders of pictures, or - for a picture on stdin.
    ///
    /// A folder is searched with its sub-folders, in order of the names, for files with a picture's
    /// extension; hidden files are left out. A file that is named itself is read whatever its extension.
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,

    /// The form of the results [default: table on a terminal, jsonl otherwise].
    #[arg(short, long, value_enum, value_name = "FORMAT", help_heading = "Results")]
    pub(crate) format: Option<Format>,

    /// Write the results to a file instead of stdout; with --format wider to a folder.
    ///
    /// A file appears under its name when it is complete.
    #[arg(short, long, value_name = "FILE", help_heading = "Results")]
    pub(crate) output: Option<PathBuf>,

    /// Draw boxes, scores and landmarks on a copy: a file for one picture, a folder for many.
    ///
    /// The extension says the format: png, jpg, webp, bmp, tif. In a folder the copies keep the names
    /// and sub-folders of their pictures; .png is added to names without such an extension, and a
    /// number where two would be the same.
    #[arg(short, long, value_name = "PATH", help_heading = "Results")]
    pub(crate) draw: Option<PathBuf>,

    /// Print where the time went on stderr, a line a stage.
    #[arg(long, help_heading = "Results")]
    pub(crate) timing: bool,

    #[command(flatten)]
    pub(crate) detection: Detection,
}

/// Measures how fast this machine finds the faces in a picture, and where the time goes.
///
/// The picture is read once and its faces are found again and again, with the options as `detect` takes
/// them. Beside it the machine's own limit is measured: the multiply-adds that a core does when nothing
/// else is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "`--help` shows more: what is measured, the formats and examples.", after_long_help = bench_help())]
pub(crate) struct Bench {
    /// A picture, or - for a picture on stdin [default: a picture of 51 faces that the program has in it].
    #[arg(value_name = "PICTURE")]
    pub(crate) picture: Option<PathBuf>,

    /// The form of the results [default: table on a terminal, json otherwise].
    #[arg(short, long, value_enum, value_name = "FORMAT", help_heading = "Results")]
    pub(crate) format: Option<BenchFormat>,

    /// How long to measure; at least one detection is done.
    ///
    /// Warming up and measuring the machine's limit come on top: a third more.
    #[arg(short, long, value_name = "SECONDS", default_value = "3", value_parser = seconds, allow_negative_numbers = true, help_heading = "Results")]
    pub(crate) seconds: Duration,

    /// Add the result to the records in a folder: a file for each CPU, a line for each run.
    #[arg(long, value_name = "FOLDER", help_heading = "Records")]
    pub(crate) record: Option<PathBuf>,

    /// Compare with the last record in a folder of the same CPU, instruction set, threads, picture and options.
    ///
    /// Times are compared as multiples of what the machine's limit takes, for a clock and a neighbour change
    /// both. The exit status is 1 if a stage has become slower than --tolerance allows, or if there is no such
    /// record; with --record this run is then the first.
    #[arg(long, value_name = "FOLDER", help_heading = "Records")]
    pub(crate) compare: Option<PathBuf>,

    /// How much slower a stage may be, as a part: 0.1 is a tenth.
    ///
    /// A stage is slower if its median and its minimum both are. Stages of less than a fiftieth of the total
    /// are shown and not judged.
    #[arg(long, value_name = "PART", default_value = "0.1", requires = "compare", value_parser = tolerance, allow_negative_numbers = true, help_heading = "Records")]
    pub(crate) tolerance: f64,

    /// A word to the record, such as the commit.
    #[arg(long, value_name = "TEXT", requires = "record", help_heading = "Records")]
    pub(crate) note: Option<String>,

    #[command(flatten)]
    pub(crate) detection: Detection,
}

/// Tells why a face is found or lost: at which scale, at which net, and with what scores.
///
/// The cascade runs as `detect` runs it with the same options, and is watched at one place: what PNet says of the
/// squares that overlap the box best, which boxes go on, which are dropped since they overlap better ones, and what RNet
/// and ONet say of the rest. If the face is lost, changes of --min-face and --thresholds are tried that might find it.
#[derive(Debug, clap::Args)]
#[command(after_help = "`--help` shows more: what the columns mean, the formats and examples.", after_long_help = EXPLAIN_HELP)]
pub(crate) struct Explain {
    /// A picture, or - for a picture on stdin.
    #[arg(value_name = "PICTURE")]
    pub(crate) picture: PathBuf,

    /// The face: left, top, width and height in pixels. It may reach beyond the picture.
    #[arg(long = "box", value_name = "X,Y,W,H", value_parser = place, allow_hyphen_values = true)]
    pub(crate) place: [f64; 4],

    /// The form of the results.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table", help_heading = "Results")]
    pub(crate) format: BenchFormat,

    /// Draw the boxes near the face, a view for each net. The extension says the format: png, jpg, webp, bmp, tif.
    #[arg(short, long, value_name = "FILE", help_heading = "Results")]
    pub(crate) draw: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) search: Search,

    /// Leave the picture as it is stored: do not turn it by its EXIF orientation.
    #[arg(long, help_heading = "Detection")]
    pub(crate) no_exif: bool,

    /// How many threads to use; 0 for all that the machine has. The results do not depend on it.
    #[arg(short, long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), help_heading = "Detection")]
    pub(crate) threads: u16,
}

/// How faces are looked for, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Detection {
    #[command(flatten)]
    pub(crate) search: Search,

    /// Give the largest face only.
    ///
    /// Large faces are looked for first, and smaller ones only while there is none: where a face fills much
    /// of the picture, this takes a small part of the time. Its box can differ by a few pixels.
    #[arg(long, help_heading = "Detection")]
    pub(crate) largest: bool,

    /// Give at most so many faces, those of the best scores. It takes as long as all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Detection")]
    pub(crate) max_faces: Option<u32>,

    /// Look only at this part of each picture: left, top, width and height in pixels.
    ///
    /// What reaches beyond the picture is cut off. Results are in pixels of the whole picture; the time
    /// goes with the size of the part.
    #[arg(long, value_name = "X,Y,W,H", value_parser = part, help_heading = "Detection")]
    pub(crate) roi: Option<Part>,

    /// Leave pictures as they are stored: do not turn them by their EXIF orientation.
    #[arg(long, help_heading = "Detection")]
    pub(crate) no_exif: bool,

    /// How many threads to use; 0 for all that the machine has. The results do not depend on it.
    #[arg(short, long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), help_heading = "Detection")]
    pub(crate) threads: u16,
}

/// How faces are looked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Search {
    /// The side of the smallest face to look for, in pixels.
    ///
    /// The time goes with the inverse of its square: 40 takes a quarter of the time of 20.
    #[arg(
        short,
        long,
        value_name = "PIXELS",
        default_value_t = 20.0,
        allow_negative_numbers = true,
        help_heading = "Detection"
    )]
    pub(crate) min_face: f64,

    /// The size of a pyramid level divided by the one before, 0.1 to 0.99 [default: the profile's, 0.709; 0.79 of mtcnn-caffe].
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true, help_heading = "Detection")]
    pub(crate) factor: Option<f64>,

    /// Look at larger pictures as if they were shrunk until their longer side has so many pixels.
    ///
    /// The smallest face grows by as much; larger faces are found as before. Half the side takes about a
    /// quarter of the time.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Detection")]
    pub(crate) max_side: Option<u32>,

    /// The scores from which the three nets let a box pass, 0 to 1 [default: the profile's, 0.6,0.7,0.7; 0.6,0.7,0.8 of ipazc].
    ///
    /// The last is the least score of a face in the results. Lower ones find more faces, and more that
    /// are none.
    #[arg(long, value_name = "A,B,C", value_parser = thresholds, allow_hyphen_values = true, help_heading = "Detection")]
    pub(crate) thresholds: Option<Thresholds>,

    /// The implementation of MTCNN whose results to reproduce, with the weights inside or those of
    /// --weights.
    #[arg(long, value_name = "NAME", value_parser = profiles(), default_value = Profile::default().name(), help_heading = "Detection")]
    pub(crate) profile: Profile,

    /// A model file (safetensors) instead of the weights inside.
    #[arg(long, value_name = "FILE", help_heading = "Detection")]
    pub(crate) weights: Option<PathBuf>,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: a line a face
    Table,
    /// One array of all pictures
    Json,
    /// A JSON object a line, one for each picture, as soon as it is done
    Jsonl,
    /// A row a face
    Csv,
    /// As WIDER FACE is evaluated: a text file for each picture in the folder OUTPUT
    Wider,
    /// As FDDB is evaluated: one text file
    Fddb,
}

/// How what was measured is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchFormat {
    /// For people: a line a stage
    Table,
    /// One object on one line
    Json,
}

// Lines of at most 78 characters: they are not broken again on a narrow terminal.
const DETECT_HELP: &str = r#"Formats:
  jsonl   One line a picture (here broken):
          {"image":"a.jpg","width":640,"height":480,"faces":[
           {"box":[x1,y1,x2,y2],"score":0.99,"landmarks":{"left_eye":[x,y],
            "right_eye":[x,y],"nose":[x,y],"mouth_left":[x,y],"mouth_right":[x,y]}}]}
          A picture that can't be read: {"image":"a.jpg","error":"the reason"}
  json    An array of the same objects.
  csv     A row a face; "face" counts them from 1 in each picture. A picture
          without faces has one row, with face 0; one that can't be read has a
          row with nothing but its name and the error.
  table   A line a face, without landmarks. A picture without faces has the line
          "no faces"; one that can't be read "not read", and stderr says why.
  wider   A folder in the layout of WIDER FACE: for 0--Parade/a.jpg in a folder of
          pictures OUTPUT/0--Parade/a.txt, with the picture's name, the number of
          faces, and a line "x y width height score" for each.
  fddb    The same lines for all pictures in one file, with names as FDDB has
          them, without extension. `eval --help` says more of both.
  Coordinates are pixels of the upright picture; left is the picture's left.

Examples:
  mtcnn-cpu detect photo.jpg                             a table of the faces
  mtcnn-cpu detect photo.jpg --draw faces.png            and a picture of them
  mtcnn-cpu detect album/ --draw drawn/ -o faces.jsonl   a whole folder
  mtcnn-cpu detect a.jpg b.png --format csv > faces.csv
  curl -s https://example.org/a.jpg | mtcnn-cpu detect -
  mtcnn-cpu detect crowd.jpg --min-face 40 --timing      faster, and how fast
  mtcnn-cpu detect WIDER_val/images --format wider -o results/

Exit status:
  0  all pictures were read, with or without faces
  1  some could not be read or drawn (the rest was), or a file that is needed
     could not be read or written
  2  the command line is wrong

Files are written under a temporary name (.tmp...) beside the final one and
renamed when complete. If the program is killed, such a file may stay, but never
half of a result."#;

const BENCH_HELP: &str = r#"What is measured:
  total    from call to return: decoded picture in, faces out
  pyramid  resizing the picture to every level, and normalising
  pnet     the first net, on every level; in: places, out: boxes
  crops    cutting out the boxes and resizing them, for both nets
  rnet     the second net, a crop a box
  onet     the third net, a crop a box; out: faces
  nms      dropping boxes that overlap better ones, after each net; one thread
  From pyramid to onet the ms are a thread's: the working time of all threads,
  divided by their number. Waiting for one another is in the total alone.
  GFLOP/s are useful floating-point operations (two a multiply-add, without
  padding) of one thread at work, at the median ms. The peak is what one core
  does in multiply-adds alone, the best of two measurements, before and after.
  A net may come above it: Winograd's way takes fewer operations than counted.

Formats:
  table   A line a stage and a line a level.
  json    One object:
          {"picture","width","height","faces","runs","seconds",
           "ms":{"total":{"median","min"},"pyramid","pnet","crops","rnet",
            "onet","nms"},
           "peak_gflops","pnet_of_peak","rnet_of_peak","onet_of_peak",
           "gflops":{"pnet":{"median","best"},"rnet","onet"},
           "levels":[{"scale","width","height","candidates","kept"}],
           "candidates":{"pnet":{"in","out"},"rnet","onet"},
           "isa","threads","version"}
          Rates are null for a net that had nothing to do. With --compare:
           "compared":{"date","note","tolerance","worse",
            "slower":[{"stage","median","min","worse"}]}
          where 0.1 is a tenth slower.
  A record is the same object with "date" (UTC), "cpu", "note", "options" and
  "pixels", a checksum of the picture; the file is named after the CPU.

Examples:
  mtcnn-cpu bench                              this machine, all its threads
  mtcnn-cpu bench photo.jpg --threads 1        one of your pictures, one thread
  mtcnn-cpu bench photo.jpg --min-face 40      what larger faces alone take
  MTCNN_CPU_ISA=avx2 mtcnn-cpu bench           another instruction set
  mtcnn-cpu bench --record runs/ --note "$(git rev-parse --short HEAD)"
                                               to be kept
  mtcnn-cpu bench --compare runs/              slower than the last time?

Exit status:
  0  measured
  1  the picture, the model file or a record could not be read or written; with
     --compare, something is slower, or there is nothing to compare with
  2  the command line is wrong"#;

const EXPLAIN_HELP: &str = r#"What is shown:
  First the verdict. A face counts as found if its box overlaps the box asked for
  by half or more (intersection over union). A box is near if it overlaps it by
  0.3 or more; a face is lost at the last net that is given such a box.
  Then, for each scale of the pyramid, the squares that PNet looks at: their side
  in pixels of the picture, the one that overlaps the box most and its score, how
  many are near, their best score, how many pass the threshold, and how many are
  left when those that overlap better ones are gone.
  Then the boxes near it that pass PNet, those that come furthest first: what each
  net says of them, how much they overlap the box when it is given them, and where
  their way ends: "score" is below the threshold; "overlaps" names the better box
  that takes the place.

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
  1  the picture or the model file could not be read, or the drawing not written
  2  the command line is wrong, or the box is not in the picture"#;

const ENVIRONMENT: &str = "\
Environment:
  MTCNN_CPU_ISA=portable|avx2|avx512 forces an instruction set; by default it is
  the best that the machine has.";

fn detect_help() -> String {
    format!("{DETECT_HELP}\n\n{ENVIRONMENT}")
}

fn bench_help() -> String {
    format!("{BENCH_HELP}\n\n{ENVIRONMENT}")
}

/// With the instruction set, which decides the speed.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let available: Vec<_> = Isa::available().iter().map(Isa::to_string).collect();
    let chosen = isa::from_env().map_or_else(|error| error.to_string(), |isa| isa.to_string());
    format!("{}\ninstruction set: {chosen} (this machine has {})", env!("CARGO_PKG_VERSION"), available.join(", "))
});

fn profiles() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(Profile::ALL.map(|profile| PossibleValue::new(profile.name()).help(profile.about())))
        .try_map(|name| name.parse::<Profile>())
}

fn thresholds(text: &str) -> Result<Thresholds, String> {
    let numbers: Result<Vec<f32>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[pnet, rnet, onet]) => Ok([pnet, rnet, onet].into()),
        _ => Err("three numbers are needed, such as 0.6,0.7,0.7".into()),
    }
}

fn part(text: &str) -> Result<Part, String> {
    let numbers: Result<Vec<usize>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[x, y, width, height]) if width > 0 && height > 0 => Ok(Part { x, y, width, height }),
        _ => Err("four whole numbers are needed, left, top, width and height, such as 100,50,640,480".into()),
    }
}

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
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn thresholds_are_three_numbers() {
        assert_eq!(thresholds("0.5, 0.6,1"), Ok([0.5, 0.6, 1.0].into()));
        for wrong in ["", "0.5", "0.5,0.6", "0.5,0.6,0.7,0.8", "a,b,c", "0.5,,0.7"] {
            assert!(thresholds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_part_is_four_whole_numbers() {
        assert_eq!(part("1, 2,30,40"), Ok(Part { x: 1, y: 2, width: 30, height: 40 }));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "-1,2,3,4", "1,2,0,4", "1.5,2,3,4", "a,b,c,d"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_place_is_four_numbers() {
        assert_eq!(place("-1, 2.5,30,40"), Ok([-1.0, 2.5, 30.0, 40.0]));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "1,2,0,4", "1,2,3,-4", "NaN,1,2,3", "1,2,inf,3", "a,b,c,d"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_are_more_than_none_and_an_end_is_in_sight() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for wrong in ["", "0", "-1", "1e-99999", "3601", "inf", "NaN", "ten"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
