//! Model files: the embedded one, half precision, and those that must be refused.

use std::collections::HashMap;

use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::format::EMBEDDED;
use super::model::Model;

/// A tensor to be written.
struct Written {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

fn description() -> HashMap<String, String> {
    HashMap::from([("format".into(), "mtcnn-cpu".into()), ("format_version".into(), "1".into())])
}

fn embedded() -> HashMap<String, Written> {
    let file = SafeTensors::deserialize(EMBEDDED).expect("the embedded weights");
    let owned = |tensor: TensorView<'_>| Written {
        dtype: tensor.dtype(),
        shape: tensor.shape().to_vec(),
        data: tensor.data().to_vec(),
    };
    file.iter().map(|(name, tensor)| (name.to_owned(), owned(tensor))).collect()
}

fn file(tensors: &HashMap<String, Written>, description: HashMap<String, String>) -> Vec<u8> {
    let views = tensors
        .iter()
        .map(|(name, t)| (name, TensorView::new(t.dtype, t.shape.clone(), &t.data).expect("data of the shape's size")));
    safetensors::serialize(views, Some(description.into_iter().collect())).expect("a file")
}

/// What is said of the embedded weights after `change`.
fn refused(change: impl FnOnce(&mut HashMap<String, Written>)) -> String {
    let mut tensors = embedded();
    change(&mut tensors);
    Model::parse(&file(&tensors, description())).expect_err("refused")
}

#[test]
fn the_embedded_weights_are_whole() {
    let model = Model::embedded();
    let parameters: usize = model.tensors.values().map(Vec::len).sum();
    assert_eq!(parameters, 495_850);
    assert_eq!(Model::parse(&file(&embedded(), description())).expect("the same").tensors, model.tensors);
}

#[test]
fn half_precision_is_read() {
    for (dtype, tolerance) in [(Dtype::F16, 1e-3), (Dtype::BF16, 8e-3)] {
        let mut tensors = embedded();
        for tensor in tensors.values_mut() {
            let narrow = |&bytes: &[u8; 4]| match dtype {
                Dtype::F16 => f16::from_f32(f32::from_le_bytes(bytes)).to_le_bytes(),
                _ => bf16::from_f32(f32::from_le_bytes(bytes)).to_le_bytes(),
            };
            tensor.data = tensor.data.as_chunks().0.iter().flat_map(narrow).collect();
            tensor.dtype = dtype;
        }
        let (narrow, model) = (Model::parse(&file(&tensors, description())).expect("a model"), Model::embedded());
        for (name, values) in &model.tensors {
            for (a, b) in narrow.tensors[name].iter().zip(values) {
                assert!((a - b).abs() <= tolerance * b.abs().max(1e-3), "{name}: {a} {b}");
            }
        }
    }
}

#[test]
fn wrong_tensors_are_refused() {
    let reason = refused(|t| drop(t.remove("rnet.fc.weight")));
    assert_eq!(reason, "the tensor rnet.fc.weight is missing");
    let reason = refused(|t| drop(t.remove("onet.lm.bias")));
    assert_eq!(reason, "the tensor onet.lm.bias is missing");
    let reason = refused(|t| t.get_mut("pnet.conv1.weight").expect("there").shape = vec![3, 10, 3, 3]);
    assert_eq!(reason, "the tensor pnet.conv1.weight has the shape [3, 10, 3, 3]: it must be [10, 3, 3, 3]");
    let nan = |t: &mut HashMap<String, Written>, value: f32| {
        t.get_mut("onet.fc.bias").expect("there").data[8..12].copy_from_slice(&value.to_le_bytes());
    };
    assert_eq!(refused(|t| nan(t, f32::NAN)), "the tensor onet.fc.bias has NaN at place 2");
    assert_eq!(refused(|t| nan(t, f32::INFINITY)), "the tensor onet.fc.bias has inf at place 2");
    let reason = refused(|t| t.get_mut("pnet.conv1.bias").expect("there").dtype = Dtype::I32);
    assert_eq!(reason, "the tensor pnet.conv1.bias has the type I32: it must be F32, F16 or BF16");
    let reason = refused(|t| {
        t.insert("lnet.conv1.weight".into(), Written { dtype: Dtype::F32, shape: vec![1], data: vec![0; 4] });
    });
    assert_eq!(reason, "the tensor lnet.conv1.weight is in no net");
    let reason = refused(|t| {
        t.insert("\u{1b}[2J".into(), Written { dtype: Dtype::F32, shape: vec![1], data: vec![0; 4] });
    });
    assert_eq!(reason, "the tensor \\u{1b}[2J is in no net");
}

