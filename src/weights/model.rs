//! The parameters of the three nets, from a model file.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensorError, SafeTensors};

#[cfg(feature = "convert")]
use super::description::{self, Description};
use super::format::{EMBEDDED, FORMAT, MOST_BYTES};
use super::kind::Kind;
use super::lean::Lean;
use super::points;
#[cfg(feature = "convert")]
use super::screening;
use super::screening::{SCREENING, Screening};
use crate::arch::{Arch, Stage};
use crate::error::{Error, Result};
use crate::points::PointNames;
use crate::quote::quoted;

/// The parameters of the three nets, every one there, of its shape and finite.
#[derive(Debug)]
pub(crate) struct Model {
    pub(super) tensors: HashMap<String, Vec<f32>>,
    /// Of ONet's points.
    pub(super) names: PointNames,
    /// What was measured for screening, if it was.
    pub(super) screening: Option<Screening>,
    pub(super) lean: Lean,
}

impl Model {
    /// The embedded weights.
    pub(crate) fn embedded() -> Self {
        Self::parse(EMBEDDED).unwrap_or_else(|reason| unreachable!("the embedded weights: {reason}"))
    }

    /// Reads a model file, or the embedded weights, and its description.
    #[cfg(feature = "convert")]
    pub(crate) fn read_described(path: Option<&Path>) -> Result<(Self, Description)> {
        let Some(path) = path else { return Ok((Self::embedded(), description::embedded())) };
        let (model, bytes) = Self::read_with_bytes(path)?;
        Ok((model, description::of_file(&bytes)))
    }

    /// Reads a model file, or the embedded weights: the parameters, and the whole file.
    #[cfg(feature = "convert")]
    pub(crate) fn read_or_embedded(path: Option<&Path>) -> Result<(Self, Vec<u8>)> {
        path.map_or_else(|| Ok((Self::embedded(), EMBEDDED.to_vec())), Self::read_with_bytes)
    }

