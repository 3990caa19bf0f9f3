//! A net that learns: its parameters, by the names and in the layout of the model file, and their gradients.

use std::sync::Mutex;

use mtcnn_kernels::Isa;
use mtcnn_kernels::grad::Conv;
use rayon::prelude::*;

use super::layer::Layer;
use super::share::{Body, Scratch, Share};
use crate::arch::Stage;
use crate::arch::{self, HEADS};
use crate::random::Random;

/// Numbers of an answer: the logits of (no face, face), the box, and x1 y1 … x5 y5.
pub const ANSWER: usize = HEADS[0].values() + HEADS[1].values() + HEADS[2].values();

/// What the net says of a sample, or the gradient of that.
pub type Answer = [f32; ANSWER];

/// Parts that a batch is cut into, whatever the number of threads: sample `i` belongs to part `i % SHARES`. The
/// gradients of each are added up by themselves, and theirs in the order of the parts, so that the result
/// does not depend on the threads. More would keep more threads at work, but cost time where there are few.
const SHARES: usize = 8;

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of a convolution, a dense layer or a head.
    Weight,
    /// See [`Kind::Weight`].
    Bias,
    /// Of a PReLU.
    Slope,
}

/// A parameter of a net.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// `net.layer.part`, as the model file has it.
    pub name: String,
    /// As the model file has it: `[outputs][inputs][size][size]`, `[outputs][inputs]` or `[outputs]`.
    pub shape: Vec<usize>,
    /// What it is.
    pub kind: Kind,
    /// Its numbers, row by row.
    pub values: Vec<f32>,
    /// Their gradients, after [`Net::backward`].
    pub gradient: Vec<f32>,
}

/// Which features are dropped while training.
#[derive(Clone, Copy, Debug)]
pub enum Dropout<'a> {
    /// Each with the probability `ratio`, by a generator of its own for each step and sample.
    Drawn {
        /// Of all training.
        seed: u64,
        /// Of the step.
        step: u64,
        /// The part that is dropped.
        ratio: f64,
    },
    /// By a factor for each feature, `[sample][features]`: 0, or 1 divided by the part that is kept.
    Given(&'a [f32]),
}

/// The generators of dropout are the streams from here on: others must use streams below.
const DROPOUT_STREAMS: u64 = 1 << 63;

impl Dropout<'_> {
    /// The factors of one sample's features.
    pub(super) fn factors(&self, sample: usize, factors: &mut [f32]) {
        match *self {
            Dropout::Drawn { seed, step, ratio } => {
                let mut random = Random::new(seed, DROPOUT_STREAMS | step << 24 | sample as u64);
                let kept = (1.0 / (1.0 - ratio)) as f32;
                factors.fill_with(|| if random.unit() < ratio { 0.0 } else { kept });
            }
            Dropout::Given(all) => factors.copy_from_slice(&all[sample * factors.len()..][..factors.len()]),
        }
    }
}

/// A net that learns: its parameters, by the names and in the layout of the model file, and their gradients.
pub struct Net {
    body: Body,
    parameters: Vec<Parameter>,
    shares: Vec<Share>,
    /// For each thread at work.
    scratch: Mutex<Vec<Scratch>>,
    answers: Vec<Answer>,
    gives_crops: bool,
}

impl Net {
    /// The net of a stage, with parameters that are all 0, for an instruction set.
    pub fn new(stage: Stage, isa: Isa) -> Self {
        let arch = stage.arch();
        let (mut layers, mut side) = (Vec::<Layer>::new(), arch.side());
        for layer in arch.layers {
            match *layer {
                arch::Layer::Conv { size, inputs, outputs, .. } => {
                    layers.push(Layer::new(isa, side, size, inputs, outputs));
                }
                arch::Layer::MaxPool(pool) => {
                    let layer = layers.pop().expect("a pool follows a convolution");
                    layers.push(layer.pooled(pool));
                }
                // A convolution whose kernel is as large as the picture.
                arch::Layer::Dense { side, channels, outputs, .. } => {
                    layers.push(Layer::new(isa, side, side, channels, outputs));
                }
            }
            side = layers.last().map_or(side, |layer| layer.output);
        }
        let heads = Conv::new(isa, 1, arch.features, ANSWER);
        let body = Body { isa, layers, heads, features: arch.features };
        let parameters = arch.parameters().into_iter().map(|parameter| {
            let numbers = parameter.shape.iter().product();
            let kind = match parameter.name.rsplit('.').next() {
                Some("weight") => Kind::Weight,
                Some("bias") => Kind::Bias,
                _ => Kind::Slope,
            };
            let (name, shape) = (parameter.name, parameter.shape);
            Parameter { name, shape, kind, values: vec![0.0; numbers], gradient: vec![0.0; numbers] }
        });
        let parameters = parameters.collect();
        let shares = (0..SHARES).map(|_| Share::default()).collect();
        let mut net =
            Self { body, parameters, shares, scratch: Mutex::default(), answers: Vec::new(), gives_crops: false };
        net.pack();
        net
    }

    /// Rows and columns of a crop.
    pub fn side(&self) -> usize {
        self.body.layers[0].side
    }

