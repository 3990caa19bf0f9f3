//! Low precision: the nets with their weights as bytes, which tell quickly what would be rejected.
//!
//! What they say never decides. What scores below a threshold by more than a margin is dropped; the rest goes through the f32
//! nets, whose answers are the same to the bit whatever was dropped. How wide the margin must be is measured for each
//! model ([`Screening`]).

use std::fmt;

use mtcnn_kernels::low::{Backend, ByteConv, Cells, Crops, Finish, MOST_OF_PAIR};
use mtcnn_kernels::{Buffer, Isa, MaxPool, Wanted};

use crate::arch::{Arch, Layer, Stage};
use crate::weights::{Model, NetScreening, Range, Screening};

/// What screening needs besides the nets' own scratch.
#[derive(Default)]
pub(crate) struct Scratch {
    layers: Buffer,
    scores: Buffer,
    wanted: Wanted,
}

/// Why low precision does not reject first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Unscreened {
    /// It was switched off.
    Off,
    /// The instruction set in use has nothing for it, or it takes longer with it and was not asked for.
    Isa,
    /// The weights are such whose errors in low precision were not measured.
    Weights,
}

impl fmt::Display for Unscreened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Off => "switched off",
            Self::Isa => "this instruction set gains nothing by it",
            Self::Weights => "of these weights no margin is known",
        })
    }
}

/// PNet and RNet in low precision.
pub(crate) struct Screen {
    backend: Backend,
    /// With the ranges of thresholds and their margins.
    pnet: (Cells, Vec<[f32; 3]>),
    rnet: (Crops, Vec<[f32; 3]>),
}

/// The score below which nothing passes a threshold; `None` if that was not measured.
fn least(margins: &[[f32; 3]], threshold: f32) -> Option<f32> {
    let holds = |&&[from, to, _]: &&[f32; 3]| (from..=to).contains(&threshold);
    margins.iter().find(holds).map(|[.., margin]| threshold - margin)
}

/// What is left of a map or a batch: its scores, and which places are wanted.
pub(crate) struct Left<'a> {
    scores: &'a [f32],
    pub(crate) wanted: &'a Wanted,
    columns: usize,
    least: f32,
}

impl Left<'_> {
    /// How far a place was from being rejected.
    pub(crate) fn distance(&self, row: usize, column: usize) -> f32 {
        self.scores[row * self.columns + column] - self.least
    }
}

impl Screen {
    /// Of a model of which enough is known, on a machine that has what it takes; unless it was asked for, only where it
    /// pays.
    pub(crate) fn new(isa: Isa, model: &Model, asked_for: bool) -> Result<Self, Unscreened> {
        // AVX2 takes three instructions for what VNNI has one for.
        let pays = |&backend: &Backend| asked_for || backend == Backend::Avx512Vnni;
        let backend = Backend::best(isa).filter(pays).ok_or(Unscreened::Isa)?;
        let Screening { pnet, rnet, .. } = model.screening().ok_or(Unscreened::Weights)?;
        Ok(Self {
            backend,
            pnet: (self::pnet(model, pnet), pnet.margins.clone()),
            rnet: (self::rnet(model, rnet), rnet.margins.clone()),
        })
    }

    /// Looks at the cells of an image, `[row][3][column]`: which may pass a threshold, a logit? `None` if that can't be told.
    pub(crate) fn cells<'a>(
        &self,
        [height, width]: [usize; 2],
        pixels: &[f32],
        threshold: f32,
        scratch: &'a mut Scratch,
    ) -> Option<Left<'a>> {
        let (net, margins) = &self.pnet;
        let least = least(margins, threshold)?;
        let (rows, columns) = Cells::map(height, width)?;
        let Scratch { layers, scores, wanted } = scratch;
        let scores = scores.resize(rows * columns);
        net.forward(self.backend, height, width, pixels, layers, scores);
        wanted.reset(rows, columns);
        for (row, scores) in scores.chunks_exact(columns).enumerate() {
            for (column, &score) in scores.iter().enumerate() {
                if score >= least {
                    wanted.add(row, column);
                }
            }
        }
        Some(Left { scores, wanted, columns, least })
    }

    /// Looks at crops, `[crop][row][column][3]`: which may pass RNet's threshold, a logit? They go into `left`, as
    /// numbers and how far each was from being rejected. Whether that could be told.
    pub(crate) fn crops(
        &self,
        pixels: &[f32],
        threshold: f32,
        scratch: &mut Scratch,
        left: &mut Vec<(usize, f32)>,
    ) -> bool {
        let (net, margins) = &self.rnet;
        let Some(least) = least(margins, threshold) else { return false };
        let scores = scratch.scores.resize(pixels.len() / Stage::RNet.side().pow(2) / 3);
        net.forward(self.backend, pixels, &mut scratch.layers, scores);
        left.clear();
        left.extend(scores.iter().map(|score| score - least).enumerate().filter(|&(_, distance)| distance >= 0.0));
        true
    }
}

/// PNet's scores: the logit of a face less that of none.
pub(crate) fn pnet(model: &Model, screening: &NetScreening) -> Cells {
    let (layers, base) = layers(model, &model.arch(Stage::PNet), screening);
    let [(first, _), (second, _), (third, _)] = &layers[..] else { unreachable!("PNet has three convolutions") };
    Cells::new(first, second, third, base)
}

/// RNet's scores: the logit of a face less that of none.
pub(crate) fn rnet(model: &Model, screening: &NetScreening) -> Crops {
    let (layers, base) = layers(model, &model.arch(Stage::RNet), screening);
    Crops::new(Stage::RNet.side(), &layers, base)
}

/// A channel as bytes: its value is `least + scale·byte`.
#[derive(Clone, Copy)]
struct Channel {
    least: f32,
    scale: f32,
    /// The mean of the bytes.
    mean: f32,
}

