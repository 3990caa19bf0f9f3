//! One of the fixed number of parts that a batch is cut into: its forward and backward pass.
//!
//! A shard keeps, for each layer, its values before PReLU, after the pool, with the places of the maxima:
//! all that the backward pass needs. Activations are made of them again when they are needed, which costs
//! less than to bring them from memory.

use mtcnn_kernels::resize::Affine;
use mtcnn_kernels::{Buffer, Shape, grad, prelu};

use super::dropout::Dropout;
use super::layer::{Backward, Layer, LayerScratch};
use super::net::Net;
use crate::arch::NORMALISE;

/// What the work on a shard needs besides; made once for each thread and used again.
#[derive(Default)]
pub(super) struct Scratch {
    layer: LayerScratch,
    input: Buffer,
    gradients: [Buffer; 2],
}

/// What a layer leaves for the backward pass.
#[derive(Default)]
struct Kept {
    /// After the pool, before PReLU.
    values: Buffer,
    /// Of the pool's maxima.
    argmax: Vec<u8>,
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Shard {
    /// The places of its samples in the batch.
    samples: Vec<usize>,
    kept: Vec<Kept>,
    /// Of the dropout; empty where there is none.
    factors: Buffer,
    answers: Buffer,
    /// The gradients of the parameters, as [`Net::sums`] has them.
    pub(super) sums: Buffer,
    /// The gradient of the crops, where it was asked for.
    pub(super) crops: Vec<f32>,
}

impl Shard {
    /// The samples, and the answers to them.
    pub(super) fn answers(&self, net: &Net) -> impl Iterator<Item = (usize, &[f32])> {
        self.samples.iter().copied().zip(self.answers.chunks_exact(net.answer))
    }

    /// The samples that the last backward pass was about.
    #[cfg(test)]
    pub(super) fn samples(&self) -> &[usize] {
        &self.samples
    }

    /// Runs the net on some of the crops, `[sample][row][column][3]`.
    pub(super) fn forward(
        &mut self,
        net: &Net,
        crops: &[u8],
        samples: impl Iterator<Item = usize>,
        dropout: Option<&Dropout<'_>>,
        scratch: &mut Scratch,
    ) {
        self.samples.clear();
        self.samples.extend(samples);
        let images = self.samples.len();
        self.kept.resize_with(net.layers.len(), Kept::default);
        for (k, layer) in net.layers.iter().enumerate() {
            let (before, from) = self.kept.split_at_mut(k);
            let Kept { values, argmax } = &mut from[0];
            let values = values.resize(images * layer.output.values());
            argmax.resize(images * layer.argmax_len(), 0);
            let group = layer.group(images);
            for first in (0..images).step_by(group) {
                let count = group.min(images - first);
                let input = scratch.input.resize(count * layer.input.values());
                activations(net, crops, &self.samples, before, first, input);
                let values = &mut values[first * layer.output.values()..][..count * layer.output.values()];
                let argmax = &mut argmax[first * layer.argmax_len()..][..count * layer.argmax_len()];
                layer.forward(net.isa, count, input, &mut scratch.layer, values, argmax);
            }
        }
        let factors = self.factors.resize(if dropout.is_some() { images * net.features } else { 0 });
        if let Some(dropout) = dropout {
            for (factors, &sample) in factors.chunks_exact_mut(net.features).zip(&self.samples) {
                dropout.factors(sample, factors);
            }
        }
        let features = scratch.input.resize(images * net.features);
        features_of(net, crops, &self.samples, &self.kept, &self.factors, features);
        net.heads.forward(Shape::new(images, 1, 1, net.features), features, self.answers.resize(images * net.answer));
    }

