//! A net that learns: its parameters, by the names and in the layout of the model file, and their gradients.

use std::fmt;

use mtcnn_kernels::Isa;
use rayon::prelude::*;

use super::dropout::Dropout;
use super::layer::Layer;
use super::net::Net;
use super::parameter::{Parameter, ParameterKind};
use super::shard::{Scratch, Shard};
use crate::arch::Stage;
use crate::detect::parallel::Store;
use crate::points::MOST_POINTS;

/// Parts that a batch is cut into, whatever the number of threads: sample `i` belongs to part `i % SHARDS`. The
/// gradients of each are added up by themselves, and theirs in the order of the parts, so that the result
/// does not depend on the threads. More would keep more threads at work, but cost time where there are few.
const SHARDS: usize = 8;

/// A net that learns: its parameters, by the names and in the layout of the model file, and their gradients.
pub struct TrainableNet {
    net: Net,
    parameters: Vec<Parameter>,
    shards: Vec<Shard>,
    /// For each thread at work.
    scratch: Store<Scratch>,
    answers: Vec<f32>,
    /// Weights and bias of the heads, joined.
    heads: [Vec<f32>; 2],
    gives_crops: bool,
}

impl fmt::Debug for TrainableNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainableNet").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl TrainableNet {
    /// The net of a stage that gives so many points of a face, with parameters that are all 0, for an instruction set.
    ///
    /// # Panics
    /// If they are more than 256 points.
    #[must_use]
    pub fn new(stage: Stage, points: usize, isa: Isa) -> Self {
        assert!(points <= MOST_POINTS, "{points} points");
        let arch = stage.arch(points);
        let net = Net::new(&arch, isa);
        let parameters = arch.parameters().into_iter().map(|parameter| {
            let numbers = parameter.shape.iter().product();
            let kind = match parameter.name.rsplit('.').next() {
                Some("weight") => ParameterKind::Weight,
                Some("bias") => ParameterKind::Bias,
                _ => ParameterKind::Slope,
            };
            let (name, shape) = (parameter.name, parameter.shape);
            Parameter { name, shape, kind, values: vec![0.0; numbers], gradient: vec![0.0; numbers] }
        });
        let parameters = parameters.collect();
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        let heads = [vec![0.0; net.answer * net.features], vec![0.0; net.answer]];
        let (scratch, answers) = (Store::default(), Vec::new());
        let mut trainable = Self { net, parameters, shards, scratch, answers, heads, gives_crops: false };
        trainable.pack();
        trainable
    }

    /// Rows and columns of a crop.
    pub fn side(&self) -> usize {
        self.net.layers[0].input.height
    }

    /// The features that the heads look at, and dropout drops.
    pub fn features(&self) -> usize {
        self.net.features
    }

    /// The parameters, always in the same order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Changes the parameters.
    pub fn change(&mut self, change: impl FnOnce(&mut [Parameter])) {
        change(&mut self.parameters);
        self.pack();
    }

    /// Brings the parameters to where the kernels read them.
    fn pack(&mut self) {
        let Self { net, parameters, heads: [weights, bias], .. } = self;
        let (of_layers, of_heads) = parameters.split_at(3 * net.layers.len());
        net.layers.par_iter_mut().zip(of_layers.par_chunks_exact(3)).for_each(|(layer, parameters)| {
            layer.linear.set(&parameters[0].values, &parameters[1].values);
            layer.slopes.copy_from_slice(&parameters[2].values);
        });
        let mut row = 0;
        for head in of_heads.chunks_exact(2) {
            let rows = head[1].values.len();
            weights[row * net.features..][..rows * net.features].copy_from_slice(&head[0].values);
            bias[row..][..rows].copy_from_slice(&head[1].values);
            row += rows;
        }
        net.heads.set(weights, bias);
    }

    /// Runs the net on all crops, `[sample][row][column][3]`, red first, and gives its answers, one after the
    /// other: each the logits of (no face, face), the box, and x1 y1 x2 y2 … of the points. What the backward pass needs is kept.
    ///
    /// # Panics
    /// If `crops` is not whole crops, or there are too few given factors.
    pub fn forward(&mut self, crops: &[u8], dropout: Option<&Dropout<'_>>) -> &[f32] {
        let Self { net, shards, scratch, answers, .. } = self;
        assert!(crops.len().is_multiple_of(net.crop_len()), "whole crops");
        let samples = crops.len() / net.crop_len();
        shards.par_iter_mut().enumerate().for_each(|(i, shard)| {
            scratch.lend(|scratch| {
                shard.forward(net, crops, (i..samples).step_by(SHARDS), dropout, scratch);
            });
        });
        answers.resize(samples * net.answer, 0.0);
        for (sample, answer) in shards.iter().flat_map(|shard| shard.answers(net)) {
            answers[sample * net.answer..][..net.answer].copy_from_slice(answer);
        }
        answers
    }

    /// What the last forward pass gave.
    pub fn answers(&self) -> &[f32] {
        &self.answers
    }

    /// The gradients of all parameters, from those of the answers, which must be 0 where a sample is not
    /// `active`. The crops must be those of the last forward pass, and there is one backward pass for each.
    ///
    /// # Panics
    /// If the slices are not of the last forward pass's length.
    pub fn backward(&mut self, crops: &[u8], gradients: &[f32], active: &[bool]) {
        let Self { net, parameters, shards, scratch, answers, gives_crops, .. } = self;
        let samples = answers.len() / net.answer;
        assert_eq!(crops.len(), samples * net.crop_len(), "the crops of the forward pass");
        assert!(gradients.len() == answers.len() && active.len() == samples, "a gradient for each answer");
        shards.par_iter_mut().for_each(|shard| {
            scratch.lend(|scratch| shard.backward(net, crops, gradients, active, *gives_crops, scratch));
        });

        let (first, others) = shards.split_first_mut().expect("there are shards");
        first.sums.par_chunks_mut(SUMS_AT_A_TIME).enumerate().for_each(|(i, sums)| {
            for other in &*others {
                for (sum, more) in sums.iter_mut().zip(&other.sums[i * SUMS_AT_A_TIME..]) {
                    *sum += more;
                }
            }
        });

        let sums = &first.sums;
        let (of_layers, of_heads) = parameters.split_at_mut(3 * net.layers.len());
        net.layers.par_iter().enumerate().zip(of_layers.par_chunks_exact_mut(3)).for_each(
            |((k, layer), parameters)| {
                let from = net.layers[..k].iter().map(Layer::sums).sum::<usize>();
                let (weights, vectors) = sums[from..][..layer.sums()].split_at(layer.linear.sums());
                let (bias, slopes) = vectors.split_at(layer.output.channels);
                layer.linear.unpack(weights, &mut parameters[0].gradient);
                parameters[1].gradient.copy_from_slice(bias);
                parameters[2].gradient.copy_from_slice(slopes);
            },
        );
        let (weights, bias) = sums[sums.len() - net.heads.weights() - net.answer..].split_at(net.heads.weights());
        let mut column = 0;
        for head in of_heads.chunks_exact_mut(2) {
            let [head_weights, head_bias] = head else { unreachable!("a head has weights and bias") };
            for (i, gradient) in head_weights.gradient.iter_mut().enumerate() {
                *gradient = weights[i % net.features * net.answer + column + i / net.features];
            }
            head_bias.gradient.copy_from_slice(&bias[column..][..head_bias.values.len()]);
            column += head_bias.values.len();
        }
    }

    /// From now on the gradient of the crops is given too.
    #[cfg(test)]
    pub(super) fn give_crops(&mut self) {
        self.gives_crops = true;
    }

    /// The gradient of the normalised crops, `[sample][row][column][3]`.
    #[cfg(test)]
    pub(super) fn crop_gradients(&self) -> Vec<f32> {
        let size = self.net.crop_len();
        let mut gradients = vec![0.0; self.answers.len() / self.net.answer * size];
        for shard in &self.shards {
            for (from, &sample) in shard.crops.chunks_exact(size).zip(shard.samples()) {
                gradients[sample * size..][..size].copy_from_slice(from);
            }
        }
        gradients
    }
}

/// Sums that one thread adds up at a time.
const SUMS_AT_A_TIME: usize = 1 << 14;
