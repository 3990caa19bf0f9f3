//! The description of a model: what it is, and where it comes from. Exported files carry it as JSON.

use std::collections::BTreeMap;

#[cfg(feature = "convert")]
use super::format::EMBEDDED;
use super::format::FORMAT;
use super::points::{NAMES, ORDER};
use crate::points::PointNames;

/// Keys and values.
pub(crate) type Description = BTreeMap<String, String>;

/// The name of the description's file in a `.npz` archive of ours.
#[cfg(feature = "convert")]
pub(super) const FILE: &str = "description.json";

/// The key under which a model file says from which system it was imported.
#[cfg(feature = "convert")]
pub(super) const SYSTEM: &str = "system";

/// Of a model whose values come from `origin`, with a licence if it is known, and whose points have these names.
pub(crate) fn of_origin(origin: &str, licence: Option<&str>, names: &PointNames) -> Description {
    let mut description = Description::from([
        ("channels".into(), "RGB".into()),
        ("format".into(), FORMAT.0.into()),
        ("format_version".into(), FORMAT.1.into()),
        ("origin".into(), origin.into()),
    ]);
    if !names.are_the_five() {
        description.insert(NAMES.into(), names.join(","));
    }
    if !names.is_empty() {
        let order: Vec<_> = (1..=names.len()).map(|point| format!("x{point} y{point}")).collect();
        description.insert(ORDER.into(), order.join(" "));
    }
    description.extend(licence.map(|licence| ("licence".into(), licence.into())));
    description
}

/// Of the embedded model.
#[cfg(feature = "convert")]
pub(crate) fn embedded() -> Description {
    of_file(EMBEDDED)
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
    ours(serde_json::from_str(text).ok()?)
}

/// The description itself if this program wrote it.
#[cfg(feature = "convert")]
pub(crate) fn ours(description: Description) -> Option<Description> {
    description.get("format").is_some_and(|format| format == FORMAT.0).then_some(description)
}

/// The bytes of a safetensors file with an entry more, or another, in what it has; its tensors stay as they are.
///
/// # Panics
/// If it is no model file.
#[cfg(feature = "convert")]
pub(crate) fn with_entry(model: &[u8], key: &str, value: &str) -> Vec<u8> {
    let (length, rest) = model.split_first_chunk().expect("a length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header).expect("a header");
    header.entry("__metadata__".into()).or_insert_with(|| serde_json::json!({}))[key] = value.into();
    from_parts(&header, data)
}

/// The bytes of a safetensors file, whose header is filled up to whole eights.
pub(super) fn from_parts(header: &BTreeMap<String, serde_json::Value>, data: &[u8]) -> Vec<u8> {
    let mut header = serde_json::to_vec(header).expect("plain values");
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], &header, data].concat()
}
