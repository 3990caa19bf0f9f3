//! What every reader of a file gives: layers with their arrays, as the file has them.

use std::collections::BTreeMap;

use super::Source;

/// Numbers with a shape, the last index fastest.
#[derive(Debug, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

impl Array {
    /// The shape without its ones, which some systems add.
    pub(super) fn squeezed(&self) -> Vec<usize> {
        squeezed(&self.shape)
    }
}

/// See [`Array::squeezed`].
pub(super) fn squeezed(shape: &[usize]) -> Vec<usize> {
    shape.iter().copied().filter(|&size| size != 1).collect()
}

/// A layer with parameters: weights and bias, or slopes.
#[derive(Debug, PartialEq)]
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) arrays: Vec<Array>,
}

/// The order in which the indices of weights come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Output, input, and the two places in the kernel: Caffe and PyTorch.
    OutputsFirst,
    /// The two places in the kernel, input, output: TensorFlow.
    OutputsLast,
}

/// A net as a file has it.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) layers: Vec<Layer>,
    pub(super) layout: Layout,
    /// The system that such a file is from, and what tells it.
    pub(super) likely: Option<(Source, String)>,
    /// What this program wrote into a file that it exported.
    pub(super) description: Option<BTreeMap<String, String>>,
}

/// What may still be read: no file makes the program take more memory or time than this allows.
#[derive(Debug)]
pub(super) struct Budget {
    numbers: usize,
    arrays: usize,
}

impl Budget {
    /// Eight times what the three nets have, with their landmark heads: checkpoints hold more than weights.
    const NUMBERS: usize = 4 << 20;
    const ARRAYS: usize = 1000;
    const MOST_DIMENSIONS: usize = 8;

    pub(super) fn new() -> Self {
        Self { numbers: Self::NUMBERS, arrays: Self::ARRAYS }
    }

    /// How many numbers an array of this shape has, if there is room for them.
    pub(super) fn take(&mut self, shape: &[usize]) -> Result<usize, String> {
        let count = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        let count = count.filter(|&count| shape.len() <= Self::MOST_DIMENSIONS && count <= self.numbers);
        let count = count.ok_or_else(|| format!("an array of the shape {}: too large", display(shape)))?;
        self.numbers -= count;
        self.arrays = self.arrays.checked_sub(1).ok_or_else(|| format!("more than {} arrays", Self::ARRAYS))?;
        Ok(count)
    }
}

/// A shape for people, such as 10x3x3x3.
pub(super) fn display(shape: &[usize]) -> String {
    let sizes: Vec<_> = shape.iter().take(Budget::MOST_DIMENSIONS).map(usize::to_string).collect();
    sizes.join("x") + if shape.len() > Budget::MOST_DIMENSIONS { "x…" } else { "" }
}
