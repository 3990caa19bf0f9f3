//! MAT files of version 5, as far as the ground truth of WIDER FACE needs them: cells, numbers and text,
//! compressed or not.
//!
//! The format is described in MathWorks' "MAT-File Format" of R2019b, chapter 1. A file is a header of 128 bytes
//! and elements: a type, a length, and that many bytes, padded to a multiple of 8. An array is an element that
//! has elements in it: flags, sizes, a name and the values; a cell's values are arrays again.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::ZlibDecoder;

use crate::error::{Error, Result};

/// Of a file, and of all that is unpacked from it: the largest published one has 2.6 MB.
const MOST_BYTES: u64 = 16 << 20;
/// Cells in cells: the published files have two of them and an array.
const DEEPEST: usize = 8;
const HEADER: usize = 128;

/// An array.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Arrays of any kind, the first column first.
    Cells(Vec<Value>),
    /// Numbers, the first column first.
    Numbers { rows: usize, values: Vec<f64> },
    /// Characters.
    Text(String),
}

impl Value {
    /// The arrays in it, if it is of cells; something without values is of no cells, too.
    pub(super) fn cells(&self) -> Option<&[Value]> {
        match self {
            Value::Cells(cells) => Some(cells),
            Value::Numbers { values, .. } if values.is_empty() => Some(&[]),
            _ => None,
        }
    }

    /// The rows and the values, if it is of numbers.
    pub(super) fn numbers(&self) -> Option<(usize, &[f64])> {
        match self {
            Value::Numbers { rows, values } => Some((*rows, values)),
            _ => None,
        }
    }

    /// The text, if it is one; or if it is in a cell of its own, as some versions of the files have it.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Cells(cells) => match &cells[..] {
                [Value::Text(text)] => Some(text),
                _ => None,
            },
            Value::Numbers { .. } => None,
        }
    }
}

/// Reads the variables of these names, in this order. Others are not looked at.
///
/// # Errors
/// [`crate::ErrorKind::Unreadable`] if the file can't be read, [`crate::ErrorKind::Data`] with the file and the reason if it is damaged, has none of
/// such a name, or is more than 16 MiB, as it is or unpacked.
pub(super) fn read<const N: usize>(path: &Path, names: [&str; N]) -> Result<[Value; N]> {
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(|source| Error::read(path, source))?.take(MOST_BYTES + 1);
    file.read_to_end(&mut bytes).map_err(|source| Error::read(path, source))?;
    parse(&bytes, names).map_err(|reason| Error::data(reason).at(path))
}

fn parse<const N: usize>(file: &[u8], names: [&str; N]) -> Result<[Value; N], String> {
    const NO_MAT: &str = "not a MAT file of version 5";
    if file.len() as u64 > MOST_BYTES {
        return Err(format!("more than {} MiB", MOST_BYTES >> 20));
    }
    match file.get(124..HEADER) {
        Some(&[_, 1, b'I', b'M']) => {}
        Some(&[1, _, b'M', b'I']) => return Err("numbers are stored with the highest byte first".into()),
        _ if file.starts_with(b"MATLAB 7.3") => return Err(format!("{NO_MAT}, but of 7.3: save it with -v7")),
        _ => return Err(NO_MAT.into()),
    }
    let (mut left, mut found) = (MOST_BYTES, names.map(|_| None));
    let mut elements = Elements(&file[HEADER..]);
    while let Some((kind, data)) = elements.next()? {
        let unpacked;
        let (kind, data) = if kind == element::COMPRESSED {
            unpacked = unpack(data, &mut left)?;
            Elements(&unpacked).next()?.ok_or(CUT)?
        } else {
            (kind, data)
        };
        if kind == element::MATRIX {
            let array = Array::parse(data)?;
            if let Some(place) = names.iter().position(|&name| name.as_bytes() == array.name) {
                found[place] = Some(array.value(DEEPEST).map_err(|reason| format!("{}: {reason}", names[place]))?);
            }
        }
    }
    match names.iter().zip(&found).find(|(_, value)| value.is_none()) {
        Some((name, _)) => Err(format!("there is no {name} in it")),
        None => Ok(found.map(|value| value.expect("just looked at"))),
    }
}

const CUT: &str = "it ends too early";

/// What a zlib stream has in it, if that is not more than is `left`.
fn unpack(packed: &[u8], left: &mut u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = ZlibDecoder::new(packed).take(*left + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("it can't be unpacked: {error}"))?;
    let size = bytes.len() as u64;
    *left = left.checked_sub(size).ok_or_else(|| format!("more than {} MiB are packed in it", MOST_BYTES >> 20))?;
    Ok(bytes)
}

