//! Images as their annotation sees them: rows and columns as the file has them. The lists were made
//! by tools that do not know of EXIF.

use std::error::Error;
use std::io::BufReader;
use std::path::Path;

use ::image::{ImageReader, RgbImage};

use crate::files;
use crate::image::{self, Orientation};

/// Reads an image, or says why not.
pub fn read(path: &Path) -> Result<RgbImage, String> {
    let file = files::open(path).map_err(|error| error.source().map_or_else(String::new, ToString::to_string))?;
    let bytes = image::read(file).map_err(|error| error.to_string())?;
    image::decode_as(&bytes, Orientation::AsStored)
}

/// About how many bytes decoding takes at its peak, by what the image's first bytes say; 0 if they say
/// nothing.
pub(super) fn decoding_bytes(path: &Path) -> usize {
    // RGB, and the coefficients of a progressive JPEG.
    const A_PIXEL: usize = 3 + 6;
    size(path).map_or(0, |[width, height]| (width as usize).saturating_mul(height as usize).saturating_mul(A_PIXEL))
}

/// Width and height as an image's first bytes say them.
#[must_use]
pub fn size(path: &Path) -> Option<[u32; 2]> {
    let reader = ImageReader::new(BufReader::new(files::open(path).ok()?)).with_guessed_format().ok()?;
    reader.into_dimensions().ok().map(|(width, height)| [width, height])
}
