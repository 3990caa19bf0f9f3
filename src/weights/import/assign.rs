//! Which net a file has, and which of its layers is which of ours: by their shapes, which differ within each net.
//!
//! Names are of no use: every system has its own. Only slopes of the same size are told apart by their order.

use std::collections::BTreeMap;

use super::layers::{Layer, display, squeezed};
use crate::arch::{Arch, Parameter, Stage};
use crate::points::MOST_POINTS;
use crate::quote::quoted;

/// A net whose layers are known, in the file's own convention.
#[derive(Debug)]
pub(super) struct Assigned {
    /// With as many points as its head for them gives.
    pub(super) arch: Arch,
    /// By `layer.part`, output first.
    pub(super) arrays: BTreeMap<String, Vec<f32>>,
}

impl Assigned {
    pub(super) fn has_landmarks(&self) -> bool {
        self.arch.points > 0
    }

    /// Leaves out the landmark head where no detection uses it; says whether there was one.
    pub(super) fn drop_unused_landmarks(&mut self) -> bool {
        if self.arch.detects_points() {
            return false;
        }
        self.arch.points = 0;
        self.arrays.remove("lm.bias");
        self.arrays.remove("lm.weight").is_some()
    }
}

/// A parameter to be found.
struct Wanted {
    /// `layer.part`
    name: String,
    shape: Vec<usize>,
}

/// The net whose first layer this is.
pub(super) fn first_layer_of(layer: &Layer) -> Option<Stage> {
    Stage::ALL.into_iter().find(|stage| weights(layer, &wanted(&stage.arch(0))[0]).is_some())
}

/// How many points a net gives: a layer on its features is their head, if it gives neither two numbers nor four, as the other
/// heads do.
fn points(layers: &[Layer], stage: Stage) -> usize {
    let features = stage.arch(0).features;
    let is_head = |points: usize| {
        let head = Wanted { name: String::new(), shape: vec![2 * points, features] };
        layers.iter().any(|layer| weights(layer, &head).is_some())
    };
    (3..=MOST_POINTS).find(|&points| is_head(points)).unwrap_or(0)
}

/// Finds every parameter of a net among the layers of one.
pub(super) fn assign(layers: Vec<Layer>) -> Result<Assigned, String> {
    let stage = layers.iter().find_map(first_layer_of);
    let stage = stage.ok_or("none of the three nets: no layer has the weights of their first layers")?;
    let arch = stage.arch(points(&layers, stage));
    let wanted = wanted(&arch);
    let mut arrays = BTreeMap::new();
    for layer in layers {
        let place = wanted.iter().filter(|wanted| !arrays.contains_key(&wanted.name)).find_map(|wanted| {
            let layout = if wanted.name.ends_with(".slope") { slopes(&layer, wanted) } else { weights(&layer, wanted) };
            layout.map(|layout| (wanted, layout))
        });
        let Some((wanted, layout)) = place else {
            let shapes: Vec<_> = layer.arrays.iter().map(|array| display(&array.shape)).collect();
            return Err(format!(
                "the layer {}, of {}, is none of {}, or there are two of it",
                quoted(&layer.name),
                shapes.join(" and "),
                arch.name()
            ));
        };
        let mut parts = layer.arrays.into_iter().map(|array| array.values);
        let first = parts.next().expect("a layer with arrays");
        let first = match layout {
            Layout::OutputsFirst => first,
            Layout::OutputsLast => outputs_first(&first, &wanted.shape),
        };
        arrays.insert(wanted.name.clone(), first);
        if let Some(bias) = parts.next() {
            arrays.insert(wanted.name.replace(".weight", ".bias"), bias);
        }
    }
    for wanted in &wanted {
        if !arrays.contains_key(&wanted.name) {
            return Err(format!("{} has no layer with {} of {}", arch.name(), wanted.name, display(&wanted.shape)));
        }
    }
    for (name, values) in &arrays {
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            return Err(format!("{name} of {} has {} at place {place}", arch.name(), values[place]));
        }
    }
    Ok(Assigned { arch, arrays })
}

/// Weights and slopes; biases come with their weights.
fn wanted(arch: &Arch) -> Vec<Wanted> {
    let parameters = arch.parameters().into_iter().filter(|parameter| !parameter.name.ends_with(".bias"));
    parameters.map(|Parameter { name, shape }| Wanted { name: name[arch.name().len() + 1..].into(), shape }).collect()
}

/// The order in which the indices of weights come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Output, input, and the two places in the kernel: Caffe and PyTorch.
    OutputsFirst,
    /// The two places in the kernel, input, output: TensorFlow.
    OutputsLast,
}

