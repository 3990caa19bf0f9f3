//! Stochastic gradient descent with momentum and weight decay.

use super::loss::Convention;
use super::parameter::{Parameter, ParameterKind};
use crate::arch::Stage;

/// What the learning rate and the decay of one parameter are multiplied with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Multipliers {
    /// Of the learning rate.
    pub rate: f32,
    /// Of the decay.
    pub decay: f32,
}

impl Multipliers {
    /// Those of a parameter, by what it is and whose conventions are followed.
    #[must_use]
    pub fn of(parameter: &Parameter, stage: Stage, convention: Convention) -> Self {
        let layer = parameter.name.split('.').nth(1).unwrap_or_default();
        let decays = |decays: bool| if decays { 1.0 } else { 0.0 };
        let (rate, decay) = match (convention, parameter.kind) {
            (Convention::Own, kind) => (1.0, decays(kind == ParameterKind::Weight)),
            (Convention::MtcnnCaffe, ParameterKind::Weight | ParameterKind::Slope) => (1.0, 1.0),
            (Convention::MtcnnCaffe, ParameterKind::Bias) => {
                let whole_net = stage == Stage::ONet;
                (2.0, decays(whole_net || stage == Stage::RNet && matches!(layer, "conv1" | "conv2")))
            }
            // PNet's heads are convolutions there, those of the other nets dense layers.
            (Convention::Aittsmd, ParameterKind::Weight) => {
                (1.0, decays(layer.starts_with("conv") || stage == Stage::PNet))
            }
            (Convention::Aittsmd, ParameterKind::Bias | ParameterKind::Slope) => (1.0, 0.0),
        };
        Self { rate, decay }
    }
}

/// The descent, and how fast each parameter moves.
#[derive(Clone, Debug)]
pub struct Sgd {
    momentum: f32,
    decay: f32,
    /// Whether the learning rate counts when velocity becomes movement, not when a gradient becomes
    /// velocity: a difference where the rate changes.
    rate_moves: bool,
    multipliers: Vec<Multipliers>,
    velocities: Vec<Vec<f32>>,
}

impl Sgd {
    /// A descent from rest.
    #[must_use]
    pub fn new(parameters: &[Parameter], stage: Stage, convention: Convention, momentum: f32, decay: f32) -> Self {
        Self {
            momentum,
            decay,
            rate_moves: convention == Convention::Aittsmd,
            multipliers: parameters.iter().map(|parameter| Multipliers::of(parameter, stage, convention)).collect(),
            velocities: parameters.iter().map(|parameter| vec![0.0; parameter.values.len()]).collect(),
        }
    }

    /// One step along the parameters' gradients:
    /// `v = momentum·v + rate·(gradient + decay·value)`, `value = value - v`.
    pub fn step(&mut self, parameters: &mut [Parameter], rate: f32) {
        let Self { momentum, decay, rate_moves, multipliers, velocities } = self;
        for ((parameter, multipliers), velocities) in parameters.iter_mut().zip(multipliers).zip(velocities) {
            let (rate, decay) = (rate * multipliers.rate, *decay * multipliers.decay);
            let (gained, moved) = if *rate_moves { (1.0, rate) } else { (rate, 1.0) };
            let Parameter { values, gradient, .. } = parameter;
            for ((value, gradient), velocity) in values.iter_mut().zip(gradient).zip(velocities) {
                *velocity = *momentum * *velocity + gained * (*gradient + decay * *value);
                *value -= moved * *velocity;
            }
        }
    }

    /// How fast each parameter moves, in the order of the parameters.
    #[must_use]
    pub fn velocities(&self) -> &[Vec<f32>] {
        &self.velocities
    }

    /// Takes the velocities of an earlier descent.
    pub fn velocities_mut(&mut self) -> &mut [Vec<f32>] {
        &mut self.velocities
    }
}

#[cfg(test)]
mod tests {
    use mtcnn_kernels::Isa;

    use super::*;
    use crate::train::TrainableNet;

    #[test]
    fn conventions_have_their_multipliers() {
        let of = |stage, convention, name: &str| {
            let net = TrainableNet::new(stage, 5, Isa::best());
            let parameter = net.parameters().iter().find(|parameter| parameter.name == name).expect("a parameter");
            let Multipliers { rate, decay } = Multipliers::of(parameter, stage, convention);
            (rate, decay)
        };
        use Convention::{Aittsmd, MtcnnCaffe, Own};
        use Stage::{ONet, PNet, RNet};
        assert_eq!(of(RNet, Own, "rnet.fc.weight"), (1.0, 1.0));
        assert_eq!(of(RNet, Own, "rnet.fc.bias"), (1.0, 0.0));
        assert_eq!(of(RNet, Own, "rnet.prelu_fc.slope"), (1.0, 0.0));
        assert_eq!(of(PNet, MtcnnCaffe, "pnet.conv1.bias"), (2.0, 0.0));
        assert_eq!(of(RNet, MtcnnCaffe, "rnet.conv2.bias"), (2.0, 1.0));
        assert_eq!(of(RNet, MtcnnCaffe, "rnet.conv3.bias"), (2.0, 0.0));
        assert_eq!(of(ONet, MtcnnCaffe, "onet.cls.bias"), (2.0, 1.0));
        assert_eq!(of(PNet, MtcnnCaffe, "pnet.prelu1.slope"), (1.0, 1.0));
        assert_eq!(of(PNet, Aittsmd, "pnet.box.weight"), (1.0, 1.0));
        assert_eq!(of(ONet, Aittsmd, "onet.fc.weight"), (1.0, 0.0));
        assert_eq!(of(ONet, Aittsmd, "onet.conv4.weight"), (1.0, 1.0));
        assert_eq!(of(ONet, Aittsmd, "onet.conv4.bias"), (1.0, 0.0));
    }

    #[test]
    fn the_rate_counts_early_or_late() {
        let run = |convention| {
            let mut net = TrainableNet::new(Stage::PNet, 5, Isa::best());
            let mut sgd = Sgd::new(net.parameters(), Stage::PNet, convention, 0.5, 0.0);
            for rate in [0.1, 0.01] {
                net.change(|parameters| {
                    parameters[0].gradient.fill(1.0);
                    sgd.step(parameters, rate);
                });
            }
            net.parameters()[0].values[0]
        };
        // Velocities .1 and .06; 1 and 1.5, which the rates multiply.
        approx::assert_abs_diff_eq!(run(Convention::Own), -0.16, epsilon = 1e-7);
        approx::assert_abs_diff_eq!(run(Convention::Aittsmd), -0.115, epsilon = 1e-7);
    }
}
