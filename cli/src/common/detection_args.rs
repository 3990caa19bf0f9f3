//! Arguments that say how faces are looked for; several subcommands have them.

use std::fmt;
use std::num::ParseFloatError;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::TypedValueParser;
use mtcnn_cpu::{DetectorBuilder, ImageView, Part, Profile, Rotation, Thresholds};

use crate::common::choice::one_of;
use crate::common::reading_args::Decoding;

/// The end of the help of what detects.
pub(crate) const ENVIRONMENT: &str = "\
Environment:
  MTCNN_CPU_ISA=portable|avx2|avx512 forces an instruction set; by default it is
  the best that the machine has.";

/// How faces are looked for, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Detection {
    #[command(flatten)]
    pub(crate) search: Search,

    #[command(flatten)]
    pub(crate) looks: Looks,

    /// Return only the largest of all faces found.
    ///
    /// It takes as long as all. Where small faces do not matter, a larger --min-face saves time.
    #[arg(long, help_heading = "Detection")]
    pub(crate) largest: bool,

    /// Return at most this number of faces, those with the best scores. It takes as long as all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Detection")]
    pub(crate) max_faces: Option<u32>,

    /// Detect only in this part of each image: left, top, width and height in pixels.
    ///
    /// What reaches beyond the image is cut off; that nothing of it lies in the image is an error. Results are in
    /// pixels of the whole image; the time is proportional to the size of the part.
    #[arg(long, value_name = "X,Y,W,H", value_parser = part, help_heading = "Detection")]
    pub(crate) roi: Option<Part>,

    #[command(flatten)]
    pub(crate) decoding: Decoding,

    #[command(flatten)]
    pub(crate) threads: Threads,
}

/// How faces are looked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Search {
    /// The side of the smallest face to look for, in pixels, or in percent of each image's shorter side, such as 3%.
    ///
    /// The time is inversely proportional to its square: 40 takes a quarter of the time of 20. With a percentage, images of
    /// the same shape take the same time, whatever their size.
    #[arg(
        short,
        long,
        value_name = "PIXELS|PERCENT%",
        default_value_t = MinFace::Pixels(20.0),
        value_parser = MinFace::from_str,
        allow_negative_numbers = true,
        help_heading = "Detection"
    )]
    pub(crate) min_face: MinFace,

    /// The size of a pyramid level divided by the one before, 0.1 to 0.99 [default: the profile's, 0.75; 0.709 of facenet-pytorch, kpzhang and ipazc, 0.79 of mtcnn-caffe].
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true, help_heading = "Detection")]
    pub(crate) factor: Option<f64>,

    /// Treat larger images as if they were shrunk until their longer side has this number of pixels.
    ///
    /// The smallest face grows by as much; larger ones are found as with such a --min-face. Half the side takes about a
    /// quarter of the time.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Detection")]
    pub(crate) max_side: Option<u32>,

    /// The scores from which the three nets let a box pass, 0 to 1 [default: the profile's, 0.6,0.7,0.6; 0.6,0.7,0.7 or 0.6,0.7,0.8 of others].
    ///
    /// The last one is the lowest score of a face in the results. Lower thresholds find more faces, and
    /// more false ones.
    #[arg(long, value_name = "A,B,C", value_parser = thresholds, allow_hyphen_values = true, help_heading = "Detection")]
    pub(crate) thresholds: Option<Thresholds>,

    /// Our own choices, or the implementation of MTCNN whose results to reproduce, with the built-in weights or those of
    /// --weights.
    #[arg(long, value_name = "NAME", value_parser = profiles(), default_value = Profile::default().name(), help_heading = "Detection")]
    pub(crate) profile: Profile,

    /// Compute all in f32. Else a pass in low precision first rejects what scores far too low, where that takes less time.
    ///
    /// The faces are the same to the bit. That pass is made with AVX-512 VNNI, the built-in weights and usual thresholds;
    /// `detect --timing` says what it rejected.
    #[arg(long, help_heading = "Detection")]
    pub(crate) exact: bool,

    /// A model file (safetensors) instead of the built-in weights.
    #[arg(long, value_name = "FILE", help_heading = "Detection")]
    pub(crate) weights: Option<PathBuf>,
}

/// The side of the smallest face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum MinFace {
    Pixels(f64),
    /// Of the image's shorter side.
    Percent(f64),
}

