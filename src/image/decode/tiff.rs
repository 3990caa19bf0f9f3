//! The kinds of TIFF that `image` leaves out: palettes, gray of 2 and 4 bits or with more samples beside it, fax of group
//! 3, and bytes whose bits are in the other order.

use std::borrow::Cow;
use std::io::Cursor;

use ::tiff::decoder::{Decoder, DecodingResult, Limits};
use ::tiff::tags::Tag;
use ::tiff::{ColorType, TiffError};
use fax::Color;
use fax::decoder::{decode_g3, pels};

use super::exif;
use crate::error::{Error, Result};

/// TIFF's number of fax of group 3.
const FAX3: u16 = 3;
/// TIFF's tag of what the samples mean, and its number of a palette.
const PHOTOMETRIC: u16 = 262;
const PALETTE: u32 = 3;
/// TIFF's tag of the order of the bits in a byte, and its number of the reverse of the usual one.
const FILL_ORDER: u16 = 266;
const BACKWARDS: u32 = 2;

fn damaged(reason: impl std::fmt::Display) -> Error {
    Error::damaged(format_args!("a damaged TIFF: {reason}"))
}

fn unsupported(kind: impl std::fmt::Display) -> Error {
    Error::unsupported(format_args!("a TIFF of an unsupported kind: {kind}"))
}

fn error(error: TiffError) -> Error {
    match error {
        TiffError::UnsupportedError(kind) => unsupported(kind),
        TiffError::LimitsExceeded => Error::too_large("a TIFF too large: it would take more memory than is allowed"),
        other => damaged(other),
    }
}

/// The file with all bits in the usual order, which is the only one that the decoder knows.
pub(super) fn in_order(file: &[u8]) -> Cow<'_, [u8]> {
    const JPEG: [Option<u32>; 2] = [Some(6), Some(7)];
    if exif::number(file, FILL_ORDER) != Some(BACKWARDS) || JPEG.contains(&exif::number(file, exif::COMPRESSION)) {
        return file.into();
    }
    let mut told = file.to_vec();
    // Strips or tiles that say to be more than the file would keep us busy.
    let mut left = file.len();
    for part in exif::parts(file, false).into_iter().chain(exif::parts(file, true)).flatten() {
        let Some(bytes) = told.get_mut(part).filter(|bytes| bytes.len() <= left) else { break };
        left -= bytes.len();
        bytes.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    }
    told.into()
}

/// Refuses what makes the decoder panic, or print on stderr.
pub(super) fn check(file: &[u8]) -> Result<()> {
    const PLANES: u16 = 284;
    if exif::text_is_cut(file) {
        return Err(damaged("the file is cut short"));
    }
    if exif::number(file, PLANES) == Some(2) && exif::number(file, exif::TILE_WIDTH).is_some() {
        return Err(unsupported("tiles of separate planes"));
    }
    Ok(())
}

/// A TIFF of one of these kinds.
pub(super) struct Tiff<'a> {
    file: &'a [u8],
    decoder: Decoder<Cursor<Cow<'a, [u8]>>>,
    kind: Kind,
    pub(super) width: u32,
    pub(super) height: u32,
}

enum Kind {
    /// Bits a sample, of which the first of a pixel is an index.
    Palette(u8),
    /// Bits a sample, less than 8.
    FewGrays(u8),
    /// Bits a sample, of which the first of a pixel is gray.
    Gray(u8),
    Fax,
}

