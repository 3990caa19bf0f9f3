//! Images as their annotation sees them, within limits.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::Path;

use ::image::RgbImage;

use crate::files;
use crate::image::{self, DecodeOptions, ImageInfo, Orientation};

/// How the images of a list are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Limits, and whether images are turned upright.
    pub decode: DecodeOptions,
    /// About how many bytes images and what is made of them may take at a time, by what each image claims. One that takes
    /// more by itself is done alone.
    pub ram: usize,
}

impl Default for Reading {
    /// The decoder's limits, 1 GiB, and images as they are stored: the annotation of WIDER FACE, CNN_FacePoint and FDDB is of
    /// stored pixels. Of 1,036 real images of WIDER FACE none is stored on its side, and in none do the boxes fit the turned
    /// pixels better: an orientation in such a file is a leftover, and the official evaluations do not look at it.
    fn default() -> Self {
        Self { decode: DecodeOptions::new().orientation(Orientation::AsStored), ram: 1 << 30 }
    }
}

/// Reads an image, or says why not. What its file says of it comes along.
pub fn read(path: &Path, decode: &DecodeOptions) -> Result<(RgbImage, ImageInfo), String> {
    let file = files::open(path).map_err(|error| error.source().map_or_else(String::new, ToString::to_string))?;
    let bytes = image::read(file).map_err(|error| error.to_string())?;
    let image = image::decode_with(&bytes, decode).map_err(|error| error.to_string())?;
    Ok((image, image::info(&bytes).map_err(|error| error.to_string())?))
}

/// About how many bytes reading and decoding take at their peak, by what the file claims; 0 if it claims nothing.
#[must_use]
pub fn decoding_bytes(path: &Path) -> usize {
    // Where most headers end; a file that says its size only behind them is read whole.
    const HEAD: u64 = 1 << 16;
    let claim = info(path, HEAD).or_else(|| info(path, u64::MAX));
    let length = fs::metadata(path).map_or(0, |file| file.len());
    claim.map_or(0, |claim| usize::try_from(claim.decoding_bytes.saturating_add(length)).unwrap_or(usize::MAX))
}

/// Width and height that the decoded image would have.
#[must_use]
pub fn size(path: &Path, orientation: Orientation) -> Option<[u32; 2]> {
    let info = info(path, u64::MAX)?;
    let (width, height) = if orientation == Orientation::Upright { info.upright() } else { (info.width, info.height) };
    Some([width, height])
}

/// What the first bytes of a file say of its image.
fn info(path: &Path, most: u64) -> Option<ImageInfo> {
    let mut bytes = Vec::new();
    files::open(path).ok()?.take(most.min(DecodeOptions::new().max_bytes)).read_to_end(&mut bytes).ok()?;
    image::info(&bytes).ok()
}
