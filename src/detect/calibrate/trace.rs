//! What the layers of a net give, each behind its pool: the least, the most and the mean of every channel.

use mtcnn_kernels::{Conv, ConvParams, Isa, MaxPool, Shape};

use super::shown::Shown;
use crate::arch::{Layer, Stage};
use crate::weights::{Model, Range, measured_layers};

/// The values of a channel.
#[derive(Clone, Copy, Debug)]
struct Channel {
    least: f32,
    most: f32,
    sum: f64,
    count: u64,
}

/// The channels of all layers of which bytes are made.
#[derive(Debug)]
pub(super) struct Trace(Vec<Vec<Channel>>);

impl Trace {
    /// Of nothing yet.
    pub(super) fn of(stage: Stage) -> Self {
        let nothing = Channel { least: f32::INFINITY, most: f32::NEG_INFINITY, sum: 0.0, count: 0 };
        Self(measured_layers(stage).map(|channels| vec![nothing; channels]).collect())
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (channel, more) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            channel.least = channel.least.min(more.least);
            channel.most = channel.most.max(more.most);
            channel.sum += more.sum;
            channel.count += more.count;
        }
    }

    /// Whether there was anything to look at.
    pub(super) fn has_seen(&self) -> bool {
        self.0.iter().flatten().any(|channel| channel.count > 0)
    }

    /// The ranges; `None` if nothing was seen, or values without bounds.
    pub(super) fn layers(&self) -> Option<Vec<Vec<Range>>> {
        let range = |&Channel { least, most, sum, count }: &Channel| {
            // The mean of equal values may be rounded beyond them.
            let mean = (sum / count as f64) as f32;
            let bounded = count > 0 && least.is_finite() && most.is_finite() && mean.is_finite();
            bounded.then(|| Range { least, most, mean: mean.clamp(least, most) })
        };
        self.0.iter().map(|layer| layer.iter().map(range).collect()).collect()
    }
}

/// The layers of which bytes are made, each alone with its pool.
pub(super) struct Layers {
    isa: Isa,
    layers: Vec<(Conv, Option<MaxPool>)>,
}

impl Layers {
    pub(super) fn of(model: &Model, isa: Isa, stage: Stage) -> Self {
        let tensor = |layer: &str, part: &str| model.tensor(&format!("{stage}.{layer}.{part}"));
        let mut layers: Vec<(Conv, Option<MaxPool>)> = Vec::new();
        for layer in model.arch(stage).layers {
            match *layer {
                Layer::Conv { name, prelu, size, inputs, .. } => {
                    let [weights, bias] = ["weight", "bias"].map(|part| tensor(name, part));
                    let slopes = Some(tensor(prelu, "slope"));
                    layers.push((Conv::new(isa, ConvParams { size, inputs, weights, bias, slopes }), None));
                }
                Layer::MaxPool(pool) => layers.last_mut().expect("a pool follows a convolution").1 = Some(pool),
                // The last one: no bytes are made of it.
                Layer::Dense { .. } => {}
            }
        }
        layers.truncate(measured_layers(stage).count());
        Self { isa, layers }
    }

    /// Adds what they give.
    pub(super) fn run(&self, shown: &Shown<'_>, trace: &mut Trace) {
        let (mut shape, mut values) = match *shown {
            Shown::Level { height, width, planes } => {
                let at = |i: usize| (i / (3 * width) * 3 + i % 3) * width + i / 3 % width;
                (Shape::image(height, width, 3), (0..planes.len()).map(|i| planes[at(i)]).collect())
            }
            Shown::Crops(pixels) => {
                let side = Stage::RNet.side();
                (Shape::new(pixels.len() / (side * side * 3), side, side, 3), pixels.to_vec())
            }
        };
        for ((conv, pool), channels) in self.layers.iter().zip(&mut trace.0) {
            let map = conv.output(shape).expect("what a net looks at is large enough");
            let mut made = vec![0.0; map.values()];
            conv.forward(shape, &values, &mut made);
            (shape, values) = (map, made);
            if let Some(pool) = pool {
                shape = pool.output(map).expect("what a net looks at is large enough");
                let mut pooled = vec![0.0; shape.values()];
                pool.forward(self.isa, map, &values, &mut pooled);
                values = pooled;
            }
            for pixel in values.chunks_exact(shape.channels) {
                for (Channel { least, most, sum, count }, &value) in channels.iter_mut().zip(pixel) {
                    (*least, *most) = (least.min(value), most.max(value));
                    (*sum, *count) = (*sum + f64::from(value), *count + 1);
                }
            }
        }
    }
}
