//! What a file that is no model file is, by its first bytes, to say so in words.

use std::fmt::{self, Display, Formatter};

/// A kind of file that people take for a model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Safetensors,
    Caffe,
    Onnx,
    Mxnet,
    Torch,
    Npy,
    Zip,
    Lz4,
    Pickle,
    Hdf5,
    TfLite,
}

impl Kind {
    /// By the first bytes; `None` if they tell nothing. A safetensors file has nothing to be known by.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        const KNOWN: [Kind; 7] = [Kind::Torch, Kind::Npy, Kind::Zip, Kind::Lz4, Kind::Mxnet, Kind::Hdf5, Kind::Pickle];
        if let Some(kind) = KNOWN.into_iter().find(|kind| bytes.starts_with(kind.beginning())) {
            return Some(kind);
        }
        match *bytes {
            [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Some(Kind::TfLite),
            // The version of the format, then the producer, the graph or the operators.
            [0x08, 1..=32, 0x12 | 0x1A | 0x3A | 0x42, ..] => Some(Kind::Onnx),
            // The name of the net, shorter or longer than 127 bytes, or a layer.
            [0x0A, 2..0x80, a, b, ..] | [0x0A, 0x80..=0xFF, 1..0x80, a, b, ..]
                if [a, b].iter().all(u8::is_ascii_graphic) =>
            {
                Some(Kind::Caffe)
            }
            [0xA2, 0x06, ..] => Some(Kind::Caffe),
            _ => None,
        }
    }

    /// How every such file begins, as far as they have something in common.
    pub(super) fn beginning(self) -> &'static [u8] {
        match self {
            // The first pickle of PyTorch's files before 2020: a number.
            Self::Torch => b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
            Self::Npy => b"\x93NUMPY",
            Self::Zip => b"PK\x03\x04",
            Self::Lz4 => &[0x04, 0x22, 0x4D, 0x18],
            Self::Mxnet => &[0x12, 0x01, 0, 0, 0, 0, 0, 0],
            Self::Hdf5 => b"\x89HDF\r\n\x1a\n",
            Self::Pickle => &[0x80],
            Self::Safetensors | Self::Caffe | Self::Onnx | Self::TfLite => &[],
        }
    }

    /// What to do with it.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Pickle | Self::Hdf5 | Self::TfLite => {
                "`mtcnn-cpu weights import` can't read it either: save its arrays as .npz or .safetensors"
            }
            _ => "`mtcnn-cpu weights import` makes one of it",
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safetensors => "a safetensors file",
            Self::Caffe => "a Caffe model",
            Self::Onnx => "an ONNX model",
            Self::Mxnet => "a file of MXNet arrays",
            Self::Torch => "a PyTorch file",
            Self::Npy => "a NumPy .npy file",
            Self::Zip => "a zip archive, as PyTorch and NumPy write",
            Self::Lz4 => "an LZ4 frame, as joblib writes",
            Self::Pickle => "a Python pickle",
            Self::Hdf5 => "an HDF5 file, as Keras writes",
            Self::TfLite => "a TensorFlow Lite model",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_systems_are_named() {
        for (bytes, kind) in [
            (&b"\x0A\x0512Net"[..], Some(Kind::Caffe)),
            (b"\x0A\xC8\x01{\"channels\"", Some(Kind::Caffe)),
            (b"\x08\x07\x12\x0akeras2onnx", Some(Kind::Onnx)),
            (b"\x12\x01\0\0\0\0\0\0\0\0", Some(Kind::Mxnet)),
            (b"\x80\x04\x95", Some(Kind::Pickle)),
            (b"\x1c\0\0\0TFL3", Some(Kind::TfLite)),
            (b"\x10\0\0\0\0\0\0\0{\"a\":1", None),
            (b"text", None),
            (b"", None),
        ] {
            assert_eq!(Kind::of(bytes), kind, "{bytes:?}");
        }
    }
}
