//! Caffe: a net as text and its weights as a message.
//!
//! `caffe.proto` of BVLC/caffe has the names. Its max-pools round sizes up, as ours do.

use std::fmt::Write;

use super::file::ExportedFile;
use super::heads::{INPUT, output, shape};
use crate::arch::{Arch, Head, Layer};
use crate::weights::description::{self, Description};
use crate::weights::model::Model;
use crate::weights::protobuf::Message;

/// Two files for each net.
pub(super) fn files(model: &Model, description: &Description) -> Vec<ExportedFile> {
    let files = |arch: Arch| {
        let Net { text, layers, .. } = Net::new(model, arch);
        // The description is the net's name: no other field takes a text.
        let weights = Message::default().bytes(1, description::to_text(description));
        let weights = layers.into_iter().fold(weights, |net, layer| net.message(100, layer));
        let file = |ending, bytes| ExportedFile { name: format!("{}.{ending}", arch.name()), bytes };
        [file("prototxt", text.into_bytes()), file("caffemodel", weights.0)]
    };
    model.archs().into_iter().flat_map(files).collect()
}

/// A net being written.
struct Net<'a> {
    model: &'a Model,
    arch: Arch,
    text: String,
    /// The layers with their weights.
    layers: Vec<Message>,
}

impl<'a> Net<'a> {
    fn new(model: &'a Model, arch: Arch) -> Self {
        let (name, side) = (arch.name(), arch.side());
        let text = format!(
            "# Of mtcnn-cpu. Images are RGB, each byte b as (b - 127.5) / 128; {} is of (no face, face).\n\
             name: \"{name}\"\ninput: \"{INPUT}\"\ninput_shape {{ dim: 1 dim: 3 dim: {side} dim: {side} }}\n",
            output(Head::Classes)
        );
        let mut net = Self { model, arch, text, layers: Vec::new() };
        let (mut from, mut pools) = (INPUT.to_owned(), 0);
        for layer in arch.layers {
            match *layer {
                Layer::Conv { name, prelu, size, outputs, .. } => {
                    net.convolution(name, &from, name, size, outputs);
                    net.layer("PReLU", prelu, name, name, "", &["slope"]);
                    from = name.into();
                }
                Layer::MaxPool(pool) => {
                    pools += 1;
                    let name = format!("pool{pools}");
                    let parameters =
                        format!("pooling_param {{ pool: MAX kernel_size: {} stride: {} }}", pool.size, pool.stride);
                    net.layer("Pooling", &name, &from, &name, &parameters, &[]);
                    from = name;
                }
                Layer::Dense { name, prelu, outputs, .. } => {
                    net.dense(name, &from, name, outputs);
                    net.layer("PReLU", prelu, name, name, "", &["slope"]);
                    from = name.into();
                }
            }
        }
        for head in arch.heads() {
            let (name, values) = (head.name(), head.values());
            // The layer of the probabilities stands between.
            let to = if head == Head::Classes { name } else { output(head) };
            match arch.layers.last() {
                Some(Layer::Dense { .. }) => net.dense(name, &from, to, values),
                _ => net.convolution(name, &from, to, 1, values),
            }
        }
        let probabilities = output(Head::Classes);
        net.layer("Softmax", probabilities, Head::Classes.name(), probabilities, "", &[]);
        net
    }

    fn convolution(&mut self, name: &str, from: &str, to: &str, size: usize, outputs: usize) {
        let parameters = format!("convolution_param {{ num_output: {outputs} kernel_size: {size} stride: 1 }}");
        self.layer("Convolution", name, from, to, &parameters, &["weight", "bias"]);
    }

    fn dense(&mut self, name: &str, from: &str, to: &str, outputs: usize) {
        let parameters = format!("inner_product_param {{ num_output: {outputs} }}");
        self.layer("InnerProduct", name, from, to, &parameters, &["weight", "bias"]);
    }

    /// A layer, with those parts of it that are weights.
    fn layer(&mut self, kind: &str, name: &str, from: &str, to: &str, parameters: &str, parts: &[&str]) {
        let separator = if parameters.is_empty() { "" } else { " " };
        writeln!(
            self.text,
            "layer {{ name: \"{name}\" type: \"{kind}\" bottom: \"{from}\" top: \"{to}\"{separator}{parameters} }}"
        )
        .expect("text in memory");
        let mut message = Message::default().bytes(1, name).bytes(2, kind).bytes(3, from).bytes(4, to);
        for part in parts {
            message = message.message(7, self.blob(name, part));
        }
        self.layers.push(message);
    }

    fn blob(&self, layer: &str, part: &str) -> Message {
        let values = self.model.tensor(&format!("{}.{layer}.{part}", self.arch.name()));
        let is_convolution = part == "weight" && !self.arch.has_dense();
        let shape = shape(&self.arch, layer, part, if is_convolution { 4 } else { 1 });
        Message::default().floats(5, values).message(7, Message::default().ints(1, &shape))
    }
}
