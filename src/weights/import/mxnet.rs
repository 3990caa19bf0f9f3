//! MXNet's arrays with names: `.params`.
//!
//! `NDArray::Save` and `MXNDArraySave` of apache/mxnet write them: a list of arrays, and a list of their names, such as
//! `arg:conv1_weight`. Three versions of an array are in use, and the one before them, which has no number.

use super::dtype::Dtype;
use super::layers::{Array, Budget, Contents};
use super::named::{self, Order};
use crate::weights::kind::Kind;

const CUT: &str = "the .params file ends too early";

/// Reads the arrays of a file.
pub(super) fn parse(bytes: &[u8]) -> Result<Contents, String> {
    let rest = bytes.strip_prefix(Kind::Mxnet.beginning()).ok_or("not a .params file")?;
    let mut reader = Reader(rest);
    reader.take(8)?;
    let (mut arrays, mut budget) = (Vec::new(), Budget::new());
    for _ in 0..reader.u64()? {
        arrays.push(array(&mut reader, &mut budget)?);
    }
    if reader.u64()? != arrays.len() as u64 {
        return Err("a .params file without a name for each array".into());
    }
    let mut named = Vec::new();
    for array in arrays {
        let length = usize::try_from(reader.u64()?).map_err(|_| CUT)?;
        let name = std::str::from_utf8(reader.take(length)?).map_err(|_| "an array whose name is no text")?;
        named.push((name.to_owned(), array));
    }
    Ok(Contents { layers: named::layers(named, Order::Names), ..Contents::default() })
}

fn array(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Array, String> {
    const V1: u32 = 0xF993_FAC8;
    const V2: u32 = 0xF993_FAC9;
    const V3: u32 = 0xF993_FACA;
    let version = reader.u32()?;
    if matches!(version, V2 | V3) && reader.u32()? != 0 {
        return Err("a sparse array: only dense ones are read".into());
    }
    let (dimensions, wide) = match version {
        V1 | V2 | V3 => (reader.u32()?, true),
        dimensions => (dimensions, false),
    };
    if dimensions > 32 {
        return Err(format!("an array of {dimensions} dimensions"));
    }
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        let size = if wide { reader.u64()? } else { reader.u32()?.into() };
        shape.push(usize::try_from(size).map_err(|_| CUT)?);
    }
    // The device that it was on.
    reader.take(8)?;
    let dtype = match reader.u32()? {
        0 => Dtype::F32,
        1 => Dtype::F64,
        2 => Dtype::F16,
        12 => Dtype::Bf16,
        other => return Err(format!("an array of the type {other}: it must be a floating-point one")),
    };
    let count = budget.take(&shape)?;
    Ok(Array { shape, values: dtype.read(reader.take(count * dtype.bytes())?) })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().expect("four bytes")))
    }

    fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into().expect("eight bytes")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::layers::Layer;
    use super::*;

    /// Bytes of numbers of four bytes each.
    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn file(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let count = (arrays.len() as u64).to_le_bytes();
        let mut bytes = [Kind::Mxnet.beginning(), &[0; 8], &count].concat();
        arrays.iter().for_each(|(_, array)| bytes.extend(array));
        bytes.extend(count);
        for (name, _) in arrays {
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name.as_bytes());
        }
        bytes
    }

    #[test]
    fn every_version_of_an_array_is_read() {
        let [one, two] = [1.0_f32.to_bits(), 2.0_f32.to_bits()];
        let bytes = file(&[
            ("arg:c_weight", words(&[0xF993_FAC9, 0, 2, 2, 0, 2, 0, 1, 0, 0, one, two, two, one])),
            ("arg:b_gamma", words(&[0xF993_FAC8, 1, 2, 0, 1, 0, 0, two, one])),
            ("arg:c_bias", words(&[1, 2, 1, 0, 0, one, one])),
            ("arg:a_gamma", words(&[0xF993_FACA, 0, 1, 1, 0, 1, 0, 2, 0x3C00])[..34].to_vec()),
        ]);
        let array = |shape: &[usize], values: &[f32]| Array { shape: shape.into(), values: values.into() };
        let layer = |name: &str, arrays| Layer { name: name.into(), arrays };
        assert_eq!(
            parse(&bytes).unwrap().layers,
            [
                layer("arg:a_gamma", vec![array(&[1], &[1.0])]),
                layer("arg:b_gamma", vec![array(&[2], &[2.0, 1.0])]),
                layer("arg:c", vec![array(&[2, 2], &[1.0, 2.0, 2.0, 1.0]), array(&[2], &[1.0, 1.0])]),
            ]
        );
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn hostile_files_are_refused() {
        let huge = [Kind::Mxnet.beginning(), &[0; 8], &[0xFF; 8]].concat();
        for (bytes, reason) in [
            (huge, "ends too early"),
            (file(&[("a", words(&[1, u32::MAX, 1, 0, 0]))]), "too large"),
            (file(&[("a", words(&[1, 1, 1, 0, 4, 0]))]), "of the type 4"),
            (file(&[("a", words(&[0xF993_FAC9, 1]))]), "sparse"),
            (file(&[("a", words(&[u32::MAX]))]), "4294967295 dimensions"),
        ] {
            let error = parse(&bytes).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
