//! Arguments that say how images are read.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use mtcnn_cpu::data::images::Reading;
use mtcnn_cpu::image::{DecodeOptions, Orientation};

/// How an image is read.
#[derive(Debug, clap::Args)]
pub(crate) struct Decoding {
    /// Whether images are turned upright as EXIF, or else XMP, says [default: upright; stored where an evaluation or a
    /// training reads them].
    ///
    /// The annotation of WIDER FACE, CNN_FacePoint and FDDB is of the pixels as they are stored, so that `eval`, `prepare`,
    /// `train` and `detect --format wider` or `fddb` leave images so; everywhere else they are as viewers show them.
    #[arg(long, value_name = "HOW", value_parser = orientations(), help_heading = "Images")]
    pub(crate) orientation: Option<Orientation>,

    /// The former name of --orientation stored.
    #[arg(long, hide = true, conflicts_with = "orientation")]
    pub(crate) no_exif: bool,

    /// Refuse images of more pixels, before memory is asked for.
    ///
    /// The most memory that decoding one image may take, 2 GiB, grows with it.
    #[arg(long, value_name = "N", default_value_t = DecodeOptions::new().max_pixels,
        value_parser = clap::value_parser!(u64).range(1..), help_heading = "Images")]
    pub(crate) max_pixels: u64,
}

/// How many images are at work.
#[derive(Debug, clap::Args)]
pub(crate) struct Memory {
    /// About how much memory images and what is made of them may take at a time, such as 512M or 2G; at least 64M.
    ///
    /// It is counted by the size that each file claims. An image that takes more by itself is processed alone. The program
    /// and its nets take another 30 MB.
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = ram, help_heading = "Images")]
    pub(crate) ram: usize,
}

impl Decoding {
    /// With `usual` where nothing was typed.
    pub(crate) fn options(&self, usual: Orientation) -> DecodeOptions {
        let limits = DecodeOptions::new();
        let orientation = self.orientation.unwrap_or(if self.no_exif { Orientation::AsStored } else { usual });
        // As many bytes a pixel as by default.
        let bytes = self.max_pixels.saturating_mul(limits.max_bytes.div_ceil(limits.max_pixels));
        limits.orientation(orientation).max_pixels(self.max_pixels).max_bytes(bytes.max(limits.max_bytes))
    }

    /// For images of lists.
    pub(crate) fn reading(&self, memory: &Memory) -> Reading {
        Reading { decode: self.options(Reading::default().decode.orientation), ram: memory.ram }
    }
}

fn orientations() -> impl TypedValueParser<Value = Orientation> {
    let names = [
        PossibleValue::new("upright").help("Turned, as viewers show them"),
        PossibleValue::new("stored").help("Rows and columns as the file has them"),
    ];
    PossibleValuesParser::new(names)
        .map(|name| if name == "stored" { Orientation::AsStored } else { Orientation::Upright })
}

fn ram(text: &str) -> Result<usize, String> {
    const LEAST: usize = 64 << 20;
    let (number, shift) = match text.char_indices().last() {
        Some((at, 'K' | 'k')) => (&text[..at], 10),
        Some((at, 'M' | 'm')) => (&text[..at], 20),
        Some((at, 'G' | 'g')) => (&text[..at], 30),
        _ => (text, 0),
    };
    match number.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << shift)) {
        Some(bytes) if bytes >= LEAST => Ok(bytes),
        Some(_) => Err("at least 64M are needed".into()),
        None => Err("a size is needed, such as 512M or 2G".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(ram("64M"), Ok(64 << 20));
        assert_eq!(ram("2g"), Ok(2 << 30));
        assert_eq!(ram("65536K"), Ok(64 << 20));
        assert_eq!(ram("100000000"), Ok(100_000_000));
        for wrong in ["", "M", "63M", "1.5G", "-1G", "99999999999999999G", "1T", "0"] {
            assert!(ram(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn memory_for_an_image_grows_with_its_pixels() {
        let options =
            |max_pixels| Decoding { orientation: None, no_exif: false, max_pixels }.options(Orientation::Upright);
        let usual = DecodeOptions::new();
        assert_eq!(options(1000).max_bytes, usual.max_bytes);
        assert!(options(usual.max_pixels * 4).max_bytes >= usual.max_bytes * 4);
        assert_eq!(options(u64::MAX).max_bytes, u64::MAX);
    }
}
