//! The orientation that metadata state: EXIF, which is a TIFF of its own, or else XMP, which is XML.

use std::borrow::Cow;
use std::ops::Range;

/// EXIF's tag of the orientation.
pub(super) const ORIENTATION: u16 = 0x112;
/// TIFF's tag of XMP.
pub(super) const XMP: u16 = 700;
/// TIFF's tags of how strips or tiles are compressed, and of the width of a tile.
pub(super) const COMPRESSION: u16 = 259;
pub(super) const TILE_WIDTH: u16 = 322;

/// Metadata found in a file. The first of a kind counts.
#[derive(Default)]
pub(super) struct Metadata<'a> {
    pub(super) exif: Option<Cow<'a, [u8]>>,
    pub(super) xmp: Option<Cow<'a, [u8]>>,
}

impl Metadata<'_> {
    /// EXIF's number of the orientation, 1 to 8; 1, upright as it is stored, where nothing is stated.
    pub(super) fn orientation(&self) -> u8 {
        let exif = self.exif.as_deref().and_then(|exif| number(without_prefix(exif), ORIENTATION));
        let stated = exif.or_else(|| self.xmp.as_deref().and_then(orientation_in_xmp));
        stated.and_then(|number| u8::try_from(number).ok()).filter(|it| (1..=8).contains(it)).unwrap_or(1)
    }
}

/// What JPEG puts before EXIF, and some programs leave there in other formats.
fn without_prefix(mut exif: &[u8]) -> &[u8] {
    while let Some(rest) = exif.strip_prefix(b"Exif\0\0") {
        exif = rest;
    }
    exif
}

/// The first number of a tag in the first directory of a TIFF or BigTIFF.
pub(super) fn number(tiff: &[u8], tag: u16) -> Option<u32> {
    let field = Field::find(tiff, tag)?;
    match field.kind {
        3 | 8 => Some(u32::from(field.order.u16(&tiff[field.place], 0)?)),
        4 | 9 => field.order.u32(&tiff[field.place], 0),
        _ => None,
    }
}

/// All numbers of a tag in the first directory of a TIFF or BigTIFF; None where they are not whole or negative.
pub(super) fn numbers(tiff: &[u8], tag: u16) -> Option<Vec<u64>> {
    let Field { order, kind, place } = Field::find(tiff, tag)?;
    let bytes = &tiff[place];
    match kind {
        3 => (0..bytes.len() / 2).map(|i| order.u16(bytes, 2 * i).map(u64::from)).collect(),
        4 => (0..bytes.len() / 4).map(|i| order.u32(bytes, 4 * i).map(u64::from)).collect(),
        16 => (0..bytes.len() / 8).map(|i| order.u64(bytes, 8 * i)).collect(),
        _ => None,
    }
}

/// Where the strips or tiles of a TIFF stand, those that are within the file.
pub(super) fn parts(tiff: &[u8], tiles: bool) -> Option<Vec<Range<usize>>> {
    let (offsets, lengths) = if tiles { (324, 325) } else { (273, 279) };
    let (offsets, lengths) = (numbers(tiff, offsets)?, numbers(tiff, lengths)?);
    let part = |(&start, &length): (&u64, &u64)| {
        let end = start.checked_add(length).filter(|&end| end <= tiff.len() as u64)?;
        Some(start as usize..end as usize)
    };
    Some(offsets.iter().zip(&lengths).map_while(part).collect())
}

/// The bytes of a tag in the first directory of a TIFF or BigTIFF.
pub(super) fn bytes(tiff: &[u8], tag: u16) -> Option<&[u8]> {
    place(tiff, tag).map(|place| &tiff[place])
}

/// Where the value of such a tag stands.
pub(super) fn place(tiff: &[u8], tag: u16) -> Option<Range<usize>> {
    Field::find(tiff, tag).map(|field| field.place)
}

#[derive(Clone, Copy)]
struct Order {
    little: bool,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..)?.first_chunk().copied()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..)?.first_chunk().copied()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let bytes = bytes.get(at..)?.first_chunk().copied()?;
        Some(if self.little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
    }
}

struct Field {
    order: Order,
    kind: u16,
    place: Range<usize>,
}

impl Field {
    fn find(tiff: &[u8], tag: u16) -> Option<Self> {
        let directory = Directory::first(tiff)?;
        let Directory { order, .. } = directory;
        let (start, entry) = directory.entries().find(|(_, entry)| order.u16(entry, 0) == Some(tag))?;
        let kind = order.u16(entry, 2)?;
        let each = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 => 4,
            _ => 8,
        };
        let length = usize::try_from(directory.word(entry, 4)?.checked_mul(each)?).ok()?;
        let inside = if directory.big { 12 } else { 8 };
        let here = &entry[inside..];
        let start = match here.get(..length) {
            Some(_) => start + inside,
            None => usize::try_from(directory.word(here, 0)?).ok()?,
        };
        let place = start..start.checked_add(length)?;
        tiff.get(place.clone())?;
        Some(Self { order, kind, place })
    }
}

