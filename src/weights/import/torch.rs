//! PyTorch's state dicts: in a zip archive, as it has written them since 2020, and in the format before.
//!
//! Both have a pickle in which each tensor names a storage by its key, with an offset, a shape and strides; the
//! storages' bytes are files of the archive, or lie behind the pickle with their keys and counts.

use std::collections::HashMap;

use super::Source;
use super::archive::Archive;
use super::layers::{Array, Budget, Found, Layer, Layout};
use super::numpy::{Number, places};
use super::pickle::{Id, Known, Pickle, Value};

/// The first pickle of the old format: a number.
pub(super) const MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

const NO_STATE_DICT: &str = "there is no dictionary of tensors in it: only state dicts are read";

/// Storages by their keys.
type Storages<'a> = HashMap<&'a [u8], Vec<u8>>;

/// Reads the old format.
pub(super) fn parse(bytes: &[u8]) -> Result<Found, String> {
    const CUT: &str = "it ends before the last storage";
    let rest = bytes.strip_prefix(MAGIC).ok_or("not a file of PyTorch")?;
    // The version, and the sizes of numbers where it was written.
    let (_, rest) = Pickle::parse(rest)?;
    let (_, rest) = Pickle::parse(rest)?;
    let (state, rest) = Pickle::parse(rest)?;
    let (keys, mut rest) = Pickle::parse(rest)?;
    let Value::List(keys_in_order) = keys.get(keys.root) else { return Err(NO_STATE_DICT.into()) };
    let numbers = storages(&state)?;
    let mut storages = Storages::new();
    for &key in keys_in_order {
        let key = keys.bytes(key).ok_or(NO_STATE_DICT)?;
        let (&count, after) = rest.split_first_chunk().ok_or(CUT)?;
        let number = numbers.get(key).ok_or("a storage that no tensor has")?;
        let length =
            usize::try_from(u64::from_le_bytes(count)).ok().and_then(|count| count.checked_mul(number.bytes()));
        let (data, after) = after.split_at_checked(length.ok_or(CUT)?).ok_or(CUT)?;
        rest = after;
        storages.insert(key, data.to_vec());
    }
    found(&state, &storages)
}

/// Reads an archive.
pub(super) fn parse_zip(archive: &mut Archive<'_>) -> Result<Found, String> {
    let name = archive.names().into_iter().find(|name| name.ends_with("data.pkl")).ok_or(NO_STATE_DICT)?;
    let folder = name.strip_suffix("data.pkl").expect("just looked at").to_owned();
    if archive.read(&format!("{folder}byteorder")).is_ok_and(|order| order.starts_with(b"big")) {
        return Err("its numbers have the highest byte first".into());
    }
    let bytes = archive.read(&format!("{folder}data.pkl"))?;
    let (state, _) = Pickle::parse(&bytes)?;
    let mut data = Storages::new();
    for key in storages(&state)?.into_keys() {
        let key_text = std::str::from_utf8(key).map_err(|_| NO_STATE_DICT)?;
        data.insert(key, archive.read(&format!("{folder}data/{key_text}"))?);
    }
    found(&state, &data)
}

/// The storages that the tensors of a state dict name.
fn storages<'a>(state: &Pickle<'a>) -> Result<HashMap<&'a [u8], Number>, String> {
    let mut storages = HashMap::new();
    for &(_, value) in state.dict(state.root).ok_or(NO_STATE_DICT)? {
        let tensor = Tensor::of(state, value)?;
        storages.insert(tensor.storage, tensor.number);
    }
    Ok(storages)
}

