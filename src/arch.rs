//! The three nets as data: their layers, the squares that they look at, and the heads with which they answer, as the paper
//! and the original files have them.

use std::fmt;
use std::str::FromStr;

use mtcnn_kernels::MaxPool;
use mtcnn_kernels::resize::Affine;

use crate::error::{Error, Result};

/// `(x - 127.5) / 128`, what all three nets take of a byte; both constants are exact in f32.
pub(crate) const NORMALISE: Affine = Affine { scale: 1.0 / 128.0, offset: -127.5 / 128.0 };

/// A net of the cascade.
// Their names all end in Net.
#[allow(clippy::enum_variant_names)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Stage {
    /// The first, which proposes boxes.
    PNet,
    /// The second, which rejects most of them.
    RNet,
    /// The third, which decides and finds the landmarks.
    ONet,
}

impl Stage {
    /// All of them, in the order of the cascade.
    pub const ALL: [Self; 3] = [Self::PNet, Self::RNet, Self::ONet];

    /// The name as the command line and model files have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PNet => "pnet",
            Self::RNet => "rnet",
            Self::ONet => "onet",
        }
    }

    /// The name as papers have it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::PNet => "PNet",
            Self::RNet => "RNet",
            Self::ONet => "ONet",
        }
    }

    /// The side in pixels of the squares that the net looks at.
    #[must_use]
    pub const fn side(self) -> usize {
        match self {
            Self::PNet => 12,
            Self::RNet => 24,
            Self::ONet => 48,
        }
    }

    /// The layers and heads of the net, with a head for so many points.
    pub(crate) const fn arch(self, points: usize) -> Arch {
        let arch = match self {
            Self::PNet => PNET,
            Self::RNet => RNET,
            Self::ONet => ONET,
        };
        Arch { points, ..arch }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Stage {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|stage| stage.name() == name);
        found.ok_or_else(|| Error::option(format!("{name:?} is none of pnet, rnet, onet")))
    }
}

/// A layer before the heads. Each convolution and dense layer has a bias and is followed by PReLU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Layer {
    /// `size x size`, stride 1, no padding.
    Conv { name: &'static str, prelu: &'static str, size: usize, inputs: usize, outputs: usize },
    /// Sizes are rounded up.
    MaxPool(MaxPool),
    /// Takes a map of `side x side` pixels and `channels` channels.
    Dense { name: &'static str, prelu: &'static str, side: usize, channels: usize, outputs: usize },
}

/// A head: a dense layer on the features of the last layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// The logits of (no face, face).
    Classes,
    /// How far the corners x1 y1 x2 y2 of the face's box are from those of the crop, in parts of the crop's sides.
    Box,
    /// That number of points of the face, x1 y1 x2 y2 …, in parts of the crop's sides.
    Points(usize),
}

impl Head {
    /// The name of its layer in a model file.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Classes => "cls",
            Self::Box => "box",
            Self::Points(_) => "lm",
        }
    }

    /// How many values it gives.
    pub(crate) const fn values(self) -> usize {
        match self {
            Self::Classes => 2,
            Self::Box => 4,
            Self::Points(points) => 2 * points,
        }
    }
}

/// A net: what it looks at, its layers, and the heads on the last one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arch {
    pub(crate) stage: Stage,
    pub(crate) layers: &'static [Layer],
    /// Whether the first convolution and the pool behind it run on planar rows, which pays for long
    /// rows and few channels.
    pub(crate) planar: bool,
    /// Channels of the last layer.
    pub(crate) features: usize,
    /// How many points of a face its last head gives; it has no such head with none.
    pub(crate) points: usize,
    /// How many of the heads detection uses, the first ones.
    detecting: usize,
}

const fn conv(name: &'static str, prelu: &'static str, size: usize, inputs: usize, outputs: usize) -> Layer {
    Layer::Conv { name, prelu, size, inputs, outputs }
}

const fn max_pool(size: usize, stride: usize) -> Layer {
    Layer::MaxPool(MaxPool { size, stride })
}

const fn dense(side: usize, channels: usize, outputs: usize) -> Layer {
    Layer::Dense { name: "fc", prelu: "prelu_fc", side, channels, outputs }
}

