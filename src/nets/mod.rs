//! PNet, RNet and ONet: tables of layers, and their forward pass.
//!
//! Convolutions and pools run row by row (`mtcnn_kernels::rows`), PNet's over a pyramid level of any
//! size, RNet's and ONet's over a crop; the 3x3 convolutions between many channels run by Winograd's
//! way over a few crops at once. The dense layers of RNet and ONet take a batch of crops, so that their
//! weights stream from memory once.

#[cfg(feature = "convert")]
mod answers;
pub(crate) mod low;

#[cfg(feature = "convert")]
pub use answers::exported_answers;
use mtcnn_kernels::rows::{self, RowLayer};
use mtcnn_kernels::{Buffer, ConvParams, Dense, Isa, Shape, Wanted, Winograd};

use crate::arch::{Arch, Layer};
use crate::weights::Model;

/// A net with its weights packed for an instruction set.
pub(crate) struct Net {
    arch: Arch,
    isa: Isa,
    /// Convolutions and pools; PNet's heads too, as a 1x1 convolution.
    parts: Vec<Part>,
    /// The dense layer and the heads, joined: none in PNet.
    dense: Vec<Dense>,
    outputs: usize,
}

/// A part of a net that is run in one way.
enum Part {
    /// Row by row, image by image.
    Rows(Vec<RowLayer>),
    /// A 3x3 convolution of all images of a batch at once.
    Winograd(Winograd),
}

/// From how many channels on Winograd's way is faster than the direct one, its transforms included.
pub(crate) const WINOGRAD_FROM: usize = 28;

/// Crops that run through the convolutions at a time: their activations stay in the second-level
/// cache, and Winograd's matrices have rows enough.
const CROPS_AT_A_TIME: usize = 4;

/// What a forward pass needs besides its input and output; made once and used again.
#[derive(Default)]
pub(crate) struct Scratch {
    layers: Buffer,
    /// What one part of the net gives to the next.
    between: [Buffer; 2],
    features: Buffer,
    hidden: Buffer,
}

impl Part {
    /// The shape after this part, and the useful floating-point operations; `None` if the images are too small.
    fn output(&self, input: Shape) -> Option<(Shape, u64)> {
        match self {
            Part::Rows(layers) => layers
                .iter()
                .try_fold((input, 0), |(shape, flops), layer| Some((layer.output(shape)?, flops + layer.flops(shape)))),
            Part::Winograd(conv) => Some((conv.output(input)?, conv.flops(input))),
        }
    }

    fn forward(&self, isa: Isa, shape: Shape, input: &[f32], scratch: &mut Buffer, output: &mut [f32]) {
        match self {
            Part::Rows(layers) => rows::forward(isa, layers, shape, input, scratch, output),
            Part::Winograd(conv) => conv.forward(shape, input, scratch, output),
        }
    }
}

impl Net {
    /// Numbers of an answer before those of the points: the logits of (no face, face) and the box.
    pub(crate) const FIRST_POINT: usize = 6;

    /// Packs a net's part of a model.
    pub(crate) fn new(isa: Isa, arch: Arch, model: &Model) -> Self {
        let tensor = |layer: &str, part: &str| model.tensor(&format!("{}.{layer}.{part}", arch.name()));
        // The heads joined: one pass over the features.
        let (mut head_weights, mut head_bias) = (Vec::new(), Vec::new());
        for head in arch.detecting_heads() {
            head_weights.extend_from_slice(tensor(head.name(), "weight"));
            head_bias.extend_from_slice(tensor(head.name(), "bias"));
        }
        let outputs = head_bias.len();

        let (mut parts, mut rows, mut dense) = (Vec::new(), Vec::new(), Vec::new());
        for (k, layer) in arch.layers.iter().enumerate() {
            match *layer {
                Layer::Conv { name, prelu, size, inputs, .. } => {
                    let (weights, bias) = (tensor(name, "weight"), tensor(name, "bias"));
                    let params = ConvParams { size, inputs, weights, bias, slopes: Some(tensor(prelu, "slope")) };
                    if !arch.planar && size == 3 && inputs >= WINOGRAD_FROM {
                        parts.push(Part::Rows(std::mem::take(&mut rows)));
                        parts.push(Part::Winograd(Winograd::new(isa, params)));
                        continue;
                    }
                    rows.push(match (arch.planar, k) {
                        (true, 0) => RowLayer::planar_conv_pool(params),
                        (true, 2) => RowLayer::conv_of_planar_rows(isa, params),
                        _ if size == 3 => RowLayer::winograd(isa, params),
                        _ => RowLayer::conv(isa, params),
                    });
                }
                // Part of the layer before.
                Layer::MaxPool(_) if arch.planar && k == 1 => {}
                Layer::MaxPool(pool) => rows.push(RowLayer::max_pool(pool)),
                Layer::Dense { name, prelu, side, channels, .. } => {
                    let weights = channels_last(tensor(name, "weight"), channels, side * side);
                    let (bias, slopes) = (tensor(name, "bias"), Some(tensor(prelu, "slope")));
                    dense.push(Dense::new(isa, channels * side * side, &weights, bias, slopes));
                }
            }
        }
        if dense.is_empty() {
            let (weights, bias) = (&head_weights, &head_bias);
            rows.push(RowLayer::conv(isa, ConvParams { size: 1, inputs: arch.features, weights, bias, slopes: None }));
        } else {
            dense.push(Dense::new(isa, arch.features, &head_weights, &head_bias, None));
        }
        parts.push(Part::Rows(rows));
        Self { arch, isa, parts, dense, outputs }
    }

