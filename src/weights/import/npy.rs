//! `.npy` files with a dictionary of layers (davidsandberg), and the `.npz` files that this program writes.

use std::collections::BTreeMap;

use super::archive::Archive;
use super::layers::{Budget, Found, Layer, Layout};
use super::numpy::{self, Npy};
use super::pickle::{Pickle, Value};
use super::{Source, description};
use crate::arch;

/// The description in a `.npz` file of ours.
pub(in super::super) const DESCRIPTION: &str = "description.json";

/// Reads a net: a pickled dictionary of layers, each a dictionary of arrays.
pub(super) fn parse(bytes: &[u8]) -> Result<Found, String> {
    const NO_LAYERS: &str = "the .npy file has no dictionary of layers in it";
    let mut budget = Budget::new();
    let Npy::Pickle(bytes) = numpy::npy(bytes, &mut budget)? else { return Err(NO_LAYERS.into()) };
    let (pickle, _) = Pickle::parse(bytes)?;
    // An array of one object, the dictionary.
    let Value::Made { state: Some(state), .. } = *pickle.get(pickle.root) else { return Err(NO_LAYERS.into()) };
    let items = pickle.tuple(state).and_then(|state| state.last());
    let dict = match items.map(|&items| pickle.get(items)) {
        Some(Value::List(items)) if items.len() == 1 => pickle.dict(items[0]),
        _ => None,
    };
    let mut layers = Vec::new();
    for &(name, parts) in dict.ok_or(NO_LAYERS)? {
        let name = pickle.text(name).ok_or(NO_LAYERS)?.to_owned();
        let part = |key| pickle.entry(parts, key);
        let parts = match (part("weights"), part("biases"), part("alpha")) {
            (Some(weights), Some(biases), None) => vec![weights, biases],
            (None, None, Some(slopes)) => vec![slopes],
            _ => return Err(format!("the layer {name} has neither weights and biases nor alpha")),
        };
        let arrays: Result<Vec<_>, _> = parts.into_iter().map(|id| numpy::pickled(&pickle, id, &mut budget)).collect();
        layers.push(Layer { arrays: arrays.map_err(|reason| format!("{name}: {reason}"))?, name });
    }
    // A dictionary of Python 2 has no order.
    layers.sort_by(|a, b| a.name.cmp(&b.name));
    let likely = Some((Source::Davidsandberg, "it is a dictionary of weights, biases and alpha".into()));
    Ok(Found { layers, layout: Layout::OutputsLast, likely, description: None })
}

/// Reads the three nets of a `.npz` file that this program wrote.
pub(super) fn parse_npz(archive: &mut Archive<'_>) -> Result<Vec<Found>, String> {
    let description =
        archive.read(DESCRIPTION).ok().and_then(|text| description::from_text(std::str::from_utf8(&text).ok()?));
    if description.is_none() {
        return Err("a .npz file that this program did not write: nothing tells what its arrays are".into());
    }
    let (mut budget, mut found) = (Budget::new(), Vec::new());
    let names = archive.names();
    for arch in arch::ALL {
        let mut layers = BTreeMap::<String, Vec<(bool, _)>>::new();
        for name in &names {
            let parts: Vec<_> = name.split('.').collect();
            let &[net, layer, part, "npy"] = &parts[..] else { continue };
            if net != arch.name() {
                continue;
            }
            let bytes = archive.read(name)?;
            let array = match numpy::npy(&bytes, &mut budget).map_err(|reason| format!("{name}: {reason}"))? {
                Npy::Array(array) => array,
                Npy::Pickle(_) => return Err(format!("{name}: a pickle, where an array must be")),
            };
            layers.entry(layer.into()).or_default().push((part == "bias", array));
        }
        let layers = layers.into_iter().map(|(name, mut arrays)| {
            // Weights before the bias.
            arrays.sort_by_key(|&(is_bias, _)| is_bias);
            Layer { name, arrays: arrays.into_iter().map(|(_, array)| array).collect() }
        });
        let layers: Vec<_> = layers.collect();
        if !layers.is_empty() {
            let likely = Some((Source::MtcnnCpu, "it has a description as this program writes it".into()));
            found.push(Found { layers, layout: Layout::OutputsFirst, likely, description: description.clone() });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(pickle: &[u8]) -> Vec<u8> {
        let header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }";
        [numpy::MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), pickle].concat()
    }

    #[test]
    fn hostile_files_are_refused() {
        const ARRAY: &[u8] = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R";
        let with = |items: &[u8]| [ARRAY, b"(K\x01)N\x89", items, b"tb."].concat();
        for (pickle, reason) in [
            (b"cos\nsystem\n.".to_vec(), "nothing is run"),
            (b"N.".to_vec(), "no dictionary"),
            (ARRAY.to_vec(), "too early"),
            (with(b"]"), "no dictionary"),
            (with(b"]q\x05h\x05a"), "no dictionary"),
            (with(b"]}U\x01aNsa"), "neither weights"),
            (with(b"]}U\x01a}U\x05alphaNssa"), "a: the pickle in it has something else"),
        ] {
            let error = parse(&file(&pickle)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
