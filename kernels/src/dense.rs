//! Dense layers over a batch: the weights stream from memory once for the whole batch.

use crate::{Conv, ConvParams, Isa, Shape};

/// A dense layer with bias and PReLU, packed for an instruction set. On a batch it is a 1x1 convolution of an image one row
/// high, with a pixel a sample.
///
/// ```
/// use mtcnn_kernels::{Dense, Isa};
///
/// let dense = Dense::new(Isa::best(), 3, &[1.0, 0.0, -1.0, 2.0, 2.0, 2.0], &[0.5, 0.0], None);
/// let mut output = [0.0; 2];
/// dense.forward(1, &[3.0, 2.0, 1.0], &mut output);
/// assert_eq!(output, [2.5, 12.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Dense(Conv);

impl Dense {
    /// Packs `weights`, `[outputs][inputs]`, with a bias for each output, and a slope where a PReLU follows.
    ///
    /// # Panics
    /// If a size is 0, the slices are not of these lengths, or the machine lacks the instruction set.
    #[must_use]
    pub fn new(isa: Isa, inputs: usize, weights: &[f32], bias: &[f32], slopes: Option<&[f32]>) -> Self {
        Self(Conv::new(isa, ConvParams { size: 1, inputs, weights, bias, slopes }))
    }

    /// Values that go in, a sample.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.0.inputs()
    }

    /// Values that come out, a sample.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.0.outputs()
    }

    /// Useful floating-point operations for `samples` samples.
    #[must_use]
    pub fn flops(&self, samples: usize) -> u64 {
        self.0.flops(self.batch(samples))
    }

    /// From `[samples][inputs]` to `[samples][outputs]`.
    ///
    /// # Panics
    /// If the slices are not of these lengths.
    pub fn forward(&self, samples: usize, input: &[f32], output: &mut [f32]) {
        if samples > 0 {
            self.0.forward(self.batch(samples), input, output);
        }
    }

    fn batch(&self, samples: usize) -> Shape {
        Shape::image(1, samples, self.inputs())
    }
}