    /// Reads a model file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Ok(Self::read_with_bytes(path)?.0)
    }

    /// A model file's parameters, and the whole file.
    pub(super) fn read_with_bytes(path: &Path) -> Result<(Self, Vec<u8>)> {
        let bytes = read_bytes(path)?;
        let model = Self::parse(&bytes).map_err(|reason| Error::weights(reason).at(path))?;
        Ok((model, bytes))
    }

    /// Reads a model from a file's bytes; the error is the reason why not.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let not_safetensors = |error: SafeTensorError| match Kind::of(bytes) {
            Some(kind) => format!("{kind}, not a model file: {}", kind.advice()),
            None => format!("not a safetensors file, or not a whole one: {}", quoted(&error.to_string())),
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(not_safetensors)?;
        let file = SafeTensors::deserialize(bytes).map_err(not_safetensors)?;
        let description = header.metadata().as_ref();
        let entry = |key: &str| description.and_then(|entries| entries.get(key)).map(String::as_str);
        match (entry("format"), entry("format_version")) {
            (Some(format), Some(version)) if (format, version) == FORMAT => {}
            (Some(format), Some(version)) if format == FORMAT.0 => {
                return Err(format!(
                    "version {} of the format: this program reads version {}",
                    quoted(version),
                    FORMAT.1
                ));
            }
            _ => {
                return Err(format!(
                    "a safetensors file of another program, not a model file: {}",
                    Kind::Safetensors.advice()
                ));
            }
        }
        if let Some(channels) = entry("channels").filter(|&channels| channels != "RGB") {
            return Err(format!("a model for {} images: only RGB is supported", quoted(channels)));
        }
        let lean = Lean::read(entry)?;

        let mut archs = Vec::new();
        for stage in Stage::ALL {
            archs.push(stage.arch(points::count(&file, stage)?));
        }
        let names = points::names(archs[2].points, entry)?;
        let mut tensors = HashMap::new();
        for parameter in archs.iter().flat_map(Arch::parameters) {
            let Ok(tensor) = file.tensor(&parameter.name) else {
                return Err(format!("the tensor {} is missing", parameter.name));
            };
            if tensor.shape() != parameter.shape {
                return Err(format!(
                    "the tensor {} has the shape {:?}: it must be {:?}",
                    parameter.name,
                    tensor.shape(),
                    parameter.shape
                ));
            }
            let values = values(tensor.dtype(), tensor.data()).ok_or_else(|| {
                format!("the tensor {} has the type {:?}: it must be F32, F16 or BF16", parameter.name, tensor.dtype())
            })?;
            if let Some(place) = values.iter().position(|value| !value.is_finite()) {
                return Err(format!("the tensor {} has {} at place {place}", parameter.name, values[place]));
            }
            tensors.insert(parameter.name, values);
        }
        if let Some(stranger) = file.names().into_iter().find(|&name| !tensors.contains_key(name)) {
            return Err(format!("the tensor {} is in no net", quoted(stranger)));
        }
        let screening = Screening::of_nets(&tensors, entry(SCREENING));
        Ok(Self { tensors, names, screening, lean })
    }

    /// Whether every value is one of the other model's, bit by bit, and it has no more.
    #[cfg(feature = "convert")]
    pub(super) fn equals(&self, other: &Model) -> bool {
        let same = |(name, values): (&String, &Vec<f32>)| {
            let others = other.tensors.get(name).into_iter().flatten();
            values.iter().map(|it| it.to_bits()).eq(others.map(|it| it.to_bits()))
        };
        self.tensors.len() == other.tensors.len() && self.tensors.iter().all(same)
    }

    /// A net as the model has it, with as many points as it gives.
    pub(crate) fn arch(&self, stage: Stage) -> Arch {
        stage.arch(self.tensors.get(&format!("{stage}.lm.bias")).map_or(0, |bias| bias.len() / 2))
    }

    /// All three, in the order of the cascade.
    #[cfg(any(feature = "convert", feature = "train", test))]
    pub(crate) fn archs(&self) -> [Arch; 3] {
        Stage::ALL.map(|stage| self.arch(stage))
    }

    /// The names of the points that detection gives.
    pub(crate) fn names(&self) -> &PointNames {
        &self.names
    }

    /// A model from parameters that are known to be right.
    #[cfg(test)]
    pub(crate) fn from_tensors(tensors: HashMap<String, Vec<f32>>) -> Self {
        Self { tensors, names: PointNames::default(), screening: None, lean: Lean::ORIGINAL }
    }

    /// See [`screening::fingerprint`].
    #[cfg(feature = "convert")]
    pub(crate) fn fingerprint(&self) -> u64 {
        screening::fingerprint(&self.tensors)
    }

    /// What was measured for screening, if it was.
    pub(crate) fn screening(&self) -> Option<&Screening> {
        self.screening.as_ref()
    }

    /// What its faces must be moved by.
    pub(crate) fn lean(&self) -> Lean {
        self.lean
    }

    /// The values of a parameter, if it is there.
    #[cfg(feature = "train")]
    pub(crate) fn find(&self, name: &str) -> Option<&[f32]> {
        self.tensors.get(name).map(Vec::as_slice)
    }

    /// The values of a parameter that is not optional.
    pub(crate) fn tensor(&self, name: &str) -> &[f32] {
        &self.tensors[name]
    }
}

/// The bytes of a file that may be a model, or the weights of another system.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    // A device has no size to ask for, and no end.
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|source| Error::read(path, source))?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(Error::weights(format!("more than {MOST_BYTES} bytes: the three nets take 2 million")).at(path)),
        false => Ok(bytes),
    }
}

/// Little-endian values as f32, those below its normal range as zeros: a CPU takes a hundred times longer to calculate with
/// them, and no answer depends on them.
fn values(dtype: Dtype, data: &[u8]) -> Option<Vec<f32>> {
    let mut values: Vec<f32> = match dtype {
        Dtype::F32 => data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|&bytes| f16::from_le_bytes(bytes).to_f32()).collect(),
        Dtype::BF16 => data.as_chunks().0.iter().map(|&bytes| bf16::from_le_bytes(bytes).to_f32()).collect(),
        _ => return None,
    };
    values.iter_mut().filter(|value| value.is_subnormal()).for_each(|value| *value = 0.0);
    Some(values)
}