/// The layout in which a layer has these weights, with their bias.
fn weights(layer: &Layer, wanted: &Wanted) -> Option<Layout> {
    let [weights, bias] = &layer.arrays[..] else { return None };
    let outputs_last = match wanted.shape[..] {
        [outputs, inputs, height, width] => vec![height, width, inputs, outputs],
        [outputs, inputs] => vec![inputs, outputs],
        _ => return None,
    };
    if bias.squeezed() != [wanted.shape[0]] {
        return None;
    }
    match weights.squeezed() {
        shape if shape == squeezed(&wanted.shape) => Some(Layout::OutputsFirst),
        shape if shape == squeezed(&outputs_last) => Some(Layout::OutputsLast),
        _ => None,
    }
}

fn slopes(layer: &Layer, wanted: &Wanted) -> Option<Layout> {
    matches!(&layer.arrays[..], [slopes] if slopes.squeezed() == wanted.shape).then_some(Layout::OutputsFirst)
}

/// `[height][width][inputs][outputs]` or `[inputs][outputs]` to the order of `shape`.
fn outputs_first(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let (outputs, inputs) = (shape[0], shape.get(1).copied().unwrap_or(1));
    let area: usize = shape.iter().skip(2).product();
    let place = |i: usize| {
        let (output, input, place) = (i / (inputs * area), i / area % inputs, i % area);
        (place * inputs + input) * outputs + output
    };
    (0..values.len()).map(|i| values[place(i)]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::layers::Array;
    use super::*;

    fn array(shape: &[usize]) -> Array {
        Array { shape: shape.into(), values: vec![0.5; shape.iter().product()] }
    }

    /// PNet as TensorFlow has it, its layers named by letters that say nothing.
    fn pnet() -> Vec<Layer> {
        let shapes: [&[&[usize]]; 8] = [
            &[&[1, 1, 32, 4], &[4]],
            &[&[3, 3, 3, 10], &[10]],
            &[&[1, 1, 10]],
            &[&[3, 3, 10, 16], &[16]],
            &[&[1, 1, 16]],
            &[&[3, 3, 16, 32], &[32]],
            &[&[32]],
            &[&[1, 1, 32, 2], &[2]],
        ];
        let layer = |(i, shapes): (usize, &&[&[usize]])| Layer {
            name: char::from(b'a' + i as u8).into(),
            arrays: shapes.iter().map(|shape| array(shape)).collect(),
        };
        shapes.iter().enumerate().map(layer).collect()
    }

    #[test]
    fn layers_are_known_by_their_shapes() {
        let net = assign(pnet()).unwrap();
        assert_eq!((net.arch.name(), net.has_landmarks()), ("pnet", false));
        assert_eq!(net.arrays.len(), 13);
        assert_eq!(net.arrays["box.bias"].len(), 4);
        // Two rows and one column of places, three inputs, two outputs.
        let places: Vec<f32> = (0..12).map(|number| number as f32).collect();
        assert_eq!(outputs_first(&places, &[2, 3, 2, 1]), [0., 6., 2., 8., 4., 10., 1., 7., 3., 9., 5., 11.]);
    }

    #[test]
    fn other_nets_are_refused() {
        let refused = |change: &dyn Fn(&mut Vec<Layer>)| {
            let mut layers = pnet();
            change(&mut layers);
            assign(layers).unwrap_err()
        };
        let reason = refused(&|layers| drop(layers.remove(1)));
        assert_eq!(reason, "none of the three nets: no layer has the weights of their first layers");
        assert_eq!(refused(&|layers| drop(layers.remove(2))), "pnet has no layer with prelu1.slope of 10");
        assert_eq!(refused(&|layers| drop(layers.remove(0))), "pnet has no layer with box.weight of 4x32");
        let stranger =
            refused(&|layers| layers.push(Layer { name: "z".into(), arrays: vec![array(&[3, 3, 5, 7]), array(&[7])] }));
        assert_eq!(stranger, "the layer z, of 3x3x5x7 and 7, is none of pnet, or there are two of it");
        let twice = refused(&|layers| layers.push(Layer { name: "z".into(), arrays: vec![array(&[16])] }));
        assert_eq!(twice, "the layer z, of 16, is none of pnet, or there are two of it");
        let nan = refused(&|layers| layers[2].arrays[0].values[3] = f32::NAN);
        assert_eq!(nan, "prelu1.slope of pnet has NaN at place 3");
    }
}
