//! Dense layers over a batch: the weights stream from memory once for the whole batch.

use crate::{Conv, Isa};

/// A dense layer with bias and PReLU, packed for an instruction set. On a batch it is a 1x1
/// convolution of a picture one row high, with a pixel a sample.
#[derive(Clone)]
pub struct Dense(Conv);

impl Dense {
    /// Packs `weights`, `[outputs][inputs]`, with a bias an output, and a slope an output where a PReLU
    /// follows.
    ///
    /// # Panics
    /// If a size is 0 or the slices are not of these lengths.
    pub fn new(isa: Isa, inputs: usize, outputs: usize, weights: &[f32], bias: &[f32], slopes: Option<&[f32]>) -> Self {
        Self(Conv::new(isa, 1, inputs, outputs, weights, bias, slopes))
    }

    /// Numbers that go in, a sample.
    pub fn inputs(&self) -> usize {
        self.0.inputs()
    }

    /// Numbers that come out, a sample.
    pub fn outputs(&self) -> usize {
        self.0.outputs()
    }

    /// Useful floating-point operations for that many samples.
    pub fn flops(&self, samples: usize) -> u64 {
        self.0.flops(samples)
    }

    /// From `[samples][inputs]` to `[samples][outputs]`.
    ///
    /// # Panics
    /// If the slices are not of these lengths.
    pub fn forward(&self, samples: usize, input: &[f32], output: &mut [f32]) {
        if samples > 0 {
            self.0.forward(1, 1, samples, input, output);
        }
    }
}
