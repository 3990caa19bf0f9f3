//! JPEG, as libjpeg decodes it: the same pixels in every sampling and order of scans that it reads.
//!
//! No decoder of the registry does: of 2,448 files of 17 samplings, 16 orders of scans and 9 sizes, zune-jpeg 0.5.15 is
//! right in 983 and its next candidate in 1,647, most of the others without an error; jpeg-decoder 0.3.2 is 4 levels off
//! where 3 would do; libjpeg-turbo-rs 0.9 refuses 1,044 and vouches for no memory safety. And none of them says whether
//! blocks were missing: they become gray, and a face that was there is lost without a word.
//!
//! Damage is passed as libjpeg passes it, to the same pixels, as long as there are bits for every block: codes that are in
//! no table, bytes too many before a marker, restart markers out of order. Where bits lack, blocks do, and the file is
//! refused.
//!
//! Not read: arithmetic and lossless coding, more than 8 bits a sample.

mod bits;
mod colour;
mod fault;
mod frame;
mod huffman;
mod idct;
mod output;
mod plane;
mod scan;
mod upsample;

use self::bits::{Coded, cut_short};
pub(super) use self::colour::Colour;
use self::fault::damaged;
use self::frame::{Frame, MOST};
use self::huffman::{Table, ZIGZAG};
use self::idct::Extent;
use self::output::Output;
use self::scan::{Scan, Tables};
use crate::error::Result;

/// The marker behind an image.
const END: u8 = 0xD9;

/// Scans beyond this many serve to keep a decoder busy: a file of all coefficients bit by bit has less.
const MOST_SCANS: usize = 200;

/// A marker's code and its segment, and where the next one begins.
struct Segment<'a> {
    code: u8,
    bytes: &'a [u8],
    end: usize,
}

impl<'a> Segment<'a> {
    /// The first segment at `at` or behind; bytes that are none are left out, as libjpeg does. None at the end of the
    /// file.
    fn next(file: &'a [u8], mut at: usize) -> Result<Option<Self>> {
        loop {
            let Some(found) = file.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xFF)) else {
                return Ok(None);
            };
            let Some(fill) = file[at + found..].iter().position(|&byte| byte != 0xFF) else { return Ok(None) };
            at += found + fill + 1;
            match file[at - 1] {
                0 | 1 | 0xD0..=0xD8 => {}
                END => return Ok(Some(Self { code: END, bytes: &[], end: at })),
                code => {
                    let length = file.get(at..at + 2).ok_or_else(cut_short)?;
                    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                    if length < 2 {
                        return Err(damaged("a segment of no length"));
                    }
                    let bytes = file.get(at + 2..at + length).ok_or_else(cut_short)?;
                    return Ok(Some(Self { code, bytes, end: at + length }));
                }
            }
        }
    }
}

/// The segments before the image that may hold metadata.
pub(super) fn app1(file: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut at = 2;
    while let Ok(Some(segment)) = Segment::next(file, at) {
        match segment.code {
            0xE1 => found.push(segment.bytes),
            0xDA | END => break,
            _ => {}
        }
        at = segment.end;
    }
    found
}

/// Width, height and the bytes that decoding takes beside the image.
pub(super) fn size(file: &[u8]) -> Result<(u32, u32, u64)> {
    let mut at = 2;
    while let Some(Segment { code, bytes, end }) = Segment::next(file, at)? {
        if is_frame(code) {
            let frame = Frame::read(code, bytes)?;
            return Ok((frame.width as u32, frame.height as u32, frame.working_bytes()));
        }
        if code == END {
            break;
        }
        at = end;
    }
    Err(cut_short())
}

fn is_frame(code: u8) -> bool {
    matches!(code, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xF7)
}

