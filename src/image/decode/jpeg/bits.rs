//! The coded bits of a scan: stuffed zeros and restart markers taken out, then read bit by bit.

use std::ops::Range;

use super::fault::damaged;
use crate::error::Result;

/// A scan's coded bytes without what is stuffed between them.
pub(super) struct Coded {
    bytes: Vec<u8>,
    /// The bytes of each restart interval; one where there are no restart markers.
    pub(super) intervals: Vec<Range<usize>>,
    /// Where in the file the scan ends: at a marker, or at the end of the file.
    pub(super) end: usize,
}

impl Coded {
    /// Takes the scan that begins at `start`.
    pub(super) fn read(file: &[u8], start: usize) -> Result<Self> {
        let mut coded = Self { bytes: Vec::with_capacity(file.len() - start), intervals: Vec::new(), end: file.len() };
        let (mut from, mut interval) = (start, 0);
        while let Some(found) = position_of_ff(&file[from..]) {
            let at = from + found;
            coded.bytes.extend_from_slice(&file[from..at]);
            // Any number of 0xFF may come before a marker.
            let Some(fill) = file[at..].iter().position(|&byte| byte != 0xFF) else {
                from = file.len();
                break;
            };
            let code = file[at + fill];
            from = at + fill + 1;
            match code {
                0 => coded.bytes.push(0xFF),
                0xD0..=0xD7 => {
                    if usize::from(code & 7) != coded.intervals.len() % 8 {
                        return Err(damaged("a restart marker is missing"));
                    }
                    coded.intervals.push(interval..coded.bytes.len());
                    interval = coded.bytes.len();
                }
                _ => {
                    coded.end = at;
                    coded.intervals.push(interval..coded.bytes.len());
                    return Ok(coded);
                }
            }
        }
        coded.bytes.extend_from_slice(&file[from..]);
        coded.intervals.push(interval..coded.bytes.len());
        Ok(coded)
    }

    /// The bits of a restart interval; an error if the scan has no such interval.
    pub(super) fn interval(&self, index: usize) -> Result<Bits<'_>> {
        let range = self.intervals.get(index).ok_or_else(cut_short)?;
        Ok(Bits { bytes: &self.bytes[range.clone()], at: 0, window: 0, count: 0 })
    }
}

/// Blocks are missing: the decoder would have to invent them, and a face might be there.
pub(super) fn cut_short() -> crate::error::Error {
    damaged("the file is cut short")
}

fn position_of_ff(bytes: &[u8]) -> Option<usize> {
    // Eight bytes at a time: one of them is 0xFF exactly if its complement is zero.
    let words = bytes.chunks_exact(8).take_while(|chunk| {
        let word = !u64::from_le_bytes((*chunk).try_into().expect("eight bytes"));
        word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080 == 0
    });
    let clean = words.count() * 8;
    bytes[clean..].iter().position(|&byte| byte == 0xFF).map(|at| clean + at)
}

/// Bits read from the most significant one on; zeros behind the end, which [`Bits::check`] finds.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte for the window; it may lie behind the end.
    at: usize,
    /// The next bits, from the top.
    window: u64,
    /// How many of them are valid.
    count: u32,
}

impl Bits<'_> {
    /// Makes 56 bits or more available.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let next = match self.bytes.get(self.at..self.at + 8) {
            Some(bytes) => u64::from_be_bytes(bytes.try_into().expect("eight bytes")),
            None => self.last(),
        };
        self.window |= next >> self.count;
        self.at += (63 - self.count as usize) >> 3;
        self.count |= 56;
    }

    #[cold]
    fn last(&self) -> u64 {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let mut bytes = [0; 8];
        bytes[..rest.len()].copy_from_slice(rest);
        u64::from_be_bytes(bytes)
    }

    /// Makes `bits` available, at most 56.
    #[inline(always)]
    pub(super) fn need(&mut self, bits: u32) {
        if self.count < bits {
            self.refill();
        }
    }

    /// The next `bits`, 1 to 32, which must be available.
    #[inline(always)]
    pub(super) fn peek(&self, bits: u32) -> u32 {
        (self.window >> (64 - bits)) as u32
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, bits: u32) {
        self.window <<= bits;
        self.count -= bits;
    }

    /// The next bit.
    #[inline(always)]
    pub(super) fn bit(&mut self) -> bool {
        self.need(1);
        let bit = self.peek(1) != 0;
        self.skip(1);
        bit
    }

    /// The next `bits`, 0 to 16, as a number.
    #[inline(always)]
    pub(super) fn number(&mut self, bits: u32) -> u32 {
        if bits == 0 {
            return 0;
        }
        self.need(bits);
        let number = self.peek(bits);
        self.skip(bits);
        number
    }

    /// An error if more bits were read than there are.
    pub(super) fn check(&self) -> Result<()> {
        if self.at * 8 - self.count as usize > self.bytes.len() * 8 { Err(cut_short()) } else { Ok(()) }
    }
}
