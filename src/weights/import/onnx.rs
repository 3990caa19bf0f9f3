//! ONNX models: the operators of a graph that have parameters, in its order.
//!
//! `onnx.proto` of onnx/onnx has the messages. What else a graph calculates is not looked at, but a constant of floats that no
//! known operator takes is a layer of its own, and so refused: the graph would be another net than ours.

use std::collections::HashMap;

use super::dtype::Dtype;
use super::layers::{Array, Budget, Contents, Layer, named};
use super::source::Source;
use crate::weights::description::{self, Description};
use crate::weights::protobuf::{Fields, Value};

/// Reads a model.
pub(super) fn parse(bytes: &[u8]) -> Result<Contents, String> {
    const GRAPH: u64 = 7;
    const METADATA: u64 = 14;
    let (mut layers, mut metadata) = (Vec::new(), Description::new());
    for field in Fields(bytes) {
        match field? {
            (GRAPH, value) => layers = graph(value.bytes()?)?,
            (METADATA, value) => {
                let mut entry = [""; 2];
                for field in Fields(value.bytes()?) {
                    if let (number @ 1..=2, value) = field? {
                        entry[number as usize - 1] = text(value)?;
                    }
                }
                metadata.insert(entry[0].into(), entry[1].into());
            }
            _ => {}
        }
    }
    if layers.is_empty() {
        return Err("no graph with weights is in it".into());
    }
    let description = description::ours(metadata);
    let likely =
        description.is_some().then(|| (Source::MtcnnCpu, "its description is what this program writes".into()));
    Ok(Contents { layers, likely, description, ..Contents::default() })
}

fn text(value: Value<'_>) -> Result<&str, String> {
    std::str::from_utf8(value.bytes()?).map_err(|_| "a name that is no text".into())
}

/// An operator.
#[derive(Default)]
struct Node<'a> {
    kind: &'a str,
    inputs: Vec<&'a str>,
    outputs: Vec<&'a str>,
    /// Of the attributes those that may be asked for: the tensor of a constant, and scales.
    value: Option<&'a [u8]>,
    scaled: bool,
}

