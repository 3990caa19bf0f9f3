//! A parameter of a net, by the name and in the layout of the model file.

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Of a convolution, a dense layer or a head.
    Weight,
    /// See [`ParameterKind::Weight`].
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
    pub kind: ParameterKind,
    /// Its numbers, row by row.
    pub values: Vec<f32>,
    /// Their gradients, after [`super::TrainableNet::backward`].
    pub gradient: Vec<f32>,
}
