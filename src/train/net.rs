//! The layers and heads of a net, their parameters packed as the kernels read them.

use mtcnn_kernels::grad::Conv;
use mtcnn_kernels::{Isa, Shape};

use super::answer::ANSWER;
use super::layer::Layer;
use crate::arch;
use crate::arch::Stage;

/// A net as all shards of a batch read it.
pub(super) struct Net {
    pub(super) isa: Isa,
    pub(super) layers: Vec<Layer>,
    /// Joined: face or not, box, landmarks.
    pub(super) heads: Conv,
    pub(super) features: usize,
}

impl Net {
    /// The net of a stage, with parameters that are all 0.
    pub(super) fn new(stage: Stage, isa: Isa) -> Self {
        let arch = stage.arch(arch::POINTS);
        let (mut layers, mut shape) = (Vec::<Layer>::new(), Shape::image(arch.side(), arch.side(), 3));
        for layer in arch.layers {
            match *layer {
                arch::Layer::Conv { size, outputs, .. } => layers.push(Layer::new(isa, shape, size, outputs)),
                arch::Layer::MaxPool(pool) => {
                    let layer = layers.pop().expect("a pool follows a convolution");
                    layers.push(layer.pooled(pool));
                }
                // A convolution whose kernel is as large as the image.
                arch::Layer::Dense { side, outputs, .. } => layers.push(Layer::new(isa, shape, side, outputs)),
            }
            shape = layers.last().map_or(shape, |layer| layer.output);
        }
        let heads = Conv::new(isa, 1, arch.features, ANSWER);
        Self { isa, layers, heads, features: arch.features }
    }

    /// Bytes of a crop.
    pub(super) fn crop_len(&self) -> usize {
        self.layers[0].input.values()
    }

    /// Numbers that a shard adds its gradients up in: a layer after the other, each with weights, bias and
    /// slopes, and the heads with weights and bias.
    pub(super) fn sums(&self) -> usize {
        self.layers.iter().map(Layer::sums).sum::<usize>() + self.heads.weights() + ANSWER
    }
}