/// Proposes boxes: fully convolutional, an answer every [`PNET_STRIDE`] pixels.
const PNET: Arch = Arch {
    stage: Stage::PNet,
    layers: &[
        conv("conv1", "prelu1", 3, 3, 10),
        max_pool(2, 2),
        conv("conv2", "prelu2", 3, 10, 16),
        conv("conv3", "prelu3", 3, 16, 32),
    ],
    planar: true,
    features: 32,
    points: 0,
    detecting: 2,
};

/// Pixels from one of PNet's answers to the next.
pub(crate) const PNET_STRIDE: usize = 2;

/// Rejects most of the proposals.
const RNET: Arch = Arch {
    stage: Stage::RNet,
    layers: &[
        conv("conv1", "prelu1", 3, 3, 28),
        max_pool(3, 2),
        conv("conv2", "prelu2", 3, 28, 48),
        max_pool(3, 2),
        conv("conv3", "prelu3", 2, 48, 64),
        dense(3, 64, 128),
    ],
    planar: false,
    features: 128,
    points: 0,
    detecting: 2,
};

/// Decides, and finds the landmarks.
const ONET: Arch = Arch {
    stage: Stage::ONet,
    layers: &[
        conv("conv1", "prelu1", 3, 3, 32),
        max_pool(3, 2),
        conv("conv2", "prelu2", 3, 32, 64),
        max_pool(3, 2),
        conv("conv3", "prelu3", 3, 64, 64),
        max_pool(2, 2),
        conv("conv4", "prelu4", 2, 64, 128),
        dense(3, 128, 256),
    ],
    planar: false,
    features: 256,
    points: 0,
    detecting: 3,
};

/// A parameter of a net as a model file has it.
pub(crate) struct Parameter {
    /// `net.layer.part`
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
}

impl Arch {
    /// The name that parameters of the net begin with.
    pub(crate) const fn name(&self) -> &'static str {
        self.stage.name()
    }

    /// Rows and columns of the image that one answer looks at.
    pub(crate) const fn side(&self) -> usize {
        self.stage.side()
    }

    /// The heads, in the order of its answers.
    pub(crate) fn heads(&self) -> impl Iterator<Item = Head> + use<> {
        let points = (self.points > 0).then_some(Head::Points(self.points));
        [Head::Classes, Head::Box].into_iter().chain(points)
    }

    /// The heads that detection uses.
    pub(crate) fn detecting_heads(&self) -> impl Iterator<Item = Head> + use<> {
        self.heads().take(self.detecting)
    }

    /// Numbers of an answer, of all heads.
    #[cfg(feature = "train")]
    pub(crate) fn answer(&self) -> usize {
        self.heads().map(Head::values).sum()
    }

    /// Whether detection uses the points of this net, if it has any.
    #[cfg(any(feature = "convert", test))]
    pub(crate) fn detects_points(&self) -> bool {
        self.detecting > 2
    }

    /// Whether there is a dense layer: then the net takes crops of its own size only.
    #[cfg(feature = "convert")]
    pub(crate) fn has_dense(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer, Layer::Dense { .. }))
    }

    /// Every parameter of the net.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        let mut add = |layer: &str, part: &str, shape: Vec<usize>| {
            parameters.push(Parameter { name: format!("{}.{layer}.{part}", self.name()), shape });
        };
        for layer in self.layers {
            match *layer {
                Layer::Conv { name, prelu, size, inputs, outputs } => {
                    add(name, "weight", vec![outputs, inputs, size, size]);
                    add(name, "bias", vec![outputs]);
                    add(prelu, "slope", vec![outputs]);
                }
                Layer::MaxPool(_) => {}
                Layer::Dense { name, prelu, side, channels, outputs } => {
                    add(name, "weight", vec![outputs, channels * side * side]);
                    add(name, "bias", vec![outputs]);
                    add(prelu, "slope", vec![outputs]);
                }
            }
        }
        for head in self.heads() {
            add(head.name(), "weight", vec![head.values(), self.features]);
            add(head.name(), "bias", vec![head.values()]);
        }
        parameters
    }
}