/// The image's pixels as RGB. The caller has checked its size. What three components mean may be known from elsewhere.
pub(super) fn decode(file: &[u8], colour: Option<Colour>) -> Result<Vec<u8>> {
    let mut decoder = Decoder { colour, ..Decoder::default() };
    let mut at = 2;
    while let Some(segment) = Segment::next(file, at)? {
        at = segment.end;
        match segment.code {
            0xC4 => decoder.huffman_tables(segment.bytes)?,
            0xDB => decoder.quantization_tables(segment.bytes)?,
            0xDD => match *segment.bytes {
                [high, low, ..] => decoder.restart = usize::from(u16::from_be_bytes([high, low])),
                _ => return Err(damaged("a restart interval of no length")),
            },
            0xE0 => decoder.jfif |= segment.bytes.starts_with(b"JFIF\0"),
            0xEE if segment.bytes.starts_with(b"Adobe") => decoder.adobe = segment.bytes.get(11).copied(),
            code if is_frame(code) => decoder.frame(Frame::read(code, segment.bytes)?, file.len())?,
            0xDA => {
                at = decoder.scan(segment.bytes, file, at)?;
                if decoder.is_complete() {
                    break;
                }
            }
            END => {
                decoder.ended = true;
                break;
            }
            _ => {}
        }
    }
    decoder.finish()
}

#[derive(Default)]
struct Decoder {
    frame: Option<Frame>,
    tables: Tables,
    quantization: [Option<[i16; 64]>; MOST],
    restart: usize,
    colour: Option<Colour>,
    jfif: bool,
    /// The colour transform that Adobe's segment names.
    adobe: Option<u8>,
    scans: usize,
    /// The image, from the first scan on.
    output: Option<Output>,
    /// The coefficients of each component of a progressive file.
    blocks: Vec<Vec<[i16; 64]>>,
    /// The quantization table of each component, from its first scan on.
    steps: Vec<Option<[i16; 64]>>,
    /// The lowest bit that is there of each coefficient of each component.
    known: Vec<[Option<u32>; 64]>,
    /// Whether the end marker was met.
    ended: bool,
}

impl Decoder {
    fn frame(&mut self, frame: Frame, bytes: usize) -> Result<()> {
        if self.frame.is_some() {
            return Err(damaged("two frames"));
        }
        // A block takes a bit or more, so a small file can't make a large image, whatever it says.
        if frame.blocks_inside() > bytes.saturating_mul(8) {
            return Err(cut_short());
        }
        let many = frame.components.len();
        if frame.progressive {
            self.blocks = frame.components.iter().map(|it| vec![[0; 64]; it.blocks()]).collect();
        }
        (self.steps, self.known) = (vec![None; many], vec![[None; 64]; many]);
        self.frame = Some(frame);
        Ok(())
    }

    fn huffman_tables(&mut self, mut bytes: &[u8]) -> Result<()> {
        while let Some((&place, rest)) = bytes.split_first() {
            let wrong = || damaged("a Huffman table is wrong");
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(wrong)?;
            let many = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(many).ok_or_else(wrong)?;
            let means = place >> 4 == 0;
            if means && symbols.iter().any(|&symbol| symbol > 15) {
                return Err(damaged("a mean of more than 15 bits"));
            }
            let tables = if means { &mut self.tables.dc } else { &mut self.tables.ac };
            *tables.get_mut(usize::from(place & 15)).ok_or_else(wrong)? = Some(Table::new(counts, symbols)?);
            bytes = rest;
        }
        Ok(())
    }

    fn quantization_tables(&mut self, mut bytes: &[u8]) -> Result<()> {
        while let Some((&place, rest)) = bytes.split_first() {
            let wrong = || damaged("a quantization table is wrong");
            let wide = place >> 4 != 0;
            let (steps, rest) = rest.split_at_checked(if wide { 128 } else { 64 }).ok_or_else(wrong)?;
            let mut table = [0; 64];
            for (k, &at) in ZIGZAG[..64].iter().enumerate() {
                table[usize::from(at)] =
                    if wide { i16::from_be_bytes([steps[2 * k], steps[2 * k + 1]]) } else { i16::from(steps[k]) };
            }
            *self.quantization.get_mut(usize::from(place & 15)).ok_or_else(wrong)? = Some(table);
            bytes = rest;
        }
        Ok(())
    }

