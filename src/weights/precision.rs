//! Model files with values of half the size.

use std::path::Path;

use half::{bf16, f16};

use super::description::Description;
use super::model::Model;
use super::screening::SCREENING;
use crate::choice::choice;
use crate::error::{Error, Result};

choice! {
    /// The type of a model file's values.
    #[non_exhaustive]
    pub enum Precision {
        /// 4 bytes each, as the nets calculate.
        F32 = "f32",
        /// 2 bytes each: 11 bits of precision, and nothing above 65504.
        F16 = "f16",
        /// 2 bytes each: 8 bits of precision, and the range of f32.
        Bf16 = "bf16",
    }
}

/// The bytes of a model file with its values, or those of the weights inside, in another type, each rounded to the
/// nearest. The nets calculate in f32 whatever the file has.
///
/// # Errors
/// [`crate::ErrorKind::NotFound`] and [`crate::ErrorKind::Unreadable`]; [`crate::ErrorKind::Weights`] if it is no model, or has a value that is too large for the type.
pub fn convert(model: Option<&Path>, precision: Precision) -> Result<Vec<u8>> {
    let (weights, mut description) = Model::read_described(model)?;
    if precision != Precision::F32 {
        // Of other values.
        description.remove(SCREENING);
    }
    let name = model.map_or("the weights inside".into(), |path| path.to_string_lossy());
    converted(&weights, &description, precision).map_err(|reason| Error::weights(format!("{name}: {reason}")))
}

fn converted(model: &Model, description: &Description, precision: Precision) -> Result<Vec<u8>, String> {
    let too_large = |values: &[f32]| values.iter().any(|&it| !f16::from_f32(it).is_finite());
    match precision {
        Precision::F32 => Ok(model.to_bytes(description)),
        Precision::F16 => match model.tensors.iter().filter(|it| too_large(it.1)).map(|it| it.0).min() {
            Some(name) => Err(format!("{name} has a value above 65504, which f16 can't hold: bf16 can")),
            None => Ok(model.to_bytes_as("F16", description, |it, data| data.extend(f16::from_f32(it).to_le_bytes()))),
        },
        // Only values beside the largest f32 round to infinity.
        Precision::Bf16 => {
            let put = |it: f32, data: &mut Vec<u8>| {
                data.extend(bf16::from_f32(it.clamp(bf16::MIN.to_f32(), bf16::MAX.to_f32())).to_le_bytes());
            };
            Ok(model.to_bytes_as("BF16", description, put))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::description;
    use super::super::format::EMBEDDED;
    use super::*;

    #[test]
    fn half_precision_comes_back_rounded() {
        let (model, description) = (Model::embedded(), description::embedded());
        assert_eq!(converted(&model, &description, Precision::F32).unwrap(), EMBEDDED);
        for (precision, most) in [(Precision::F16, 1.0 / 2048.0), (Precision::Bf16, 1.0 / 256.0)] {
            let bytes = converted(&model, &description, precision).unwrap();
            assert!(bytes.len() < EMBEDDED.len() * 51 / 100);
            assert_eq!(description::of_file(&bytes), description);
            let narrow = Model::parse(&bytes).unwrap();
            assert_ne!(narrow.tensors, model.tensors);
            for (name, values) in &model.tensors {
                for (a, b) in narrow.tensors[name].iter().zip(values) {
                    // Subnormal values of f16 are a multiple of 2^-24.
                    assert!((a - b).abs() <= (most * b.abs()).max(2.0_f32.powi(-25)), "{name}: {a} {b}");
                }
            }
            // What is rounded once stays.
            assert_eq!(converted(&narrow, &description, precision).unwrap(), bytes);
        }
    }

    #[test]
    fn values_that_do_not_fit_are_named() {
        let (mut model, description) = (Model::embedded(), description::embedded());
        model.tensors.get_mut("rnet.fc.bias").unwrap()[3] = -1e6;
        model.tensors.get_mut("rnet.fc.bias").unwrap()[4] = f32::MAX;
        let reason = converted(&model, &description, Precision::F16).unwrap_err();
        assert_eq!(reason, "rnet.fc.bias has a value above 65504, which f16 can't hold: bf16 can");
        let bytes = converted(&model, &description, Precision::Bf16).unwrap();
        assert!(Model::parse(&bytes).is_ok());
    }
}