    /// Adds up the gradients of the parameters, from those of the answers of the whole batch, which are
    /// not 0 only where a sample is `active`. The shard forgets the other samples.
    pub(super) fn backward(
        &mut self,
        net: &Net,
        crops: &[u8],
        gradients: &[f32],
        active: &[bool],
        gives_crops: bool,
        scratch: &mut Scratch,
    ) {
        self.forget(net, active);
        self.sums.resize(net.sums()).fill(0.0);
        let images = self.samples.len();
        self.crops.resize(if gives_crops { images * net.crop_len() } else { 0 }, 0.0);
        let Scratch { layer: layer_scratch, input, gradients: [gradient, next] } = scratch;

        let (sums, sums_of_heads) = self.sums.split_at_mut(net.layers.iter().map(Layer::sums).sum());
        let (weights, bias) = sums_of_heads.split_at_mut(net.heads.weights());
        let of_answers = next.resize(images * net.answer);
        for (to, &sample) in of_answers.chunks_exact_mut(net.answer).zip(&self.samples) {
            to.copy_from_slice(&gradients[sample * net.answer..][..net.answer]);
            for (sum, gradient) in bias.iter_mut().zip(to) {
                *sum += *gradient;
            }
        }
        let features = input.resize(images * net.features);
        features_of(net, crops, &self.samples, &self.kept, &self.factors, features);
        let shape = Shape::new(images, 1, 1, net.features);
        net.heads.weight_gradient(shape, features, of_answers, weights);
        let of_features = gradient.resize(images * net.features);
        net.heads.input_gradient(shape, of_answers, of_features);
        if !self.factors.is_empty() {
            grad::dropout(&self.factors, of_features);
        }

        let mut end = sums.len();
        for (k, layer) in net.layers.iter().enumerate().rev() {
            let sums = &mut sums[end - layer.sums()..end];
            end -= layer.sums();
            let (weights, vectors) = sums.split_at_mut(layer.linear.sums());
            let (bias, slopes) = vectors.split_at_mut(layer.output.channels);
            let (before, from) = self.kept.split_at_mut(k);
            let Kept { values, argmax } = &from[0];
            let mut of_input = match k {
                0 => gives_crops.then_some(&mut self.crops[..]),
                _ => Some(&mut next.resize(images * layer.input.values())[..]),
            };
            let group = layer.group(images);
            for first in (0..images).step_by(group) {
                let count = group.min(images - first);
                let output = first * layer.output.values()..(first + count) * layer.output.values();
                let of_output = &mut gradient[output.clone()];
                prelu::backward(net.isa, &layer.slopes, &values[output], of_output, slopes, bias);
                let argmax = &argmax[first * layer.argmax_len()..][..count * layer.argmax_len()];
                let input = input.resize(count * layer.input.values());
                activations(net, crops, &self.samples, before, first, input);
                let of_input = of_input
                    .as_mut()
                    .map(|all| &mut all[first * layer.input.values()..][..count * layer.input.values()]);
                let pass = Backward { images: count, input, gradient: of_output, argmax };
                layer.backward(net.isa, &pass, layer_scratch, weights, of_input);
            }
            std::mem::swap(gradient, next);
        }
    }

    /// Keeps only the samples that are active: the last of them take the places of the others.
    fn forget(&mut self, net: &Net, active: &[bool]) {
        let count = self.samples.iter().filter(|&&sample| active[sample]).count();
        let mut last = self.samples.len();
        for hole in 0..count {
            if active[self.samples[hole]] {
                continue;
            }
            last = (0..last).rfind(|&i| active[self.samples[i]]).expect("as many active ones as were counted");
            self.samples[hole] = self.samples[last];
            for (kept, layer) in self.kept.iter_mut().zip(&net.layers) {
                let (values, argmax) = (layer.output.values(), layer.argmax_len());
                kept.values.copy_within(last * values..(last + 1) * values, hole * values);
                kept.argmax.copy_within(last * argmax..(last + 1) * argmax, hole * argmax);
            }
            if !self.factors.is_empty() {
                self.factors.copy_within(last * net.features..(last + 1) * net.features, hole * net.features);
            }
        }
        self.samples.truncate(count);
        if !self.factors.is_empty() {
            self.factors.resize(count * net.features);
        }
    }
}

/// What the layer behind `before` takes for the samples from `first` on: the crops themselves, or the
/// activations of the layer before.
fn activations(net: &Net, crops: &[u8], samples: &[usize], before: &[Kept], first: usize, to: &mut [f32]) {
    if let Some(kept) = before.last() {
        let from = &kept.values[first * len_behind(net, before)..][..to.len()];
        prelu::forward_into(net.isa, &net.layers[before.len() - 1].slopes, from, to);
        return;
    }
    let Affine { scale, offset } = NORMALISE;
    for (to, &sample) in to.chunks_exact_mut(net.crop_len()).zip(&samples[first..]) {
        for (to, &byte) in to.iter_mut().zip(&crops[sample * net.crop_len()..]) {
            *to = f32::from(byte) * scale + offset;
        }
    }
}

/// Values of a sample behind the last of the layers `before`.
fn len_behind(net: &Net, before: &[Kept]) -> usize {
    net.layers[before.len() - 1].output.values()
}

/// What the heads take, of all samples.
fn features_of(net: &Net, crops: &[u8], samples: &[usize], kept: &[Kept], factors: &[f32], to: &mut [f32]) {
    activations(net, crops, samples, kept, 0, to);
    if !factors.is_empty() {
        grad::dropout(factors, to);
    }
}