impl<'a> Node<'a> {
    fn of(message: &'a [u8]) -> Result<Self, String> {
        let mut node = Self::default();
        for field in Fields(message) {
            match field? {
                (1, value) => node.inputs.push(text(value)?),
                (2, value) => node.outputs.push(text(value)?),
                (4, value) => node.kind = text(value)?,
                (5, value) => node.attribute(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(node)
    }

    fn attribute(&mut self, message: &'a [u8]) -> Result<(), String> {
        let (mut name, mut float, mut tensor) = ("", 1.0, None);
        for field in Fields(message) {
            match field? {
                (1, value) => name = text(value)?,
                (2, Value::Fixed32(bytes)) => float = f32::from_le_bytes(bytes),
                (5, value) => tensor = Some(value.bytes()?),
                _ => {}
            }
        }
        self.scaled |= matches!(name, "alpha" | "beta") && float != 1.0;
        if name == "value" {
            self.value = tensor;
        }
        Ok(())
    }
}

/// The layers of a graph.
fn graph(message: &[u8]) -> Result<Vec<Layer>, String> {
    const NODE: u64 = 1;
    const INITIALIZER: u64 = 5;
    let (mut nodes, mut tensors, mut budget) = (Vec::new(), HashMap::new(), Budget::new());
    for field in Fields(message) {
        match field? {
            (NODE, value) => nodes.push(Node::of(value.bytes()?)?),
            (INITIALIZER, value) => {
                let (name, array) = tensor(value.bytes()?, &mut budget)?;
                tensors.extend(array.map(|array| (name, array)));
            }
            _ => {}
        }
    }
    // The places of layers that a bias may be added to, by the names of their values.
    let (mut layers, mut products) = (Vec::<Layer>::new(), HashMap::new());
    for node in &nodes {
        let (Some(&output), inputs) = (node.outputs.first(), &node.inputs) else { continue };
        let mut take = |place: usize| inputs.get(place).and_then(|name| tensors.remove(name));
        let arrays: Vec<_> = match node.kind {
            "Gemm" if node.scaled => return named(output, Err("a product that is scaled".into())),
            "Conv" | "Gemm" => [take(1), take(2)].into_iter().flatten().collect(),
            "MatMul" | "PRelu" => take(1).into_iter().collect(),
            "Add" => {
                let product = inputs.iter().position(|input| products.contains_key(input));
                if let Some(place) = product
                    && let Some(bias) = take(if place == 0 { 1 } else { 0 })
                {
                    let layer: usize = products[inputs[place]];
                    layers[layer].arrays.push(bias);
                }
                continue;
            }
            // The order of their values does not change.
            "Identity" | "Unsqueeze" | "Squeeze" | "Reshape" => {
                if let Some(array) = take(0) {
                    tensors.insert(output, array);
                }
                continue;
            }
            "Constant" => {
                if let Some(value) = node.value {
                    let (_, array) = tensor(value, &mut budget)?;
                    tensors.extend(array.map(|array| (output, array)));
                }
                continue;
            }
            _ => continue,
        };
        if arrays.len() == 1 && node.kind != "PRelu" {
            products.insert(output, layers.len());
        }
        if !arrays.is_empty() {
            layers.push(Layer { name: output.to_owned(), arrays });
        }
    }
    let mut rest: Vec<_> = tensors.into_iter().collect();
    rest.sort_by_key(|&(name, _)| name);
    layers.extend(rest.into_iter().map(|(name, array)| Layer { name: name.to_owned(), arrays: vec![array] }));
    Ok(layers)
}

/// A constant tensor and its name; none if it has whole numbers, which are shapes and axes.
fn tensor<'a>(message: &'a [u8], budget: &mut Budget) -> Result<(&'a str, Option<Array>), String> {
    const DIMENSIONS: u64 = 1;
    const TYPE: u64 = 2;
    const FLOATS: u64 = 4;
    const NAME: u64 = 8;
    const RAW: u64 = 9;
    const DOUBLES: u64 = 10;
    const PLACE: u64 = 14;
    let (mut name, mut shape, mut kind, mut raw) = ("", Vec::new(), 0, None);
    let mut unpacked = Vec::new();
    for field in Fields(message) {
        match field? {
            (DIMENSIONS, value) => shape.extend(value.integers()?),
            (TYPE, Value::Varint(value)) => kind = value,
            (FLOATS | DOUBLES | RAW, Value::Bytes(bytes)) => raw = Some(bytes),
            (FLOATS, Value::Fixed32(bytes)) => unpacked.extend(bytes),
            (DOUBLES, Value::Fixed64(bytes)) => unpacked.extend(bytes),
            (NAME, value) => name = text(value)?,
            (PLACE, Value::Varint(1)) => return Err("its values are in another file".into()),
            _ => {}
        }
    }
    let dtype = match kind {
        1 => Dtype::F32,
        10 => Dtype::F16,
        11 => Dtype::F64,
        16 => Dtype::Bf16,
        _ => return Ok((name, None)),
    };
    let shape: Result<Vec<_>, _> = shape.into_iter().map(usize::try_from).collect();
    let shape = shape.map_err(|_| "a tensor of a negative size")?;
    let (count, bytes) = (named(name, budget.take(&shape))?, raw.unwrap_or(&unpacked));
    if bytes.len() != count * dtype.bytes() {
        return named(name, Err(format!("a tensor of {} bytes: its shape has {count} values", bytes.len())));
    }
    Ok((name, Some(Array { shape, values: dtype.read(bytes) })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::protobuf::Message;

    fn constant(name: &str, shape: &[usize]) -> Message {
        let values = vec![0.5; shape.iter().product()];
        Message::default().ints(1, shape).int(2, 1).bytes(8, name).floats(4, &values)
    }

    fn node(kind: &str, inputs: &[&str], output: &str) -> Message {
        let node = inputs.iter().fold(Message::default(), |node, input| node.bytes(1, input));
        node.bytes(2, output).bytes(4, kind)
    }

    /// The name of a layer and the shapes of its arrays.
    type Found = (String, Vec<Vec<usize>>);

    fn found(nodes: Vec<Message>, constants: Vec<Message>) -> Result<Vec<Found>, String> {
        let graph = nodes.into_iter().fold(Message::default(), |graph, node| graph.message(1, node));
        let graph = constants.into_iter().fold(graph, |graph, constant| graph.message(5, constant));
        let layers = parse(&Message::default().int(1, 7).message(7, graph).0)?.layers;
        Ok(layers
            .into_iter()
            .map(|layer| (layer.name, layer.arrays.into_iter().map(|it| it.shape).collect()))
            .collect())
    }

    #[test]
    fn parameters_are_known_by_their_operators() {
        let nodes = vec![
            node("Conv", &["x", "w", "b"], "c"),
            node("Identity", &["s"], "s2"),
            node("PRelu", &["c", "s2"], "p"),
            node("Reshape", &["p", "shape"], "r"),
            node("MatMul", &["r", "m"], "product"),
            node("Add", &["a", "product"], "sum"),
            node("Constant", &[], "k").message(5, Message::default().bytes(1, "value").message(5, constant("", &[7]))),
        ];
        let shape = Message::default().ints(1, &[1]).int(2, 7).bytes(8, "shape").ints(7, &[1]);
        let constants = vec![
            constant("a", &[4]),
            constant("b", &[2]),
            constant("m", &[3, 4]),
            constant("s", &[2, 1, 1]),
            constant("w", &[2, 3, 1, 1]),
            shape,
        ];
        let layer = |name: &str, shapes: &[&[usize]]| (name.to_owned(), shapes.iter().map(|it| it.to_vec()).collect());
        let expected = vec![
            layer("c", &[&[2, 3, 1, 1], &[2]]),
            layer("p", &[&[2, 1, 1]]),
            layer("product", &[&[3, 4], &[4]]),
            layer("k", &[&[7]]),
        ];
        assert_eq!(found(nodes, constants), Ok(expected));
    }

    #[test]
    fn what_is_not_read_is_refused() {
        let reason = |constant: Message| found(vec![], vec![constant]).unwrap_err();
        assert!(reason(constant("a", &[2]).ints(1, &[3])).contains("a: a tensor of 8 bytes: its shape has 6 values"));
        assert!(reason(constant("a", &[2]).int(14, 1)).contains("another file"));
        assert!(reason(constant("a", &[2]).ints(1, &[1 << 40])).contains("too large"));
        assert_eq!(found(vec![], vec![]).unwrap_err(), "no graph with weights is in it");
        let float = [&[2 << 3 | 5][..], &2.0_f32.to_le_bytes()].concat();
        let scaled = Message::default().bytes(1, "alpha");
        let scaled = Message([scaled.0, float].concat());
        let gemm = node("Gemm", &["x", "a"], "y").message(5, scaled);
        assert!(found(vec![gemm], vec![constant("a", &[2, 2])]).unwrap_err().contains("scaled"));
    }
}
