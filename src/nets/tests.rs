//! The nets against the reference: every activation between two layers, and the answers.

use std::collections::HashMap;
use std::path::Path;

use approx::abs_diff_eq;
use mtcnn_kernels::{Conv, ConvParams, Dense, Isa, Shape, prelu, softmax};
use safetensors::SafeTensors;

use super::{Net, Scratch, channels_last};
use crate::arch::{Arch, Head, Layer, Stage};
use crate::weights::Model;
use mtcnn_cpu_test_support as common;

/// Activations may be this far from the reference's.
const TOLERANCE: f32 = 1e-4;

/// A tensor of a reference file: its shape and values.
struct Tensor(Vec<usize>, Vec<f32>);

fn read(path: &Path) -> HashMap<String, Tensor> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let f32s = |(name, tensor): (&str, safetensors::tensor::TensorView<'_>)| {
        let values = tensor.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        (name.to_owned(), Tensor(tensor.shape().to_vec(), values))
    };
    file.iter().filter(|(_, tensor)| tensor.dtype() == safetensors::Dtype::F32).map(f32s).collect()
}

/// From `[image][channel][row][column]` to `[image][row][column][channel]`.
fn nhwc(Tensor(shape, values): &Tensor) -> Vec<f32> {
    let &[images, channels, height, width] = &shape[..] else { return values.clone() };
    let pixels = height * width;
    let image =
        |i: usize| channels_first_to_last(&values[i * channels * pixels..][..channels * pixels], channels, pixels);
    (0..images).flat_map(image).collect()
}

fn channels_first_to_last(values: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    (0..channels * pixels).map(|i| values[i % channels * pixels + i / channels]).collect()
}

fn assert_close(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(abs_diff_eq!(got, expected, epsilon = TOLERANCE), "{what}: number {i} is {got}, not {expected}");
    }
}

/// The landmark head's answers in the reference's order: the original nets give x1..x5 y1..y5.
fn landmarks_in_order(answers: &[f32], interleaved: bool) -> Vec<f32> {
    let reorder = |row: &[f32]| -> Vec<f32> {
        if interleaved { row.to_vec() } else { [0, 2, 4, 6, 8, 1, 3, 5, 7, 9].iter().map(|&i| row[i]).collect() }
    };
    answers.chunks_exact(10).flat_map(reorder).collect()
}

/// Runs a net layer by layer on the reference's input and compares everything, then once more whole,
/// with everything fused.
fn compare(isa: Isa, arch: Arch, model: &Model, path: &Path, interleaved: bool) {
    let reference = read(path);
    let what = |layer: &str| format!("{isa} {} {layer}", path.file_name().unwrap_or_default().display());
    let activation = |layer: &str| &reference[&format!("act.{layer}")];
    let check = |layer: &str, got: &[f32]| assert_close(got, &nhwc(activation(layer)), &what(layer));
    let tensor = |layer: &str, part: &str| model.tensor(&format!("{}.{layer}.{part}", arch.name()));

    let Tensor(dimensions, _) = &reference["in.x"];
    let (images, input_height, input_width) = (dimensions[0], dimensions[2], dimensions[3]);
    let input = nhwc(&reference["in.x"]);
    let mut shape = Shape::new(images, input_height, input_width, 3);
    let (mut values, mut pools) = (input.clone(), 0);
    for layer in arch.layers {
        match *layer {
            Layer::Conv { name, prelu: slopes, size, inputs, .. } => {
                let (weights, bias) = (tensor(name, "weight"), tensor(name, "bias"));
                let conv = Conv::new(isa, ConvParams { size, inputs, weights, bias, slopes: None });
                let output = conv.output(shape).expect("an image large enough");
                let mut next = vec![f32::NAN; output.values()];
                conv.forward(shape, &values, &mut next);
                check(name, &next);
                prelu::forward(isa, tensor(slopes, "slope"), &mut next);
                check(slopes, &next);
                (values, shape) = (next, output);
            }
            Layer::MaxPool(pool) => {
                let output = pool.output(shape).expect("an image large enough");
                let mut next = vec![f32::NAN; output.values()];
                pool.forward(isa, shape, &values, &mut next);
                pools += 1;
                check(&format!("pool{pools}"), &next);
                (values, shape) = (next, output);
            }
            Layer::Dense { name, prelu: slopes, side, channels, outputs } => {
                let weights = channels_last(tensor(name, "weight"), channels, side * side);
                let dense = Dense::new(isa, side * side * channels, &weights, tensor(name, "bias"), None);
                let mut next = vec![f32::NAN; images * outputs];
                dense.forward(images, &values, &mut next);
                check(name, &next);
                prelu::forward(isa, tensor(slopes, "slope"), &mut next);
                check(slopes, &next);
                values = next;
            }
        }
    }
    let samples = values.len() / arch.features;
    for (head, answer) in arch.detecting_heads().zip(["cls_logits", "box", "lm"]) {
        let weights = (tensor(head.name(), "weight"), tensor(head.name(), "bias"));
        let dense = Dense::new(isa, arch.features, weights.0, weights.1, None);
        let mut next = vec![f32::NAN; samples * head.values()];
        dense.forward(samples, &values, &mut next);
        if matches!(head, Head::Points(_)) {
            next = landmarks_in_order(&next, interleaved);
        }
        check(answer, &next);
        if head == Head::Classes {
            softmax::forward(2, &mut next);
            check("prob", &next);
        }
    }

    let net = Net::new(isa, arch, model);
    let mut answers = vec![f32::NAN; samples * net.outputs()];
    if arch.stage == Stage::PNet {
        // [channel][row][column] to [row][channel][column].
        let Tensor(_, values) = &reference["in.x"];
        let (rows, columns) = (input_height, input_width);
        let planar: Vec<f32> = (0..values.len())
            .map(|i| values[(i / columns % 3 * rows + i / columns / 3) * columns + i % columns])
            .collect();
        net.forward_map(rows, columns, &planar, &mut Scratch::default(), &mut answers);
    } else {
        net.forward_crops(images, &input, &mut Scratch::default(), &mut answers);
    }
    let part = |from: usize, to: usize| -> Vec<f32> {
        answers.chunks_exact(net.outputs()).flat_map(|answer| answer[from..to].to_vec()).collect()
    };
    check("cls_logits", &part(0, 2));
    check("box", &part(2, 6));
    if arch.detects_points() {
        check("lm", &landmarks_in_order(&part(6, 16), interleaved));
    }
}

