//! Files and bytes turned into upright RGB pixels.

mod bmp;
mod exif;
mod format;
mod guard;
mod jpeg;
mod options;
mod orientation;
mod tiff;
mod tiff_jpeg;

use std::borrow::Cow;
use std::error::Error as _;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use ::image::error::UnsupportedErrorKind;
use ::image::metadata::Orientation as Turn;
use ::image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbImage};

use crate::error::{Error, Result};

pub use format::Format;
pub use guard::is_decoding;
pub use options::{DecodeOptions, Orientation};

/// What a file says of its image, before any pixel is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageInfo {
    /// The file's format.
    pub format: Format,
    /// Columns as the file has them, before the image is turned upright.
    pub width: u32,
    /// Rows as the file has them.
    pub height: u32,
    /// The orientation that EXIF or else XMP states, by EXIF's numbers: 1 is upright as stored, 2 is mirrored, 3 upside
    /// down, 6 and 8 lie on their side; 1 where nothing is stated.
    pub orientation: u8,
    /// About how many bytes decoding takes at its peak, the RGB image included.
    pub decoding_bytes: u64,
}

impl ImageInfo {
    /// Columns and rows of the upright image.
    #[must_use]
    pub fn upright(&self) -> (u32, u32) {
        if self.orientation > 4 { (self.height, self.width) } else { (self.width, self.height) }
    }
}

/// Reads an image from a file and turns it upright as its EXIF orientation says.
///
/// The format follows from the content, not from the name: JPEG, PNG, WebP, BMP, TIFF, GIF (the first frame) or PNM.
/// Gray, palette, CMYK and 16-bit images become 8-bit RGB; transparency is dropped. Colour profiles are not looked at.
/// JPEGs become the very pixels that libjpeg makes of them.
///
/// ```
/// # fn main() -> Result<(), mtcnn_cpu::Error> {
/// let image = mtcnn_cpu::image::open("testdata/astronaut.png")?;
/// assert_eq!(image.dimensions(), (512, 512));
///
/// let error = mtcnn_cpu::image::open("Cargo.toml").unwrap_err();
/// assert_eq!(error.kind(), mtcnn_cpu::ErrorKind::UnsupportedFormat);
/// assert!(error.to_string().starts_with("Cargo.toml: not an image"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// With the path, of these kinds:
/// [`NotFound`](crate::ErrorKind::NotFound) or [`Unreadable`](crate::ErrorKind::Unreadable) if the file can't be read;
/// [`UnsupportedFormat`](crate::ErrorKind::UnsupportedFormat) if it is no image, or one of a kind that is not read;
/// [`Damaged`](crate::ErrorKind::Damaged) if it is not what its format demands, or ends before its last pixel;
/// [`TooLarge`](crate::ErrorKind::TooLarge) if it is beyond the limits of [`DecodeOptions::new`].
pub fn open(path: impl AsRef<Path>) -> Result<RgbImage> {
    open_with(path, &DecodeOptions::new())
}

/// [`open`] with other limits, or as stored.
///
/// # Errors
/// As [`open`].
pub fn open_with(path: impl AsRef<Path>, options: &DecodeOptions) -> Result<RgbImage> {
    let path = path.as_ref();
    let bytes =
        File::open(path).and_then(|file| read_within(file, options.max_bytes)).map_err(|error| match error {
            error if error.kind() == io::ErrorKind::FileTooLarge => Error::too_large(error).at(path),
            error => Error::read(path, error),
        })?;
    decode_with(&bytes, options).map_err(|error| error.at(path))
}

/// Decodes the bytes of an image file; otherwise as [`open`].
///
/// ```
/// # fn main() -> Result<(), mtcnn_cpu::Error> {
/// let image = mtcnn_cpu::image::decode(b"P6 2 1 255\n\xff\x00\x00\x00\x00\xff")?;
/// assert_eq!(image.dimensions(), (2, 1));
/// assert_eq!(image.get_pixel(1, 0).0, [0, 0, 255]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`open`], but for reading the file.
pub fn decode(bytes: &[u8]) -> Result<RgbImage> {
    decode_with(bytes, &DecodeOptions::new())
}

