//! `.npy` files with pickled dictionaries of arrays, and `.npz` files: an array for each parameter.

use super::archive::Archive;
use super::layers::{Budget, Contents, named};
use super::named::{self as names, Order};
use super::numpy::{self, Npy};
use super::pickle::Pickle;
use super::source::Source;
use super::tree::Tree;
use crate::weights::description;

/// Reads a pickled dictionary: of layers, each a dictionary of arrays (davidsandberg), of arrays by their whole names, or of
/// such dictionaries or lists by the names of the nets.
pub(super) fn parse(bytes: &[u8]) -> Result<Contents, String> {
    const NO_ARRAYS: &str = "the .npy file has no dictionary of arrays in it";
    let mut budget = Budget::new();
    let Npy::Pickle(bytes) = numpy::npy(bytes, &mut budget)? else { return Err(NO_ARRAYS.into()) };
    let (pickle, _) = Pickle::parse(bytes)?;
    let Tree { arrays, left_out } = Tree::of(&pickle)?;
    let arrays = numpy::arrays(&pickle, arrays, &mut budget)?;
    if arrays.is_empty() {
        return Err(NO_ARRAYS.into());
    }
    let parts = ["weights", "biases", "alpha"];
    let is_davidsandberg =
        arrays.iter().all(|(name, _)| parts.iter().any(|part| name.rsplit('.').next() == Some(*part)));
    let likely =
        is_davidsandberg.then(|| (Source::Davidsandberg, "it is a dictionary of weights, biases and alpha".into()));
    // A dictionary of Python 2 has no order.
    Ok(Contents { layers: names::layers(arrays, Order::Names), likely, left_out, description: None })
}

/// Reads an archive of arrays.
pub(super) fn parse_npz(archive: &mut Archive<'_>) -> Result<Contents, String> {
    let text = archive.read(description::FILE).ok();
    let description = text.and_then(|text| description::from_text(std::str::from_utf8(&text).ok()?));
    let (mut budget, mut arrays) = (Budget::new(), Vec::new());
    for file in archive.names() {
        let Some(name) = file.strip_suffix(".npy") else { continue };
        let bytes = archive.read(&file)?;
        match named(name, numpy::npy(&bytes, &mut budget))? {
            Npy::Array(array) => arrays.push((name.to_owned(), array)),
            Npy::Pickle(_) => return named(name, Err("a pickle, where an array must be".into())),
        }
    }
    let likely =
        description.is_some().then(|| (Source::MtcnnCpu, "it has a description as this program writes it".into()));
    Ok(Contents { layers: names::layers(arrays, Order::Names), likely, description, ..Contents::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::kind::Kind;

    fn file(pickle: &[u8]) -> Vec<u8> {
        let header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }";
        [Kind::Npy.beginning(), &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), pickle].concat()
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
            (with(b"]q\x05h\x05a"), "in each other"),
            (with(b"]}U\x01aNsa"), "no dictionary"),
            (with(&[b"]}U\x01a}U\x05alpha", ARRAY, b"ssa"].concat()), "a.alpha: the pickle in it has something else"),
        ] {
            let error = parse(&file(&pickle)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
