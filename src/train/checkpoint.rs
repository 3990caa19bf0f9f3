//! A training's state in a file: parameters, velocities, and how far the data were read. A training that
//! goes on from it comes to the same bytes as one that was never stopped.
//!
//! The file is safetensors with the tensors of [`Trainer::state`] and one entry of text, the [`Header`] as
//! JSON. It is written whole and renamed, so that there is always a whole one.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::metrics::Sums;
use super::plan::Plan;
use super::sampler::Cursors;
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::files;

/// The name of the text in the file, and the version of the layout.
const KEY: &str = "mtcnn-cpu training";
const VERSION: u32 = 2;
/// ONet's parameters and velocities are 3 MB.
const MOST_BYTES: u64 = 64 << 20;

/// What a checkpoint says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    version: u32,
    /// Of the tensors' bytes, in the order of the names.
    crc32: u32,
    /// Steps done.
    pub(super) steps: u64,
    pub(super) inputs: Inputs,
    pub(super) progress: Progress,
}

/// What a training is made from: none of it may be another when it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Inputs {
    pub(super) plan: Plan,
    /// A checksum of the data set.
    pub(super) data: u32,
    /// The same of the one to validate with.
    pub(super) validation: Option<u32>,
    /// A checksum of the model file that the other nets are from; none for the embedded weights.
    pub(super) base: Option<u32>,
    /// Whether the net began with its parameters there.
    #[serde(default)]
    pub(super) fine_tuned: bool,
}

/// How far it is, beside the steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) cursors: Cursors,
    /// Of the steps since the last line of the metrics.
    pub(super) sums: Sums,
}

/// A checkpoint that was read.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) header: Header,
    tensors: HashMap<String, Vec<f32>>,
}

/// Writes the state of a training.
pub(super) fn write(path: &Path, trainer: &Trainer, inputs: &Inputs, progress: &Progress) -> Result<()> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = trainer
        .state()
        .map(|(name, shape, values)| (name, shape.to_vec(), values.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let header = Header {
        version: VERSION,
        crc32: checksum(tensors.iter().map(|(.., bytes)| &bytes[..])),
        steps: trainer.steps(),
        inputs: inputs.clone(),
        progress: progress.clone(),
    };
    let text = serde_json::to_string(&header).map_err(|error| refuse(path, &error))?;
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("as many bytes as the shape says");
        (name.as_str(), view)
    });
    let bytes = safetensors::serialize(views, Some(std::iter::once((KEY.to_owned(), text)).collect()));
    files::replace(path, &bytes.map_err(|error| refuse(path, &error))?)
}

/// Reads a checkpoint.
///
/// # Errors
/// [`crate::ErrorKind::Unreadable`] if there is none, [`crate::ErrorKind::Train`] if it is damaged or of another version.
pub(super) fn read(path: &Path) -> Result<Checkpoint> {
    let bytes = files::read(path, MOST_BYTES)?;
    let damaged = |reason: &dyn std::fmt::Display| refuse(path, &format_args!("a damaged checkpoint: {reason}"));
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(&error))?;
    let text = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
    let text = text.ok_or_else(|| refuse(path, &"not a checkpoint of mtcnn-cpu"))?;
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Version { version } = serde_json::from_str(text).map_err(|error| damaged(&error))?;
    if version != VERSION {
        return Err(refuse(
            path,
            &format_args!("a checkpoint of version {version}: this program has version {VERSION}"),
        ));
    }
    let header: Header = serde_json::from_str(text).map_err(|error| damaged(&error))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(&error))?;
    let mut views = file.tensors();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    if checksum(views.iter().map(|(_, view)| view.data())) != header.crc32 {
        return Err(damaged(&"its checksum is wrong"));
    }
    let numbers = |view: &TensorView<'_>| view.data().as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)).collect();
    let tensors = views.iter().map(|(name, view)| (name.clone(), numbers(view))).collect();
    Ok(Checkpoint { header, tensors })
}

impl Checkpoint {
    /// Brings a trainer to where the training was.
    pub(super) fn restore(&self, path: &Path, trainer: &mut Trainer) -> Result<()> {
        let find = |name: &str| self.tensors.get(name).map(|values| &values[..]);
        trainer.restore(self.header.steps, find).map_err(|reason| refuse(path, &reason))
    }
}

fn refuse(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::train(reason).at(path)
}

fn checksum<'a>(parts: impl Iterator<Item = &'a [u8]>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.for_each(|part| hasher.update(part));
    hasher.finalize()
}
