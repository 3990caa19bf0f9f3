//! PyTorch's files: a zip archive, as it has written them since 2020, and the format before.
//!
//! Both have a pickle in which each tensor names a storage by its key, with an offset, a shape and strides; the
//! storages' bytes are files of the archive, or lie behind the pickle with their keys and counts. The tensors are a state
//! dict, wherever in a checkpoint it is.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::archive::Archive;
use super::dtype::Dtype;
use super::layers::{Array, Budget, Contents, named};
use super::named::{self as names, Order};
use super::numpy::{self, places};
use super::pickle::{Id, Known, Pickle, Value};
use super::source::Source;
use super::tree::Tree;
use crate::weights::kind::Kind;

const NO_STATE_DICT: &str = "there is no dictionary of tensors in it";

/// Reads the old format.
pub(super) fn parse(bytes: &[u8]) -> Result<Contents, String> {
    const CUT: &str = "it ends before the last storage";
    let rest = bytes.strip_prefix(Kind::Torch.beginning()).ok_or("not a file of PyTorch")?;
    // The version, and the sizes of numbers where it was written.
    let (_, rest) = Pickle::parse(rest)?;
    let (_, rest) = Pickle::parse(rest)?;
    let (pickle, rest) = Pickle::parse(rest)?;
    let (keys, mut rest) = Pickle::parse(rest)?;
    let storages = pickle.values().iter().filter_map(|value| Storage::of(&pickle, value));
    let dtypes: HashMap<_, _> = storages.map(|storage| (storage.key, storage.dtype)).collect();
    let mut data = HashMap::new();
    for &key in keys.items(keys.root).ok_or(NO_STATE_DICT)? {
        let key = keys.bytes(key).ok_or(NO_STATE_DICT)?;
        let (&count, after) = rest.split_first_chunk().ok_or(CUT)?;
        let dtype = dtypes.get(key).ok_or("a storage that no tensor has")?;
        let length = usize::try_from(u64::from_le_bytes(count)).ok();
        let length = length.and_then(|count| count.checked_mul(dtype.bytes())).ok_or(CUT)?;
        let (bytes, after) = after.split_at_checked(length).ok_or(CUT)?;
        rest = after;
        data.insert(key, bytes);
    }
    contents(&pickle, |key| {
        data.get(key).map(|&bytes| bytes.to_vec()).ok_or("a tensor whose storage is missing".into())
    })
}

/// Reads an archive.
pub(super) fn parse_zip(archive: &mut Archive<'_>) -> Result<Contents, String> {
    let name = archive.names().into_iter().find(|name| name.ends_with("data.pkl")).ok_or(NO_STATE_DICT)?;
    let folder = name.strip_suffix("data.pkl").expect("just looked at").to_owned();
    if archive.read(&format!("{folder}byteorder")).is_ok_and(|order| order.starts_with(b"big")) {
        return Err("its values have the highest byte first".into());
    }
    let bytes = archive.read(&name)?;
    let (pickle, _) = Pickle::parse(&bytes)?;
    contents(&pickle, |key| {
        let key = std::str::from_utf8(key).map_err(|_| NO_STATE_DICT)?;
        archive.read(&format!("{folder}data/{key}"))
    })
}

/// Values outside of the pickle.
#[derive(Clone, Copy)]
struct Storage<'a> {
    key: &'a [u8],
    dtype: Dtype,
}

impl<'a> Storage<'a> {
    fn of(pickle: &Pickle<'a>, value: &Value<'_>) -> Option<Self> {
        let Value::Outside(name) = *value else { return None };
        let &[_, kind, key, ..] = pickle.tuple(name)? else { return None };
        let Value::Known(Known::Storage(dtype)) = *pickle.get(kind) else { return None };
        Some(Self { key: pickle.bytes(key)?, dtype })
    }
}

/// A tensor as the pickle tells it.
struct Tensor<'a> {
    storage: Storage<'a>,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl<'a> Tensor<'a> {
    fn of(pickle: &Pickle<'a>, id: Id) -> Option<Self> {
        let made = |id| match *pickle.get(id) {
            Value::Made { by, with, .. } => pickle.tuple(with).map(|with| (by, with)),
            _ => None,
        };
        let (mut by, mut with) = made(id)?;
        if by == Known::RebuildParameter {
            (by, with) = made(*with.first()?)?;
        }
        let (Known::RebuildTensor, &[storage, offset, shape, strides, ..]) = (by, with) else { return None };
        Some(Self {
            storage: Storage::of(pickle, pickle.get(storage))?,
            offset: pickle.size(offset)?,
            shape: pickle.sizes(shape)?,
            strides: pickle.sizes(strides)?,
        })
    }

    /// From the bytes of its storage.
    fn array(self, storage: &[f32], budget: &mut Budget) -> Result<Array, String> {
        let Self { offset, shape, strides, .. } = self;
        let count = budget.take(&shape)?;
        // The last place, which must be in the storage; where there is none, there is nothing to look at.
        let last = shape
            .iter()
            .zip(&strides)
            .try_fold(offset, |last, (&size, &stride)| last.checked_add(size.saturating_sub(1).checked_mul(stride)?));
        let inside = last.is_some_and(|last| last < storage.len());
        if shape.len() != strides.len() || (count > 0 && !inside) {
            return Err("a tensor reaches beyond its storage".into());
        }
        Ok(Array { values: places(&shape, &strides).map(|place| storage[offset + place]).collect(), shape })
    }
}

