//! One of the fixed number of parts that a batch is cut into: its forward and backward pass.
//!
//! A share keeps, for each layer, its numbers before PReLU, after the pool, with the places of the maxima:
//! all that the backward pass needs. Activations are made of them again when they are needed, which costs
//! less than to bring them from memory.

use mtcnn_kernels::grad::{self, Conv};
use mtcnn_kernels::{Buffer, Isa, prelu};

use super::layer::Layer;
use super::net::{ANSWER, Answer, Dropout};

/// What all shares read: the net with its parameters packed.
pub(super) struct Body {
    pub(super) isa: Isa,
    pub(super) layers: Vec<Layer>,
    /// Joined: face or not, box, landmarks.
    pub(super) heads: Conv,
    pub(super) features: usize,
}

impl Body {
    /// Bytes of a crop.
    pub(super) fn crop_len(&self) -> usize {
        self.layers[0].input_len()
    }

    /// Numbers that a share adds its gradients up in: a layer after the other, each with weights, bias and
    /// slopes, and the heads with weights and bias.
    pub(super) fn sums(&self) -> usize {
        self.layers.iter().map(Layer::sums).sum::<usize>() + self.heads.weights() + ANSWER
    }
}

/// What the work on a share needs besides; made once for each thread and used again.
#[derive(Default)]
pub(super) struct Scratch {
    linear: Buffer,
    input: Buffer,
    map: Buffer,
    gradients: [Buffer; 2],
}

/// What a layer leaves for the backward pass.
#[derive(Default)]
struct Kept {
    /// After the pool, before PReLU.
    numbers: Buffer,
    /// Of the pool's maxima.
    places: Vec<u8>,
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Share {
    /// The places of its samples in the batch.
    samples: Vec<usize>,
    kept: Vec<Kept>,
    /// Of the dropout; empty where there is none.
    factors: Buffer,
    answers: Buffer,
    /// The gradients of the parameters, as [`Body::sums`] has them.
    pub(super) sums: Buffer,
    /// The gradient of the crops, where it was asked for.
    pub(super) crops: Vec<f32>,
}

impl Share {
    /// The samples, and the answers to them.
    pub(super) fn answers(&self) -> impl Iterator<Item = (usize, &Answer)> {
        self.samples.iter().copied().zip(self.answers.as_chunks().0)
    }

    /// The samples that the last backward pass was about.
    #[cfg(test)]
    pub(super) fn samples(&self) -> &[usize] {
        &self.samples
    }

    /// Runs the net on some of the crops, `[sample][row][column][3]`.
    pub(super) fn forward(
        &mut self,
        body: &Body,
        crops: &[u8],
        samples: impl Iterator<Item = usize>,
        dropout: Option<&Dropout<'_>>,
        scratch: &mut Scratch,
    ) {
        self.samples.clear();
        self.samples.extend(samples);
        let images = self.samples.len();
        self.kept.resize_with(body.layers.len(), Kept::default);
        for (k, layer) in body.layers.iter().enumerate() {
            let (before, from) = self.kept.split_at_mut(k);
            let Kept { numbers, places } = &mut from[0];
            let numbers = numbers.resize(images * layer.output_len());
            places.resize(images * layer.places_len(), 0);
            let group = layer.group(images);
            for first in (0..images).step_by(group) {
                let count = group.min(images - first);
                let input = scratch.input.resize(count * layer.input_len());
                activations(body, crops, &self.samples, before, first, input);
                let numbers = &mut numbers[first * layer.output_len()..][..count * layer.output_len()];
                let linear = &mut scratch.linear;
                let Some(pool) = layer.pool else {
                    layer.linear.forward(count, layer.side, input, linear, numbers);
                    continue;
                };
                let map = scratch.map.resize(count * layer.map_len());
                layer.linear.forward(count, layer.side, input, linear, map);
                let places = &mut places[first * layer.places_len()..][..count * layer.places_len()];
                let (side, slopes) = (layer.map, &layer.slopes);
                pool.forward_before_prelu(body.isa, count, side, side, slopes, map, numbers, places);
            }
        }
        let factors = self.factors.resize(if dropout.is_some() { images * body.features } else { 0 });
        if let Some(dropout) = dropout {
            for (factors, &sample) in factors.chunks_exact_mut(body.features).zip(&self.samples) {
                dropout.factors(sample, factors);
            }
        }
        let features = scratch.input.resize(images * body.features);
        features_of(body, crops, &self.samples, &self.kept, &self.factors, features);
        body.heads.forward(images, 1, 1, features, self.answers.resize(images * ANSWER));
    }

