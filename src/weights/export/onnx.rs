//! ONNX models.
//!
//! `onnx.proto` of onnx/onnx has the messages, its `Operators.md` the operators, of set 13 here: the first in which a softmax
//! is over one axis, and old enough for every runtime of today.

use super::file::ExportedFile;
use super::heads::{INPUT, output, shape};
use crate::arch::{Arch, Head, Layer};
use crate::weights::description::Description;
use crate::weights::model::Model;
use crate::weights::protobuf::Message;

const IR_VERSION: usize = 7;
const OPERATORS: usize = 13;

/// A file for each net.
pub(super) fn files(model: &Model, description: &Description) -> Vec<ExportedFile> {
    let file = |arch: Arch| ExportedFile {
        name: format!("{}.onnx", arch.name()),
        bytes: Graph::new(model, arch).into_model(description),
    };
    model.archs().into_iter().map(file).collect()
}

/// A graph being written: its fields in any order, as the format allows.
struct Graph<'a> {
    model: &'a Model,
    arch: Arch,
    message: Message,
}

impl<'a> Graph<'a> {
    fn new(model: &'a Model, arch: Arch) -> Self {
        let message = Message::default().bytes(2, arch.name());
        let mut graph = Self { model, arch, message };
        // PNet takes images of every size.
        let map = !arch.has_dense();
        let side = if map { [Size::Any("height"), Size::Any("width")] } else { [Size::Of(arch.side()); 2] };
        graph.value(11, INPUT, &[&[Size::Any("batch"), Size::Of(3)], &side[..]].concat());
        let (mut from, mut pools) = (INPUT.to_owned(), 0);
        for layer in arch.layers {
            match *layer {
                Layer::Conv { name, prelu, .. } => {
                    graph.convolution(name, &from, name);
                    // A slope a channel, for every row and column.
                    graph.prelu(prelu, name, 3);
                    from = prelu.into();
                }
                Layer::MaxPool(pool) => {
                    pools += 1;
                    let name = format!("pool{pools}");
                    let attributes = [
                        integers("kernel_shape", &[pool.size; 2]),
                        integers("strides", &[pool.stride; 2]),
                        integer("ceil_mode", 1),
                    ];
                    graph.node("MaxPool", &name, &[&from], &name, attributes);
                    from = name;
                }
                Layer::Dense { name, prelu, .. } => {
                    graph.node("Flatten", "flat", &[&from], "flat", [integer("axis", 1)]);
                    graph.dense(name, "flat", name);
                    graph.prelu(prelu, name, 1);
                    from = prelu.into();
                }
            }
        }
        for head in arch.heads() {
            let (name, values) = (head.name(), head.values());
            // The probabilities are made from the logits.
            let to = if head == Head::Classes { name } else { output(head) };
            let mut answer = vec![Size::Any("batch"), Size::Of(values)];
            if map {
                graph.convolution(name, &from, to);
                answer.extend([Size::Any("rows"), Size::Any("columns")]);
            } else {
                graph.dense(name, &from, to);
            }
            graph.value(12, output(head), &answer);
        }
        let probabilities = output(Head::Classes);
        graph.node("Softmax", probabilities, &[Head::Classes.name()], probabilities, [integer("axis", 1)]);
        graph
    }

    fn add(&mut self, field: u64, message: Message) {
        self.message = std::mem::take(&mut self.message).message(field, message);
    }

    /// An input (field 11) or output (12) of floats.
    fn value(&mut self, field: u64, name: &str, shape: &[Size]) {
        let dimension = |size: &Size| match *size {
            Size::Of(size) => Message::default().int(1, size),
            Size::Any(name) => Message::default().bytes(2, name),
        };
        let shape = shape.iter().fold(Message::default(), |shape, size| shape.message(1, dimension(size)));
        let tensor = Message::default().int(1, FLOAT).message(2, shape);
        self.add(field, Message::default().bytes(1, name).message(2, Message::default().message(1, tensor)));
    }

    fn convolution(&mut self, name: &str, from: &str, to: &str) {
        let parts = [self.tensor(name, "weight", 4), self.tensor(name, "bias", 1)];
        let kernel = &shape(&self.arch, name, "weight", 4)[2..];
        self.node("Conv", name, &[from, &parts[0], &parts[1]], to, [integers("kernel_shape", kernel)]);
    }

    fn dense(&mut self, name: &str, from: &str, to: &str) {
        let parts = [self.tensor(name, "weight", 2), self.tensor(name, "bias", 1)];
        self.node("Gemm", name, &[from, &parts[0], &parts[1]], to, [integer("transB", 1)]);
    }

    fn prelu(&mut self, name: &str, from: &str, dimensions: usize) {
        let slope = self.tensor(name, "slope", dimensions);
        self.node("PRelu", name, &[from, &slope], name, []);
    }

    fn node<const N: usize>(&mut self, kind: &str, name: &str, from: &[&str], to: &str, attributes: [Message; N]) {
        let node = from.iter().fold(Message::default(), |node, input| node.bytes(1, input));
        let node = node.bytes(2, to).bytes(3, name).bytes(4, kind);
        let node = attributes.into_iter().fold(node, |node, attribute| node.message(5, attribute));
        self.add(1, node);
    }

    /// A parameter as a constant tensor with at least `dimensions` dimensions; returns its name.
    fn tensor(&mut self, layer: &str, part: &str, dimensions: usize) -> String {
        let name = format!("{layer}.{part}");
        let values = self.model.tensor(&format!("{}.{name}", self.arch.name()));
        let shape = shape(&self.arch, layer, part, dimensions);
        self.add(5, Message::default().ints(1, &shape).int(2, FLOAT).bytes(8, &name).floats(9, values));
        name
    }

    fn into_model(self, description: &Description) -> Vec<u8> {
        let model = Message::default()
            .int(1, IR_VERSION)
            .bytes(2, "mtcnn-cpu")
            .bytes(6, "Images are RGB, each byte b as (b - 127.5) / 128.")
            .message(7, self.message)
            .message(8, Message::default().bytes(1, "").int(2, OPERATORS));
        let entry = |(key, value): (&String, &String)| Message::default().bytes(1, key).bytes(2, value);
        description.iter().map(entry).fold(model, |model, entry| model.message(14, entry)).0
    }
}

/// A dimension.
#[derive(Clone, Copy)]
enum Size {
    Of(usize),
    /// Whatever comes; equal names are equal sizes.
    Any(&'static str),
}

/// The type of a tensor's values.
const FLOAT: usize = 1;

fn integer(name: &str, value: usize) -> Message {
    const INT: usize = 2;
    Message::default().bytes(1, name).int(3, value).int(20, INT)
}

fn integers(name: &str, values: &[usize]) -> Message {
    const INTS: usize = 7;
    Message::default().bytes(1, name).ints(8, values).int(20, INTS)
}