#[test]
fn wrong_descriptions_are_refused() {
    let parse = |entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        Model::parse(&file(&embedded(), entries)).expect_err("refused")
    };
    let stranger =
        "a safetensors file of another program, not a model file: `mtcnn-cpu weights import` makes one of it";
    assert_eq!(parse(&[]), stranger);
    assert_eq!(parse(&[("format", "pt")]), stranger);
    let reason = parse(&[("format", "mtcnn-cpu"), ("format_version", "2")]);
    assert_eq!(reason, "version 2 of the format: this program reads version 1");
    let reason = parse(&[("format", "mtcnn-cpu"), ("format_version", "1"), ("channels", "BGR")]);
    assert_eq!(reason, "a model for BGR images: only RGB is supported");
    for (shift, reason) in [
        ("left\u{1b}", "point_shift is left\\u{1b}, which is no number of pixels"),
        ("-11", "point_shift is -11 pixels: it must be from -10 to 10"),
        ("NaN", "point_shift is NaN pixels: it must be from -10 to 10"),
    ] {
        assert_eq!(parse(&[("format", "mtcnn-cpu"), ("format_version", "1"), ("point_shift", shift)]), reason);
    }
}

#[test]
fn files_of_other_systems_are_named() {
    for (bytes, reason) in [
        (&b"\x08\x07\x12\x04made"[..], "an ONNX model, not a model file: `mtcnn-cpu weights import` makes one of it"),
        (b"\x93NUMPY\x01\0", "a NumPy .npy file, not a model file: `mtcnn-cpu weights import` makes one of it"),
        (
            b"\x89HDF\r\n\x1a\n",
            "an HDF5 file, as Keras writes, not a model file: `mtcnn-cpu weights import` can't read it either",
        ),
    ] {
        let error = Model::parse(bytes).expect_err("refused");
        assert!(error.starts_with(reason), "{error}");
    }
}

#[test]
fn values_below_the_normal_range_are_zeros_and_all_others_stay() {
    let written = [f32::MIN_POSITIVE, -f32::MIN_POSITIVE, 1e-38, -1e-40, f32::from_bits(1), 0.0, 1e-30, 3.0];
    let mut tensors = embedded();
    let bias = tensors.get_mut("onet.fc.bias").expect("there");
    for (bytes, value) in bias.data.as_chunks_mut().0.iter_mut().zip(written) {
        *bytes = value.to_le_bytes();
    }
    let model = Model::parse(&file(&tensors, description())).expect("a model");
    let expected = [f32::MIN_POSITIVE, -f32::MIN_POSITIVE, 0.0, 0.0, 0.0, 0.0, 1e-30, 3.0];
    assert_eq!(model.tensor("onet.fc.bias")[..8], expected);
    assert!(Model::embedded().tensors.values().flatten().all(|value| !value.is_subnormal()));
    let first =
        |name: &str| SafeTensors::deserialize(EMBEDDED).expect("a file").tensor(name).expect("there").data().to_vec();
    for (name, values) in &Model::embedded().tensors {
        assert!(values.iter().flat_map(|value| value.to_le_bytes()).eq(first(name)), "{name}");
    }
}

#[test]
fn files_that_are_cut_or_no_safetensors_are_refused() {
    for length in [0, 1, 7, 8, 9, 100, 4000, EMBEDDED.len() / 2, EMBEDDED.len() - 1] {
        let reason = Model::parse(&EMBEDDED[..length]).expect_err("refused");
        assert!(reason.starts_with("not a safetensors file, or not a whole one: "), "{length}: {reason}");
    }
    for bytes in [&b"\xFF\xD8\xFF\xE0 an image and no model"[..], &[0xFF; 64], &[0; 64], b"\x10\0\0\0\0\0\0\0{\"a\":1"]
    {
        Model::parse(bytes).expect_err("refused");
    }
}

#[test]
fn the_error_names_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("no-such.safetensors");
    let error = Model::read(&missing).expect_err("refused").to_string();
    assert!(error.contains("no-such.safetensors: "), "{error}");
    let text = folder.path().join("text.safetensors");
    std::fs::write(&text, "not a model").expect("written");
    let error = Model::read(&text).expect_err("refused").to_string();
    assert!(error.contains("text.safetensors: not a safetensors file"), "{error}");
    let large = folder.path().join("large.safetensors");
    std::fs::File::create(&large).and_then(|f| f.set_len(1 << 40)).expect("a sparse file");
    let error = Model::read(&large).expect_err("refused").to_string();
    assert!(error.contains("large.safetensors: more than 16777216 bytes: the three nets"), "{error}");
}
