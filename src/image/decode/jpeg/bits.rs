//! The coded bits of a scan: stuffed zeros and restart markers taken out, then read bit by bit.

use std::ops::Range;

use super::fault::damaged;
use crate::error::{Error, Result};

/// A scan's coded bytes without what is stuffed between them.
pub(super) struct Coded {
    bytes: Vec<u8>,
    /// What stands between markers; one where there are none.
    intervals: Vec<Interval>,
    /// Where in the file the scan ends: at a marker, or at the end of the file.
    pub(super) end: usize,
}

/// The bytes behind a marker: its number if it is one of restart, which count from 0 to 7.
struct Interval {
    marker: Option<u8>,
    bytes: Range<usize>,
}

impl Coded {
    /// Takes the scan that begins at `start`.
    pub(super) fn read(file: &[u8], start: usize) -> Self {
        let mut coded = Self { bytes: Vec::with_capacity(file.len() - start), intervals: Vec::new(), end: file.len() };
        let (mut from, mut marker, mut interval) = (start, None, 0);
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
                // Codes below those of JPEG are no markers, but libjpeg reads no further there.
                1..=0xBF | 0xD0..=0xD7 => {
                    coded.intervals.push(Interval { marker, bytes: interval..coded.bytes.len() });
                    interval = coded.bytes.len();
                    marker = (code >= 0xD0).then_some(code & 7);
                }
                _ => {
                    coded.end = at;
                    from = file.len();
                    break;
                }
            }
        }
        coded.bytes.extend_from_slice(&file[from..]);
        coded.intervals.push(Interval { marker, bytes: interval..coded.bytes.len() });
        coded
    }

    /// The bits before the first marker.
    pub(super) fn first(&self) -> Bits<'_> {
        self.bits(0)
    }

    /// The bits behind the restart marker of this number, the first that comes behind interval `at`, and their interval.
    ///
    /// Where markers are out of order, libjpeg's rule: those of the two numbers before are left over from the intervals
    /// before, those of the two next say that this one is missing, and others are taken for the right one.
    pub(super) fn restart(&self, at: usize, number: usize) -> Result<(Bits<'_>, usize)> {
        for (at, interval) in self.intervals.iter().enumerate().skip(at + 1) {
            match interval.marker.map(|marker| marker.wrapping_sub(number as u8) & 7) {
                None | Some(6 | 7) => {}
                Some(1 | 2) => return Err(damaged("a restart marker is missing")),
                Some(_) => return Ok((self.bits(at), at)),
            }
        }
        Err(cut_short())
    }

    /// An error if more bits were read than the interval has.
    pub(super) fn check(&self, bits: &Bits, interval: usize) -> Result<()> {
        match bits.is_short() {
            false => Ok(()),
            true if interval + 1 < self.intervals.len() => Err(damaged("blocks are missing before a restart marker")),
            true => Err(cut_short()),
        }
    }

    fn bits(&self, interval: usize) -> Bits<'_> {
        Bits { bytes: &self.bytes[self.intervals[interval].bytes.clone()], at: 0, window: 0, count: 0 }
    }
}

/// Blocks are missing: the decoder would have to invent them, and a face might be there.
pub(super) fn cut_short() -> Error {
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

/// Bits read from the most significant one on; zeros behind the end, which [`Coded::check`] finds.
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

    /// Whether more bits were read than there are.
    fn is_short(&self) -> bool {
        self.at * 8 - self.count as usize > self.bytes.len() * 8
    }
}
