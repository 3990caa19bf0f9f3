//! JPEG, as libjpeg decodes it: the same pixels in every sampling and order of scans that it reads.
//!
//! No decoder of the registry does: of 2,448 files of 17 samplings, 16 orders of scans and 9 sizes, zune-jpeg 0.5.15 is
//! right in 983 and its next candidate in 1,647, most of the others without an error; jpeg-decoder 0.3.2 is 4 levels off
//! where 3 would do; libjpeg-turbo-rs 0.9 refuses 1,044 and vouches for no memory safety. And none of them says whether
//! blocks were missing: they become gray, and a face that was there is lost without a word.
//!
//! Not read: arithmetic and lossless coding, more than 8 bits a sample.

mod bits;
mod colour;
mod fault;
mod frame;
mod huffman;
mod idct;
mod scan;
mod upsample;

use self::bits::{Coded, cut_short};
use self::colour::Colour;
use self::fault::damaged;
use self::frame::{Frame, MOST};
use self::huffman::{Table, ZIGZAG};
use self::scan::{Scan, Tables};
use self::upsample::Upsampler;
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

/// The image's pixels as RGB. The caller has checked its size.
pub(super) fn decode(file: &[u8]) -> Result<Vec<u8>> {
    let mut decoder = Decoder::default();
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
    quantization: [Option<[u16; 64]>; MOST],
    restart: usize,
    jfif: bool,
    /// The colour transform that Adobe's segment names.
    adobe: Option<u8>,
    scans: usize,
    /// The samples of each component.
    planes: Vec<Vec<u8>>,
    /// The coefficients of each component of a progressive file.
    blocks: Vec<Vec<[i16; 64]>>,
    /// The quantization table of each component, from its first scan on.
    steps: Vec<Option<[u16; 64]>>,
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
        self.planes = frame.components.iter().map(|it| vec![0; it.blocks() * 64]).collect();
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
            let tables = if place >> 4 == 0 { &mut self.tables.dc } else { &mut self.tables.ac };
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
                    if wide { u16::from_be_bytes([steps[2 * k], steps[2 * k + 1]]) } else { u16::from(steps[k]) };
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
            self.tables.dc[usize::from(chroma)].get_or_insert(Table::standard(false, chroma)?);
            self.tables.ac[usize::from(chroma)].get_or_insert(Table::standard(true, chroma)?);
        }
        let mut steps = Vec::with_capacity(MOST);
        for part in &scan.parts {
            let table = self.quantization.get(frame.components[part.component].quantization).copied().flatten();
            let table = self.steps[part.component].or(table);
            self.steps[part.component] = table;
            steps.push(table.ok_or_else(|| damaged("a quantization table is missing"))?);
        }
        let coded = Coded::read(file, at)?;
        if frame.progressive {
            scan.progressive(frame, &coded, self.restart, &self.tables, &mut self.blocks)?;
        } else {
            let planes = &mut self.planes;
            scan.sequential(frame, &coded, self.restart, &self.tables, &steps, |component, x, y, block, count| {
                let stride = frame.components[component].stride();
                transform(block, count == 1, &mut planes[component][y * 8 * stride + x * 8..], stride);
            })?;
        }
        scan.note(&mut self.known);
        Ok(coded.end)
    }

    /// Whether every coefficient is there to its last bit.
    fn is_complete(&self) -> bool {
        self.known.iter().flatten().all(|&known| known == Some(0))
    }

    /// The image, if all that it needs was there.
    fn finish(mut self) -> Result<Vec<u8>> {
        let complete = self.is_complete();
        let frame = self.frame.ok_or_else(cut_short)?;
        // A progressive file may end with coefficients unsent, and says so; one that just stops was cut.
        if self.known.iter().any(|known| known[0].is_none()) || !(complete || self.ended) {
            return Err(cut_short());
        }
        for (((component, blocks), plane), steps) in
            frame.components.iter().zip(&mut self.blocks).zip(&mut self.planes).zip(&self.steps)
        {
            let (steps, stride) = (steps.unwrap_or([0; 64]), component.stride());
            for (i, block) in blocks.iter_mut().enumerate() {
                let flat = block[1..].iter().all(|&coefficient| coefficient == 0);
                for (coefficient, &step) in block.iter_mut().zip(&steps) {
                    *coefficient = coefficient.wrapping_mul(step as i16);
                }
                let (x, y) = (i % component.blocks_x, i / component.blocks_x);
                transform(block, flat, &mut plane[y * 8 * stride + x * 8..], stride);
            }
        }
        self.blocks = Vec::new();
        let colour = colour(&frame, self.jfif, self.adobe);
        let mut rgb = vec![0; frame.width * frame.height * 3];
        let mut rows: Vec<_> =
            frame.components.iter().zip(&self.planes).map(|(it, plane)| Upsampler::new(&frame, it, plane)).collect();
        for (y, to) in rgb.chunks_exact_mut(frame.width * 3).enumerate() {
            let mut samples: [&[u8]; MOST] = [&[]; MOST];
            for (to, row) in samples.iter_mut().zip(&mut rows) {
                *to = row.row(y);
            }
            colour.convert(samples, to);
        }
        Ok(rgb)
    }
}

fn transform(block: &[i16; 64], flat: bool, to: &mut [u8], stride: usize) {
    if flat { idct::flat(block[0], to, stride) } else { idct::block(block, to, stride) }
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
