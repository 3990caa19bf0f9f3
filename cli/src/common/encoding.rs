//! Images written to files, in the formats that results can have.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use ::image::codecs::bmp::BmpEncoder;
use ::image::codecs::jpeg::JpegEncoder;
use ::image::codecs::png::PngEncoder;
use ::image::codecs::tiff::TiffEncoder;
use ::image::codecs::webp::WebPEncoder;
use ::image::{ExtendedColorType, ImageEncoder, ImageFormat, ImageResult, RgbImage};
use anyhow::Context;

use crate::common::metadata::Metadata;
use crate::common::save::Save;

/// Good enough to look at closely.
const JPEG_QUALITY: u8 = 92;

/// A file that appears when it is complete; folders on its way are made.
pub(crate) fn write_image(path: &Path, image: &RgbImage, format: ImageFormat) -> anyhow::Result<()> {
    write_image_with(path, image, format, Metadata::default()).map(drop)
}

/// The same, with metadata. Gives what the format can't hold of them.
pub(crate) fn write_image_with(
    path: &Path,
    image: &RgbImage,
    format: ImageFormat,
    metadata: Metadata,
) -> anyhow::Result<Option<&'static str>> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_folder(folder)?;
    }
    let (bytes, lost) =
        encode(image, format, metadata).with_context(|| format!("can't write {}", path.to_string_lossy()))?;
    let mut file = Save::begin(path)?;
    file.write_all(&bytes)?;
    file.finish()?;
    Ok(lost)
}

pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.to_string_lossy()))
}

/// The format that a path's extension stands for, if a result can have it.
pub(crate) fn format(path: &Path) -> Option<ImageFormat> {
    use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    ImageFormat::from_path(path).ok().filter(|format| matches!(format, Bmp | Jpeg | Png | Tiff | WebP))
}

fn encode(image: &RgbImage, format: ImageFormat, metadata: Metadata) -> ImageResult<(Vec<u8>, Option<&'static str>)> {
    let mut bytes = Cursor::new(Vec::new());
    let lost = match format {
        ImageFormat::Jpeg => encode_with(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY), image, metadata)?,
        ImageFormat::WebP => encode_with(WebPEncoder::new_lossless(&mut bytes), image, metadata)?,
        ImageFormat::Bmp => encode_with(BmpEncoder::new(&mut bytes), image, metadata)?,
        ImageFormat::Tiff => encode_with(TiffEncoder::new(&mut bytes), image, metadata)?,
        _ => encode_with(PngEncoder::new(&mut bytes), image, metadata)?,
    };
    Ok((bytes.into_inner(), lost))
}

fn encode_with(
    mut encoder: impl ImageEncoder,
    image: &RgbImage,
    Metadata { icc, exif }: Metadata,
) -> ImageResult<Option<&'static str>> {
    let icc = icc.map_or(Ok(()), |icc| encoder.set_icc_profile(icc));
    let exif = exif.map_or(Ok(()), |exif| encoder.set_exif_metadata(exif));
    let (width, height) = image.dimensions();
    encoder.write_image(image, width, height, ExtendedColorType::Rgb8)?;
    Ok(match (icc, exif) {
        (Ok(()), Ok(())) => None,
        (Err(_), Ok(())) => Some("its colour profile"),
        (Ok(()), Err(_)) => Some("EXIF"),
        (Err(_), Err(_)) => Some("its colour profile and EXIF"),
    })
}
