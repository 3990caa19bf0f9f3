//! Profiles: the small choices in which the known implementations of MTCNN differ, as a value.

use super::Thresholds;

/// How a pyramid level's size follows from the picture's size `n` and the scale `s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LevelSize {
    /// `int(n·s + 1)`
    FloorPlusOne,
    /// `ceil(n·s)`
    Ceil,
}

/// How levels and crops are resized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resize {
    /// The mean of whole source pixels (adaptive average pooling), in float.
    AreaBins,
    /// OpenCV's INTER_AREA; levels are rounded to u8, crops are not.
    AreaOpenCv,
}

/// In which precision a cell of PNet's map is divided by the level's scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CellDivision {
    F32,
    F64,
}

/// What happens to a crop that reaches beyond the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Border {
    /// Cut off: the rest, no longer square, is stretched.
    Clip,
    /// Filled with zeros, which are black before normalising.
    Zero,
}

/// A set of choices that reproduces one implementation of MTCNN: the same weights give other boxes
/// with other rounding, resizing and non-maximum suppression.
///
/// A profile also brings the implementation's usual thresholds and factor; the builder's own win.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) thresholds: Thresholds,
    pub(crate) factor: f64,
    pub(crate) level_size: LevelSize,
    pub(crate) resize: Resize,
    pub(crate) cell_division: CellDivision,
    pub(crate) border: Border,
    /// Whether areas and overlaps in the union NMS of the first two stages count a side as `x2 - x1 + 1`.
    pub(crate) nms_plus_one: bool,
    /// Whether boxes are truncated to whole pixels for good before each crop, or for the crop only.
    pub(crate) truncate_boxes: bool,
}

impl Profile {
    /// The PyPI package facenet-pytorch, 2.6.0.
    pub const FACENET_PYTORCH: Profile = Profile {
        name: "facenet-pytorch",
        about: "the PyPI package facenet-pytorch 2.6.0",
        thresholds: Thresholds { pnet: 0.6, rnet: 0.7, onet: 0.7 },
        factor: 0.709,
        level_size: LevelSize::FloorPlusOne,
        resize: Resize::AreaBins,
        cell_division: CellDivision::F32,
        border: Border::Clip,
        nms_plus_one: false,
        truncate_boxes: false,
    };

    /// The original MTCNN (kpzhang93, MTCNNv1), as davidsandberg's facenet runs it.
    pub const KPZHANG: Profile = Profile {
        name: "kpzhang",
        about: "the original MTCNN as davidsandberg/facenet runs it",
        level_size: LevelSize::Ceil,
        resize: Resize::AreaOpenCv,
        cell_division: CellDivision::F64,
        border: Border::Zero,
        nms_plus_one: true,
        truncate_boxes: true,
        ..Profile::FACENET_PYTORCH
    };

    /// Every profile, the default first.
    pub const ALL: [Profile; 2] = [Profile::FACENET_PYTORCH, Profile::KPZHANG];

    /// The profile of that [name](Profile::name), if there is one.
    pub fn by_name(name: &str) -> Option<Profile> {
        Self::ALL.into_iter().find(|profile| profile.name == name)
    }

    /// What the union NMS adds to `x2 - x1` for a side.
    pub(crate) fn nms_extra(&self) -> f64 {
        f64::from(u8::from(self.nms_plus_one))
    }

    /// The name, as `mtcnn-cpu detect --profile` takes it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Which implementation it reproduces.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// The thresholds that the implementation uses if nothing else is said.
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// The factor between two levels that the implementation uses if nothing else is said.
    pub fn factor(&self) -> f64 {
        self.factor
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::FACENET_PYTORCH
    }
}
