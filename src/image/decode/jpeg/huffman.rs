//! Huffman tables, and coefficients of a block read with them.

use super::bits::Bits;
use super::fault::damaged;
use crate::error::Result;

/// Codes up to this length are found with one look.
const LOOK: u32 = 10;
/// No code and number together are longer.
const WHOLE: u32 = 32;

/// Where the k-th coefficient of a scan stands in its block of 8x8; behind the 64th, where a wrong run may lead, the last.
#[rustfmt::skip]
pub(super) const ZIGZAG: [u8; 128] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
];

/// What the next bits are: from the top, 16 bits of the number behind the code, 8 of its symbol, 4 of the code's length,
/// and 4 of the length of both. The last is 0 where both are longer than [`LOOK`], and all are where the code is.
#[derive(Clone, Copy, Default)]
struct Entry(u32);

impl Entry {
    /// The entry of a code whose following bits, up to [`LOOK`], are `low`.
    fn new(symbol: u8, length: u32, low: u32) -> Self {
        let size = u32::from(symbol & 15);
        let rest = LOOK - length;
        let code = u32::from(symbol) << 8 | length << 4;
        if size > rest {
            return Self(code);
        }
        let value = extend(low >> (rest - size), size);
        Self((value as u32) << 16 | code | (length + size))
    }

    #[inline(always)]
    fn value(self) -> i32 {
        self.0 as i32 >> 16
    }

    #[inline(always)]
    fn symbol(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The length of the code; 0 if it is unknown.
    #[inline(always)]
    fn code(self) -> u32 {
        self.0 >> 4 & 15
    }

    /// The length of code and number; 0 if it is unknown.
    #[inline(always)]
    fn whole(self) -> u32 {
        self.0 & 15
    }
}

pub(super) struct Table {
    entries: Box<[Entry; 1 << LOOK]>,
    /// The first code that is longer than 0 to 16 bits, aligned to 16 bits.
    ends: [u32; 17],
    /// What to add to a code of a length to get the index of its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// A table from the number of codes of 1 to 16 bits, and their symbols in order.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self> {
        let (mut ends, mut offsets) = ([0; 17], [0; 17]);
        let mut entries = Box::new([Entry::default(); 1 << LOOK]);
        let (mut code, mut index) = (0_u32, 0_usize);
        for length in 1..=16 {
            offsets[length] = index as i32 - code as i32;
            for _ in 0..counts[length - 1] {
                if code >> length != 0 {
                    return Err(damaged("a Huffman table has too many codes"));
                }
                if length as u32 <= LOOK {
                    let first = (code << (LOOK - length as u32)) as usize;
                    let many = 1 << (LOOK - length as u32);
                    for (low, entry) in entries[first..first + many].iter_mut().enumerate() {
                        *entry = Entry::new(symbols[index], length as u32, low as u32);
                    }
                }
                (code, index) = (code + 1, index + 1);
            }
            ends[length] = code << (16 - length);
            code <<= 1;
        }
        Ok(Self { entries, ends, offsets, symbols: symbols.to_vec() })
    }

    /// The next symbol, whose low four bits say how many bits follow, and the number in these, which is 0 only if there
    /// are none.
    #[inline(always)]
    pub(super) fn symbol_and_value(&self, bits: &mut Bits) -> (u8, i32) {
        bits.need(WHOLE);
        let entry = self.entries[bits.peek(LOOK) as usize];
        if entry.whole() == 0 {
            return self.long(entry, bits);
        }
        bits.skip(entry.whole());
        (entry.symbol(), entry.value())
    }

    #[inline(never)]
    fn long(&self, entry: Entry, bits: &mut Bits) -> (u8, i32) {
        let symbol = self.symbol(entry, bits);
        let size = u32::from(symbol & 15);
        if size == 0 {
            return (symbol, 0);
        }
        let value = extend(bits.peek(size), size);
        bits.skip(size);
        (symbol, value)
    }

    /// The symbol of the next code, no number behind it.
    pub(super) fn bare_symbol(&self, bits: &mut Bits) -> u8 {
        bits.need(WHOLE);
        self.symbol(self.entries[bits.peek(LOOK) as usize], bits)
    }

    #[inline(always)]
    fn symbol(&self, entry: Entry, bits: &mut Bits) -> u8 {
        if entry.code() != 0 {
            bits.skip(entry.code());
            return entry.symbol();
        }
        let next = bits.peek(16);
        let Some(length) = (1..17).find(|&length| next < self.ends[length]) else {
            // The bits are damaged; libjpeg takes 17 of them for the first symbol.
            bits.skip(17);
            return 0;
        };
        bits.skip(length as u32);
        self.symbols[((next >> (16 - length)) as i32 + self.offsets[length]) as usize]
    }

    /// The tables that every decoder has, for frames of video that leave them out (T.81, K.3): those of means and of
    /// coefficients, each of luma and chroma.
    pub(super) fn standard(coefficients: bool, chroma: bool) -> Result<Self> {
        let means: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        match (coefficients, chroma) {
            (false, false) => Self::new(&[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &means),
            (false, true) => Self::new(&[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &means),
            (true, false) => Self::new(&[0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D], &LUMA),
            (true, true) => Self::new(&[0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77], &CHROMA),
        }
    }
}

/// The signed number that `size` bits stand for (T.81, F.2.2.1).
#[inline(always)]
fn extend(number: u32, size: u32) -> i32 {
    let number = number as i32;
    if number < 1 << size >> 1 { number - (1 << size) + 1 } else { number }
}

#[rustfmt::skip]
const LUMA: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
    0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72,
    0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37,
    0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
    0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83,
    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3,
    0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

#[rustfmt::skip]
const CHROMA: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
    0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1,
    0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36,
    0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
    0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A,
    0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A,
    0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
    0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];
