//! What every reader of a file gives: layers with their arrays, as the file has them.

use std::collections::BTreeMap;

use super::source::Source;
use crate::quote::quoted;

/// Values with a shape, the last index fastest.
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

/// What a file has in it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Contents {
    /// Of one net or of several, in the order of the nets' layers.
    pub(super) layers: Vec<Layer>,
    /// The system that such a file is from, and what tells it.
    pub(super) likely: Option<(Source, String)>,
    /// What this program wrote into a file that it exported.
    pub(super) description: Option<BTreeMap<String, String>>,
    /// Entries that are no part of a net, by their names.
    pub(super) left_out: Vec<String>,
}

/// What may still be read: no file makes the program take more memory or time than this allows.
#[derive(Debug)]
pub(super) struct Budget {
    values: usize,
    arrays: usize,
}

impl Budget {
    /// Eight times what the three nets have, with their landmark heads: checkpoints hold more than weights.
    const VALUES: usize = 4 << 20;
    const ARRAYS: usize = 1000;
    const MOST_DIMENSIONS: usize = 8;

    pub(super) fn new() -> Self {
        Self { values: Self::VALUES, arrays: Self::ARRAYS }
    }

    /// How many values an array of this shape has, if there is room for them.
    pub(super) fn take(&mut self, shape: &[usize]) -> Result<usize, String> {
        let count = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        let count = count.filter(|&count| shape.len() <= Self::MOST_DIMENSIONS && count <= self.values);
        let count = count.ok_or_else(|| format!("an array of the shape {}: too large", display(shape)))?;
        self.values -= count;
        self.arrays = self.arrays.checked_sub(1).ok_or_else(|| format!("more than {} arrays", Self::ARRAYS))?;
        Ok(count)
    }
}

/// A shape for people, such as 10x3x3x3.
pub(super) fn display(shape: &[usize]) -> String {
    let sizes: Vec<_> = shape.iter().take(Budget::MOST_DIMENSIONS).map(usize::to_string).collect();
    sizes.join("x") + if shape.len() > Budget::MOST_DIMENSIONS { "x…" } else { "" }
}

/// Puts the name of an array or a layer before the reason why it can't be read.
pub(super) fn named<T>(name: &str, result: Result<T, String>) -> Result<T, String> {
    result.map_err(|reason| format!("{}: {reason}", quoted(name)))
}