impl FromStr for MinFace {
    type Err = ParseFloatError;

    fn from_str(text: &str) -> Result<Self, ParseFloatError> {
        Ok(match text.strip_suffix('%') {
            Some(percent) => Self::Percent(percent.parse()?),
            None => Self::Pixels(text.parse()?),
        })
    }
}

impl fmt::Display for MinFace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pixels(side) => write!(f, "{side}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl MinFace {
    /// A detector's options with it.
    pub(crate) fn of(self, builder: DetectorBuilder) -> DetectorBuilder {
        match self {
            Self::Pixels(side) => builder.min_face(side),
            Self::Percent(percent) => builder.min_face_part(percent / 100.0),
        }
    }

    /// In an image.
    pub(crate) fn pixels(self, view: &ImageView<'_>) -> f64 {
        match self {
            Self::Pixels(side) => side,
            Self::Percent(percent) => (percent / 100.0 * view.width().min(view.height()) as f64).max(1.0),
        }
    }
}

/// Looks at an image beyond the first.
#[derive(Debug, clap::Args)]
pub(crate) struct Looks {
    /// Look at the mirror image, too, and average: more faces, fewer false ones, twice the time.
    ///
    /// The last threshold is 0.5 then, if --thresholds does not say otherwise.
    #[arg(long, help_heading = "Detection")]
    pub(crate) accurate: bool,

    /// Look at the image turned clockwise by these degrees, too: 90, 180, 270 or several of them.
    ///
    /// For scans and photographs that lie on their side without saying so. Results are in pixels of the image as it is; a
    /// face found twice is given once. Each takes as long as the image itself.
    #[arg(long, value_name = "DEGREES", value_delimiter = ',', value_parser = one_of(Rotation::ALL.iter().copied(), |_| ""), help_heading = "Detection")]
    pub(crate) rotations: Vec<Rotation>,
}

impl Looks {
    /// The options with these.
    pub(crate) fn of(&self, builder: DetectorBuilder) -> DetectorBuilder {
        builder.accurate(self.accurate).rotations(self.rotations.iter().copied())
    }
}

/// The name of a profile.
pub(crate) fn profiles() -> impl TypedValueParser<Value = Profile> {
    one_of(Profile::ALL, |profile| profile.about())
}

fn thresholds(text: &str) -> Result<Thresholds, String> {
    let numbers: Result<Vec<f32>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[pnet, rnet, onet]) => Ok([pnet, rnet, onet].into()),
        _ => Err("three numbers are needed, such as 0.6,0.7,0.7".into()),
    }
}

/// Left, top, width and height.
pub(crate) fn part(text: &str) -> Result<Part, String> {
    let numbers: Result<Vec<usize>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[x, y, width, height]) if width > 0 && height > 0 => Ok(Part { x, y, width, height }),
        _ => Err("four whole numbers are needed, left, top, width and height, such as 100,50,640,480".into()),
    }
}

/// How many threads are used.
#[derive(Debug, clap::Args)]
pub(crate) struct Threads {
    /// How many threads to use; 0 for all that the machine has. The results do not depend on it.
    #[arg(short, long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), help_heading = "Detection")]
    pub(crate) threads: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_three_numbers() {
        assert_eq!(thresholds("0.5, 0.6,1"), Ok([0.5, 0.6, 1.0].into()));
        for wrong in ["", "0.5", "0.5,0.6", "0.5,0.6,0.7,0.8", "a,b,c", "0.5,,0.7"] {
            assert!(thresholds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_smallest_face_is_in_pixels_or_percent() {
        for (text, value) in
            [("20", MinFace::Pixels(20.0)), ("3%", MinFace::Percent(3.0)), ("0.5%", MinFace::Percent(0.5))]
        {
            assert_eq!((text.parse(), value.to_string()), (Ok(value), text.into()));
        }
        for wrong in ["", "%", "3 %", "3%%", "%3", "three"] {
            assert!(wrong.parse::<MinFace>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_part_is_four_whole_numbers() {
        assert_eq!(part("1, 2,30,40"), Ok(Part { x: 1, y: 2, width: 30, height: 40 }));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "-1,2,3,4", "1,2,0,4", "1.5,2,3,4", "a,b,c,d"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }
}