    /// The features that the heads look at, and dropout drops.
    pub fn features(&self) -> usize {
        self.body.features
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
        let Self { body, parameters, .. } = self;
        let (of_layers, of_heads) = parameters.split_at(3 * body.layers.len());
        body.layers.par_iter_mut().zip(of_layers.par_chunks_exact(3)).for_each(|(layer, parameters)| {
            layer.linear.set(&parameters[0].values, &parameters[1].values);
            layer.slopes.copy_from_slice(&parameters[2].values);
        });
        let (mut weights, mut bias) = ([0.0; ANSWER * MAX_FEATURES], [0.0; ANSWER]);
        let weights = &mut weights[..ANSWER * body.features];
        let mut row = 0;
        for head in of_heads.chunks_exact(2) {
            let rows = head[1].values.len();
            weights[row * body.features..][..rows * body.features].copy_from_slice(&head[0].values);
            bias[row..][..rows].copy_from_slice(&head[1].values);
            row += rows;
        }
        body.heads.set(weights, &bias);
    }

    /// Runs the net on all crops, `[sample][row][column][3]`, red first, and gives its answers. What the
    /// backward pass needs is kept.
    ///
    /// # Panics
    /// If `crops` is not whole crops, or there are too few given factors.
    pub fn forward(&mut self, crops: &[u8], dropout: Option<&Dropout<'_>>) -> &[Answer] {
        let Self { body, shares, scratch, answers, .. } = self;
        assert!(crops.len().is_multiple_of(body.crop_len()), "whole crops");
        let samples = crops.len() / body.crop_len();
        shares.par_iter_mut().enumerate().for_each(|(i, share)| {
            with_scratch(scratch, |scratch| {
                share.forward(body, crops, (i..samples).step_by(SHARES), dropout, scratch);
            });
        });
        answers.resize(samples, [0.0; ANSWER]);
        for (sample, answer) in shares.iter().flat_map(Share::answers) {
            answers[sample] = *answer;
        }
        answers
    }

    /// What the last forward pass gave.
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// The gradients of all parameters, from those of the answers, which must be 0 where a sample is not
    /// `active`. The crops must be those of the last forward pass, and there is one backward pass for each.
    ///
    /// # Panics
    /// If the slices are not of the last forward pass's length.
    pub fn backward(&mut self, crops: &[u8], gradients: &[Answer], active: &[bool]) {
        let Self { body, parameters, shares, scratch, answers, gives_crops } = self;
        let samples = answers.len();
        assert_eq!(crops.len(), samples * body.crop_len(), "the crops of the forward pass");
        assert!(gradients.len() == samples && active.len() == samples, "a gradient for each answer");
        shares.par_iter_mut().for_each(|share| {
            with_scratch(scratch, |scratch| share.backward(body, crops, gradients, active, *gives_crops, scratch));
        });

        let (first, others) = shares.split_first_mut().expect("there are shares");
        first.sums.par_chunks_mut(SUMS_AT_A_TIME).enumerate().for_each(|(i, sums)| {
            for other in &*others {
                for (sum, more) in sums.iter_mut().zip(&other.sums[i * SUMS_AT_A_TIME..]) {
                    *sum += more;
                }
            }
        });

        let sums = &first.sums;
        let (of_layers, of_heads) = parameters.split_at_mut(3 * body.layers.len());
        body.layers.par_iter().enumerate().zip(of_layers.par_chunks_exact_mut(3)).for_each(
            |((k, layer), parameters)| {
                let from = body.layers[..k].iter().map(Layer::sums).sum::<usize>();
                let (weights, vectors) = sums[from..][..layer.sums()].split_at(layer.linear.sums());
                let (bias, slopes) = vectors.split_at(layer.outputs);
                layer.linear.unpack(weights, &mut parameters[0].gradient);
                parameters[1].gradient.copy_from_slice(bias);
                parameters[2].gradient.copy_from_slice(slopes);
            },
        );
        let (weights, bias) = sums[sums.len() - body.heads.weights() - ANSWER..].split_at(body.heads.weights());
        let mut column = 0;
        for head in of_heads.chunks_exact_mut(2) {
            let [head_weights, head_bias] = head else { unreachable!("a head has weights and bias") };
            for (i, gradient) in head_weights.gradient.iter_mut().enumerate() {
                *gradient = weights[i % body.features * ANSWER + column + i / body.features];
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
        let size = self.body.crop_len();
        let mut gradients = vec![0.0; self.answers.len() * size];
        for share in &self.shares {
            for (from, &sample) in share.crops.chunks_exact(size).zip(share.samples()) {
                gradients[sample * size..][..size].copy_from_slice(from);
            }
        }
        gradients
    }
}

/// No net has more features.
const MAX_FEATURES: usize = 256;

/// Sums that one thread adds up at a time.
const SUMS_AT_A_TIME: usize = 1 << 14;

/// Lends `f` a scratch that nobody uses, or a new one.
fn with_scratch(all: &Mutex<Vec<Scratch>>, f: impl FnOnce(&mut Scratch)) {
    let lock = || all.lock().unwrap_or_else(|poison| poison.into_inner());
    let free = lock().pop();
    let mut scratch = free.unwrap_or_default();
    f(&mut scratch);
    lock().push(scratch);
}
