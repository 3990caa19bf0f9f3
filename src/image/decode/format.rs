//! What a file is, by its first bytes. Names are not looked at.

use std::fmt;

use ::image::ImageFormat;

use crate::error::{Error, Result};

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Format {
    Jpeg,
    Png,
    WebP,
    Bmp,
    Tiff,
    Gif,
    Pnm,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Gif => "GIF",
            Self::Pnm => "PNM",
        })
    }
}

impl Format {
    /// The format of a file; an error that names it if it is another.
    pub(super) fn of(bytes: &[u8]) -> Result<Self> {
        Ok(match bytes {
            [] => return Err(Error::damaged("not an image: the file is empty")),
            [0xFF, 0xD8, 0xFF, ..] => Self::Jpeg,
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Self::Png,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::WebP,
            [b'B', b'M', ..] => Self::Bmp,
            [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => Self::Tiff,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Self::Gif,
            [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => Self::Pnm,
            _ => {
                return Err(Error::unsupported(match other(bytes) {
                    Some(name) => format!("{name} images are not supported"),
                    None => "not an image: it begins like none of JPEG, PNG, WebP, BMP, TIFF, GIF, PNM".into(),
                }));
            }
        })
    }

    /// The decoder for it.
    pub(super) fn in_image(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::WebP => ImageFormat::WebP,
            Self::Bmp => ImageFormat::Bmp,
            Self::Tiff => ImageFormat::Tiff,
            Self::Gif => ImageFormat::Gif,
            Self::Pnm => ImageFormat::Pnm,
        }
    }
}

/// The name of a format that is not read.
fn other(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', brands @ ..] => {
            // The major brand, a version, and the brands that it is compatible with.
            let length = bytes.len().min(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize);
            let brands = &brands[..length.saturating_sub(8).min(brands.len())];
            let has = |names: &[&[u8; 4]]| brands.as_chunks::<4>().0.iter().any(|brand| names.contains(&brand));
            match () {
                () if has(&[b"avif", b"avis"]) => "AVIF",
                () if has(&[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"]) => "HEIC",
                () if has(&[b"crx "]) => "CR3",
                () => "MP4",
            }
        }
        [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] | [0xFF, 0x0A, ..] => "JPEG XL",
        [0, 0, 0, 12, b'j', b'P', ..] | [0xFF, 0x4F, 0xFF, 0x51, ..] => "JPEG 2000",
        [b'q', b'o', b'i', b'f', ..] => "QOI",
        [b'8', b'B', b'P', b'S', ..] => "Photoshop",
        [b'D', b'D', b'S', b' ', ..] => "DDS",
        [0x76, 0x2F, 0x31, 0x01, ..] => "OpenEXR",
        [b'#', b'?', ..] => "Radiance HDR",
        [0, 0, 1, 0, ..] => "ICO",
        [b'%', b'P', b'D', b'F', ..] => "PDF",
        [b'f', b'a', b'r', b'b', b'f', b'e', b'l', b'd', ..] => "farbfeld",
        _ => return None,
    })
}
