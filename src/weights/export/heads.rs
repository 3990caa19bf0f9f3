//! Inputs, outputs and parameters of the nets as exported files have them.

use crate::arch::{Arch, Head};

/// What the output of a head is called in other systems. That of the classes is probabilities, no longer logits. The layers
/// that give them have the same names, by which OpenCV asks for outputs.
pub(crate) const fn output(head: Head) -> &'static str {
    match head {
        Head::Classes => "prob",
        _ => head.name(),
    }
}

/// What their input is called.
pub(crate) const INPUT: &str = "data";

/// The shape of a parameter, with ones behind it up to `dimensions`: a head of PNet is a 1x1 convolution.
pub(super) fn shape(arch: &Arch, layer: &str, part: &str, dimensions: usize) -> Vec<usize> {
    let name = format!("{}.{layer}.{part}", arch.name());
    let parameter = arch.parameters().into_iter().find(|parameter| parameter.name == name);
    let mut shape = parameter.expect("a parameter of the net").shape;
    shape.resize(dimensions.max(shape.len()), 1);
    shape
}
