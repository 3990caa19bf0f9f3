//! The three nets as tables of layers, as the paper and the original files have them.

use mtcnn_kernels::MaxPool;

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

/// A net: what it looks at, its layers, and the heads on the last one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Rows and columns of the picture that one answer looks at.
    pub(crate) side: usize,
    pub(crate) layers: &'static [Layer],
    /// Whether the first convolution and the pool behind it run on planar rows, which pays for long
    /// rows and few channels.
    pub(crate) planar: bool,
    /// Channels of the last layer.
    pub(crate) features: usize,
    /// Whether detection needs the landmarks; a model file may have them in any case.
    pub(crate) needs_landmarks: bool,
}

/// A head: its name and how many numbers it gives.
pub(crate) const CLS: (&str, usize) = ("cls", 2);
/// See [`CLS`].
pub(crate) const BOX: (&str, usize) = ("box", 4);
/// See [`CLS`].
pub(crate) const LANDMARKS: (&str, usize) = ("lm", 10);

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
pub(crate) const PNET: Table = Table {
    name: "pnet",
    side: 12,
    layers: &[
        conv("conv1", "prelu1", 3, 3, 10),
        max_pool(2, 2),
        conv("conv2", "prelu2", 3, 10, 16),
        conv("conv3", "prelu3", 3, 16, 32),
    ],
    planar: true,
    features: 32,
    needs_landmarks: false,
};

/// Pixels from one of PNet's answers to the next.
pub(crate) const PNET_STRIDE: usize = 2;

/// Rejects most of the proposals.
pub(crate) const RNET: Table = Table {
    name: "rnet",
    side: 24,
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
    needs_landmarks: false,
};

/// Decides, and finds the landmarks.
pub(crate) const ONET: Table = Table {
    name: "onet",
    side: 48,
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
    needs_landmarks: true,
};

/// All of them, in the order of the cascade.
pub(crate) const ALL: [&Table; 3] = [&PNET, &RNET, &ONET];

/// A parameter of a net as a model file has it.
pub(crate) struct Parameter {
    /// `net.layer.part`
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    /// Whether the net works without it.
    pub(crate) optional: bool,
}

impl Table {
    /// Whether there is a dense layer: then the net takes crops of its own size only.
    #[cfg(feature = "convert")]
    pub(crate) fn has_dense(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer, Layer::Dense { .. }))
    }

    /// Every parameter that the net has or may have.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        let mut add = |layer: &str, part: &str, shape: Vec<usize>, optional| {
            parameters.push(Parameter { name: format!("{}.{layer}.{part}", self.name), shape, optional });
        };
        for layer in self.layers {
            match *layer {
                Layer::Conv { name, prelu, size, inputs, outputs } => {
                    add(name, "weight", vec![outputs, inputs, size, size], false);
                    add(name, "bias", vec![outputs], false);
                    add(prelu, "slope", vec![outputs], false);
                }
                Layer::MaxPool(_) => {}
                Layer::Dense { name, prelu, side, channels, outputs } => {
                    add(name, "weight", vec![outputs, channels * side * side], false);
                    add(name, "bias", vec![outputs], false);
                    add(prelu, "slope", vec![outputs], false);
                }
            }
        }
        for (head, optional) in [(CLS, false), (BOX, false), (LANDMARKS, !self.needs_landmarks)] {
            add(head.0, "weight", vec![head.1, self.features], optional);
            add(head.0, "bias", vec![head.1], optional);
        }
        parameters
    }
}
