//! Files and bytes turned into upright RGB pixels.

use std::error::Error as _;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ::image::error::UnsupportedErrorKind;
use ::image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage, guess_format};

use crate::error::{Error, Result};

/// The most bytes that a file may have, and that its pixels may take, both as the file has them and
/// as RGB. A small file can claim any size, so the claim is checked before memory is asked for. 1 GiB
/// is 357 megapixels: more than any camera's sensor, and no danger to a machine.
const MAX_BYTES: u64 = 1 << 30;

/// Whether the EXIF orientation is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// It is: up is up.
    Upright,
    /// It is not: rows and columns as the file has them.
    AsStored,
}

/// Reads a picture from a file and turns it upright as its EXIF orientation says.
///
/// The format follows from the content, not from the name: JPEG, PNG, WebP, BMP, TIFF, GIF (the
/// first frame) or PNM. Gray, palette, CMYK and 16-bit pictures become 8-bit RGB; transparency is
/// dropped. Colour profiles are not looked at.
///
/// ```
/// # fn main() -> Result<(), mtcnn_cpu::Error> {
/// let picture = mtcnn_cpu::image::open("testdata/astronaut.png")?;
/// assert_eq!(picture.dimensions(), (512, 512));
///
/// let error = mtcnn_cpu::image::open("Cargo.toml").unwrap_err();
/// assert!(error.to_string().starts_with("Cargo.toml: not a picture"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`crate::ErrorKind::Unreadable`] if the file can't be read, [`crate::ErrorKind::Damaged`] if it is no picture, or is damaged, cut
/// short, or larger than 1 GiB: as a file, or as pixels (357 megapixels).
pub fn open(path: impl AsRef<Path>) -> Result<RgbImage> {
    let path = path.as_ref();
    let bytes = File::open(path).and_then(read).map_err(|source| Error::read(path, source))?;
    decode_as(&bytes, Orientation::Upright).map_err(|reason| Error::damaged(reason).at(path))
}

/// Decodes the bytes of a picture file; otherwise as [`open`].
///
/// ```
/// # fn main() -> Result<(), mtcnn_cpu::Error> {
/// let picture = mtcnn_cpu::image::decode(b"P6 2 1 255\n\xff\x00\x00\x00\x00\xff")?;
/// assert_eq!(picture.dimensions(), (2, 1));
/// assert_eq!(picture.get_pixel(1, 0).0, [0, 0, 255]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`crate::ErrorKind::Damaged`] as [`open`].
pub fn decode(bytes: &[u8]) -> Result<RgbImage> {
    decode_as(bytes, Orientation::Upright).map_err(Error::damaged)
}

/// All bytes of a file or stream that is not larger than a picture may be.
pub fn read(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 1 GiB"));
    }
    Ok(bytes)
}

/// [`decode`] with a choice, and the bare reason as its error.
pub fn decode_as(bytes: &[u8], orientation: Orientation) -> Result<RgbImage, String> {
    if bytes.is_empty() {
        return Err("not a picture: the file is empty".into());
    }
    let format = guess_format(bytes)
        .map_err(|_| "not a picture: it begins like none of JPEG, PNG, WebP, BMP, TIFF, GIF, PNM".to_string())?;
    if !format.reading_enabled() {
        return Err(format!("{} pictures are not supported", name(format)));
    }
    // The decoder fills what is missing with gray, and a face might be there.
    if format == ImageFormat::Jpeg && !jpeg_has_end(bytes) {
        return Err("a damaged JPEG: the file is cut short".into());
    }
    // A decoder that stumbles over hostile bytes must cost one picture, not the program.
    catch_unwind(AssertUnwindSafe(|| decode_format(bytes, format, orientation)))
        .unwrap_or_else(|_| Err(format!("a damaged {}: the decoder gave up", name(format))))
}