#[test]
fn the_embedded_weights_give_the_reference_activations() {
    let model = Model::embedded();
    for arch in model.archs() {
        let Some(path) = common::shared(&format!("reference/layers/kpzhang_{}.safetensors", arch.name())) else {
            return;
        };
        for isa in common::instruction_sets() {
            compare(isa, arch, &model, &path, false);
        }
    }
}

/// The embedded parameters are those that the reference has for PNet and RNet, to the bit.
#[test]
fn the_embedded_weights_are_the_reference_weights() {
    for (arch, renamed) in [
        (Stage::PNet.arch(0), &[("cls", "conv4-1"), ("box", "conv4-2"), ("prelu", "PReLU")][..]),
        (Stage::RNet.arch(0), &[("fc", "conv4"), ("prelu_fc", "prelu4"), ("cls", "conv5-1"), ("box", "conv5-2")]),
    ] {
        let Some(path) = common::shared(&format!("reference/layers/kpzhang_{}.safetensors", arch.name())) else {
            return;
        };
        let (reference, model) = (read(&path), Model::embedded());
        for parameter in &arch.parameters() {
            let (layer, part) = parameter.name[5..].split_once('.').expect("net.layer.part");
            let exact = renamed.iter().find(|(ours, _)| *ours == layer).map(|(_, theirs)| (*theirs).to_owned());
            let numbered = || renamed.iter().fold(layer.to_owned(), |name, (ours, theirs)| name.replace(ours, theirs));
            let name = format!("weight.{}.{part}", exact.unwrap_or_else(numbered));
            let Tensor(_, expected) = reference.get(&name).unwrap_or_else(|| panic!("{name} is in the reference"));
            assert_eq!(model.tensor(&parameter.name), expected, "{name}");
        }
    }
}

/// Other weights (those of mtcnn-caffe), which the reference files do not hold: from the Caffe model.
#[test]
fn mtcnn_caffe_gives_the_reference_activations() {
    let Some(tensors) = common::caffe::mtcnn_caffe() else { return };
    let model = Model::from_tensors(tensors.into_iter().map(|(name, (_, values))| (name, values)).collect());
    for arch in model.archs() {
        let Some(path) = common::shared(&format!("reference/layers/seed_{}.safetensors", arch.name())) else { return };
        for isa in common::instruction_sets() {
            compare(isa, arch, &model, &path, true);
        }
    }
}
