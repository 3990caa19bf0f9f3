//! The blocks of one scan, in the orders that the coding allows.

use super::bits::{Bits, Coded};
use super::fault::damaged;
use super::frame::{Component, Frame, MOST};
use super::huffman::{Table, ZIGZAG};
use super::idct::Extent;
use super::output::Output;
use crate::error::Result;

/// A scan header: which components, which tables, which coefficients and which bits of them.
pub(super) struct Scan {
    pub(super) parts: Vec<Part>,
    /// The first and the last coefficient; 0 and 63 in a sequential file.
    first: usize,
    last: usize,
    /// The lowest bit sent before this scan, 0 if none was, and the lowest that it sends.
    high: u32,
    low: u32,
}

pub(super) struct Part {
    /// The place of the component in the frame.
    pub(super) component: usize,
    dc: usize,
    ac: usize,
}

/// The Huffman tables in force: those of the means and those of other coefficients.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) dc: [Option<Table>; MOST],
    pub(super) ac: [Option<Table>; MOST],
}

impl Tables {
    fn dc(&self, number: usize) -> Result<&Table> {
        self.dc[number].as_ref().ok_or_else(|| damaged("a Huffman table is missing"))
    }

    fn ac(&self, number: usize) -> Result<&Table> {
        self.ac[number].as_ref().ok_or_else(|| damaged("a Huffman table is missing"))
    }
}

impl Scan {
    pub(super) fn read(segment: &[u8], frame: &Frame) -> Result<Self> {
        let wrong = || damaged("a scan's header is wrong");
        let (&count, rest) = segment.split_first().ok_or_else(wrong)?;
        let (parts, rest) = rest.split_at_checked(usize::from(count) * 2).ok_or_else(wrong)?;
        let [first, last, approximation, ..] = *rest else { return Err(wrong()) };
        let part = |part: &[u8; 2]| {
            let component = frame.components.iter().position(|it| it.id == part[0]).ok_or_else(wrong)?;
            Ok(Part { component, dc: usize::from(part[1] >> 4), ac: usize::from(part[1] & 15) })
        };
        let parts = parts.as_chunks::<2>().0.iter().map(part).collect::<Result<Vec<_>>>()?;
        let twice = (1..parts.len()).any(|i| parts[..i].iter().any(|it| it.component == parts[i].component));
        if parts.is_empty() || twice || parts.iter().any(|it| it.dc >= MOST || it.ac >= MOST) {
            return Err(wrong());
        }
        let (first, last) = (usize::from(first), usize::from(last));
        let (high, low) = (u32::from(approximation >> 4), u32::from(approximation & 15));
        if !frame.progressive {
            return Ok(Self { parts, first: 0, last: 63, high: 0, low: 0 });
        }
        let range = if first == 0 { last == 0 } else { first <= last && last < 64 && parts.len() == 1 };
        if !range || low > 13 || (high != 0 && high != low + 1) {
            return Err(wrong());
        }
        Ok(Self { parts, first, last, high, low })
    }