/// A tensor as the pickle tells it.
struct Tensor<'a> {
    storage: &'a [u8],
    number: Number,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl<'a> Tensor<'a> {
    fn of(state: &Pickle<'a>, id: Id) -> Result<Self, String> {
        Self::read(state, id).ok_or_else(|| NO_STATE_DICT.into())
    }

    fn read(state: &Pickle<'a>, id: Id) -> Option<Self> {
        let made = |id| match *state.get(id) {
            Value::Made { by, with, .. } => state.tuple(with).map(|with| (by, with)),
            _ => None,
        };
        let (mut by, mut with) = made(id)?;
        if by == Known::RebuildParameter {
            (by, with) = made(*with.first()?)?;
        }
        let (Known::RebuildTensor, &[storage, offset, shape, strides, ..]) = (by, with) else { return None };
        let Value::Outside(storage) = *state.get(storage) else { return None };
        let &[_, kind, key, ..] = state.tuple(storage)? else { return None };
        let Value::Known(Known::Storage(number)) = *state.get(kind) else { return None };
        Some(Self {
            storage: state.bytes(key)?,
            number,
            offset: state.size(offset)?,
            shape: state.sizes(shape)?,
            strides: state.sizes(strides)?,
        })
    }

    fn array(self, storages: &Storages<'_>, budget: &mut Budget) -> Result<Array, String> {
        let Self { storage, number, offset, shape, strides } = self;
        let data = storages.get(storage).ok_or("a tensor whose storage is missing")?;
        let count = budget.take(&shape)?;
        // The last place, which must be in the storage; where there is none, there is nothing to look at.
        let last = shape
            .iter()
            .zip(&strides)
            .try_fold(offset, |last, (&size, &stride)| last.checked_add(size.saturating_sub(1).checked_mul(stride)?));
        let inside = last.is_some_and(|last| last < data.len() / number.bytes());
        if shape.len() != strides.len() || (count > 0 && !inside) {
            return Err("a tensor reaches beyond its storage".into());
        }
        let at = |place: usize| number.read(&data[(offset + place) * number.bytes()..][..number.bytes()]);
        Ok(Array { values: places(&shape, &strides).map(at).collect(), shape })
    }
}

/// Layers from tensors with names such as `conv1.weight`.
fn found(state: &Pickle<'_>, storages: &Storages<'_>) -> Result<Found, String> {
    let (mut layers, mut budget) = (Vec::<Layer>::new(), Budget::new());
    for &(name, value) in state.dict(state.root).ok_or(NO_STATE_DICT)? {
        let name = state.text(name).ok_or(NO_STATE_DICT)?;
        let (name, part) = name.rsplit_once('.').unwrap_or((name, ""));
        let array =
            Tensor::of(state, value)?.array(storages, &mut budget).map_err(|reason| format!("{name}: {reason}"))?;
        match layers.last_mut() {
            Some(layer) if layer.name == name && part == "bias" => layer.arrays.push(array),
            _ => layers.push(Layer { name: name.into(), arrays: vec![array] }),
        }
    }
    let named = |names: &[&str]| names.iter().all(|name| layers.iter().any(|layer| layer.name == *name));
    let heads = [["conv4_1", "conv4_2"], ["dense5_1", "dense5_2"], ["dense6_1", "dense6_2"]];
    let likely = heads.iter().find(|heads| named(*heads));
    let likely = likely.map(|[a, b]| (Source::FacenetPytorch, format!("its heads are {a} and {b}")));
    Ok(Found { layers, layout: Layout::OutputsFirst, likely, description: None })
}

#[cfg(test)]
mod tests {
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
        [MAGIC, b"M\xE9\x03.", b"}.", pickle, b"]X\x01\0\0\x000a.", &count.to_le_bytes(), data].concat()
    }

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn parse_archive(bytes: &[u8]) -> Result<Found, String> {
        parse_zip(&mut Archive::open(bytes)?)
    }

    #[test]
    fn both_formats_with_strides() {
        let pickle = pickle(&[2, 3], &[1, 2]);
        let expected = Array { shape: vec![2, 3], values: vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0] };
        let archive = zipped(&[("net/data.pkl", &pickle), ("net/data/0", &floats(6)), ("net/byteorder", b"little")]);
        let expected = [Layer { name: "a".into(), arrays: vec![expected] }];
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
            (old(b"N.", &data, 6), "no dictionary of tensors"),
            (old(b"}X\x01\0\0\0aNs.", &data, 6), "no dictionary of tensors"),
            (old(b"}q\0X\x01\0\0\0ah\0s.", &data, 6), "no dictionary of tensors"),
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
