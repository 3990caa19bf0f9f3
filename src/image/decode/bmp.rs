//! BMPs that `image` leaves out or gets wrong, rewritten as plain ones: run-length coding, whose skipped pixels have the
//! palette's first colour, the headers of OS/2's second version, and those that forget the palette.

use crate::error::{Error, Result};

/// The file's header, and the smallest and the usual one of the image.
const FILE: usize = 14;
const CORE: usize = 12;
const INFO: usize = 40;

fn cut_short() -> Error {
    Error::damaged("a damaged BMP: the file is cut short")
}

fn number(file: &[u8], at: usize) -> Result<u32> {
    file.get(at..at + 4).map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]])).ok_or_else(cut_short)
}

fn short(file: &[u8], at: usize) -> Result<usize> {
    file.get(at..at + 2).map(|it| usize::from(u16::from_le_bytes([it[0], it[1]]))).ok_or_else(cut_short)
}

/// A file that is to be rewritten.
pub(super) struct Bmp<'a> {
    file: &'a [u8],
    /// The length of the image's header.
    header: usize,
    pub(super) width: u32,
    pub(super) height: u32,
    bits: usize,
    compression: u32,
    /// Where the pixels are said to begin.
    start: usize,
}

impl<'a> Bmp<'a> {
    /// None if `image` reads the file as it is. Nothing but headers is looked at.
    pub(super) fn open(file: &'a [u8]) -> Result<Option<Self>> {
        let header = number(file, FILE)? as usize;
        if header <= CORE {
            return Ok(None);
        }
        let (width, height) = (number(file, FILE + 4)?, (number(file, FILE + 8)? as i32).unsigned_abs());
        let bits = short(file, FILE + 14)?;
        let compression = if header >= 20 { number(file, FILE + 16)? } else { 0 };
        let start = number(file, 10)? as usize;
        let bmp = Self { file, header, width, height, bits, compression, start };
        if bmp.is_os2() && compression > 2 {
            return Err(Error::unsupported("a BMP of an unsupported kind: OS/2's compressions"));
        }
        Ok((bmp.is_os2() || bmp.has_runs() || bmp.forgets_palette()).then_some(bmp))
    }

    /// OS/2's second version may leave out any of its fields but the first; its compressions of 3 and 4 are its own.
    fn is_os2(&self) -> bool {
        self.header < INFO || self.header == 64
    }

    fn has_runs(&self) -> bool {
        matches!((self.compression, self.bits), (1, 8) | (2, 4))
    }

    /// Some writers leave the palette out of what they say of where the pixels begin.
    fn forgets_palette(&self) -> bool {
        matches!((self.bits, self.compression), (1 | 4 | 8, 0) | (8, 1) | (4, 2)) && self.start == FILE + self.header
    }

    /// The bytes of the plain file, and of the rows that it is made of.
    pub(super) fn working_bytes(&self) -> u64 {
        if self.has_runs() { 2 * u64::from(self.width) * u64::from(self.height) } else { self.file.len() as u64 }
    }

    /// The file as `image` reads it.
    pub(super) fn plain(&self) -> Result<Vec<u8>> {
        let Self { file, header, width, height, bits, compression, start } = *self;
        let used = if header >= 36 { number(file, FILE + 32)? as usize } else { 0 };
        let colours = match (bits, used) {
            (1 | 4 | 8, 0) => 1 << bits,
            (1 | 4 | 8, used) => used.min(1 << bits),
            _ => 0,
        };
        let from = FILE + header;
        let palette = file.get(from..from + 4 * colours).ok_or_else(cut_short)?;
        let start = if self.forgets_palette() { from + palette.len() } else { start };
        let pixels = file.get(start..).ok_or_else(cut_short)?;

        let mut plain = Vec::new();
        plain.extend_from_slice(b"BM\0\0\0\0\0\0\0\0");
        plain.extend_from_slice(&((FILE + INFO + palette.len()) as u32).to_le_bytes());
        plain.extend_from_slice(&(INFO as u32).to_le_bytes());
        plain.extend_from_slice(&file[FILE + 4..FILE + 14]);
        plain.extend_from_slice(&(if self.has_runs() { 8 } else { bits as u16 }).to_le_bytes());
        // No compression, and numbers that don't matter.
        plain.extend_from_slice(&[0; 16]);
        plain.extend_from_slice(&(colours as u32).to_le_bytes());
        plain.extend_from_slice(&[0; 4]);
        plain.extend_from_slice(palette);
        if self.has_runs() {
            let (width, height) = (width as usize, height as usize);
            let rows = expand(pixels, width, height, compression == 2)?;
            let stored = width.next_multiple_of(4);
            for row in rows.chunks_exact(width) {
                plain.extend_from_slice(row);
                plain.resize(plain.len() + stored - width, 0);
            }
        } else {
            plain.extend_from_slice(pixels);
            // The bytes that fill the last row may be missing.
            let row = (u64::from(width) * bits as u64).div_ceil(8);
            plain.resize(plain.len() + (row.next_multiple_of(4) - row) as usize, 0);
        }
        Ok(plain)
    }
}

/// The palette's indices of all rows, in the order of the file. Coded data that end without saying so are an error.
fn expand(mut coded: &[u8], width: usize, height: usize, nibbles: bool) -> Result<Vec<u8>> {
    let mut indices = vec![0; width * height];
    let (mut x, mut y) = (0, 0);
    while y < height {
        let (&[count, value], rest) = coded.split_first_chunk().ok_or_else(cut_short)?;
        coded = rest;
        let row = &mut indices[y * width..][..width];
        let (left, index): (usize, Box<dyn Fn(usize) -> u8>) = match (count, value) {
            (0, 0) => {
                (x, y) = (0, y + 1);
                continue;
            }
            (0, 1) => break,
            (0, 2) => {
                let (&[right, up], rest) = coded.split_first_chunk().ok_or_else(cut_short)?;
                coded = rest;
                (x, y) = ((x + usize::from(right)).min(width), y + usize::from(up));
                continue;
            }
            (0, many) => {
                let many = usize::from(many);
                let bytes = if nibbles { many.div_ceil(2) } else { many };
                let (bytes, rest) = coded.split_at_checked(bytes.next_multiple_of(2)).ok_or_else(cut_short)?;
                coded = rest;
                let nibble = |i: usize| if i.is_multiple_of(2) { bytes[i / 2] >> 4 } else { bytes[i / 2] & 15 };
                (many, if nibbles { Box::new(nibble) } else { Box::new(|i| bytes[i]) })
            }
            (many, value) => {
                let nibble = move |i: usize| if i.is_multiple_of(2) { value >> 4 } else { value & 15 };
                (usize::from(many), if nibbles { Box::new(nibble) } else { Box::new(move |_| value) })
            }
        };
        let end = (x + left).min(width);
        for (i, to) in row[x..end].iter_mut().enumerate() {
            *to = index(i);
        }
        x = end;
    }
    Ok(indices)
}
