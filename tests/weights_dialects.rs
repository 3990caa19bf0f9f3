//! One content, the weights inside, in the files of other systems as different versions of them write it: each must be imported
//! as the model inside, byte by byte. The files are made here, by a small writer of pickles among others.
#![cfg(feature = "convert")]

use std::io::{Cursor, Write};

use mtcnn_cpu::weights::{ImportOptions, import_bytes};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use zip::{ZipWriter, write::SimpleFileOptions};

static MODEL: &[u8] = include_bytes!("../src/weights/default/mtcnn.safetensors");

/// A parameter: its net, its name as PyTorch has it, such as `conv1.weight`, its shape and values.
struct Tensor {
    net: &'static str,
    name: String,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Tensor {
    fn full_name(&self) -> String {
        format!("{}.{}", self.net, self.name)
    }
}

const NETS: [&str; 3] = ["pnet", "rnet", "onet"];

fn tensors() -> Vec<Tensor> {
    let file = SafeTensors::deserialize(MODEL).unwrap();
    let tensor = |net: &'static str| {
        move |(name, tensor): (&str, TensorView<'_>)| {
            let name = name.strip_prefix(net)?.strip_prefix('.')?.replace("slope", "weight");
            Some(Tensor { net, name, shape: tensor.shape().into(), data: tensor.data().into() })
        }
    };
    let mut tensors: Vec<_> =
        NETS.iter().flat_map(|net| file.iter().filter_map(tensor(net)).collect::<Vec<_>>()).collect();
    tensors.sort_by_key(Tensor::full_name);
    tensors
}