    /// Decodes a scan whose coded bytes begin at `at`, and returns where they end.
    fn scan(&mut self, segment: &[u8], file: &[u8], at: usize) -> Result<usize> {
        let frame = self.frame.as_ref().ok_or_else(|| damaged("a scan comes before the frame"))?;
        let scan = Scan::read(segment, frame)?;
        self.scans += 1;
        if self.scans > MOST_SCANS {
            return Err(damaged(format_args!("more than {MOST_SCANS} scans")));
        }
        for chroma in [false, true] {
            let tables = [&mut self.tables.dc, &mut self.tables.ac];
            for (table, coefficients) in tables.map(|it| &mut it[usize::from(chroma)]).into_iter().zip([false, true]) {
                if table.is_none() {
                    *table = Some(Table::standard(coefficients, chroma)?);
                }
            }
        }
        for part in &scan.parts {
            let steps = &mut self.steps[part.component];
            let table = self.quantization.get(frame.components[part.component].quantization).copied().flatten();
            *steps = steps.or(table);
            if steps.is_none() {
                return Err(damaged("a quantization table is missing"));
            }
        }
        let output = self.output.get_or_insert_with(|| {
            let at_once = frame.progressive || scan.parts.len() == frame.components.len();
            let known = self.colour.filter(|_| frame.components.len() == 3);
            Output::new(frame, known.unwrap_or_else(|| colour(frame, self.jfif, self.adobe)), at_once)
        });
        let coded = Coded::read(file, at);
        if frame.progressive {
            scan.progressive(frame, &coded, self.restart, &self.tables, &mut self.blocks)?;
        } else {
            scan.sequential(frame, &coded, self.restart, &self.tables, &self.steps, output)?;
        }
        scan.note(&mut self.known);
        Ok(coded.end)
    }

    /// Whether every coefficient is there to its last bit.
    fn is_complete(&self) -> bool {
        self.known.iter().flatten().all(|&known| known == Some(0))
    }

    /// The image, if all that it needs was there.
    fn finish(self) -> Result<Vec<u8>> {
        let complete = self.is_complete();
        let (Some(frame), Some(mut output)) = (self.frame, self.output) else { return Err(cut_short()) };
        // A progressive file may end with coefficients unsent, and says so; one that just stops was cut.
        if self.known.iter().any(|known| known[0].is_none()) || !(complete || self.ended) {
            return Err(cut_short());
        }
        if frame.progressive {
            for unit in 0..frame.units_y {
                for (i, (component, steps)) in frame.components.iter().zip(&self.steps).enumerate() {
                    let (across, steps) = (component.blocks_x, steps.unwrap_or([0; 64]));
                    for y in unit * component.v..(unit + 1) * component.v {
                        for (x, block) in self.blocks[i][y * across..][..across].iter().enumerate() {
                            output.block(i, x, y, block, &steps, Extent::of(block));
                        }
                    }
                }
                output.advance(&frame, unit + 1);
            }
        }
        Ok(output.finish(&frame))
    }
}

/// What the components mean, by libjpeg's rules.
fn colour(frame: &Frame, jfif: bool, adobe: Option<u8>) -> Colour {
    match (frame.components.len(), adobe) {
        (1, _) => Colour::Gray,
        (4, Some(2)) => Colour::Ycck,
        (4, _) => Colour::Cmyk,
        _ if jfif => Colour::YCbCr,
        (_, Some(0)) => Colour::Rgb,
        (_, Some(_)) => Colour::YCbCr,
        _ if frame.components.iter().map(|it| it.id).eq(*b"RGB") => Colour::Rgb,
        _ => Colour::YCbCr,
    }
}

