//! The weights of lippman1125/mtcnn_caffe, which the repository does not hold: from Caffe models to a model
//! file of ours.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

/// A net and its Caffe model: the parameters in the order of its layers, with their shapes.
struct Net {
    name: &'static str,
    file: &'static str,
    parameters: &'static [(&'static str, &'static [usize])],
}

const NETS: [Net; 3] = [
    Net {
        name: "pnet",
        file: "PNet_iter_1200000.caffemodel",
        parameters: &[
            ("conv1.weight", &[10, 3, 3, 3]),
            ("conv1.bias", &[10]),
            ("prelu1.slope", &[10]),
            ("conv2.weight", &[16, 10, 3, 3]),
            ("conv2.bias", &[16]),
            ("prelu2.slope", &[16]),
            ("conv3.weight", &[32, 16, 3, 3]),
            ("conv3.bias", &[32]),
            ("prelu3.slope", &[32]),
            ("cls.weight", &[2, 32]),
            ("cls.bias", &[2]),
            ("box.weight", &[4, 32]),
            ("box.bias", &[4]),
            ("lm.weight", &[10, 32]),
            ("lm.bias", &[10]),
        ],
    },
    Net {
        name: "rnet",
        file: "RNet_iter_1200000.caffemodel",
        parameters: &[
            ("conv1.weight", &[28, 3, 3, 3]),
            ("conv1.bias", &[28]),
            ("prelu1.slope", &[28]),
            ("conv2.weight", &[48, 28, 3, 3]),
            ("conv2.bias", &[48]),
            ("prelu2.slope", &[48]),
            ("conv3.weight", &[64, 48, 2, 2]),
            ("conv3.bias", &[64]),
            ("prelu3.slope", &[64]),
            ("fc.weight", &[128, 576]),
            ("fc.bias", &[128]),
            ("prelu_fc.slope", &[128]),
            ("cls.weight", &[2, 128]),
            ("cls.bias", &[2]),
            ("box.weight", &[4, 128]),
            ("box.bias", &[4]),
            ("lm.weight", &[10, 128]),
            ("lm.bias", &[10]),
        ],
    },
    Net {
        name: "onet",
        file: "ONet_iter_1200000.caffemodel",
        parameters: &[
            ("conv1.weight", &[32, 3, 3, 3]),
            ("conv1.bias", &[32]),
            ("prelu1.slope", &[32]),
            ("conv2.weight", &[64, 32, 3, 3]),
            ("conv2.bias", &[64]),
            ("prelu2.slope", &[64]),
            ("conv3.weight", &[64, 64, 3, 3]),
            ("conv3.bias", &[64]),
            ("prelu3.slope", &[64]),
            ("conv4.weight", &[128, 64, 2, 2]),
            ("conv4.bias", &[128]),
            ("prelu4.slope", &[128]),
            ("fc.weight", &[256, 1152]),
            ("fc.bias", &[256]),
            ("prelu_fc.slope", &[256]),
            ("cls.weight", &[2, 256]),
            ("cls.bias", &[2]),
            ("box.weight", &[4, 256]),
            ("box.bias", &[4]),
            ("lm.weight", &[10, 256]),
            ("lm.bias", &[10]),
        ],
    },
];

/// Parameters by name, with their shapes.
pub type Tensors = HashMap<String, (Vec<usize>, Vec<f32>)>;

/// The parameters of the three nets for BGR images as they are in the files;
/// `None` where the files are absent.
#[must_use]
pub fn mtcnn_caffe() -> Option<Tensors> {
    let folder = crate::shared("weights/mtcnn-caffe")?;
    let mut tensors = Tensors::new();
    for net in &NETS {
        let blobs = blobs(&folder.join(net.file));
        assert_eq!(blobs.len(), net.parameters.len(), "{}: as many blobs as parameters", net.file);
        for (blob, (name, shape)) in blobs.into_iter().zip(net.parameters) {
            assert_eq!(blob.len(), shape.iter().product::<usize>(), "{} {name}", net.file);
            tensors.insert(format!("{}.{name}", net.name), (shape.to_vec(), blob));
        }
    }
    Some(tensors)
}

/// The same for RGB images, as a model file.
#[must_use]
pub fn mtcnn_caffe_file() -> Option<Vec<u8>> {
    let mut tensors = mtcnn_caffe()?;
    for net in &NETS {
        let (_, weights) = tensors.get_mut(&format!("{}.conv1.weight", net.name)).expect("a first layer");
        for filter in weights.chunks_exact_mut(3 * 9) {
            let (blue, rest) = filter.split_at_mut(9);
            blue.swap_with_slice(&mut rest[9..]);
        }
    }
    let bytes: Vec<_> = tensors
        .iter()
        .map(|(name, (shape, values))| {
            (name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
        })
        .collect();
    let views = bytes
        .iter()
        .map(|(name, shape, bytes)| (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).expect("a tensor")));
    let description = [("format", "mtcnn-cpu"), ("format_version", "1"), ("channels", "RGB")];
    let description = description.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Some(safetensors::serialize(views, Some(description)).expect("a model file"))
}

/// The numbers of a Caffe model, a list for each blob of each layer.
fn blobs(path: &Path) -> Vec<Vec<f32>> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let of = |number: u64, message| fields(message).into_iter().filter(move |&(field, _)| field == number);
    let mut blobs = Vec::new();
    for (_, layer) in of(100, &bytes) {
        for (_, blob) in of(7, layer) {
            let numbers: Vec<u8> = of(5, blob).flat_map(|(_, data)| data.to_vec()).collect();
            blobs.push(numbers.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect());
        }
    }
    blobs
}

/// The fields of a protocol buffer message that have a length: (number, bytes).
fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let varint = |bytes: &mut &[u8]| {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = bytes.split_first().expect("a whole varint");
            *bytes = rest;
            value |= u64::from(byte & 0x7F) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    };
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => {
                varint(&mut bytes);
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes) as usize,
            5 => 4,
            wire => panic!("wire type {wire}"),
        };
        let (field, rest) = bytes.split_at(length);
        bytes = rest;
        if key & 7 == 2 {
            fields.push((key >> 3, field));
        }
    }
    fields
}