    /// The component of a scan that has no other: its blocks stand one behind the other.
    fn single<'a>(&self, frame: &'a Frame) -> Option<&'a Component> {
        match self.parts[..] {
            [Part { component, .. }] => Some(&frame.components[component]),
            _ => None,
        }
    }

    /// Notes in `known`, for each coefficient of each component, the lowest bit that is there.
    pub(super) fn note(&self, known: &mut [[Option<u32>; 64]]) {
        for part in &self.parts {
            known[part.component][self.first..=self.last].fill(Some(self.low));
        }
    }

    /// Decodes a scan of a sequential file, whose components have these steps.
    pub(super) fn sequential(
        &self,
        frame: &Frame,
        coded: &Coded,
        restart: usize,
        tables: &Tables,
        steps: &[Option<[i16; 64]>],
        output: &mut Output,
    ) -> Result<()> {
        let dc = self.parts.iter().map(|part| tables.dc(part.dc)).collect::<Result<Vec<_>>>()?;
        let ac = self.parts.iter().map(|part| tables.ac(part.ac)).collect::<Result<Vec<_>>>()?;
        let steps: Vec<_> = self.parts.iter().map(|part| steps[part.component].unwrap_or([0; 64])).collect();
        let mut means = [0_i32; MOST];
        let mut walk = Walk::new(self, frame, coded, restart);
        for y in 0..walk.down {
            walk.row(y, |reader, restarted, place, x, y| {
                if restarted {
                    means[place] = 0;
                }
                // A copy stays in registers.
                let bits = &mut { *reader };
                let mut block = [0_i16; 64];
                means[place] = means[place].wrapping_add(dc[place].symbol_and_value(bits).1);
                block[0] = means[place] as i16;
                let ac = ac[place];
                let (mut at, mut count) = (1, 1);
                while at < 64 {
                    let (symbol, value) = ac.symbol_and_value(bits);
                    at += usize::from(symbol >> 4);
                    if value != 0 {
                        block[usize::from(ZIGZAG[at % 128]) % 64] = value as i16;
                        count = at + 1;
                    } else if symbol != 0xF0 {
                        // Other than a run of 16 zeros: the block ends.
                        break;
                    }
                    at += 1;
                }
                *reader = *bits;
                output.block(self.parts[place].component, x, y, &block, &steps[place], Extent::of_first(count));
            })?;
            output.advance(frame, y + 1);
        }
        Ok(())
    }

    /// Decodes a scan of a progressive file into the blocks of the frame's components.
    pub(super) fn progressive(
        &self,
        frame: &Frame,
        coded: &Coded,
        restart: usize,
        tables: &Tables,
        blocks: &mut [Vec<[i16; 64]>],
    ) -> Result<()> {
        let mut means = [0_i32; MOST];
        let mut run = 0_u32;
        let (dc, ac) = (self.first == 0 && self.high == 0, self.first > 0);
        let dc = self.parts.iter().filter(|_| dc).map(|part| tables.dc(part.dc)).collect::<Result<Vec<_>>>()?;
        let ac = if ac { Some(tables.ac(self.parts[0].ac)?) } else { None };
        let mut walk = Walk::new(self, frame, coded, restart);
        for y in 0..walk.down {
            walk.row(y, |bits, restarted, place, x, y| {
                if restarted {
                    (means[place], run) = (0, 0);
                }
                let component = self.parts[place].component;
                let block = &mut blocks[component][y * frame.components[component].blocks_x + x];
                match (ac, dc.get(place), self.high) {
                    (Some(table), _, 0) => self.first_bits(bits, table, block, &mut run),
                    (Some(table), ..) => self.further_bits(bits, table, block, &mut run),
                    (None, Some(table), _) => {
                        means[place] = means[place].wrapping_add(table.symbol_and_value(bits).1);
                        block[0] = (means[place] << self.low) as i16;
                    }
                    (None, None, _) => block[0] |= i16::from(bits.bit()) << self.low,
                }
            })?;
        }
        Ok(())
    }

    /// A block's coefficients for the first time (T.81, G.1.2.2). `run` counts blocks that have none to come.
    fn first_bits(&self, bits: &mut Bits, table: &Table, block: &mut [i16; 64], run: &mut u32) {
        if *run > 0 {
            *run -= 1;
            return;
        }
        let mut at = self.first;
        while at <= self.last {
            let (symbol, value) = table.symbol_and_value(bits);
            let zeros = symbol >> 4;
            if symbol & 15 == 0 && zeros < 15 {
                *run = (1 << zeros) - 1 + bits.number(u32::from(zeros));
                break;
            }
            at += usize::from(zeros);
            if value != 0 {
                block[usize::from(ZIGZAG[at])] = (value << self.low) as i16;
            }
            at += 1;
        }
    }

    /// One more bit of the coefficients that are there already, and new ones between them (T.81, G.1.2.3).
    fn further_bits(&self, bits: &mut Bits, table: &Table, block: &mut [i16; 64], run: &mut u32) {
        let bit = 1_i16 << self.low;
        let refine = |bits: &mut Bits, coefficient: &mut i16| {
            if bits.bit() && *coefficient & bit == 0 {
                *coefficient = coefficient.wrapping_add(if *coefficient > 0 { bit } else { -bit });
            }
        };
        let mut at = self.first;
        while *run == 0 && at <= self.last {
            let symbol = table.bare_symbol(bits);
            let (mut zeros, size) = (symbol >> 4, symbol & 15);
            let new = match (zeros, size) {
                (15, 0) => 0,
                (zeros, 0) => {
                    *run = (1 << zeros) + bits.number(u32::from(zeros));
                    break;
                }
                _ if bits.bit() => bit,
                _ => -bit,
            };
            while at <= self.last {
                let coefficient = &mut block[usize::from(ZIGZAG[at])];
                if *coefficient != 0 {
                    refine(bits, coefficient);
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
            if new != 0 {
                block[usize::from(ZIGZAG[at])] = new;
            }
            at += 1;
        }
        if *run > 0 {
            for &place in &ZIGZAG[at.min(self.last + 1)..=self.last] {
                let coefficient = &mut block[usize::from(place)];
                if *coefficient != 0 {
                    refine(bits, coefficient);
                }
            }
            *run -= 1;
        }
    }
}

/// A walk over the blocks of a scan in their order, a row of coded units at a time.
struct Walk<'a> {
    scan: &'a Scan,
    frame: &'a Frame,
    coded: &'a Coded,
    bits: Bits<'a>,
    /// Where in `coded` the bits are, and the restarts before them.
    interval: usize,
    restarts: usize,
    /// Units from one restart to the next, and those that are left.
    restart: usize,
    left: usize,
    /// Units of the scan in a row, and rows.
    across: usize,
    down: usize,
}

impl<'a> Walk<'a> {
    fn new(scan: &'a Scan, frame: &'a Frame, coded: &'a Coded, restart: usize) -> Self {
        let (across, down) = match scan.single(frame) {
            Some(it) => (it.width.div_ceil(8), it.height.div_ceil(8)),
            None => (frame.units_x, frame.units_y),
        };
        let restart = if restart == 0 { usize::MAX } else { restart };
        Self { scan, frame, coded, bits: coded.first(), interval: 0, restarts: 0, restart, left: restart, across, down }
    }

    /// Calls `visit` for the blocks of a row, with whether they are the first of their component behind a restart, the
    /// component's place in the scan, and the block's column and row.
    #[inline(always)]
    fn row(&mut self, y: usize, mut visit: impl FnMut(&mut Bits, bool, usize, usize, usize)) -> Result<()> {
        let single = self.scan.single(self.frame).is_some();
        for x in 0..self.across {
            if self.left == 0 {
                self.coded.check(&self.bits, self.interval)?;
                (self.bits, self.interval) = self.coded.restart(self.interval, self.restarts)?;
                (self.left, self.restarts) = (self.restart, self.restarts + 1);
            }
            let restarted = self.left == self.restart;
            self.left -= 1;
            if single {
                visit(&mut self.bits, restarted, 0, x, y);
                continue;
            }
            for (place, part) in self.scan.parts.iter().enumerate() {
                let Component { h, v, .. } = self.frame.components[part.component];
                for row in 0..v {
                    for column in 0..h {
                        visit(&mut self.bits, restarted && row + column == 0, place, x * h + column, y * v + row);
                    }
                }
            }
        }
        self.coded.check(&self.bits, self.interval)
    }
}