#[cfg(test)]
#[allow(clippy::unusual_byte_groupings, reason = "bits are grouped as codes")]
mod tests {
    use super::*;

    /// A gray image of four blocks side by side, two to a restart interval, whose coded bytes are these. A mean may differ
    /// by nothing, `0`, or by a number of six bits behind `10`; `0` ends a block, `10` is a run of 16 zeros, and other
    /// codes are in no table.
    fn gray(coded: &[&[u8]]) -> Vec<u8> {
        let tables: [&[u8]; 5] = [
            &[0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0],
            &[8; 64],
            &[0xFF, 0xC4, 0, 21, 0x00, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6],
            &[0xFF, 0xC4, 0, 21, 0x10, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xF0],
            &[
                0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 32, 1, 1, 0x11, 0, 0xFF, 0xDD, 0, 4, 0, 2, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0,
                63, 0,
            ],
        ];
        [tables.concat(), coded.concat(), vec![0xFF, 0xD9]].concat()
    }

    /// The levels of the four blocks.
    fn levels(coded: &[&[u8]]) -> Result<[u8; 4]> {
        let rgb = decode(&gray(coded), None)?;
        let level = |x: usize| rgb[x * 8 * 3];
        assert!((0..32 * 8).all(|i| rgb[3 * i..][..3] == [level(i % 32 / 8); 3]));
        Ok([0, 1, 2, 3].map(level))
    }

    /// 32 more and no more; 32 and 33 more.
    const FIRST: &[u8] = &[0b10_100000, 0b0_0_0_11111];
    const SECOND: &[u8] = &[0b10_100000, 0b0_10_10000, 0b1_0_111111];

    #[test]
    fn damage_that_leaves_all_blocks_is_passed_as_libjpeg_does() {
        let right = [160, 160, 160, 193];
        let cases: [(&str, &[&[u8]]); 8] = [
            ("nothing", &[FIRST, &[0xFF, 0xD0], SECOND]),
            ("bytes too many", &[FIRST, &[1, 2, 3, 0xFF, 0, 0xFF, 0xFF, 0xD0], SECOND, &[7; 20]]),
            ("a marker of another number", &[FIRST, &[0xFF, 0xD4], SECOND]),
            ("a marker left over", &[FIRST, &[0xFF, 0xD7], FIRST, &[0xFF, 0xD0], SECOND]),
            ("bytes that are no marker", &[FIRST, &[0xFF, 0x42, 5, 0xFF, 0xD0], SECOND, &[0xFF, 0x01]]),
            ("markers too many", &[FIRST, &[0xFF, 0xD0], SECOND, &[0xFF, 0xD1, 4, 0xFF, 0xD2]]),
            ("too many zeros", &[&[0b10_100000, 0b10_10_10_10, 0b0_0_111111, 0xFF, 0xD0], SECOND]),
            ("17 bits that are no code", &[&[0b10_100000, 0b11_010101, 0b01010101, 0b0_0_0_11111, 0xFF, 0xD0], SECOND]),
        ];
        for (name, coded) in cases {
            assert_eq!(levels(coded).unwrap(), right, "{name}");
        }
    }

    #[test]
    fn blocks_that_damage_takes_away_are_missed() {
        let cases: [(&str, &[&[u8]]); 5] = [
            ("the file is cut short", &[FIRST]),
            ("the file is cut short", &[FIRST, &[0xFF, 0xD0], &SECOND[..2]]),
            ("blocks are missing before a restart marker", &[&FIRST[..1], &[0xFF, 0xD0], SECOND]),
            ("a restart marker is missing", &[FIRST, &[0xFF, 0xD1], SECOND]),
            ("the file is cut short", &[FIRST, &[0xFF, 0xD7], SECOND]),
        ];
        for (reason, coded) in cases {
            assert_eq!(levels(coded).unwrap_err().to_string(), format!("a damaged JPEG: {reason}"));
        }
    }
}
