//! Images written to files, in the formats that results can have.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use ::image::codecs::jpeg::JpegEncoder;
use ::image::{ImageFormat, ImageResult, RgbImage};
use anyhow::Context;

use crate::common::save::Save;

/// Good enough to look at closely.
const JPEG_QUALITY: u8 = 92;

/// A file that appears when it is complete; folders on its way are made.
pub(crate) fn write_image(path: &Path, image: &RgbImage, format: ImageFormat) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_folder(folder)?;
    }
    let bytes = encode(image, format).with_context(|| format!("can't write {}", path.to_string_lossy()))?;
    let mut file = Save::begin(path)?;
    file.write_all(&bytes).with_context(|| format!("can't write {}", path.to_string_lossy()))?;
    file.finish()
}

pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.to_string_lossy()))
}

/// The format that a path's extension stands for, if a result can have it.
pub(crate) fn format(path: &Path) -> Option<ImageFormat> {
    use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    ImageFormat::from_path(path).ok().filter(|format| matches!(format, Bmp | Jpeg | Png | Tiff | WebP))
}

fn encode(image: &RgbImage, format: ImageFormat) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    match format {
        ImageFormat::Jpeg => JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(image)?,
        other => image.write_to(&mut Cursor::new(&mut bytes), other)?,
    }
    Ok(bytes)
}