    /// The side of a crop in pixels.
    pub(crate) fn side(&self) -> usize {
        self.arch.side()
    }

    /// Numbers an answer has: the logits of (no face, face), the box, and for ONet the points.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// The size of the map of answers on an image, and the useful floating-point operations; `None` if
    /// the image is too small for one answer.
    pub(crate) fn map(&self, height: usize, width: usize) -> Option<(usize, usize, u64)> {
        let (map, flops) =
            self.parts.iter().try_fold((Shape::image(height, width, 3), 0), |(shape, flops), part| {
                let (shape, more) = part.output(shape)?;
                Some((shape, flops + more))
            })?;
        Some((map.height, map.width, flops))
    }

    /// PNet on an image of `height x width` RGB pixels, normalised, `[row][3][column]`: an answer for
    /// each place of the map, `[row][column][outputs]`.
    pub(crate) fn forward_map(
        &self,
        height: usize,
        width: usize,
        input: &[f32],
        scratch: &mut Scratch,
        output: &mut [f32],
    ) {
        let [part] = &self.parts[..] else { unreachable!("PNet runs row by row") };
        part.forward(self.isa, Shape::image(height, width, 3), input, &mut scratch.layers, output);
    }

    /// [`Net::forward_map`] where answers are wanted, to the same bits; the rest is unspecified.
    pub(crate) fn forward_map_where(
        &self,
        height: usize,
        width: usize,
        input: &[f32],
        wanted: &Wanted,
        scratch: &mut Scratch,
        output: &mut [f32],
    ) {
        let [Part::Rows(layers)] = &self.parts[..] else { unreachable!("PNet runs row by row") };
        rows::forward_where(
            self.isa,
            layers,
            Shape::image(height, width, 3),
            input,
            wanted,
            &mut scratch.layers,
            output,
        );
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
        let size = self.side() * self.side() * 3;
        let Scratch { layers, between, features, hidden } = scratch;
        let features = features.resize(crops * fc.inputs());
        for (input, features) in
            input.chunks(CROPS_AT_A_TIME * size).zip(features.chunks_mut(CROPS_AT_A_TIME * fc.inputs()))
        {
            self.convolve(input.len() / size, input, layers, between, features);
        }
        let hidden = hidden.resize(crops * fc.outputs());
        fc.forward(crops, features, hidden);
        heads.forward(crops, hidden, output);
    }

    /// The convolutions and pools of a few crops.
    fn convolve(
        &self,
        crops: usize,
        input: &[f32],
        layers: &mut Buffer,
        [from, to]: &mut [Buffer; 2],
        features: &mut [f32],
    ) {
        let (first, rest) = self.parts.split_first().expect("a net has layers");
        let (last, middle) = rest.split_last().expect("a net for crops has several parts");
        let after = |part: &Part, shape| part.output(shape).expect("a crop is large enough").0;
        let mut shape = Shape::new(crops, self.side(), self.side(), 3);
        let mut next = after(first, shape);
        first.forward(self.isa, shape, input, layers, from.resize(next.values()));
        for part in middle {
            shape = next;
            next = after(part, shape);
            part.forward(self.isa, shape, from, layers, to.resize(next.values()));
            std::mem::swap(from, to);
        }
        last.forward(self.isa, next, from, layers, features);
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
