//! PNet, RNet and ONet: tables of layers, and their forward pass.
//!
//! The convolutions and pools of all three run row by row (`mtcnn_kernels::rows`): PNet's over a
//! pyramid level of any size, RNet's and ONet's over a crop. The dense layers of RNet and ONet take a
//! batch of crops, so that their weights stream from memory once.

mod table;

pub(crate) use table::{ALL, ONET, PNET, PNET_STRIDE, RNET, Table};

use mtcnn_kernels::rows::{self, RowLayer};
use mtcnn_kernels::{Buffer, Conv, Dense, Isa, PlanarConvPool};

use crate::weights::Model;
use table::{BOX, CLS, LANDMARKS, Layer};

/// A net with its weights packed for an instruction set.
pub(crate) struct Net {
    table: &'static Table,
    isa: Isa,
    /// Convolutions and pools; PNet's heads too, as a 1x1 convolution.
    rows: Vec<RowLayer>,
    /// The dense layer and the heads, joined: none in PNet.
    dense: Vec<Dense>,
    outputs: usize,
}

/// What a forward pass needs besides its input and output; made once and used again.
#[derive(Default)]
pub(crate) struct Scratch {
    rows: Buffer,
    features: Buffer,
    hidden: Buffer,
}

impl Net {
    /// Packs a net's part of a model.
    pub(crate) fn new(isa: Isa, table: &'static Table, model: &Model) -> Self {
        let tensor = |layer: &str, part: &str| model.tensor(&format!("{}.{layer}.{part}", table.name));
        // The heads joined: one pass over the features.
        let landmarks = table.needs_landmarks.then_some(LANDMARKS);
        let (mut head_weights, mut head_bias) = (Vec::new(), Vec::new());
        for (head, _) in [CLS, BOX].into_iter().chain(landmarks) {
            head_weights.extend_from_slice(tensor(head, "weight"));
            head_bias.extend_from_slice(tensor(head, "bias"));
        }
        let outputs = head_bias.len();

        let (mut rows, mut dense) = (Vec::new(), Vec::new());
        for (k, layer) in table.layers.iter().enumerate() {
            match *layer {
                Layer::Conv { name, prelu, size, inputs, outputs } => {
                    let (weights, bias) = (tensor(name, "weight"), tensor(name, "bias"));
                    let slopes = tensor(prelu, "slope");
                    rows.push(match (table.planar, k) {
                        (true, 0) => RowLayer::PlanarConvPool(PlanarConvPool::new(size, inputs, weights, bias, slopes)),
                        (true, 2) => RowLayer::Conv(Conv::of_planar_rows(
                            isa,
                            size,
                            inputs,
                            outputs,
                            weights,
                            bias,
                            Some(slopes),
                        )),
                        _ => RowLayer::Conv(Conv::new(isa, size, inputs, outputs, weights, bias, Some(slopes))),
                    });
                }
                // Part of the layer before.
                Layer::MaxPool(_) if table.planar && k == 1 => {}
                Layer::MaxPool(pool) => rows.push(RowLayer::MaxPool(pool)),
                Layer::Dense { name, prelu, side, channels, outputs } => {
                    let weights = channels_last(tensor(name, "weight"), channels, side * side);
                    let (bias, slopes) = (tensor(name, "bias"), Some(tensor(prelu, "slope")));
                    dense.push(Dense::new(isa, channels * side * side, outputs, &weights, bias, slopes));
                }
            }
        }
        if dense.is_empty() {
            let heads = Conv::new(isa, 1, table.features, outputs, &head_weights, &head_bias, None);
            rows.push(RowLayer::Conv(heads));
        } else {
            dense.push(Dense::new(isa, table.features, outputs, &head_weights, &head_bias, None));
        }
        Self { table, isa, rows, dense, outputs }
    }

    /// The side of a crop in pixels.
    pub(crate) fn side(&self) -> usize {
        self.table.side
    }

    /// Numbers an answer has: the logits of (no face, face), the box, and for ONet the landmarks.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// The size of the map of answers on a picture, and the useful floating-point operations; `None` if
    /// the picture is too small for one answer.
    pub(crate) fn map(&self, height: usize, width: usize) -> Option<(usize, usize, u64)> {
        let (mut height, mut width, mut flops) = (height, width, 0);
        for layer in &self.rows {
            let size = layer.output_size(height, width)?;
            flops += layer.flops(height, width);
            (height, width) = size;
        }
        Some((height, width, flops))
    }

    /// PNet on a picture of `height x width` RGB pixels, normalised, `[row][3][column]`: an answer for
    /// each place of the map, `[row][column][outputs]`.
    pub(crate) fn forward_map(
        &self,
        height: usize,
        width: usize,
        input: &[f32],
        scratch: &mut Scratch,
        output: &mut [f32],
    ) {
        rows::forward(self.isa, &self.rows, height, width, 3, input, &mut scratch.rows, output);
    }

    /// Useful floating-point operations on one crop.
    pub(crate) fn crop_flops(&self) -> u64 {
        let (.., convolutions) = self.map(self.side(), self.side()).expect("a crop is large enough");
        convolutions + self.dense.iter().map(|dense| dense.flops(1)).sum::<u64>()
    }

    /// RNet or ONet on `crops` crops of `side x side` RGB pixels, normalised, `[crop][row][column][3]`:
    /// an answer for each, `[crop][outputs]`.
    pub(crate) fn forward_crops(&self, crops: usize, input: &[f32], scratch: &mut Scratch, output: &mut [f32]) {
        let [fc, heads] = &self.dense[..] else { unreachable!("a net for crops has two dense layers") };
        let side = self.side();
        let features = scratch.features.resize(crops * fc.inputs());
        for (crop, features) in input.chunks_exact(side * side * 3).zip(features.chunks_exact_mut(fc.inputs())) {
            rows::forward(self.isa, &self.rows, side, side, 3, crop, &mut scratch.rows, features);
        }
        let hidden = scratch.hidden.resize(crops * fc.outputs());
        fc.forward(crops, features, hidden);
        heads.forward(crops, hidden, output);
    }
}

/// The columns of a matrix from the order (channel, pixel) to (pixel, channel).
fn channels_last(weights: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let mut reordered = Vec::with_capacity(weights.len());
    for row in weights.chunks_exact(channels * pixels) {
        reordered.extend((0..channels * pixels).map(|i| row[i % channels * pixels + i / channels]));
    }
    reordered
}

#[cfg(test)]
mod tests;