/// [`decode`] with other limits, or as stored.
///
/// # Errors
/// As [`decode`].
pub fn decode_with(bytes: &[u8], options: &DecodeOptions) -> Result<RgbImage> {
    let source = Source::open(bytes, options)?;
    let ImageInfo { width, height, orientation, decoding_bytes, .. } = source.info;
    if u64::from(width) * u64::from(height) > options.max_pixels {
        let most = options.max_pixels;
        return Err(Error::too_large(format_args!("{width}x{height} pixels are too many: the limit is {most} in all")));
    }
    if decoding_bytes > options.max_bytes {
        let most = options.max_bytes;
        let reason = format_args!(
            "{width}x{height} pixels are too many: decoding takes {decoding_bytes} bytes, the limit is {most}"
        );
        return Err(Error::too_large(reason));
    }
    let pixels = source.decode()?;
    let image = RgbImage::from_raw(width, height, pixels).ok_or_else(|| Error::damaged("pixels are missing"))?;
    match Turn::from_exif(orientation) {
        Some(turn) if options.orientation == Orientation::Upright => {
            let mut image = DynamicImage::ImageRgb8(image);
            image.apply_orientation(turn);
            Ok(image.into_rgb8())
        }
        _ => Ok(image),
    }
}

/// What the bytes of an image file say of it, and what decoding it would take.
///
/// ```
/// # fn main() -> Result<(), mtcnn_cpu::Error> {
/// let info = mtcnn_cpu::image::info(b"P6 2000 1000 255\n")?;
/// assert_eq!((info.width, info.height, info.orientation), (2000, 1000, 1));
/// assert_eq!(info.decoding_bytes, 6_000_000);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`UnsupportedFormat`](crate::ErrorKind::UnsupportedFormat) and [`Damaged`](crate::ErrorKind::Damaged) as [`open`].
pub fn info(bytes: &[u8]) -> Result<ImageInfo> {
    Source::open(bytes, &DecodeOptions::new()).map(|source| source.info)
}

/// All bytes of a file or stream that is not larger than an image may be.
pub fn read(source: impl Read) -> io::Result<Vec<u8>> {
    read_within(source, DecodeOptions::new().max_bytes)
}

fn read_within(source: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("the file is larger than {most} bytes")));
    }
    Ok(bytes)
}

/// A file whose header is read, and the decoder for the rest.
struct Source<'a> {
    info: ImageInfo,
    decoder: Decoder<'a>,
}

