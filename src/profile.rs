//! Profiles: the small choices in which the known implementations of MTCNN differ, as a value.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The score from which each net lets a box pass: probabilities, 0 to 1.
///
/// ```
/// let thresholds = mtcnn_cpu::Thresholds::from([0.6, 0.7, 0.7]);
/// assert_eq!(thresholds.onet, 0.7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Thresholds {
    /// Of the first net, on every place of every level.
    pub pnet: f32,
    /// Of the second net.
    pub rnet: f32,
    /// Of the third net: the least score of a face in the result.
    pub onet: f32,
}

impl From<[f32; 3]> for Thresholds {
    /// In the order of the cascade.
    fn from([pnet, rnet, onet]: [f32; 3]) -> Self {
        Self { pnet, rnet, onet }
    }
}

/// What the numbers of a box on its way name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Numbers {
    /// Its first and its last pixel; the image's first has the number 1.
    PixelsFromOne,
    /// The same; the image's first has the number 0.
    PixelsFromZero,
    /// Its edges: the image's first pixel reaches from 0 to 1.
    Edges,
}

impl Numbers {
    /// The number of the image's first column and row.
    pub(crate) fn first(self) -> f64 {
        if self == Numbers::PixelsFromOne { 1.0 } else { 0.0 }
    }

    /// What `x2 - x1` lacks of the pixels along a side.
    pub(crate) fn extra(self) -> f64 {
        if self == Numbers::Edges { 0.0 } else { 1.0 }
    }
}

/// How a pyramid level's size follows from the image's size `n` and the scale `s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LevelSize {
    /// `int(n·s + 1)`
    FloorPlusOne,
    /// `ceil(n·s)`
    Ceil,
    /// `int(n·s)`
    Floor,
}

/// Which level of the pyramid is the last. `n` is the image's shorter side, `f` the factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LastLevel {
    /// The last whose exact shorter side `n·s` is not less than what PNet looks at.
    Fits,
    /// The last whose shorter side in whole pixels is more than that.
    Exceeds,
    /// There are `round(-(ln(n / 12) / ln(f) + 1))` levels, whatever the smallest face, but for those too
    /// small for PNet.
    Counted,
}

/// How levels are resized, and crops of whole pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resize {
    /// The mean of whole source pixels (adaptive average pooling), in float.
    AreaBins,
    /// The mean of the area that an output pixel covers, in float: TensorFlow's.
    AreaCoverage,
    /// OpenCV's INTER_AREA; levels are rounded to u8, crops are not.
    AreaOpenCv,
    /// OpenCV's INTER_LINEAR, rounded to u8.
    LinearOpenCv,
}

/// The square of the image that cell `i` of a map looks at, along one axis of a level of scale `s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    /// From `floor((2i + 1) / s)` to `floor((2i + 12) / s)`, divided in f32.
    FloorF32,
    /// The same in f64.
    FloorF64,
    /// From `round(2i / s)` to `round((2i + 12) / s)`, halves to even.
    Round,
    /// From `(2i + 1) / s` to `(2i + 12) / s`.
    Exact,
    /// From `2i / s` to `(2i + 12) / s`, `s` being the level's side divided by the image's, which along each axis differs a
    /// little from the scale, since levels have whole pixels.
    Edges,
}

/// When a box is moved as the net says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moves {
    /// Before PNet's and RNet's non-maximum suppression.
    BeforeSuppression,
    /// After it.
    AfterSuppression,
}

/// What becomes of the parts of pixels of a box that is to be cut out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rounding {
    /// The box keeps them; a crop of whole pixels drops them.
    Keep,
    /// Dropped for good.
    Truncate,
    /// Rounded for good, halves to even.
    Round,
}

/// What a crop is made of, and what is beyond the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Crop {
    /// Whole pixels. What is beyond the image is cut off: the rest, no longer square, is stretched.
    Clipped,
    /// Whole pixels, black beyond the image.
    Black,
    /// The same, but the box itself, from which the net's offsets and landmarks count, is then cut off at
    /// the border.
    BlackThenClipped,
    /// Bilinear samples between the corners of the box, which need no whole pixels; grey (0 after
    /// normalising) beyond the image. TensorFlow's crop_and_resize.
    Sampled,
}

/// What the overlap of two boxes is divided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Overlap {
    /// The area that they cover together.
    Union,
    /// The area of the smaller one.
    Smaller,
}

/// Which boxes of an overlap stay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rule {
    /// The most that a box may overlap a better one.
    pub(crate) threshold: f64,
    pub(crate) overlap: Overlap,
    /// What a side adds to `x2 - x1`, 0 or 1.
    pub(crate) extra: f64,
    /// Whether a box that was suppressed suppresses nothing.
    pub(crate) greedy: bool,
    /// Whether of equal scores the last counts as better, or the first.
    pub(crate) last_wins: bool,
}

