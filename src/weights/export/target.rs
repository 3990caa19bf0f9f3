//! The systems whose files can be written.

use std::path::Path;

use super::file::ExportedFile;
use super::{caffe, npz, onnx};
use crate::choice::choice;
use crate::error::Result;
use crate::weights::model::Model;

choice! {
    /// A system whose files can be written.
    #[non_exhaustive]
    pub enum Target {
        /// ONNX of operator set 13: `pnet.onnx` and its sisters.
        Onnx = "onnx",
        /// Caffe: `pnet.prototxt` and `pnet.caffemodel` and their sisters.
        Caffe = "caffe",
        /// NumPy: `mtcnn.npz`, with an array for each parameter.
        Npz = "npz",
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::format::EMBEDDED;
    use crate::weights::{ImportOptions, description, import_bytes};

    fn back(files: &[ExportedFile]) -> Vec<u8> {
        let weights = files.iter().filter(|file| !file.name.ends_with(".prototxt"));
        let weights: Vec<_> = weights.map(|file| (file.name.as_str(), &file.bytes[..])).collect();
        import_bytes(&weights, &ImportOptions::default()).unwrap().to_bytes()
    }

    #[test]
    fn what_is_exported_comes_back_the_same() {
        for target in Target::ALL {
            let files = export(None, *target).unwrap();
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
        let description =
            description::of_origin("a \"test\"\nof two lines", Some("MIT"), &crate::PointNames::default());
        let expected = model.to_bytes(&description);
        let all = [caffe::files, onnx::files, |model: &_, description: &_| vec![npz::file(model, description)]];
        for files in all.map(|files| files(&model, &description)) {
            assert!(back(&files) == expected);
        }
    }

    #[test]
    fn names_and_shifts_that_no_model_can_have_are_refused() {
        let mut model = Model::embedded();
        model.tensors.get_mut("onet.cls.bias").unwrap()[0] += 1.0;
        for (key, value, reason) in [
            ("points", "a,b", "it has 5 points, and names of 2"),
            ("points", "a,b,c,d,\u{1b}", "\"\\u{1b}\" is no name of a point"),
            ("box_shift", "x", "box_shift is x, which is no number of pixels"),
        ] {
            let mut description = description::of_origin("", None, &crate::PointNames::default());
            description.insert(key.into(), value.into());
            let file = npz::file(&model, &description);
            let error = import_bytes(&[("mtcnn.npz", &file.bytes)], &ImportOptions::default()).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
