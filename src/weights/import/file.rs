//! What kind of file it is, and its layers.

use super::archive::Archive;
use super::layers::Contents;
use super::{caffe, joblib, mxnet, npy, onnx, safetensors, torch};
use crate::weights::format::MOST_BYTES;
use crate::weights::kind::Kind;

/// Reads the layers of a file; the error is the reason why not.
pub(super) fn parse(bytes: &[u8]) -> Result<Contents, String> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("more than {MOST_BYTES} bytes: the three nets take 2 million"));
    }
    match Kind::of(bytes) {
        Some(Kind::Lz4) => joblib::parse(bytes),
        Some(Kind::Torch) => torch::parse(bytes),
        Some(Kind::Npy) => npy::parse(bytes),
        Some(Kind::Mxnet) => mxnet::parse(bytes),
        Some(Kind::Onnx) => onnx::parse(bytes),
        Some(Kind::Zip) => {
            let mut archive = Archive::open(bytes)?;
            match archive.names().iter().any(|name| name.ends_with(".npy")) {
                true => npy::parse_npz(&mut archive),
                false => torch::parse_zip(&mut archive),
            }
        }
        Some(kind @ (Kind::Pickle | Kind::Hdf5 | Kind::TfLite)) => Err(format!("{kind}: {}", kind.advice())),
        _ if ::safetensors::SafeTensors::read_metadata(bytes).is_ok() => safetensors::parse(bytes),
        // Caffe's messages begin with nothing that tells them for sure.
        _ => caffe::parse(bytes).map_err(|reason| {
            format!(
                "no file of weights that is known (.caffemodel, .onnx, .params, .pt, .npy, .npz, .lz4, .safetensors), or a \
                 damaged one: {reason}"
            )
        }),
    }
}