impl<'a> Tiff<'a> {
    /// None if `image` reads it, or fails with a reason.
    pub(super) fn open(file: &'a [u8], max_bytes: u64) -> Option<Self> {
        let mut limits = Limits::default();
        limits.decoding_buffer_size = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        limits.intermediate_buffer_size = limits.decoding_buffer_size;
        limits.ifd_value_size = limits.decoding_buffer_size;
        // The decoder knows no palettes, so it is told that the indices are gray.
        let photometric = exif::place(file, PHOTOMETRIC).filter(|_| exif::number(file, PHOTOMETRIC) == Some(PALETTE));
        let mut told = in_order(file);
        if let Some(place) = &photometric {
            // In either order of bytes 3 becomes 1: black is zero.
            told.to_mut()[place.clone()].iter_mut().for_each(|byte| *byte = (*byte).min(1));
        }
        let mut decoder = Decoder::new(Cursor::new(told)).ok()?.with_limits(limits);
        let (width, height) = decoder.dimensions().ok()?;
        let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression).ok()?;
        let kind = match decoder.colortype().ok()? {
            ColorType::Gray(1) if compression == Some(FAX3) => Kind::Fax,
            ColorType::Gray(bits @ (1 | 2 | 4 | 8)) if photometric.is_some() => Kind::Palette(bits),
            ColorType::GrayA(8) | ColorType::Multiband { bit_depth: 8, num_samples: 2 } if photometric.is_some() => {
                Kind::Palette(8)
            }
            ColorType::Gray(bits @ (2 | 4)) => Kind::FewGrays(bits),
            ColorType::GrayA(bits @ (8 | 16)) => Kind::Gray(bits),
            ColorType::Multiband { bit_depth: bits @ (8 | 16), num_samples: 2 } => Kind::Gray(bits),
            _ => return None,
        };
        Some(Self { file, decoder, kind, width, height })
    }

    /// The bytes that decoding takes beside the image.
    pub(super) fn working_bytes(&self) -> u64 {
        let pixels = u64::from(self.width) * u64::from(self.height);
        match self.kind {
            Kind::Palette(bits @ ..8) | Kind::FewGrays(bits) => (pixels * u64::from(bits)).div_ceil(8),
            Kind::Palette(bits) | Kind::Gray(bits) => pixels * 2 * u64::from(bits) / 8,
            Kind::Fax => 0,
        }
    }

    /// The image's pixels as RGB. The caller has checked its size.
    pub(super) fn decode(mut self) -> Result<Vec<u8>> {
        match self.kind {
            Kind::Fax => self.fax(),
            Kind::Palette(bits) => self.palette(bits),
            Kind::FewGrays(bits) => {
                let most = (1 << bits) - 1;
                self.indexed(bits, |index| [(usize::from(index) * 255 / most) as u8; 3])
            }
            Kind::Gray(_) => {
                let pixels = self.width as usize * self.height as usize;
                // Of planes that are stored one behind the other only the first is read.
                let samples = |many: usize| (many / pixels).max(1);
                let gray: Vec<u8> = match self.decoder.read_image().map_err(error)? {
                    DecodingResult::U8(gray) => {
                        let samples = samples(gray.len());
                        gray.into_iter().step_by(samples).collect()
                    }
                    DecodingResult::U16(gray) => {
                        let scale = |gray: u16| ((u32::from(gray) * 255 + 32767) / 65535) as u8;
                        let samples = samples(gray.len());
                        gray.into_iter().step_by(samples).map(scale).collect()
                    }
                    _ => return Err(unsupported("gray of other than 8 or 16 bits without a sign")),
                };
                Ok(gray.into_iter().flat_map(|gray| [gray; 3]).collect())
            }
        }
    }

    fn palette(&mut self, bits: u8) -> Result<Vec<u8>> {
        let colours = self.decoder.get_tag_u16_vec(Tag::ColorMap).map_err(error)?;
        let many = 1 << bits;
        if colours.len() < 3 * many {
            return Err(damaged("its palette is too short"));
        }
        self.indexed(bits, |index| {
            [0, many, 2 * many].map(|channel| (colours[channel + usize::from(index)] >> 8) as u8)
        })
    }

    /// The colours of indices of so many bits, the first of a pixel's samples.
    fn indexed(&mut self, bits: u8, colour: impl Fn(u8) -> [u8; 3]) -> Result<Vec<u8>> {
        let DecodingResult::U8(indices) = self.decoder.read_image().map_err(error)? else {
            return Err(unsupported("indices of other than bytes"));
        };
        let (width, each) = (self.width as usize, 8 / usize::from(bits));
        let stored = width.div_ceil(each);
        let samples = (indices.len() / (stored * self.height as usize)).max(1);
        let row = |row: &[u8]| -> Vec<u8> {
            let mask = ((1_u32 << bits) - 1) as u8;
            let index = |x: usize| row[x / each * samples] >> (8 - usize::from(bits) * (x % each + 1)) & mask;
            (0..width).flat_map(|x| colour(index(x))).collect()
        };
        Ok(indices.chunks_exact(stored * samples).take(self.height as usize).flat_map(row).collect())
    }

    fn fax(&mut self) -> Result<Vec<u8>> {
        let mut number = |tag| self.decoder.find_tag_unsigned::<u32>(tag).map_err(error);
        const TWO_DIMENSIONAL: u32 = 1;
        if number(Tag::Unknown(292))?.unwrap_or(0) & TWO_DIMENSIONAL != 0 {
            return Err(unsupported("two-dimensional fax of group 3"));
        }
        let backwards = number(Tag::FillOrder)? == Some(BACKWARDS);
        let white_is_zero = number(Tag::PhotometricInterpretation)? != Some(1);
        let offsets = self.decoder.get_tag_u64_vec(Tag::StripOffsets).map_err(error)?;
        let lengths = self.decoder.get_tag_u64_vec(Tag::StripByteCounts).map_err(error)?;
        let width = u16::try_from(self.width).map_err(|_| unsupported("a fax of more than 65535 pixels a line"))?;
        let row = usize::from(width) * 3;
        let size = row * self.height as usize;
        let mut pixels = Vec::with_capacity(size);
        for (&offset, &length) in offsets.iter().zip(&lengths) {
            let end = offset.checked_add(length).filter(|&end| end <= self.file.len() as u64);
            let end = end.ok_or_else(|| damaged("the file is cut short"))?;
            let strip = self.file[offset as usize..end as usize].iter();
            let strip = strip.map(|&byte| if backwards { byte.reverse_bits() } else { byte });
            // A strip need not end with the marks that end a fax: the lines that are missing decide. An end of line
            // behind the last one is made up, as not every writer puts it.
            _ = decode_g3(strip.chain([0, 1]), |line| {
                if !line.is_empty() && pixels.len() < size {
                    let light = |colour| if (colour == Color::White) == white_is_zero { 255 } else { 0 };
                    pixels.extend(pels(line, width).flat_map(|colour| [light(colour); 3]));
                }
            });
        }
        if pixels.len() < size { Err(damaged("the file is cut short")) } else { Ok(pixels) }
    }
}
