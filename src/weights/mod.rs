//! The model file: safetensors with the parameters of the three nets and a description.
//!
//! `default/README.md` says what is in it, in which layout, and where the embedded one comes from.

#[cfg(any(feature = "convert", feature = "train"))]
mod description;
#[cfg(feature = "convert")]
mod export;
mod format;
#[cfg(feature = "convert")]
mod import;
mod kind;
mod lean;
mod model;
mod points;
#[cfg(feature = "convert")]
mod precision;
#[cfg(feature = "convert")]
mod protobuf;
mod screening;
#[cfg(feature = "convert")]
mod summary;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "convert", feature = "train"))]
mod write;

#[cfg(feature = "convert")]
pub use export::{ExportedFile, Target, export};
#[cfg(feature = "convert")]
pub(crate) use export::{INPUT, archive, output};
#[cfg(feature = "convert")]
pub use import::{Colours, Flatten, ImportOptions, Imported, LandmarkOrder, Orientation, Source, import, import_bytes};
pub(crate) use lean::Lean;
pub(crate) use model::Model;
#[cfg(feature = "convert")]
pub use precision::{Precision, convert};
#[cfg(feature = "convert")]
pub(crate) use screening::measured_layers;
pub(crate) use screening::{NetScreening, Range, Screening};
#[cfg(feature = "convert")]
pub use summary::{NetSummary, Summary, TensorSummary, summary, system};