/// The layers of the state dict; `read` gives a storage's bytes.
fn contents(pickle: &Pickle<'_>, mut read: impl FnMut(&[u8]) -> Result<Vec<u8>, String>) -> Result<Contents, String> {
    let (Tree { arrays: ids, left_out }, mut budget) = (Tree::of(pickle)?, Budget::new());
    let (mut storages, mut arrays) = (HashMap::<_, Vec<f32>>::new(), Vec::new());
    for (name, id) in ids {
        let array = match Tensor::of(pickle, id) {
            Some(tensor) => {
                // Tensors may share a storage.
                let Storage { key, dtype } = tensor.storage;
                let values = match storages.entry((key, dtype)) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => entry.insert(dtype.read(&read(key)?)),
                };
                tensor.array(values, &mut budget)
            }
            None => numpy::pickled(pickle, id, &mut budget),
        };
        let array = named(&name, array)?;
        arrays.push((name, array));
    }
    if arrays.is_empty() {
        return Err(NO_STATE_DICT.into());
    }
    let layers = names::layers(arrays, Order::Built);
    let named = |names: &[&str]| names.iter().all(|name| layers.iter().any(|layer| layer.name == *name));
    let heads = [["conv4_1", "conv4_2"], ["dense5_1", "dense5_2"], ["dense6_1", "dense6_2"]];
    let likely = heads.iter().find(|heads| named(*heads));
    let likely = likely.map(|[a, b]| (Source::FacenetPytorch, format!("its heads are {a} and {b}")));
    Ok(Contents { layers, likely, left_out, description: None })
}

#[cfg(test)]
mod tests {
    use super::super::layers::Layer;
    use super::*;
    use std::io::{Cursor, Write};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    /// A state dict of one tensor of `shape` and `strides`, as pickled numbers.
    fn pickle(shape: &[u8], strides: &[u8]) -> Vec<u8> {
        let numbers = |numbers: &[u8]| numbers.iter().flat_map(|&number| [b'K', number]).collect::<Vec<u8>>();
        [
            b"\x80\x02ccollections\nOrderedDict\n)RX\x08\0\0\0a.weightctorch._utils\n_rebuild_tensor_v2\n((".as_slice(),
            b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQK\0(",
            &numbers(shape),
            b"t(",
            &numbers(strides),
            b"t\x89ccollections\nOrderedDict\n)RtRs.",
        ]
        .concat()
    }

    fn floats(count: usize) -> Vec<u8> {
        (0..count).flat_map(|number| (number as f32).to_le_bytes()).collect()
    }

    fn old(pickle: &[u8], data: &[u8], count: u64) -> Vec<u8> {
        [Kind::Torch.beginning(), b"M\xE9\x03.", b"}.", pickle, b"]X\x01\0\0\x000a.", &count.to_le_bytes(), data]
            .concat()
    }

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn parse_archive(bytes: &[u8]) -> Result<Contents, String> {
        parse_zip(&mut Archive::open(bytes)?)
    }

    #[test]
    fn both_formats_with_strides() {
        let pickle = pickle(&[2, 3], &[1, 2]);
        let expected = Array { shape: vec![2, 3], values: vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0] };
        let archive = zipped(&[("net/data.pkl", &pickle), ("net/data/0", &floats(6)), ("net/byteorder", b"little")]);
        let expected = [Layer { name: "a.weight".into(), arrays: vec![expected] }];
        for found in [parse(&old(&pickle, &floats(6), 6)), parse_archive(&archive)] {
            assert_eq!(found.unwrap().layers, expected);
        }
    }

    #[test]
    fn hostile_files_are_refused() {
        let data = floats(6);
        let whole = old(&pickle(&[2, 3], &[3, 1]), &data, 6);
        for cut in 0..whole.len() {
            assert!(parse(&whole[..cut]).is_err(), "{cut}");
        }
        let far = pickle(&[2, 3], &[4, 1]);
        let wide = pickle(&[255, 255, 255, 255], &[0, 0, 0, 0]);
        for (bytes, reason) in [
            (old(&far, &data, 6), "reaches beyond its storage"),
            (old(&wide, &data, 6), "too large"),
            (old(&pickle(&[2, 3], &[1]), &data, 6), "reaches beyond"),
            (old(&far, &data, u64::MAX / 2), "ends before the last storage"),
            (old(b"cposix\nsystem\n.", &data, 6), "nothing is run"),
            (old(b"N.", &data, 6), "a storage that no tensor has"),
            (old(b"}X\x01\0\0\0aNs.", &data, 6), "a storage that no tensor has"),
            (old(b"}q\0X\x01\0\0\0ah\0s.", &data, 6), "a storage that no tensor has"),
        ] {
            let error = parse(&bytes).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let bomb = zipped(&[("net/data.pkl", &vec![0; 40 << 20])]);
        assert!(bomb.len() < 1 << 20);
        let pickle = pickle(&[6], &[1]);
        for (bytes, reason) in [
            (bomb, "more than 16777216 bytes are packed"),
            (zipped(&[("net/data.pkl", &pickle)]), "data/0 can't be unpacked"),
            (zipped(&[("net/data.pkl", &pickle), ("net/data/0", &data[..20])]), "reaches beyond its storage"),
            (zipped(&[("net/data.pkl", &pickle), ("net/data/0", &data), ("net/byteorder", b"big")]), "highest byte"),
            (zipped(&[("readme", b"x")]), "no dictionary of tensors"),
            (zipped(&[("net/data.pkl", b"}X\x01\0\0\0aNs.")]), "no dictionary of tensors"),
        ] {
            let error = parse_archive(&bytes).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let archive = zipped(&[("net/data.pkl", &pickle), ("net/data/0", &data)]);
        for cut in 0..archive.len() {
            assert!(parse_archive(&archive[..cut]).is_err(), "{cut}");
        }
    }
}