impl Rule {
    /// By the area that two boxes cover together, greedy.
    pub(crate) const fn union(threshold: f64, extra: f64) -> Self {
        Self { threshold, overlap: Overlap::Union, extra, greedy: true, last_wins: false }
    }

    /// By the area of the smaller box, greedy.
    pub(crate) const fn smaller(threshold: f64, extra: f64) -> Self {
        Self { threshold, overlap: Overlap::Smaller, extra, greedy: true, last_wins: false }
    }

    /// The same rule, by which every box suppresses, whether it stays or not.
    pub(crate) const fn not_greedy(self) -> Self {
        Self { greedy: false, ..self }
    }

    /// The same rule, by which of equal scores the last counts as better: NumPy's sorting, turned round.
    pub(crate) const fn last_wins(self) -> Self {
        Self { last_wins: true, ..self }
    }
}

/// The rule of each place where boxes are suppressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Suppression {
    /// Among PNet's of one level.
    pub(crate) level: Rule,
    /// Among PNet's of all levels.
    pub(crate) pnet: Rule,
    /// Among RNet's.
    pub(crate) rnet: Rule,
    /// Among ONet's.
    pub(crate) onet: Rule,
}

/// Boxes that a net need not look at: those that overlap a better one much, if the net is sure of that one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Skips {
    /// The least overlap (intersection over union).
    pub(crate) overlap: f64,
    /// Of the better box: below this score the others are no face either.
    pub(crate) below: f32,
    /// Above this score the face is found.
    pub(crate) above: f32,
}

/// A set of choices: the same weights give other boxes with other rounding, resizing and non-maximum suppression. Four profiles
/// reproduce an implementation of MTCNN each; the default is [our own](Profile::MTCNN_CPU).
///
/// A profile also brings the usual thresholds and factor; the builder's own win. It does
/// not bring weights: [`Profile::MTCNN_CAFFE`] gives the results of its system with the weights of that
/// system only, in a model file for RGB images.
///
/// Whether a score that equals a threshold passes is not among the choices: scores of two systems are not
/// equal to the last bit anyway. PNet's passes here, the others' do not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) thresholds: Thresholds,
    pub(crate) factor: f64,
    /// The side of the square that a cell of the first level looks at, in parts of the smallest face.
    pub(crate) first_square: f64,
    pub(crate) level_size: LevelSize,
    pub(crate) last_level: LastLevel,
    pub(crate) resize: Resize,
    /// Levels and crops may be made of the image halved once or more, where so many pixels of that are left for each of theirs;
    /// `None` makes all of the image itself.
    pub(crate) gap: Option<f64>,
    pub(crate) cell: Cell,
    pub(crate) moves: Moves,
    pub(crate) numbers: Numbers,
    /// What `x2 - x1` lacks of a side where PNet's boxes are moved and where boxes are made square, 0 or
    /// 1. Where RNet's and ONet's are moved it is [`Numbers::extra`].
    pub(crate) side_extra: f64,
    pub(crate) rounding: Rounding,
    pub(crate) crop: Crop,
    pub(crate) suppression: Suppression,
    /// What RNet and ONet do not look at, if anything.
    pub(crate) skips: [Option<Skips>; 2],
    /// Whether a face's box and points become the mean, weighted by the scores, of all boxes that overlap it by more than
    /// this (intersection over union) and that ONet lets pass.
    pub(crate) voting: Option<f64>,
    /// Pixels that are added to the faces' points, to the right and down. `None` moves points and boxes by what those of the
    /// model lean.
    pub(crate) point_shift: Option<f64>,
    /// Whether the faces' boxes are cut off at the image's border.
    pub(crate) clips_faces: bool,
}

impl Profile {
    /// Our own, which reproduces nothing: its choices are those that find most, with the fewest false faces and the most
    /// exact points, in the time that the others take. The README says how they were made.
    ///
    /// Boxes are counted in edges all the way, crops are whole pixels, and what a model's boxes and points lean is taken back.
    pub const MTCNN_CPU: Profile = Profile {
        name: "mtcnn-cpu",
        about: "our own: more faces, fewer false ones and more exact points than the others, and faster",
        thresholds: Thresholds { pnet: 0.6, rnet: 0.7, onet: 0.6 },
        factor: 0.75,
        first_square: 1.1,
        level_size: LevelSize::Ceil,
        resize: Resize::AreaCoverage,
        gap: Some(2.0),
        cell: Cell::Edges,
        numbers: Numbers::Edges,
        rounding: Rounding::Round,
        crop: Crop::Black,
        suppression: Suppression {
            level: Rule::union(0.5, 0.0),
            pnet: Rule::union(0.7, 0.0),
            rnet: Rule::union(0.7, 0.0),
            onet: Rule::smaller(0.7, 0.0),
        },
        skips: [
            Some(Skips { overlap: 0.5, below: 0.05, above: 1.0 }),
            Some(Skips { overlap: 0.6, below: 0.0, above: 0.99 }),
        ],
        voting: Some(0.5),
        point_shift: None,
        clips_faces: true,
        ..Profile::FACENET_PYTORCH
    };

