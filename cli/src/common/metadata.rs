//! What a changed copy keeps of its image's metadata: its colours, and with EXIF what a camera wrote, but no picture.

use std::io::Cursor;

use ::image::{ImageDecoder, ImageReader};
use exif::experimental::Writer;
use exif::{Field, In, Reader, Tag, Value};

/// Metadata of an image, empty if nothing is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// An ICC profile of RGB colours.
    pub(crate) icc: Option<Vec<u8>>,
    /// A TIFF, as EXIF is.
    pub(crate) exif: Option<Vec<u8>>,
}

impl Metadata {
    /// The colour profile of a file and, if it is wanted, its EXIF.
    pub(crate) fn of(file: &[u8], with_exif: bool) -> Self {
        let reader = ImageReader::new(Cursor::new(file)).with_guessed_format();
        let Some(mut decoder) = reader.ok().and_then(|reader| reader.into_decoder().ok()) else {
            return Self::default();
        };
        // One of grey or CMYK colours does not fit the copy, which is RGB.
        let icc = decoder.icc_profile().ok().flatten().filter(|icc| icc.get(16..20) == Some(b"RGB "));
        let exif = if with_exif { decoder.exif_metadata().ok().flatten() } else { None };
        Self { icc, exif: exif.and_then(harmless) }
    }
}

/// EXIF of an image that is upright now, without all that may hold a smaller one: the thumbnail, which is a directory of its
/// own, and what the camera's maker notes.
fn harmless(exif: Vec<u8>) -> Option<Vec<u8>> {
    // Some programs leave JPEG's prefix in other formats.
    let exif = exif.strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec).unwrap_or(exif);
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    let read = reader.read_raw(exif).or_else(|error| error.distill_partial_result(|_| {})).ok()?;
    let sizes = [Tag::ImageWidth, Tag::ImageLength, Tag::PixelXDimension, Tag::PixelYDimension];
    let upright = Field { tag: Tag::Orientation, ifd_num: In::PRIMARY, value: Value::Short(vec![1]) };
    let stays = |field: &&Field| {
        let tag = field.tag;
        field.ifd_num == In::PRIMARY
            && is_short(&field.value)
            && ![Tag::Orientation, Tag::MakerNote].contains(&tag)
            && !sizes.contains(&tag)
    };
    let mut writer = Writer::new();
    read.fields().filter(stays).chain([&upright]).for_each(|field| writer.push_field(field));
    let mut bytes = Cursor::new(Vec::new());
    writer.write(&mut bytes, read.little_endian()).ok()?;
    Some(bytes.into_inner())
}

/// Whether it is too short for a picture, whatever its tag says that it is: XMP and Photoshop's resources hold small ones too.
fn is_short(value: &Value) -> bool {
    let (length, most) = match value {
        Value::Byte(bytes) | Value::Undefined(bytes, _) => (bytes.len(), 8),
        Value::SByte(bytes) => (bytes.len(), 8),
        Value::Ascii(texts) => (texts.iter().map(Vec::len).sum(), 256),
        Value::Short(numbers) => (numbers.len(), 16),
        Value::Long(numbers) => (numbers.len(), 16),
        Value::Rational(numbers) => (numbers.len(), 16),
        Value::SShort(numbers) => (numbers.len(), 16),
        Value::SLong(numbers) => (numbers.len(), 16),
        Value::SRational(numbers) => (numbers.len(), 16),
        Value::Float(numbers) => (numbers.len(), 16),
        Value::Double(numbers) => (numbers.len(), 16),
        Value::Unknown(..) => return false,
    };
    length <= most
}
