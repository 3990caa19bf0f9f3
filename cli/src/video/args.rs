//! The command line of `video` as it is typed; its comments are the help.

use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;

use crate::common::detection_args::{ENVIRONMENT, Search, Threads};
use crate::common::hiding_args::Hiding;
use crate::common::reading_args::Decoding;
use crate::video::rate::Rate;

/// Follows the faces through a video: each has the same id in all frames. It can be written again, drawn on or blurred.
///
/// Reads Y4M, raw frames, MJPEG and other images one after the other, and folders of images. ffmpeg makes Y4M of any video.
#[derive(Debug, clap::Args)]
#[command(after_help = "`--help` shows more: the formats and examples.", after_long_help = video_help())]
pub(crate) struct Video {
    /// A file, a folder of images in the order of their numbers, or - for stdin.
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,

    /// The input is frames without anything else, of this size in pixels; see --pixels.
    #[arg(long, value_name = "WxH", value_parser = size, help_heading = "Input")]
    pub(crate) raw: Option<[usize; 2]>,

    /// How the pixels of --raw frames are ordered, as ffmpeg calls it.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "rgb24", requires = "raw", help_heading = "Input")]
    pub(crate) pixels: Pixels,

    /// Frames a second, where the input does not say it, such as 30 or 30000/1001 [default: 25].
    #[arg(long, value_name = "RATE", help_heading = "Input")]
    pub(crate) fps: Option<Rate>,

    /// What the colours of planes mean.
    #[arg(long, value_enum, value_name = "MATRIX", default_value = "bt601", help_heading = "Input")]
    pub(crate) matrix: Matrix,

    /// Which values brightness has in planes [default: what Y4M says, or else limited].
    #[arg(long, value_enum, value_name = "RANGE", help_heading = "Input")]
    pub(crate) range: Option<Range>,

    /// Write the results to a file instead of stdout. It appears under its name when it is complete.
    #[arg(short, long, value_name = "FILE", help_heading = "Results")]
    pub(crate) output: Option<PathBuf>,

    /// The form of the results.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "jsonl", help_heading = "Results")]
    pub(crate) format: Format,

    /// Write the frames again as Y4M, to a file or - for stdout; with --blur, --draw or both. On stdout there are no other
    /// results then: --output takes them.
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub(crate) y4m: Option<PathBuf>,

    /// Draw boxes, ids and landmarks.
    #[arg(long, requires = "y4m", help_heading = "Results")]
    pub(crate) draw: bool,

    /// Hide the faces.
    #[arg(long, requires = "y4m", help_heading = "Blur")]
    pub(crate) blur: bool,

    #[command(flatten)]
    pub(crate) hiding: Hiding,

    /// Keep hiding a face that is lost for so many frames, where it would have moved to [default: 12].
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(..=100_000), help_heading = "Blur")]
    pub(crate) hold: Option<u32>,

    /// Read the input twice, to hide faces between two sightings as well, and --hold frames before the first and after the
    /// last. It must be a file or a folder.
    #[arg(long, help_heading = "Blur")]
    pub(crate) two_pass: bool,

    /// Search the whole frame each K-th time only, and in between around the faces so far.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Tracks")]
    pub(crate) every: u16,

    /// Remember a face that is lost for so many frames, to give it its id again [default: 3 seconds].
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(..=1_000_000), help_heading = "Tracks")]
    pub(crate) remember: Option<u32>,

    /// Calm boxes and landmarks that tremble (One Euro filter); they lag a little.
    #[arg(long, help_heading = "Tracks")]
    pub(crate) smooth: bool,

    #[command(flatten)]
    pub(crate) search: Search,

    #[command(flatten)]
    pub(crate) decoding: Decoding,

    #[command(flatten)]
    pub(crate) threads: Threads,
}

impl Video {
    /// For how many frames a lost face is hidden.
    pub(crate) fn hold(&self) -> usize {
        self.hold.unwrap_or(12) as usize
    }
}

/// Frames without a header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Pixels,
}

/// How pixels are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pixels {
    /// Red, green, blue
    Rgb24,
    /// Blue, green, red, as OpenCV has it
    Bgr24,
    /// Brightness
    Gray,
    /// Planes, a colour for 2x2 pixels
    Yuv420p,
    /// Planes, a colour for 2x1 pixels
    Yuv422p,
    /// Planes, a colour a pixel
    Yuv444p,
    /// A plane of brightness and one of colours, one for 2x2 pixels
    Nv12,
}

/// What the colours of planes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Matrix {
    /// What ffmpeg takes where nothing is said; of small videos
    Bt601,
    /// Of high definition
    Bt709,
}

/// Which values brightness has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Range {
    /// 16 to 235
    Limited,
    /// 0 to 255
    Full,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A JSON object a frame
    Jsonl,
    /// As the MOT challenge has it: a line a face
    Mot,
}

// Lines of at most 78 characters: they are not broken again on a narrow terminal.
const HELP: &str = r#"Results:
  jsonl  A line for each frame, from 0, as soon as it is done (broken here):
         {"frame":0,"time":0.0,"faces":[{"id":1,"box":[x1,y1,x2,y2],"score":0.99,
          "landmarks":{...}}]}
         Ids count from 1. A face that is not found in a frame is not in its line.
  mot    A line "frame,id,x,y,width,height,score,-1,-1,-1" for each face, frames
         from 1.
  Frames of Y4M keep the parameters of their input, and what is not hidden keeps
  its pixels. Images and rgb24 become planes by --matrix and --range.

Hiding:
  A face is hidden from its first sighting on, and --hold frames after its last.
  A face that is never found is not hidden: lower --thresholds find more. The
  last one is the score from which a face begins a track, by default .9, and .7
  with --blur.

Examples:
  ffmpeg -i in.mp4 -f yuv4mpegpipe - | mtcnn-cpu video - > tracks.jsonl
  ffmpeg -i in.mp4 -f yuv4mpegpipe - | mtcnn-cpu video - --blur --y4m - |
      ffmpeg -i - -i in.mp4 -map 0:v -map 1:a? -pix_fmt yuv420p out.mp4
  ffmpeg -i in.mp4 -f rawvideo -pix_fmt rgb24 - |
      mtcnn-cpu video - --raw 1280x720 --fps 30 --every 5
  mtcnn-cpu video frames/ --two-pass --blur --style solid --y4m safe.y4m
  mtcnn-cpu video frames/ --format mot -o tracks.txt

Exit status:
  0  all frames were read
  1  a frame could not be read, or a result not be written; what was done before
     is complete. It is no error that a reader of stdout leaves, as head does, but
     that of frames where --output is given
  2  the command line is wrong
  130  stopped by a signal: the frames before are complete; a second one ends at
       once"#;

fn video_help() -> String {
    format!("{HELP}\n\n{ENVIRONMENT}")
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let sides = text.split_once('x').map(|(width, height)| [width, height].map(u32::from_str));
    match sides {
        Some([Ok(width @ 1..=65_535), Ok(height @ 1..=65_535)]) => Ok([width as usize, height as usize]),
        _ => Err("a width and a height are needed, 1 to 65535, such as 640x480".into()),
    }
}