    /// Adds up the gradients of the parameters, from those of the answers of the whole batch, which are
    /// not 0 only where a sample is `active`. The share forgets the other samples.
    pub(super) fn backward(
        &mut self,
        body: &Body,
        crops: &[u8],
        gradients: &[Answer],
        active: &[bool],
        gives_crops: bool,
        scratch: &mut Scratch,
    ) {
        self.forget(body, active);
        self.sums.resize(body.sums()).fill(0.0);
        let images = self.samples.len();
        self.crops.resize(if gives_crops { images * body.crop_len() } else { 0 }, 0.0);
        let Scratch { linear, input, map, gradients: [gradient, next] } = scratch;

        let (sums, sums_of_heads) = self.sums.split_at_mut(body.layers.iter().map(Layer::sums).sum());
        let (weights, bias) = sums_of_heads.split_at_mut(body.heads.weights());
        let of_answers = next.resize(images * ANSWER);
        for (to, &sample) in of_answers.as_chunks_mut().0.iter_mut().zip(&self.samples) {
            *to = gradients[sample];
            for (sum, gradient) in bias.iter_mut().zip(to) {
                *sum += *gradient;
            }
        }
        let features = input.resize(images * body.features);
        features_of(body, crops, &self.samples, &self.kept, &self.factors, features);
        body.heads.weight_gradient(images, 1, 1, features, of_answers, weights);
        let of_features = gradient.resize(images * body.features);
        body.heads.input_gradient(images, 1, 1, of_answers, of_features);
        if !self.factors.is_empty() {
            grad::dropout(&self.factors, of_features);
        }

        let mut end = sums.len();
        for (k, layer) in body.layers.iter().enumerate().rev() {
            let sums = &mut sums[end - layer.sums()..end];
            end -= layer.sums();
            let (weights, vectors) = sums.split_at_mut(layer.linear.sums());
            let (bias, slopes) = vectors.split_at_mut(layer.outputs);
            let (before, from) = self.kept.split_at_mut(k);
            let Kept { numbers, places } = &from[0];
            let mut of_input = match k {
                0 => gives_crops.then_some(&mut self.crops[..]),
                _ => Some(&mut next.resize(images * layer.input_len())[..]),
            };
            let group = layer.group(images);
            for first in (0..images).step_by(group) {
                let count = group.min(images - first);
                let output = first * layer.output_len()..(first + count) * layer.output_len();
                let of_output = &mut gradient[output.clone()];
                prelu::backward(body.isa, &layer.slopes, &numbers[output], of_output, slopes, bias);
                let places = &places[first * layer.places_len()..][..count * layer.places_len()];
                let input = input.resize(count * layer.input_len());
                activations(body, crops, &self.samples, before, first, input);
                let of_input =
                    of_input.as_mut().map(|all| &mut all[first * layer.input_len()..][..count * layer.input_len()]);
                layer.backward(body.isa, count, input, of_output, places, map, linear, weights, of_input);
            }
            std::mem::swap(gradient, next);
        }
    }

    /// Keeps only the samples that are active: the last of them take the places of the others.
    fn forget(&mut self, body: &Body, active: &[bool]) {
        let count = self.samples.iter().filter(|&&sample| active[sample]).count();
        let mut last = self.samples.len();
        for hole in 0..count {
            if active[self.samples[hole]] {
                continue;
            }
            last = (0..last).rfind(|&i| active[self.samples[i]]).expect("as many active ones as were counted");
            self.samples[hole] = self.samples[last];
            for (kept, layer) in self.kept.iter_mut().zip(&body.layers) {
                let (numbers, places) = (layer.output_len(), layer.places_len());
                kept.numbers.copy_within(last * numbers..(last + 1) * numbers, hole * numbers);
                kept.places.copy_within(last * places..(last + 1) * places, hole * places);
            }
            if !self.factors.is_empty() {
                self.factors.copy_within(last * body.features..(last + 1) * body.features, hole * body.features);
            }
        }
        self.samples.truncate(count);
        if !self.factors.is_empty() {
            self.factors.resize(count * body.features);
        }
    }
}

/// What the layer behind `before` takes for the samples from `first` on: the crops themselves, or the
/// activations of the layer before.
fn activations(body: &Body, crops: &[u8], samples: &[usize], before: &[Kept], first: usize, to: &mut [f32]) {
    if let Some(kept) = before.last() {
        let from = &kept.numbers[first * to_len(body, before)..][..to.len()];
        prelu::forward_into(body.isa, &body.layers[before.len() - 1].slopes, from, to);
        return;
    }
    for (to, &sample) in to.chunks_exact_mut(body.crop_len()).zip(&samples[first..]) {
        for (to, &byte) in to.iter_mut().zip(&crops[sample * body.crop_len()..]) {
            *to = (f32::from(byte) - 127.5) * (1.0 / 128.0);
        }
    }
}

/// Numbers of a sample behind the last of the layers `before`.
fn to_len(body: &Body, before: &[Kept]) -> usize {
    body.layers[before.len() - 1].output_len()
}

/// What the heads take, of all samples.
fn features_of(body: &Body, crops: &[u8], samples: &[usize], kept: &[Kept], factors: &[f32], to: &mut [f32]) {
    activations(body, crops, samples, kept, 0, to);
    if !factors.is_empty() {
        grad::dropout(factors, to);
    }
}