/// Whether a text in the first directory says to be longer than the file.
pub(super) fn text_is_cut(tiff: &[u8]) -> bool {
    const TEXT: u16 = 2;
    Directory::first(tiff).is_some_and(|it| {
        let long = |entry| it.word(entry, 4).is_some_and(|length| length > tiff.len() as u64);
        it.entries().any(|(_, entry)| it.order.u16(entry, 2) == Some(TEXT) && long(entry))
    })
}

/// A directory of fields.
struct Directory<'a> {
    order: Order,
    big: bool,
    /// Where the entries begin, and those that are there.
    start: usize,
    entries: &'a [u8],
}

impl<'a> Directory<'a> {
    fn first(tiff: &'a [u8]) -> Option<Self> {
        let order = match tiff.first_chunk::<2>()? {
            b"II" => Order { little: true },
            b"MM" => Order { little: false },
            _ => return None,
        };
        let big = match order.u16(tiff, 2)? {
            42 => false,
            43 => true,
            _ => return None,
        };
        let mut directory = Self { order, big, start: 0, entries: &[] };
        let start = usize::try_from(directory.word(tiff, if big { 8 } else { 4 })?).ok()?;
        let rest = tiff.get(start..)?;
        let many = if big { order.u64(rest, 0)? } else { u64::from(order.u16(rest, 0)?) };
        let count_size = if big { 8 } else { 2 };
        let entries = rest.get(count_size..)?;
        let length = usize::try_from(many).ok()?.saturating_mul(directory.entry());
        (directory.start, directory.entries) = (start + count_size, &entries[..length.min(entries.len())]);
        Some(directory)
    }

    /// The size of an entry.
    fn entry(&self) -> usize {
        if self.big { 20 } else { 12 }
    }

    /// A number of the size that offsets have.
    fn word(&self, bytes: &[u8], at: usize) -> Option<u64> {
        if self.big { self.order.u64(bytes, at) } else { self.order.u32(bytes, at).map(u64::from) }
    }

    /// Where each entry begins, and its bytes.
    fn entries(&self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let (start, size) = (self.start, self.entry());
        self.entries.chunks_exact(size).enumerate().map(move |(i, entry)| (start + i * size, entry))
    }
}

/// The digit of `tiff:Orientation`, as attribute or as element.
fn orientation_in_xmp(xmp: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"tiff:Orientation";
    let ends = xmp.windows(NAME.len()).enumerate().filter(|(_, name)| *name == NAME).map(|(at, _)| at + NAME.len());
    ends.filter_map(|end| match &xmp[end..] {
        [b'=', b'"' | b'\'', digit @ b'0'..=b'9', ..] | [b'>', digit @ b'0'..=b'9', ..] => {
            Some(u32::from(digit - b'0'))
        }
        _ => None,
    })
    .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF of one field with a number inside.
    fn tiff(little: bool, kind: u16, value: u32) -> Vec<u8> {
        let order = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<_>>();
        let put = |big: &[u8]| if little { order(big) } else { big.to_vec() };
        let value = match kind {
            3 => [put(&(value as u16).to_be_bytes()), vec![0; 2]].concat(),
            _ => put(&value.to_be_bytes()),
        };
        let header = [if little { b"II".to_vec() } else { b"MM".to_vec() }, put(&[0, 42]), put(&[0, 0, 0, 8])].concat();
        [header, put(&[0, 1]), put(&ORIENTATION.to_be_bytes()), put(&kind.to_be_bytes()), put(&[0, 0, 0, 1]), value]
            .concat()
    }

    #[test]
    fn the_orientation_is_found_in_every_way_that_it_is_written() {
        let of = |exif: Vec<u8>, xmp: &[u8]| {
            Metadata { exif: Some(exif.into()), xmp: Some(xmp.to_vec().into()) }.orientation()
        };
        for little in [false, true] {
            for kind in [3, 4] {
                assert_eq!(of(tiff(little, kind, 6), b""), 6);
                assert_eq!(of([b"Exif\0\0".to_vec(), tiff(little, kind, 8)].concat(), b""), 8);
            }
        }
        let xmp: &[u8] = b"<a tiff:Orientation=\"3\"/>";
        assert_eq!(of(tiff(true, 3, 6), xmp), 6, "EXIF counts before XMP");
        assert_eq!(of(vec![], xmp), 3);
        assert_eq!(of(vec![], b"<tiff:Orientation>5</tiff:Orientation>"), 5);
        assert_eq!(of(tiff(true, 3, 9), b""), 1, "no orientation has this number");
        for length in 0..tiff(true, 4, 6).len() {
            assert_eq!(of(tiff(true, 4, 6)[..length].to_vec(), b""), 1);
        }
    }
}
