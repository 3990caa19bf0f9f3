//! Writing a model file: always the same bytes for the same values.

use std::collections::BTreeMap;
#[cfg(feature = "train")]
use std::path::Path;

use serde_json::{Value, json};

#[cfg(feature = "train")]
use super::description::of_origin;
use super::description::{Description, from_parts};
#[cfg(feature = "train")]
use super::lean::Lean;
use super::model::Model;
#[cfg(feature = "train")]
use super::screening::{SCREENING, Screening, fingerprint};
use crate::arch::Arch;
#[cfg(feature = "train")]
use crate::arch::Stage;
#[cfg(feature = "train")]
use crate::error::Result;
#[cfg(feature = "train")]
use crate::points::PointNames;

impl Model {
    /// Gives a net other parameters, with a head for the points of these names.
    ///
    /// # Panics
    /// If they are not those of such a net.
    #[cfg(feature = "train")]
    pub(crate) fn set_net(&mut self, stage: Stage, names: &PointNames, parameters: Vec<(String, Vec<f32>)>) {
        self.tensors.retain(|name, _| !name.starts_with(&format!("{stage}.")));
        let wanted = stage.arch(names.len()).parameters();
        assert_eq!(parameters.len(), wanted.len(), "parameters of {stage}");
        for (wanted, (name, values)) in wanted.iter().zip(parameters) {
            assert_eq!((&name, values.len()), (&wanted.name, wanted.shape.iter().product()));
            self.tensors.insert(name, values);
        }
        if stage == Stage::ONet {
            self.names = names.clone();
        }
    }

    /// Takes the head for points from a net.
    #[cfg(feature = "train")]
    pub(crate) fn forget_points(&mut self, stage: Stage) {
        self.tensors.retain(|name, _| !name.starts_with(&format!("{stage}.lm.")));
    }

    /// From now on its faces are moved by that.
    #[cfg(feature = "train")]
    pub(crate) fn set_lean(&mut self, lean: Lean) {
        self.lean = lean;
    }

    /// Writes a model file, whole or not at all; `origin` says where the values come from.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unwritable`].
    #[cfg(feature = "train")]
    pub(crate) fn write(&self, path: &Path, origin: &str) -> Result<()> {
        let mut description = of_origin(origin, None, &self.names);
        self.lean.write(&mut description);
        // Known of any file with these nets, or of this model's own that are still the same.
        let known = self.screening.as_ref().filter(|known| known.of == fingerprint(&self.tensors));
        if Screening::of_nets(&self.tensors, None).is_none() {
            description.extend(known.map(|known| (SCREENING.into(), known.to_text())));
        }
        crate::files::replace(path, &self.to_bytes(&description))
    }

    /// The bytes of a model file: safetensors with names and keys in order.
    pub(crate) fn to_bytes(&self, description: &Description) -> Vec<u8> {
        self.to_bytes_as("F32", description, |number, data| data.extend(number.to_le_bytes()))
    }

    /// The same with values of another type, which `put` writes.
    pub(crate) fn to_bytes_as(
        &self,
        dtype: &str,
        description: &Description,
        put: impl Fn(f32, &mut Vec<u8>),
    ) -> Vec<u8> {
        let mut header: BTreeMap<String, Value> = BTreeMap::from([("__metadata__".into(), json!(description))]);
        let mut data = Vec::new();
        let mut parameters: Vec<_> = self.archs().iter().flat_map(Arch::parameters).collect();
        parameters.sort_by(|a, b| a.name.cmp(&b.name));
        for parameter in parameters {
            let values = self.tensor(&parameter.name);
            let from = data.len();
            values.iter().for_each(|&number| put(number, &mut data));
            let entry = json!({ "data_offsets": [from, data.len()], "dtype": dtype, "shape": parameter.shape });
            header.insert(parameter.name, entry);
        }
        from_parts(&header, &data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let mut model = Model::embedded();
        model.tensors.insert("rnet.fc.bias".into(), vec![0.5; 128]);
        model.set_lean(Lean { boxes: 0.1, points: -0.25 });
        model.write(&path, "a test").unwrap();
        let back = Model::read(&path).unwrap();
        assert!(back.tensors == model.tensors);
        assert!(back.tensor("rnet.fc.bias") == [0.5; 128]);
        assert_eq!(back.lean(), model.lean());
        assert_eq!(back.screening(), None, "of another RNet");
        let known = Screening { of: fingerprint(&model.tensors), ..model.screening.take().unwrap() };
        model.screening = Some(known);
        model.tensors.get_mut("onet.fc.bias").unwrap().fill(0.5);
        model.write(&path, "a test").unwrap();
        let back = Model::read(&path).unwrap();
        assert!(back.screening() == model.screening() && back.screening().is_some(), "its own, with another ONet");
        let again = folder.path().join("again.safetensors");
        back.write(&again, "a test").unwrap();
        assert!(std::fs::read(again).unwrap() == std::fs::read(path).unwrap());
    }
}
