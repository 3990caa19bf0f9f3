//! TIFFs whose strips or tiles are JPEGs.

use std::ops::Range;

use super::exif;
use super::jpeg::{self, Colour};
use crate::error::{Error, Result};

pub(super) struct JpegTiff<'a> {
    file: &'a [u8],
    pub(super) width: u32,
    pub(super) height: u32,
    colour: Colour,
    /// A JPEG of tables alone, for all strips or tiles.
    tables: &'a [u8],
    /// The size of a strip or tile, and where they stand.
    part_width: u32,
    part_height: u32,
    parts: Vec<Range<usize>>,
}

impl<'a> JpegTiff<'a> {
    /// None if the file is no such TIFF, or of a kind that is left to `image`.
    pub(super) fn open(file: &'a [u8]) -> Option<Self> {
        const JPEG: u32 = 7;
        let number = |tag| exif::number(file, tag);
        if number(exif::COMPRESSION)? != JPEG || number(284).is_some_and(|planes| planes != 1) {
            return None;
        }
        let colour = match (number(262)?, number(277).unwrap_or(1)) {
            (1, 1) => Colour::Gray,
            (2, 3) => Colour::Rgb,
            (6, 3) => Colour::YCbCr,
            _ => return None,
        };
        let (width, height, tiles) = (number(256)?, number(257)?, number(exif::TILE_WIDTH));
        let (part_width, part_height) = match tiles {
            Some(across) => (across, number(323)?),
            None => (width, number(278).unwrap_or(height).min(height)),
        };
        if part_width == 0 || part_height == 0 {
            return None;
        }
        let parts = exif::parts(file, tiles.is_some())?;
        let tables = exif::bytes(file, 347).unwrap_or(&[0xFF, 0xD8]);
        Some(Self { file, width, height, colour, tables, part_width, part_height, parts })
    }

    /// The bytes that decoding takes beside the image: a strip or tile, its samples and its colours.
    pub(super) fn working_bytes(&self) -> u64 {
        u64::from(self.part_width) * u64::from(self.part_height) * 6
    }

    /// The image's pixels as RGB. The caller has checked its size.
    pub(super) fn decode(&self) -> Result<Vec<u8>> {
        let [width, height, part_width, part_height] =
            [self.width, self.height, self.part_width, self.part_height].map(|it| it as usize);
        let mut rgb = vec![0; width * height * 3];
        let (across, down) = (width.div_ceil(part_width), height.div_ceil(part_height));
        if self.parts.len() < across * down {
            return Err(Error::damaged("a damaged TIFF: the file is cut short"));
        }
        // Tables end with a marker, where an image would follow.
        let tables = self.tables.strip_suffix(&[0xFF, 0xD9]).unwrap_or(self.tables);
        for (i, part) in self.parts[..across * down].iter().enumerate() {
            let part = self.file[part.clone()].strip_prefix(&[0xFF, 0xD8]).unwrap_or_default();
            let jpeg = [tables, part].concat();
            let (x, y) = (i % across * part_width, i / across * part_height);
            let (inside, rows) = (part_width.min(width - x), part_height.min(height - y));
            let (stored, stored_rows, _) = jpeg::size(&jpeg)?;
            let (stored, stored_rows) = (stored as usize, stored_rows as usize);
            if !(inside..=part_width).contains(&stored) || !(rows..=part_height).contains(&stored_rows) {
                let reason =
                    format_args!("a damaged TIFF: a part of {part_width}x{part_height} has {stored}x{stored_rows}");
                return Err(Error::damaged(reason));
            }
            let pixels = jpeg::decode(&jpeg, Some(self.colour))?;
            for (row, from) in pixels.chunks_exact(stored * 3).take(rows).enumerate() {
                rgb[((y + row) * width + x) * 3..][..inside * 3].copy_from_slice(&from[..inside * 3]);
            }
        }
        Ok(rgb)
    }
}