/// Types of elements, table 1-1.
mod element {
    pub(super) const INT8: u32 = 1;
    pub(super) const UINT8: u32 = 2;
    pub(super) const INT16: u32 = 3;
    pub(super) const UINT16: u32 = 4;
    pub(super) const INT32: u32 = 5;
    pub(super) const UINT32: u32 = 6;
    pub(super) const SINGLE: u32 = 7;
    pub(super) const DOUBLE: u32 = 9;
    pub(super) const INT64: u32 = 12;
    pub(super) const UINT64: u32 = 13;
    pub(super) const MATRIX: u32 = 14;
    pub(super) const COMPRESSED: u32 = 15;
    pub(super) const UTF8: u32 = 16;
    pub(super) const UTF16: u32 = 17;
}

/// Elements one after the other.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The type and the bytes of the next, or none at the end.
    fn next(&mut self) -> Result<Option<(u32, &'a [u8])>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let word = |at: usize| self.0.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four")));
        let first = word(0).ok_or(CUT)?;
        // Up to four bytes can be in the place of the length, and that in the type's upper half.
        let (kind, from, length) = match first >> 16 {
            0 => (first, 8, word(4).ok_or(CUT)? as usize),
            length => (first & 0xFFFF, 4, length as usize),
        };
        let data = self.0[from.min(self.0.len())..].get(..length).ok_or(CUT)?;
        let end = match kind {
            // The one type that is not padded.
            element::COMPRESSED => from + length,
            _ => (from + length).next_multiple_of(8),
        };
        // The last may lack its padding.
        self.0 = &self.0[end.min(self.0.len())..];
        Ok(Some((kind, data)))
    }

    fn expect(&mut self) -> Result<(u32, &'a [u8]), String> {
        self.next()?.ok_or_else(|| CUT.into())
    }
}

/// An array before its values are looked at.
struct Array<'a> {
    class: u8,
    complex: bool,
    sizes: Vec<usize>,
    name: &'a [u8],
    values: Elements<'a>,
}

impl<'a> Array<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, String> {
        let mut values = Elements(data);
        let (element::UINT32, &[class, flags, ..]) = values.expect()? else {
            return Err("an array without flags".into());
        };
        let (element::INT32, sizes) = values.expect()? else { return Err("an array without sizes".into()) };
        let sizes = sizes.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four")) as usize);
        let (element::INT8, name) = values.expect()? else { return Err("an array without a name".into()) };
        Ok(Self { class, complex: flags & 8 != 0, sizes: sizes.collect(), name, values })
    }

    /// The values. `depth` is how many arrays may still lie in each other.
    fn value(mut self, depth: usize) -> Result<Value, String> {
        const CELL: u8 = 1;
        const CHAR: u8 = 4;
        const NUMBERS: std::ops::RangeInclusive<u8> = 6..=15;
        let count = self.sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        let count = count.ok_or("an array of an impossible size")?;
        match self.class {
            CELL => {
                let depth = depth.checked_sub(1).ok_or("too many cells in each other")?;
                let mut cells = Vec::new();
                while let Some((kind, data)) = self.values.next()? {
                    cells.push(match (kind, data) {
                        (element::MATRIX, []) => Value::Numbers { rows: 0, values: Vec::new() },
                        (element::MATRIX, data) => Array::parse(data)?.value(depth)?,
                        _ => return Err("a cell that is no array".into()),
                    });
                }
                match cells.len() == count {
                    true => Ok(Value::Cells(cells)),
                    false => Err(format!("{} of {count} cells", cells.len())),
                }
            }
            CHAR => {
                let (kind, data) = self.values.expect()?;
                text(kind, data).map(Value::Text).ok_or_else(|| "characters that are no text".into())
            }
            class if NUMBERS.contains(&class) && !self.complex => {
                let (kind, data) = self.values.expect()?;
                let values = numbers(kind, data)?;
                match values.len() == count {
                    true => Ok(Value::Numbers { rows: self.sizes.first().copied().unwrap_or(0), values }),
                    false => Err(format!("{} of {count} numbers", values.len())),
                }
            }
            class => Err(format!("an array of a class that is not read ({class})")),
        }
    }
}

fn text(kind: u32, data: &[u8]) -> Option<String> {
    match kind {
        element::UTF8 | element::INT8 | element::UINT8 => String::from_utf8(data.into()).ok(),
        element::UTF16 | element::UINT16 => {
            let units: Vec<_> = data.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
            String::from_utf16(&units).ok()
        }
        _ => None,
    }
}

fn numbers(kind: u32, data: &[u8]) -> Result<Vec<f64>, String> {
    fn all<const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        data.chunks_exact(N).map(|bytes| number(bytes.try_into().expect("as many"))).collect()
    }
    // Matlab keeps numbers in the smallest type that they fit into, whatever the class of their array.
    Ok(match kind {
        element::INT8 => all(data, |bytes| i8::from_le_bytes(bytes).into()),
        element::UINT8 => all(data, |bytes| u8::from_le_bytes(bytes).into()),
        element::INT16 => all(data, |bytes| i16::from_le_bytes(bytes).into()),
        element::UINT16 => all(data, |bytes| u16::from_le_bytes(bytes).into()),
        element::INT32 => all(data, |bytes| i32::from_le_bytes(bytes).into()),
        element::UINT32 => all(data, |bytes| u32::from_le_bytes(bytes).into()),
        element::SINGLE => all(data, |bytes| f32::from_le_bytes(bytes).into()),
        element::DOUBLE => all(data, f64::from_le_bytes),
        element::INT64 => all(data, |bytes| i64::from_le_bytes(bytes) as f64),
        element::UINT64 => all(data, |bytes| u64::from_le_bytes(bytes) as f64),
        other => return Err(format!("numbers of a type that is not read ({other})")),
    })
}

