//! The layers and heads of a net, their parameters packed as the kernels read them.

use mtcnn_kernels::grad::Conv;
use mtcnn_kernels::{Isa, Shape};

use super::layer::Layer;
use crate::arch::{self, Arch};

/// A net as all shards of a batch read it.
pub(super) struct Net {
    pub(super) isa: Isa,
    pub(super) layers: Vec<Layer>,
    /// Joined: face or not, box, points.
    pub(super) heads: Conv,
    /// Numbers of an answer.
    pub(super) answer: usize,
    pub(super) features: usize,
}

impl Net {
    /// A net with parameters that are all 0.
    pub(super) fn new(arch: &Arch, isa: Isa) -> Self {
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
        let (answer, features) = (arch.answer(), arch.features);
        Self { isa, layers, heads: Conv::new(isa, 1, features, answer), answer, features }
    }

    /// Bytes of a crop.
    pub(super) fn crop_len(&self) -> usize {
        self.layers[0].input.values()
    }

    /// Numbers that a shard adds its gradients up in: a layer after the other, each with weights, bias and
    /// slopes, and the heads with weights and bias.
    pub(super) fn sums(&self) -> usize {
        self.layers.iter().map(Layer::sums).sum::<usize>() + self.heads.weights() + self.answer
    }
}
