//! The nets in the files of other systems, for those who train here and detect elsewhere.
//!
//! Every file has the three nets in our convention: upright pictures in RGB, `[picture][3][row][column]`, each byte b as
//! (b - 127.5) / 128; landmarks x1 y1 … x5 y5. It carries the description of the model file.

mod caffe;
mod npz;
mod onnx;

pub(crate) use npz::archive;

use std::path::Path;

use super::Model;
use super::choice::choice;
use crate::arch::{Arch, Head};
use crate::error::Result;

choice! {
    /// A system whose files can be written.
    pub enum Target {
        /// ONNX of operator set 13: `pnet.onnx` and its sisters.
        Onnx = "onnx",
        /// Caffe: `pnet.prototxt` and `pnet.caffemodel` and their sisters.
        Caffe = "caffe",
        /// numpy: `mtcnn.npz`, with an array for each parameter.
        Npz = "npz",
    }
}

/// A file to be written.
#[derive(Debug)]
pub struct ExportedFile {
    /// Without a folder.
    pub name: String,
    /// All that is in it.
    pub bytes: Vec<u8>,
}

/// What the output of a head is called in other systems. That of the classes is probabilities, no longer logits. The layers
/// that give them have the same names, by which OpenCV asks for outputs.
pub(crate) const fn output(head: Head) -> &'static str {
    match head {
        Head::Classes => "prob",
        _ => head.name(),
    }
}

/// What their input is called.
pub(crate) const INPUT: &str = "data";

/// A model file, or the weights inside, in the files of another system; the same bytes for the same model.
///
/// # Errors
/// [`crate::ErrorKind::Unreadable`] and [`crate::ErrorKind::Weights`]: it can't be read or is no model.
pub fn export(model: Option<&Path>, to: Target) -> Result<Vec<ExportedFile>> {
    let (model, description) = Model::read_described(model)?;
    Ok(match to {
        Target::Onnx => onnx::files(&model, &description),
        Target::Caffe => caffe::files(&model, &description),
        Target::Npz => vec![npz::file(&model, &description)],
    })
}

impl Model {
    /// The heads that the model has of a net.
    fn heads(&self, arch: &Arch) -> Vec<Head> {
        let there = |head: &&Head| self.tensors.contains_key(&format!("{}.{}.weight", arch.name(), head.name()));
        arch.heads.iter().filter(there).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EMBEDDED, ImportOptions, import_bytes};
    use super::*;

    fn back(files: &[ExportedFile]) -> Vec<u8> {
        let weights = files.iter().filter(|file| !file.name.ends_with(".prototxt"));
        let weights: Vec<_> = weights.map(|file| (file.name.as_str(), &file.bytes[..])).collect();
        import_bytes(&weights, &ImportOptions::default()).unwrap().to_bytes()
    }

    #[test]
    fn what_is_exported_comes_back_the_same() {
        for target in [Target::Caffe, Target::Npz] {
            let files = export(None, target).unwrap();
            assert!(back(&files) == EMBEDDED, "{}", target.name());
        }
    }

    /// Weights of somebody, with every head: nothing but the description tells the convention.
    #[test]
    fn other_models_come_back_with_their_description() {
        let mut model = Model::embedded();
        for (name, size) in [("pnet", 32), ("rnet", 128)] {
            model.tensors.insert(format!("{name}.lm.weight"), (0..10 * size).map(|it| it as f32).collect());
            model.tensors.insert(format!("{name}.lm.bias"), vec![0.25; 10]);
        }
        for values in model.tensors.values_mut() {
            values[0] += 1.0;
        }
        let description = super::super::description::of_origin("a \"test\"\nof two lines", Some("MIT"));
        let expected = model.to_bytes(&description);
        for files in [caffe::files(&model, &description), vec![npz::file(&model, &description)]] {
            assert!(back(&files) == expected);
        }
    }
}
