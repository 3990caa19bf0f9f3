//! The parameters that training begins with.

use serde::{Deserialize, Serialize};

use super::parameter::ParameterKind;
use super::trainable::TrainableNet;
use crate::random::Random;

/// How the weights are drawn. Biases are 0 and slopes 0.25 in any case.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
#[non_exhaustive]
pub enum Initialisation {
    /// Uniform in ±√(3/n), with n the numbers that go into an output: Caffe's `xavier`.
    XavierUniform,
    /// Gaussian, with a variance of `magnitude`/n: MXNet's `Xavier(gaussian, in)`.
    XavierGaussian {
        /// 1 for as much variance as [`Initialisation::XavierUniform`], 2 for He's.
        magnitude: f64,
    },
    /// Gaussian, with the same standard deviation everywhere: Caffe's `gaussian`.
    Gaussian {
        /// The standard deviation.
        deviation: f64,
    },
}

/// What every PReLU begins with.
const SLOPE: f32 = 0.25;

impl Initialisation {
    /// Draws a net's parameters, each weight by a generator of its own.
    pub fn apply(self, net: &mut TrainableNet, seed: u64) {
        net.change(|parameters| {
            for (stream, parameter) in parameters.iter_mut().enumerate() {
                let inputs = parameter.shape[1..].iter().product::<usize>() as f64;
                let mut random = Random::new(seed, stream as u64);
                match parameter.kind {
                    ParameterKind::Bias => parameter.values.fill(0.0),
                    ParameterKind::Slope => parameter.values.fill(SLOPE),
                    ParameterKind::Weight => parameter.values.fill_with(|| self.draw(inputs, &mut random) as f32),
                }
            }
        });
    }

    fn draw(self, inputs: f64, random: &mut Random) -> f64 {
        match self {
            Initialisation::XavierUniform => (3.0 / inputs).sqrt() * (2.0 * random.unit() - 1.0),
            Initialisation::XavierGaussian { magnitude } => (magnitude / inputs).sqrt() * gaussian(random),
            Initialisation::Gaussian { deviation } => deviation * gaussian(random),
        }
    }
}

/// By Box and Muller's way; the second number of each pair is not used.
fn gaussian(random: &mut Random) -> f64 {
    // From above 0 to 1: the logarithm is finite.
    let (radius, angle) = (1.0 - random.unit(), random.unit());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[cfg(test)]
mod tests {
    use mtcnn_kernels::Isa;

    use super::*;
    use crate::arch::Stage;

    #[test]
    fn weights_have_the_variance_that_is_asked_for() {
        let mut net = TrainableNet::new(Stage::ONet, 5, Isa::best());
        for (initialisation, of_one_input) in [
            (Initialisation::XavierUniform, 1.0),
            (Initialisation::XavierGaussian { magnitude: 2.0 }, 2.0),
            (Initialisation::Gaussian { deviation: 0.01 }, 0.0001 * 1152.0),
        ] {
            initialisation.apply(&mut net, 1);
            let parameter = |name: &str| net.parameters().iter().find(|p| p.name == name).expect("a parameter");
            let values = &parameter("onet.fc.weight").values;
            let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / values.len() as f64;
            assert!(mean.abs() < 0.01 * variance.sqrt(), "{initialisation:?}: mean {mean}");
            assert!((variance * 1152.0 / of_one_input - 1.0).abs() < 0.01, "{initialisation:?}: {variance}");
            assert!(parameter("onet.prelu4.slope").values.iter().all(|&x| x == 0.25));
            assert!(parameter("onet.lm.bias").values.iter().all(|&x| x == 0.0));
        }
    }

    #[test]
    fn the_seed_decides() {
        let draw = |seed| {
            let mut net = TrainableNet::new(Stage::PNet, 5, Isa::best());
            Initialisation::XavierUniform.apply(&mut net, seed);
            net.parameters()[0].values.clone()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
