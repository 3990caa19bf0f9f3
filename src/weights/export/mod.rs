//! The nets in the files of other systems, for those who train here and detect elsewhere.
//!
//! Every file has the three nets in our convention: upright pictures in RGB, `[picture][3][row][column]`, each byte b as
//! (b - 127.5) / 128; landmarks x1 y1 … x5 y5. It carries the description of the model file.

mod caffe;
mod check;
mod npz;
mod onnx;

use std::path::Path;

use super::Model;
use super::choice::choice;
use crate::error::Result;
use crate::nets::Table;
use crate::nets::table::{BOX, CLS, LANDMARKS};

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

/// What the nets' outputs are called in other systems: probabilities of (no face, face), offsets of the box's sides
/// x1 y1 x2 y2 in parts of its size, and landmarks in parts of it. The layers that give them have the same names, by which OpenCV
/// asks for outputs.
const OUTPUTS: [&str; 3] = ["prob", BOX.0, LANDMARKS.0];

/// What their input is called.
const INPUT: &str = "data";

/// A model file, or the weights inside, in the files of another system; the same bytes for the same model.
///
/// With `check`, also `check.npz`: inputs of the nets and what they answer on this machine, `pnet.data`, `pnet.prob`, `pnet.box`
/// and so on, as the exported nets take and give them.
///
/// # Errors
/// [`crate::ErrorKind::Unreadable`] and [`crate::ErrorKind::Weights`]: it can't be read or is no model; [`crate::ErrorKind::Option`]: `check` with a
/// wrong `MTCNN_CPU_ISA`.
pub fn export(model: Option<&Path>, to: Target, check: bool) -> Result<Vec<ExportedFile>> {
    let (model, description) = Model::read_described(model)?;
    let mut files = match to {
        Target::Onnx => onnx::files(&model, &description),
        Target::Caffe => caffe::files(&model, &description),
        Target::Npz => vec![npz::file(&model, &description)],
    };
    if check {
        files.push(check::file(&model)?);
    }
    Ok(files)
}

impl Model {
    /// The heads that the model has of a net: of its layer and its output the name, and how many numbers it gives.
    fn heads(&self, table: &Table) -> impl Iterator<Item = (&'static str, &'static str, usize)> {
        let heads = [CLS, BOX, LANDMARKS].into_iter().zip(OUTPUTS);
        let there = move |head: &str| self.tensors.contains_key(&format!("{}.{head}.weight", table.name));
        let there: Vec<_> = heads.filter(|((head, _), _)| there(head)).collect();
        there.into_iter().map(|((head, size), output)| (head, output, size))
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
            let files = export(None, target, false).unwrap();
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
