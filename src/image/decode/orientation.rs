//! Where the formats keep their metadata.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;

use super::exif::{self, Metadata};
use super::format::Format;

/// The most bytes of metadata that are unpacked.
const MOST: u64 = 16 << 20;

/// The orientation that a file states, 1 to 8. Broken metadata state none: the image is worth more.
pub(super) fn orientation(file: &[u8], format: Format) -> u8 {
    let metadata = match format {
        Format::Jpeg => in_jpeg(file),
        Format::Png => in_png(file),
        Format::WebP => in_webp(file),
        Format::Tiff => Metadata { exif: Some(file.into()), xmp: exif::bytes(file, exif::XMP).map(Cow::Borrowed) },
        Format::Bmp | Format::Gif | Format::Pnm => Metadata::default(),
    };
    metadata.orientation()
}

fn in_jpeg(file: &[u8]) -> Metadata<'_> {
    const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
    let mut metadata = Metadata::default();
    for segment in super::jpeg::app1(file) {
        if segment.starts_with(b"Exif\0\0") {
            metadata.exif.get_or_insert(segment.into());
        } else if let Some(xmp) = segment.strip_prefix(XMP) {
            metadata.xmp.get_or_insert(xmp.into());
        }
    }
    metadata
}

fn in_png(file: &[u8]) -> Metadata<'_> {
    let mut metadata = Metadata::default();
    let mut raw = None;
    let mut rest = file.get(8..).unwrap_or(&[]);
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((kind, after)) = after.split_first_chunk::<4>() else { break };
        let Some((data, after)) = after.split_at_checked(length) else { break };
        match kind {
            b"eXIf" => {
                metadata.exif.get_or_insert(data.into());
            }
            b"iTXt" => {
                if let Some(xmp) = text(kind, data, b"XML:com.adobe.xmp") {
                    metadata.xmp.get_or_insert(xmp);
                }
            }
            b"tEXt" | b"zTXt" => {
                for name in [&b"Raw profile type exif"[..], b"Raw profile type APP1"] {
                    if let Some(profile) = text(kind, data, name).and_then(|text| unhex(&text)) {
                        raw.get_or_insert(profile.into());
                    }
                }
            }
            _ => {}
        }
        // Behind the data stands a checksum.
        rest = after.get(4..).unwrap_or(&[]);
    }
    metadata.exif = metadata.exif.or(raw);
    metadata
}

/// The text of a PNG's chunk if it has this keyword.
fn text<'a>(kind: &[u8; 4], chunk: &'a [u8], keyword: &[u8]) -> Option<Cow<'a, [u8]>> {
    let rest = chunk.strip_prefix(keyword)?.strip_prefix(&[0])?;
    let unpacked = |packed| {
        let mut text = Vec::new();
        ZlibDecoder::new(packed).take(MOST).read_to_end(&mut text).ok()?;
        Some(text.into())
    };
    match (kind, rest) {
        (b"tEXt", text) => Some(text.into()),
        (b"zTXt", [0, packed @ ..]) => unpacked(packed),
        (b"iTXt", [packed, _, rest @ ..]) => {
            // A language and the keyword in it come before the text.
            let mut parts = rest.splitn(3, |&byte| byte == 0).skip(2);
            if *packed == 1 { unpacked(parts.next()?) } else { Some(parts.next()?.into()) }
        }
        _ => None,
    }
}

/// ImageMagick's profile: a line of its name, one of its length, then hexadecimal digits in lines.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let lines = text.strip_prefix(b"\n")?.splitn(3, |&byte| byte == b'\n');
    let digits = lines.last()?.iter().filter_map(|&digit| char::from(digit).to_digit(16)).collect::<Vec<_>>();
    Some(digits.as_chunks::<2>().0.iter().map(|[high, low]| (high << 4 | low) as u8).collect())
}

fn in_webp(file: &[u8]) -> Metadata<'_> {
    let mut metadata = Metadata::default();
    for (kind, data) in chunks(file.get(12..).unwrap_or(&[])) {
        match (kind, data) {
            (b"EXIF", Some(data)) => _ = metadata.exif.get_or_insert(data.into()),
            (b"XMP ", Some(data)) => _ = metadata.xmp.get_or_insert(data.into()),
            _ => {}
        }
    }
    metadata
}

/// The chunks of a RIFF, without data where it is cut short.
pub(super) fn chunks(mut rest: &[u8]) -> impl Iterator<Item = (&[u8; 4], Option<&[u8]>)> {
    std::iter::from_fn(move || {
        let (kind, after) = rest.split_first_chunk()?;
        let (length, after) = after.split_first_chunk()?;
        let length = u32::from_le_bytes(*length) as usize;
        rest = after.get(length + length % 2..).unwrap_or(&[]);
        Some((kind, after.get(..length)))
    })
}