/// Files to test with.
#[cfg(test)]
pub(super) mod write {
    use super::{Value, element};
    use std::io::Write;

    fn tagged(kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        bytes.extend(data);
        if kind != element::COMPRESSED {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        bytes
    }

    pub(in super::super) fn array(name: &str, value: &Value) -> Vec<u8> {
        let (class, rows, columns, data) = match value {
            Value::Cells(cells) => (1_u32, cells.len(), 1, cells.iter().flat_map(|cell| array("", cell)).collect()),
            Value::Numbers { rows, values } => {
                let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                (6, *rows, values.len() / (*rows).max(1), tagged(element::DOUBLE, &data))
            }
            Value::Text(text) => (4, 1, text.len(), tagged(element::UTF8, text.as_bytes())),
        };
        let flags = [class.to_le_bytes(), [0; 4]].concat();
        let sizes = [(rows as u32).to_le_bytes(), (columns as u32).to_le_bytes()].concat();
        let head = [(element::UINT32, &flags[..]), (element::INT32, &sizes), (element::INT8, name.as_bytes())];
        let body: Vec<u8> = head.iter().flat_map(|&(kind, data)| tagged(kind, data)).chain(data).collect();
        tagged(element::MATRIX, &body)
    }

    pub(in super::super) fn compressed(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).unwrap();
        tagged(element::COMPRESSED, &encoder.finish().unwrap())
    }

    pub(in super::super) fn file(elements: &[u8]) -> Vec<u8> {
        let mut bytes = vec![b' '; 124];
        bytes.extend([0, 1, b'I', b'M']);
        bytes.extend(elements);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use write::{array, compressed, file};

    fn table() -> Value {
        let numbers = Value::Numbers { rows: 2, values: vec![1.0, 2.0, 3.5, -4.0] };
        Value::Cells(vec![Value::Text("0--Parade".into()), numbers, Value::Cells(vec![])])
    }

    #[test]
    fn variables_are_found_by_their_names() {
        let more = array("more", &Value::Text("x".into()));
        let plain = file(&[array("list", &table()), more.clone()].concat());
        let packed = file(&[compressed(&more), compressed(&array("list", &table()))].concat());
        for bytes in [plain, packed] {
            assert_eq!(parse(&bytes, ["list", "more"]).unwrap(), [table(), Value::Text("x".into())]);
            assert_eq!(parse(&bytes, ["none"]).unwrap_err(), "there is no none in it");
        }
    }

    /// Types and short elements as MATLAB writes them, by hand.
    #[test]
    fn numbers_are_kept_in_small_types() {
        let flags = [6, 0, 0, 0, 8, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0];
        let sizes = [5, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0];
        let name = [1, 0, 2, 0, b'a', b'b', 0, 0];
        let values = [2, 0, 3, 0, 7, 8, 255, 0];
        let body = [&flags[..], &sizes, &name, &values].concat();
        let bytes = file(&[&[14, 0, 0, 0, body.len() as u8, 0, 0, 0][..], &body].concat());
        assert_eq!(parse(&bytes, ["ab"]).unwrap(), [Value::Numbers { rows: 3, values: vec![7.0, 8.0, 255.0] }]);
        assert_eq!(numbers(element::INT16, &[0xFE, 0xFF]).unwrap(), [-2.0]);
        assert!(numbers(element::UTF8, &[0]).is_err());
    }

    #[test]
    fn damaged_files_are_refused() {
        let whole = array("list", &table());
        for cut in 1..whole.len() - 8 {
            parse(&file(&whole[..cut]), ["list"]).unwrap_err();
        }
        for at in 0..whole.len() {
            for bit in [1, 0x80] {
                let mut damaged = whole.clone();
                damaged[at] ^= bit;
                // A different value, or an error: no panic, and no more memory than the file has.
                let _ = parse(&file(&damaged), ["list"]);
            }
        }
        let deep = (0..DEEPEST + 1).fold(table(), |inner, _| Value::Cells(vec![inner]));
        let bomb = compressed(&vec![0; 20 << 20]);
        for (bytes, reason) in [
            (vec![0; 200], "not a MAT file of version 5"),
            (b"MATLAB 7.3 MAT-file".to_vec(), "save it with -v7"),
            (file(&[15, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4]), "can't be unpacked"),
            (file(&compressed(&whole)[..12]), "it ends too early"),
            (file(&bomb), "more than 16 MiB are packed in it"),
            (vec![0; 17 << 20], "more than 16 MiB"),
            (file(&array("list", &deep)), "list: too many cells"),
        ] {
            let error = parse(&bytes, ["list"]).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