fn decode_format(bytes: &[u8], format: ImageFormat, orientation: Orientation) -> Result<RgbImage, String> {
    let reason = |error: ImageError| reason(&error, format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(reason)?;

    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(format!("a damaged {}: {width}x{height} pixels", name(format)));
    }
    let rgb = u64::from(width) * u64::from(height) * 3;
    if decoder.total_bytes().max(rgb) > MAX_BYTES {
        return Err(format!("{width}x{height} pixels are too many: they would take more than 1 GiB"));
    }
    // A picture is worth more than its broken metadata.
    let turn = match orientation {
        Orientation::Upright => decoder.orientation().ok(),
        Orientation::AsStored => None,
    };
    let mut picture = DynamicImage::ImageRgb8(DynamicImage::from_decoder(decoder).map_err(reason)?.into_rgb8());
    if let Some(turn) = turn {
        picture.apply_orientation(turn);
    }
    Ok(picture.into_rgb8())
}

/// The reason in words for a user; `image` says it in several layers.
fn reason(error: &ImageError, format: ImageFormat) -> String {
    let name = name(format);
    match error {
        ImageError::Limits(_) => format!("a {name} too large: it would take more than 1 GiB"),
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!("a damaged {name}: the file is cut short")
        }
        ImageError::Unsupported(error) => match error.kind() {
            UnsupportedErrorKind::GenericFeature(feature) => format!("a {name} of an unsupported kind: {feature}"),
            _ => format!("a {name} of an unsupported kind: {error}"),
        },
        _ => match error.source() {
            Some(source) => format!("a damaged {name}: {source}"),
            None => format!("a damaged {name}: {error}"),
        },
    }
}

/// A format as people write it.
fn name(format: ImageFormat) -> String {
    match format {
        ImageFormat::WebP => "WebP".into(),
        other => format!("{other:?}").to_uppercase(),
    }
}