/// The files must be the model inside; gives what people are told.
fn is_the_model(what: &str, files: &[Vec<u8>]) -> String {
    let files: Vec<_> = files.iter().map(|bytes| ("file", &bytes[..])).collect();
    let imported = import_bytes(&files, &ImportOptions::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(imported.to_bytes() == MODEL, "{what}");
    imported.notes.join("\n")
}

/// A file for each net.
fn of_each_net(file: impl Fn(&[&Tensor]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let tensors = tensors();
    NETS.map(|net| file(&tensors.iter().filter(|tensor| tensor.net == net).collect::<Vec<_>>())).into()
}

// Parts of a pickle, each a value on its stack.

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn integer(number: usize) -> Vec<u8> {
    [b"J", &(number as i32).to_le_bytes()[..]].concat()
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &items.concat()[..], b"t"].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [b"](", &items.concat()[..], b"e"].concat()
}

fn dict(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<_> = entries.iter().flat_map(|(key, value)| [text(key), value.clone()]).collect();
    [b"}(", &entries.concat()[..], b"u"].concat()
}

fn call(name: &str, arguments: &[Vec<u8>]) -> Vec<u8> {
    [b"c", name.replace(' ', "\n").as_bytes(), b"\n", &tuple(arguments), b"R"].concat()
}

fn sizes(sizes: &[usize]) -> Vec<u8> {
    tuple(&sizes.iter().map(|&size| integer(size)).collect::<Vec<_>>())
}

/// A tensor of PyTorch's, whose storage has the tensor's place as its key.
fn torch_tensor(tensor: &Tensor, place: usize, is_old: bool) -> Vec<u8> {
    let storage = [
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text(&place.to_string()),
        text("cpu"),
        integer(tensor.data.len() / 4),
    ];
    let storage = [&tuple(&storage)[..], b"Q"].concat();
    let strides: Vec<_> = (1..=tensor.shape.len()).map(|from| tensor.shape[from..].iter().product()).collect();
    let mut arguments = vec![storage, integer(0), sizes(&tensor.shape), sizes(&strides)];
    if is_old {
        return call("torch._utils _rebuild_tensor", &arguments);
    }
    arguments.extend([b"\x89".to_vec(), call("collections OrderedDict", &[])]);
    call("torch._utils _rebuild_tensor_v2", &arguments)
}

fn state_dict(tensors: &[&Tensor], name: impl Fn(&Tensor) -> String, is_old: bool) -> Vec<(String, Vec<u8>)> {
    tensors.iter().enumerate().map(|(place, tensor)| (name(tensor), torch_tensor(tensor, place, is_old))).collect()
}

/// An archive of PyTorch's with these tensors as storages.
fn torch_zip(pickle: &[u8], tensors: &[&Tensor]) -> Vec<u8> {
    let pickle = [b"\x80\x02", pickle, b"."].concat();
    let mut files = vec![("archive/data.pkl".to_owned(), &pickle[..])];
    files.extend(tensors.iter().enumerate().map(|(place, tensor)| (format!("archive/data/{place}"), &tensor.data[..])));
    zip(&files)
}

fn zip(files: &[(String, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// PyTorch's file before 2020.
fn torch_old(pickle: &[u8], tensors: &[&Tensor]) -> Vec<u8> {
    let keys: Vec<_> = (0..tensors.len()).map(|place| text(&place.to_string())).collect();
    let mut bytes =
        [&b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."[..], b"M\xE9\x03.}.\x80\x02", pickle, b"."].concat();
    bytes.extend([&list(&keys)[..], b"."].concat());
    for tensor in tensors {
        bytes.extend((tensor.data.len() as u64 / 4).to_le_bytes());
        bytes.extend(&tensor.data);
    }
    bytes
}

/// How a pickle has bytes.
#[derive(Clone, Copy)]
enum Bytes {
    Plain,
    /// As Python 3 writes them for Python 2.
    Encoded,
}

/// An array of NumPy's: what its type is called, and its items.
fn ndarray(shape: &[usize], dtype: &str, order: &str, items: &[u8]) -> Vec<u8> {
    let empty = call("numpy.core.multiarray _reconstruct", &[b"cnumpy\nndarray\n".to_vec(), sizes(&[0]), text("b")]);
    let dtype = call("numpy dtype", &[text(dtype), b"\x89".to_vec(), b"\x88".to_vec()]);
    let state = tuple(&[integer(3), text(order), b"NNN".to_vec(), b"J\xFF\xFF\xFF\xFFJ\xFF\xFF\xFF\xFFK\0".to_vec()]);
    let dtype = [&dtype[..], &state, b"b"].concat();
    let state = tuple(&[integer(1), sizes(shape), dtype, b"\x89".to_vec(), items.to_vec()]);
    [&empty[..], &state, b"b"].concat()
}

fn array(tensor: &Tensor, bytes: Bytes) -> Vec<u8> {
    let items = match bytes {
        Bytes::Plain => [b"B", &(tensor.data.len() as u32).to_le_bytes()[..], &tensor.data].concat(),
        Bytes::Encoded => {
            let latin1: String = tensor.data.iter().map(|&byte| char::from(byte)).collect();
            call("_codecs encode", &[text(&latin1), text("latin1")])
        }
    };
    ndarray(&tensor.shape, "f4", "<", &items)
}

/// A `.npy` file of one object.
fn npy(object: &[u8]) -> Vec<u8> {
    let pickle = ndarray(&[], "O8", "|", &list(&[object.to_vec()]));
    npy_of("'|O'", "", &[b"\x80\x02", &pickle[..], b"."].concat())
}

fn npy_of(dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {dtype}, 'fortran_order': False, 'shape': ({shape}), }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn a_state_dict_in_a_checkpoint_is_found_and_an_optimizer_left_out() {
    let files = of_each_net(|tensors| {
        let optimizer = dict(&[("exp_avg".into(), torch_tensor(tensors[0], 0, false))]);
        let checkpoint = dict(&[
            ("epoch".into(), integer(12)),
            ("loss".into(), b"G?\xE0\0\0\0\0\0\0".to_vec()),
            ("optimizer".into(), optimizer),
            ("state_dict".into(), dict(&state_dict(tensors, |it| it.name.clone(), false))),
        ]);
        torch_zip(&checkpoint, tensors)
    });
    let notes = is_the_model("checkpoint", &files);
    assert!(notes.contains("file: the entry optimizer is left out"), "{notes}");
}

#[test]
fn an_ordered_dict_of_python_2_and_tensors_of_old_pytorch_are_read() {
    for is_old in [false, true] {
        let files = of_each_net(|tensors| {
            let entries = state_dict(tensors, |it| it.name.clone(), is_old);
            let pairs: Vec<_> = entries.iter().map(|(key, value)| list(&[text(key), value.clone()])).collect();
            torch_old(&call("collections OrderedDict", &[list(&pairs)]), tensors)
        });
        is_the_model("OrderedDict([...])", &files);
    }
}

#[test]
fn one_file_may_have_all_three_nets() {
    let tensors = tensors();
    let all: Vec<_> = tensors.iter().collect();
    is_the_model("one state dict", &[torch_zip(&dict(&state_dict(&all, Tensor::full_name, false)), &all)]);
    // A dictionary of lists, in the order of the layers, as the package mtcnn had until version 0.1.
    let lists = NETS.map(|net| {
        let of_net: Vec<_> = all.iter().filter(|tensor| tensor.net == net).collect();
        let layers = [
            "conv1", "prelu1", "conv2", "prelu2", "conv3", "prelu3", "conv4", "prelu4", "fc", "prelu_fc", "cls", "box",
            "lm",
        ];
        let part = |layer: &str, part: &str| {
            let name = format!("{layer}.{part}");
            of_net.iter().find(|tensor| tensor.name == name).map(|tensor| array(tensor, Bytes::Plain))
        };
        let arrays: Vec<_> =
            layers.iter().flat_map(|layer| [part(layer, "weight"), part(layer, "bias")]).flatten().collect();
        (net.to_owned(), list(&arrays))
    });
    is_the_model("lists by net", &[npy(&dict(&lists))]);
}

#[test]
fn pickled_arrays_are_read_flat_or_nested_and_with_bytes_as_text() {
    for bytes in [Bytes::Plain, Bytes::Encoded] {
        let flat = |tensors: &[&Tensor]| -> Vec<_> {
            tensors.iter().map(|tensor| (tensor.name.clone(), array(tensor, bytes))).collect()
        };
        is_the_model("flat keys", &of_each_net(|tensors| npy(&dict(&flat(tensors)))));
        let nested = |tensors: &[&Tensor]| {
            let mut layers = std::collections::BTreeMap::<String, Vec<_>>::new();
            for (name, array) in flat(tensors) {
                let (layer, part) = name.split_once('.').unwrap();
                let part = match (part, layer.starts_with("prelu")) {
                    ("weight", true) => "alpha",
                    ("weight", false) => "weights",
                    _ => "biases",
                };
                layers.entry(layer.into()).or_default().push((part.to_owned(), array));
            }
            dict(&layers.into_iter().map(|(layer, parts)| (layer, dict(&parts))).collect::<Vec<_>>())
        };
        is_the_model("layers", &of_each_net(|tensors| npy(&nested(tensors))));
    }
}

#[test]
fn foreign_safetensors_npz_and_mxnet_files_are_known_by_their_shapes() {
    let tensors = tensors();
    let views =
        tensors.iter().map(|it| (it.full_name(), TensorView::new(Dtype::F32, it.shape.clone(), &it.data).unwrap()));
    is_the_model("safetensors", &[safetensors::serialize(views, None).unwrap()]);

    let arrays = tensors.iter().map(|it| {
        let shape: String = it.shape.iter().map(|size| format!("{size},")).collect();
        (format!("{}.npy", it.full_name().replace('.', "/")), npy_of("'<f4'", &shape, &it.data))
    });
    let arrays: Vec<_> = arrays.collect();
    is_the_model("npz", &[zip(&arrays.iter().map(|(name, bytes)| (name.clone(), &bytes[..])).collect::<Vec<_>>())]);

    let files = of_each_net(|tensors| {
        let count = (tensors.len() as u64).to_le_bytes();
        let mut bytes = [&[0x12, 1, 0, 0, 0, 0, 0, 0][..], &[0; 8], &count].concat();
        for tensor in tensors {
            let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
            bytes.extend(words(&[0xF993_FAC9, 0, tensor.shape.len() as u32]));
            bytes.extend(tensor.shape.iter().flat_map(|&size| (size as u64).to_le_bytes()));
            bytes.extend(words(&[1, 0, 0]));
            bytes.extend(&tensor.data);
        }
        bytes.extend(count);
        for tensor in tensors {
            let is_slope = tensor.name.starts_with("prelu");
            let name = format!(
                "arg:{}",
                tensor.name.replace(if is_slope { ".weight" } else { "." }, if is_slope { "_gamma" } else { "_" })
            );
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name.as_bytes());
        }
        bytes
    });
    is_the_model(".params", &files);
}

#[test]
fn names_of_other_people_reach_no_message_as_they_are() {
    let refused = |bytes: &[u8]| {
        let error = import_bytes(&[("file", bytes)], &ImportOptions::default()).unwrap_err().to_string();
        assert!(!error.chars().any(char::is_control) && error.len() < 1000, "{error:?}");
        error
    };
    let view = || TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
    let pnet = ("conv1.weight", TensorView::new(Dtype::F32, vec![10, 3, 3, 3], &[0; 1080]).unwrap());
    let bias = ("conv1.bias", TensorView::new(Dtype::F32, vec![10], &[0; 40]).unwrap());
    let long = "\u{1b}[31m".repeat(13_000);
    for name in ["\u{1b}]0;title\u{7}", &long] {
        let file = safetensors::serialize([pnet.clone(), bias.clone(), (name, view())], None).unwrap();
        assert!(refused(&file).contains("\\u{1b}"));
        assert!(refused(&zip(&[(format!("{name}.npy"), b"x")])).contains("\\u{1b}"));
    }
    assert!(refused(&npy_of("'\u{1b}[2J'", "", b"")).contains("\\u{1b}[2J"));
    let pickle = [b"\x80\x02", &call("os\u{1b} system\u{1b}", &[])[..], b"."].concat();
    assert!(refused(&npy_of("'|O'", "", &pickle)).contains("nothing is run"));
}
