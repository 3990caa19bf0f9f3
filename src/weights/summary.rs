//! What a model file has in it.

use std::path::Path;

use safetensors::SafeTensors;
use serde::Serialize;

use super::description::{self, Description};
use super::format::EMBEDDED;
use super::import::Source;
use super::model::Model;
use super::screening::SCREENING;
use crate::error::Result;
use crate::points::PointNames;

/// What a model file has in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Values in all tensors.
    pub parameters: usize,
    /// Size of the whole file.
    pub bytes: usize,
    /// The names of the points that it gives.
    pub points: PointNames,
    /// On how many images was measured how far low precision errs with its PNet and RNet; `None` if it was not, and detection has no
    /// [screening](crate::DetectorBuilder::screening) with it.
    pub calibrated: Option<usize>,
    /// What the file says of itself, such as origin and licence.
    pub description: Description,
    /// The nets in the order of the cascade.
    pub nets: Vec<NetSummary>,
}

/// A net of a model file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NetSummary {
    /// pnet, rnet or onet.
    pub name: &'static str,
    /// Values in all its tensors.
    pub parameters: usize,
    /// Its tensors in the order of the layers.
    pub tensors: Vec<TensorSummary>,
}

/// A tensor of a net.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TensorSummary {
    /// `net.layer.part`
    pub name: String,
    /// F32, F16 or BF16.
    pub dtype: String,
    /// Output first.
    pub shape: Vec<usize>,
}

/// Looks at a model file, or at the weights inside.
///
/// # Errors
/// [`crate::ErrorKind::NotFound`] and [`crate::ErrorKind::Unreadable`]; [`crate::ErrorKind::Weights`]: it is no model, or a damaged
/// one.
pub fn summary(path: Option<&Path>) -> Result<Summary> {
    let Some(path) = path else { return Ok(of_model(EMBEDDED)) };
    Ok(of_model(&Model::read_with_bytes(path)?.1))
}

/// The system whose weights a model file has, as their import noted, or the weights inside, which are the original's; `None` if
/// the file does not say, such as one that was trained here.
///
/// # Errors
/// As [`summary`].
pub fn system(path: Option<&Path>) -> Result<Option<Source>> {
    let (model, mut description) = Model::read_described(path)?;
    description.remove(SCREENING);
    let noted = description.get(description::SYSTEM).and_then(|system| system.parse().ok());
    Ok(noted.or_else(|| {
        (description == description::embedded() || model.equals(&Model::embedded())).then_some(Source::Kpzhang)
    }))
}

/// Of bytes that are known to be a model.
fn of_model(bytes: &[u8]) -> Summary {
    let file = SafeTensors::deserialize(bytes).expect("a model file");
    let model = Model::parse(bytes).expect("a model file");
    let nets = model.archs().map(|arch| {
        let tensors = arch.parameters().into_iter().map(|parameter| {
            let dtype = file.tensor(&parameter.name).expect("a parameter of the model").dtype();
            TensorSummary { name: parameter.name, dtype: format!("{dtype:?}"), shape: parameter.shape }
        });
        let tensors: Vec<_> = tensors.collect();
        let parameters = tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
        NetSummary { name: arch.name(), parameters, tensors }
    });
    let description = description::of_file(bytes);
    let parameters = nets.iter().map(|net| net.parameters).sum();
    let points = model.names().clone();
    let calibrated = model.screening().map(|known| known.images);
    Summary { parameters, bytes: bytes.len(), points, calibrated, description, nets: nets.into() }
}
