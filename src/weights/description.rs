//! The description of a model: what it is, and where it comes from. Exported files carry it as JSON.

use std::collections::BTreeMap;

use super::{FORMAT, Model};
#[cfg(feature = "convert")]
use crate::arch;

/// Keys and values.
pub(crate) type Description = BTreeMap<String, String>;

/// Of a model whose numbers come from `origin`, with a licence if it is known.
pub(crate) fn of_origin(origin: &str, licence: Option<&str>) -> Description {
    let mut description = Description::from([
        ("channels".into(), "RGB".into()),
        ("format".into(), FORMAT.0.into()),
        ("format_version".into(), FORMAT.1.into()),
        ("landmarks".into(), "x1 y1 x2 y2 x3 y3 x4 y4 x5 y5".into()),
        ("origin".into(), origin.into()),
    ]);
    description.extend(licence.map(|licence| ("licence".into(), licence.into())));
    description
}

/// Of the embedded model.
#[cfg(feature = "convert")]
pub(crate) fn embedded() -> Description {
    of_file(super::EMBEDDED)
}

/// What a safetensors file has; nothing if it has none, or is none.
#[cfg(feature = "convert")]
pub(crate) fn of_file(bytes: &[u8]) -> Description {
    let header = safetensors::SafeTensors::read_metadata(bytes).ok();
    let entries = header.and_then(|(_, header)| header.metadata().clone());
    entries.into_iter().flatten().collect()
}

/// What an exported file carries.
#[cfg(feature = "convert")]
pub(crate) fn to_text(description: &Description) -> String {
    serde_json::to_string(description).expect("plain values")
}

/// From what an exported file carries; `None` if another program wrote it.
#[cfg(feature = "convert")]
pub(crate) fn from_text(text: &str) -> Option<Description> {
    let description: Description = serde_json::from_str(text).ok()?;
    description.get("format").is_some_and(|format| format == FORMAT.0).then_some(description)
}

impl Model {
    /// Whether every number is one of the other model's, and it has no more.
    #[cfg(feature = "convert")]
    pub(crate) fn equals(&self, other: &Model) -> bool {
        let bits = |model: &Model, name: &str| -> Option<Vec<u32>> {
            model.tensors.get(name).map(|values| values.iter().map(|value| value.to_bits()).collect())
        };
        let mut parameters = arch::ALL.iter().flat_map(|arch| arch.parameters());
        parameters.all(|parameter| bits(self, &parameter.name) == bits(other, &parameter.name))
    }
}