enum Decoder<'a> {
    Jpeg(&'a [u8]),
    Bmp(bmp::Bmp<'a>),
    Tiff(Box<tiff::Tiff<'a>>),
    JpegTiff(tiff_jpeg::JpegTiff<'a>),
    Other(Box<dyn ImageDecoder + 'a>),
}

impl<'a> Source<'a> {
    fn open(bytes: &'a [u8], options: &DecodeOptions) -> Result<Self> {
        let format = Format::of(bytes)?;
        let (width, height, working_bytes, decoder) = match format {
            Format::Jpeg => {
                let (width, height, working_bytes) = jpeg::size(bytes)?;
                (width, height, working_bytes, Decoder::Jpeg(bytes))
            }
            _ => guard::caught(format, || Self::decoder(bytes, format, options))?,
        };
        if width == 0 || height == 0 {
            return Err(Error::damaged(format_args!("a damaged {format}: {width}x{height} pixels")));
        }
        let orientation = orientation::orientation(bytes, format);
        let rgb = u64::from(width) * u64::from(height) * 3;
        // An image that lies on its side is copied.
        let turned = if options.orientation == Orientation::Upright && orientation > 4 { rgb } else { 0 };
        let decoding_bytes = rgb + working_bytes.max(turned);
        Ok(Self { info: ImageInfo { format, width, height, orientation, decoding_bytes }, decoder })
    }

    /// Width, height, the bytes that decoding takes beside the image, and the decoder.
    fn decoder(bytes: &'a [u8], format: Format, options: &DecodeOptions) -> Result<(u32, u32, u64, Decoder<'a>)> {
        let mut plain = bytes.into();
        match format {
            Format::Tiff => {
                tiff::check(bytes)?;
                if let Some(tiff) = tiff_jpeg::JpegTiff::open(bytes) {
                    return Ok((tiff.width, tiff.height, tiff.working_bytes(), Decoder::JpegTiff(tiff)));
                }
                if let Some(tiff) = tiff::Tiff::open(bytes, options.max_bytes) {
                    return Ok((tiff.width, tiff.height, tiff.working_bytes(), Decoder::Tiff(Box::new(tiff))));
                }
                plain = tiff::in_order(bytes);
            }
            Format::WebP => guard::webp_is_whole(bytes)?,
            Format::Bmp => {
                if let Some(bmp) = bmp::Bmp::open(bytes)? {
                    return Ok((bmp.width, bmp.height, bmp.working_bytes(), Decoder::Bmp(bmp)));
                }
            }
            _ => {}
        }
        let decoder = in_image(plain, format, options.max_bytes)?;
        let (width, height) = decoder.dimensions();
        // What is not RGB of eight bits is converted.
        let working_bytes = if decoder.color_type() == ColorType::Rgb8 { 0 } else { decoder.total_bytes() };
        Ok((width, height, working_bytes, Decoder::Other(Box::new(decoder))))
    }

    /// The image's pixels as RGB.
    fn decode(self) -> Result<Vec<u8>> {
        let format = self.info.format;
        match self.decoder {
            Decoder::Jpeg(file) => jpeg::decode(file, None),
            Decoder::JpegTiff(tiff) => tiff.decode(),
            Decoder::Tiff(tiff) => guard::caught(format, || tiff.decode()),
            // What it takes is known and checked.
            Decoder::Bmp(bmp) => {
                guard::caught(format, || pixels(in_image(bmp.plain()?.into(), format, u64::MAX)?, format))
            }
            Decoder::Other(decoder) => guard::caught(format, || pixels(decoder, format)),
        }
    }
}

/// A decoder of the crate `image`.
fn in_image(bytes: Cow<'_, [u8]>, format: Format, max_bytes: u64) -> Result<impl ImageDecoder> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(max_bytes);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.in_image());
    reader.limits(limits);
    reader.into_decoder().map_err(|error| reason(&error, format))
}

fn pixels(decoder: impl ImageDecoder, format: Format) -> Result<Vec<u8>> {
    let image = DynamicImage::from_decoder(decoder).map_err(|error| reason(&error, format))?;
    Ok(image.into_rgb8().into_raw())
}

/// The error in words for a user; `image` says it in several layers.
fn reason(error: &ImageError, format: Format) -> Error {
    let damaged = |reason: &dyn std::fmt::Display| Error::damaged(format_args!("a damaged {format}: {reason}"));
    match error {
        ImageError::Limits(_) => {
            Error::too_large(format_args!("a {format} too large: it would take more memory than is allowed"))
        }
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => damaged(&"the file is cut short"),
        ImageError::Unsupported(error) => match error.kind() {
            UnsupportedErrorKind::GenericFeature(feature) => {
                Error::unsupported(format_args!("a {format} of an unsupported kind: {feature}"))
            }
            _ => Error::unsupported(format_args!("a {format} of an unsupported kind: {error}")),
        },
        _ => match error.source() {
            Some(source) => damaged(&source),
            None => damaged(error),
        },
    }
}

#[cfg(test)]
mod tests;