/// A pixel, normalised, as it was before.
const PIXEL: Channel = Channel { least: -127.5 / 128.0, scale: 1.0 / 128.0, mean: 127.5 };

impl Channel {
    fn of(range: &Range) -> Self {
        let scale = ((range.most - range.least) / 255.0).max(f32::MIN_POSITIVE);
        Self { least: range.least, scale, mean: (range.mean - range.least) / scale }
    }
}

/// The layers of a net as bytes, each with the pool behind it, and what is to be added to the score. A dense layer is a
/// convolution as large as its input.
fn layers(model: &Model, arch: &Arch, screening: &NetScreening) -> (Vec<(ByteConv, Option<MaxPool>)>, f32) {
    let tensor = |layer: &str, part: &str| model.tensor(&format!("{}.{layer}.{part}", arch.name()));
    let (no_face, face) = tensor("cls", "weight").split_at(arch.features);
    let bias = tensor("cls", "bias");
    let mut layers: Vec<(ByteConv, Option<MaxPool>)> = Vec::new();
    let mut inputs = vec![PIXEL; 3];
    for layer in arch.layers {
        let (name, prelu, size) = match *layer {
            Layer::Conv { name, prelu, size, .. } => (name, prelu, size),
            Layer::Dense { name, prelu, side, .. } => (name, prelu, side),
            Layer::MaxPool(pool) => {
                layers.last_mut().expect("a pool follows a convolution").1 = Some(pool);
                continue;
            }
        };
        let ranges = screening.layers.get(layers.len());
        let outputs: Vec<Channel> = ranges.into_iter().flatten().map(Channel::of).collect();
        let then = |o: usize| match outputs.get(o) {
            Some(channel) => (1.0 / channel.scale, -channel.least / channel.scale),
            None => (face[o] - no_face[o], 0.0),
        };
        let [weights, bias] = ["weight", "bias"].map(|part| tensor(name, part));
        layers.push((quantise(size, [weights, bias, tensor(prelu, "slope")], &inputs, then), None));
        inputs = outputs;
    }
    (layers, bias[1] - bias[0])
}

/// A convolution as bytes, with a scale for each output, from weights, bias and slopes; `then` says what becomes of an
/// output after the PReLU: a factor, and what is added.
///
/// With `w` the weights and `a + s·u` the inputs, an output is `Σ w·s·u + Σ w·a + bias`. The first factors are rounded to steps;
/// what that does at the mean of the inputs is made good.
fn quantise(
    size: usize,
    [weights, bias, slopes]: [&[f32]; 3],
    inputs: &[Channel],
    then: impl Fn(usize) -> (f32, f32),
) -> ByteConv {
    let area = size * size;
    let depth = area * inputs.len();
    let mut conv = ByteConv { size, inputs: inputs.len(), weights: vec![], bias: vec![], finish: vec![] };
    for (o, kernel) in weights.chunks_exact(depth).enumerate() {
        let scaled: Vec<f32> = (0..depth).map(|k| kernel[k] * inputs[k / area].scale).collect();
        // The most that a pair of weights may add up to, less what rounding may add.
        let steps = f32::from(MOST_OF_PAIR) - 2.0;
        let step = most_of_pairs(&scaled, area).max(f32::MIN_POSITIVE) / steps;
        let rounded = round(scaled.iter().map(|w| w / step).collect(), area);
        let mut constant = f64::from(bias[o]);
        for k in 0..depth {
            let Channel { least, mean, .. } = inputs[k / area];
            constant += f64::from(kernel[k]) * f64::from(least);
            constant += f64::from(scaled[k] - f32::from(rounded[k]) * step) * f64::from(mean);
        }
        conv.weights.extend(rounded);
        conv.bias.push((constant / f64::from(step)).round() as i32);
        let (gain, offset) = then(o);
        let finish = Finish { gain: gain * step * slopes[o], extra: gain * step * (1.0 - slopes[o]), offset };
        conv.finish.push(finish);
    }
    conv
}

/// Rounds the weights of each input to integers, up or down so that their sum is the nearest to what it was: neighbouring
/// pixels are much alike, and what is rounded at one should be made good at another. What is left of an input's sum goes
/// on to the next one's, which is right for the colours of pixels and does no harm elsewhere.
fn round(mut weights: Vec<f32>, area: usize) -> Vec<i8> {
    let mut left = 0.0;
    for kernel in weights.chunks_exact_mut(area) {
        let sum = kernel.iter().sum::<f32>() + left;
        let mut order: Vec<usize> = (0..area).collect();
        order.sort_by(|&a, &b| (kernel[b] - kernel[b].floor()).total_cmp(&(kernel[a] - kernel[a].floor())));
        let floors: f32 = kernel.iter().map(|weight| weight.floor()).sum();
        let up = (sum - floors).round_ties_even().clamp(0.0, area as f32) as usize;
        for (rank, &k) in order.iter().enumerate() {
            kernel[k] = kernel[k].floor() + if rank < up { 1.0 } else { 0.0 };
        }
        left = sum - floors - up as f32;
    }
    weights.into_iter().map(|weight| weight as i8).collect()
}

/// The most that two weights of neighbouring inputs add up to, or one alone, whatever the sign.
fn most_of_pairs(kernel: &[f32], area: usize) -> f32 {
    let mut most = 0.0_f32;
    for pair in kernel.chunks(2 * area) {
        for k in 0..area {
            let (a, b) = (pair[k], pair.get(area + k).copied().unwrap_or(0.0));
            most = most.max(a.max(0.0) + b.max(0.0)).max((-a).max(0.0) + (-b).max(0.0));
        }
    }
    most
}
