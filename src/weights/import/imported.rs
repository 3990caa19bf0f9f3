//! A model from the files of other systems.

use std::path::PathBuf;

use super::file;
use super::layers::Contents;
use super::net::Net;
use super::nets::split;
use super::options::ImportOptions;
use super::source::Source;
use crate::arch::Stage;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::points::PointNames;
use crate::quote::quoted;
use crate::weights::description::{self, Description};
use crate::weights::lean::Lean;
use crate::weights::model::{Model, read_bytes};
use crate::weights::points;

/// A model from other files.
#[derive(Debug)]
#[non_exhaustive]
pub struct Imported {
    model: Model,
    description: Description,
    /// For people, a line each: what was recognised, why, and what was left out.
    pub notes: Vec<String>,
}

impl Imported {
    /// The bytes of a model file, always the same for the same values, as f32.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.model.to_bytes(&self.description)
    }
}

/// Reads the three nets from files, in any order.
///
/// # Errors
/// [`ErrorKind::NotFound`] and [`ErrorKind::Unreadable`]; [`ErrorKind::Weights`] with the file and the reason: damaged, no file
/// of weights, a net missing or there twice, or what it doesn't tell and `options` don't say.
pub fn import(files: &[PathBuf], options: &ImportOptions) -> Result<Imported> {
    let read = |path: &PathBuf| Ok((path.to_string_lossy().into_owned(), read_bytes(path)?));
    let contents = files.iter().map(read).collect::<Result<Vec<_>>>()?;
    let contents: Vec<_> = contents.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    import_bytes(&contents, options)
}

/// [`import`] from names and bytes.
///
/// # Errors
/// [`ErrorKind::Weights`].
pub fn import_bytes(files: &[(&str, &[u8])], options: &ImportOptions) -> Result<Imported> {
    let (mut nets, mut carried, mut notes) = (Vec::<Net>::new(), Vec::new(), Vec::new());
    let (mut shifts, mut names) = (Vec::new(), PointNames::default());
    for &(name, bytes) in files {
        let refuse = |reason| Error::weights(reason).at(name);
        let Contents { layers, likely, description, left_out } = file::parse(bytes).map_err(refuse)?;
        for layers in split(layers).map_err(refuse)? {
            let net = Net::read(layers, likely.as_ref(), options).map_err(refuse)?;
            if nets.iter().any(|other| other.arch.stage == net.arch.stage) {
                return Err(refuse(format!("{} for the second time", net.arch.name())));
            }
            notes.extend(net.notes.iter().map(|note| format!("{}: {note}", quoted(name))));
            if net.arch.stage == Stage::ONet {
                let said = description.as_ref();
                shifts.extend(said.into_iter().flat_map(Lean::entries));
                let entry = |key: &str| Some(said?.get(key)?.as_str());
                Lean::read(entry).map_err(refuse)?;
                names = points::names(net.arch.points, entry).map_err(refuse)?;
            }
            nets.push(net);
        }
        notes.extend(
            left_out.iter().map(|entry| {
                format!("{}: the entry {} is left out: it is not of the nets", quoted(name), quoted(entry))
            }),
        );
        carried.push(description);
    }
    if let Some(missing) = Stage::ALL.into_iter().find(|stage| nets.iter().all(|net| net.arch.stage != *stage)) {
        return Err(Error::weights(format!("no file has {missing}: all three nets are needed")));
    }
    let mut systems = Vec::new();
    for source in nets.iter().filter_map(|net| net.source) {
        if !systems.contains(&source) {
            systems.push(source);
        }
    }
    let tensors = nets.into_iter().flat_map(|net| net.parameters).collect();
    let model = Model { tensors, names, screening: None, lean: Lean::ORIGINAL };
    let mut description = describe(&model, files, &carried, &systems, options, &mut notes);
    description.extend(shifts);
    Ok(Imported { model, description, notes })
}

/// The description of an imported model.
fn describe(
    model: &Model,
    files: &[(&str, &[u8])],
    carried: &[Option<Description>],
    systems: &[Source],
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> Description {
    if options.origin.is_none() && options.licence.is_none() {
        if model.equals(&Model::embedded()) && model.names().are_the_five() {
            notes.push(
                "the weights are those that this program has inside: their origin and licence are taken over".into(),
            );
            return description::embedded();
        }
        if let [Some(first), rest @ ..] = carried
            && rest.iter().all(|other| other.as_ref() == Some(first))
        {
            let mut description = first.clone();
            // What the names are of is said anew.
            description.retain(|key, _| ![points::NAMES, points::ORDER].contains(&key.as_str()));
            description
                .extend(description::of_origin("", None, model.names()).into_iter().filter(|(key, _)| key != "origin"));
            return description;
        }
    }
    let base = |name: &str| name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let files: Vec<_> = files.iter().map(|(name, _)| base(name)).collect();
    let names: Vec<_> = systems.iter().map(|system| system.name()).collect();
    let names = if names.is_empty() { "imported".into() } else { names.join(" and ") };
    let origin = options.origin.clone().unwrap_or_else(|| format!("{names}: {}", files.join(", ")));
    let mut description = description::of_origin(&origin, options.licence.as_deref(), model.names());
    if let [system] = systems {
        description.insert(description::SYSTEM.into(), system.to_string());
    }
    description
}