    /// The PyPI package facenet-pytorch, 2.6.0.
    pub const FACENET_PYTORCH: Profile = Profile {
        name: "facenet-pytorch",
        about: "the PyPI package facenet-pytorch 2.6.0: to take its place",
        thresholds: Thresholds { pnet: 0.6, rnet: 0.7, onet: 0.7 },
        factor: 0.709,
        first_square: 1.0,
        level_size: LevelSize::FloorPlusOne,
        last_level: LastLevel::Fits,
        resize: Resize::AreaBins,
        gap: None,
        cell: Cell::FloorF32,
        moves: Moves::AfterSuppression,
        numbers: Numbers::PixelsFromOne,
        side_extra: 0.0,
        rounding: Rounding::Keep,
        crop: Crop::Clipped,
        suppression: Suppression {
            level: Rule::union(0.5, 0.0),
            pnet: Rule::union(0.7, 0.0),
            rnet: Rule::union(0.7, 0.0),
            onet: Rule::smaller(0.7, 1.0),
        },
        skips: [None; 2],
        voting: None,
        point_shift: Some(-1.0),
        clips_faces: false,
    };

    /// The original MTCNN (kpzhang93, MTCNNv1), as davidsandberg's facenet runs it.
    pub const KPZHANG: Profile = Profile {
        name: "kpzhang",
        about: "the original MTCNN as davidsandberg/facenet runs it: to compare with published results",
        level_size: LevelSize::Ceil,
        resize: Resize::AreaOpenCv,
        cell: Cell::FloorF64,
        rounding: Rounding::Truncate,
        crop: Crop::Black,
        suppression: Suppression {
            level: Rule::union(0.5, 1.0),
            pnet: Rule::union(0.7, 1.0),
            rnet: Rule::union(0.7, 1.0),
            onet: Rule::smaller(0.7, 1.0),
        },
        ..Profile::FACENET_PYTORCH
    };

    /// The PyPI package mtcnn (ipazc), 1.0.0. Its levels are counted from the image's size alone: with a
    /// smallest face other than about 20 pixels the largest faces may be left out, as there.
    pub const IPAZC: Profile = Profile {
        name: "ipazc",
        about: "the PyPI package mtcnn 1.0.0 by ipazc: to take its place without TensorFlow",
        thresholds: Thresholds { pnet: 0.6, rnet: 0.7, onet: 0.8 },
        level_size: LevelSize::Floor,
        last_level: LastLevel::Counted,
        resize: Resize::AreaCoverage,
        cell: Cell::Exact,
        moves: Moves::BeforeSuppression,
        numbers: Numbers::PixelsFromZero,
        crop: Crop::Sampled,
        suppression: Suppression {
            level: Rule::union(0.5, 0.0).not_greedy().last_wins(),
            pnet: Rule::union(0.7, 0.0).not_greedy().last_wins(),
            rnet: Rule::union(0.7, 0.0).not_greedy().last_wins(),
            onet: Rule::smaller(0.7, 0.0).not_greedy().last_wins(),
        },
        clips_faces: true,
        ..Profile::FACENET_PYTORCH
    };

    /// The Caffe training project lippman1125/mtcnn_caffe and its relatives (AITTSMD, TFMTCNN), whose
    /// detection is the same. Meant for weights that such a project trained.
    pub const MTCNN_CAFFE: Profile = Profile {
        name: "mtcnn-caffe",
        about: "lippman1125/mtcnn_caffe: for weights that it or a relative (AITTSMD, TFMTCNN) trained",
        factor: 0.79,
        level_size: LevelSize::Floor,
        last_level: LastLevel::Exceeds,
        resize: Resize::LinearOpenCv,
        cell: Cell::Round,
        numbers: Numbers::PixelsFromZero,
        side_extra: 1.0,
        rounding: Rounding::Round,
        crop: Crop::BlackThenClipped,
        suppression: Suppression {
            level: Rule::union(0.5, 1.0).last_wins(),
            pnet: Rule::union(0.7, 1.0).last_wins(),
            rnet: Rule::union(0.6, 1.0).last_wins(),
            onet: Rule::smaller(0.6, 1.0).last_wins(),
        },
        ..Profile::FACENET_PYTORCH
    };

    /// Every profile, the default first.
    pub const ALL: [Profile; 5] =
        [Profile::MTCNN_CPU, Profile::FACENET_PYTORCH, Profile::KPZHANG, Profile::IPAZC, Profile::MTCNN_CAFFE];

    /// The name, as `mtcnn-cpu detect --profile` takes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Which implementation it reproduces, if it does, and what for.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// The thresholds that are used if nothing else is said.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// The factor between two levels that is used if nothing else is said.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.factor
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::MTCNN_CPU
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|profile| profile.name == name);
        let names = || Self::ALL.map(|profile| profile.name).join(", ");
        found.ok_or_else(|| Error::option(format!("{name:?} is none of the profiles {}", names())))
    }
}