/// Whether a JPEG goes on to its end marker.
///
/// Segments are skipped by their length, so that the end of a thumbnail in them does not count. In
/// the coded pixels after the last segment 0xFF is followed by 0 or a restart marker.
fn jpeg_has_end(bytes: &[u8]) -> bool {
    const FILL: u8 = 0xFF;
    const START_OR_RESTART: std::ops::RangeInclusive<u8> = 0xD0..=0xD8;
    const END: u8 = 0xD9;
    let mut at = 0;
    while let Some(pair) = bytes.get(at..at + 2) {
        at += match *pair {
            [0xFF, END] => return true,
            [0xFF, FILL] => 1,
            [0xFF, 0 | 1] => 2,
            [0xFF, marker] if START_OR_RESTART.contains(&marker) => 2,
            [0xFF, _] => match bytes.get(at + 2..at + 4) {
                Some(length) => 2 + usize::from(u16::from_be_bytes([length[0], length[1]])),
                None => return false,
            },
            _ => 1,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        std::fs::read(format!("testdata/decode/{name}")).unwrap()
    }

    /// The mean difference of two pictures of one size, in levels.
    fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
        assert_eq!(a.dimensions(), b.dimensions());
        let sum: u64 = a.iter().zip(b.iter()).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
        sum as f64 / a.len() as f64
    }

    /// Each fixture holds one of two pictures, colour and gray; the one it is compared with comes from
    /// another format, and Pillow made both.
    fn check(names: &[&str], original: &str, tolerance: f64) {
        let original = decode(&fixture(original)).unwrap();
        assert_eq!(original.dimensions(), (48, 36));
        for name in names {
            let picture = decode(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            let difference = difference(&picture, &original);
            assert!(difference <= tolerance, "{name} is off by {difference}");
        }
    }

    #[test]
    fn lossless_formats_are_exact() {
        let colour = ["rgb.png", "rgba.png", "rgb.bmp", "rgb.tif", "lossless.webp", "exif-6.png", "exif-6.webp"];
        check(&colour, "rgb.ppm", 0.0);
        check(&["exif-6.tif"], "rgb.ppm", 0.0);
        check(&["gray.png", "gray-alpha.png", "gray16.png"], "gray.pgm", 0.0);
    }

    #[test]
    fn palettes_and_lossy_formats_are_close() {
        check(&["palette.png", "two-frames.gif"], "rgb.ppm", 4.0);
        check(&["rgb.jpg", "progressive.jpg", "lossy.webp"], "rgb.ppm", 4.0);
        check(&["gray.jpg"], "gray.pgm", 2.0);
    }

    #[test]
    fn cmyk_has_the_right_colours() {
        check(&["cmyk.jpg", "cmyk-not-adobe.jpg"], "rgb.ppm", 4.0);
    }

    #[test]
    fn every_exif_orientation_is_turned_upright() {
        for orientation in 1..=8 {
            check(&[&format!("exif-{orientation}.jpg")], "rgb.ppm", 4.0);
        }
    }

    #[test]
    fn exif_orientation_can_be_left_alone() {
        let stored = decode_as(&fixture("exif-6.png"), Orientation::AsStored).unwrap();
        assert_eq!(stored.dimensions(), (36, 48));
        let upright = ::image::imageops::rotate90(&stored);
        assert_eq!(difference(&upright, &decode(&fixture("rgb.png")).unwrap()), 0.0);
    }

    #[test]
    fn the_name_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("photo.txt");
        std::fs::write(&file, fixture("rgb.jpg")).unwrap();
        assert_eq!(open(file).unwrap().dimensions(), (48, 36));
    }

    /// Half of a file is an error in every format: a decoder that fills the rest with gray hides faces.
    #[test]
    fn a_file_cut_short_is_refused() {
        for entry in std::fs::read_dir("testdata/decode").unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            // Of a GIF only the first frame is needed, which here is nearly the first half.
            let needed = if path.extension().is_some_and(|it| it == "gif") { bytes.len() * 2 / 5 } else { bytes.len() };
            for length in [1, 12, needed / 3, needed * 2 / 3, needed * 9 / 10] {
                assert!(decode(&bytes[..length]).is_err(), "{path:?}: {length} of {} bytes", bytes.len());
            }
        }
    }

    /// Flipped bytes give a picture or an error, whatever the decoder does.
    #[test]
    fn damage_never_panics() {
        for name in
            ["rgb.jpg", "progressive.jpg", "rgb.png", "lossy.webp", "lossless.webp", "two-frames.gif", "rgb.tif"]
        {
            let bytes = fixture(name);
            for at in (0..bytes.len()).step_by(bytes.len() / 97) {
                let mut bytes = bytes.clone();
                bytes[at] ^= 0x5A;
                let _ = decode(&bytes);
            }
        }
    }

    #[test]
    fn an_end_marker_in_a_thumbnail_is_not_the_end() {
        let thumbnail = [0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 0xFF, 0xD9, 0xFF, 0xDA, 0, 2, 1, 0xFF, 0, 0xFF, 0xD0];
        assert!(!jpeg_has_end(&thumbnail));
        assert!(jpeg_has_end(&[&thumbnail[..], &[0xFF, 0xFF, 0xD9]].concat()));
    }

    #[test]
    fn errors_give_the_reason() {
        let message = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        assert_eq!(message(b""), "not a picture: the file is empty");
        assert!(message(b"dear reader").starts_with("not a picture: it begins like none of JPEG"));
        assert_eq!(message(b"qoif\0\0\0\0"), "QOI pictures are not supported");
        assert_eq!(message(&fixture("rgb.jpg")[..900]), "a damaged JPEG: the file is cut short");
        assert!(message(b"P5 60000 60000 255\n").contains("60000x60000 pixels are too many"));
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", open(folder.path()).unwrap_err());
        assert!(error.starts_with(&*folder.path().to_string_lossy()) && error.contains("directory"), "{error}");
    }
}
