//! YUV4MPEG2, as ffmpeg's `-f yuv4mpegpipe` writes it: a line of parameters, then frames, each after a line of its own.

use std::io::{BufRead, Read};

use anyhow::{Context, bail};

use crate::video::frame::{Frame, Layout, Sampling};
use crate::video::rate::Rate;

/// What a file begins with.
pub(super) const MAGIC: &[u8] = b"YUV4MPEG2 ";
/// No writer makes longer lines.
const LONGEST_LINE: u64 = 4096;

/// The parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rate: Rate,
    pub(crate) layout: Layout,
    /// Whether brightness has all values from 0 to 255, if it is said.
    pub(crate) is_full: Option<bool>,
    /// The line without size, as it was.
    pub(crate) rest: String,
}

impl Header {
    fn parse(line: &str, max_pixels: u64) -> anyhow::Result<Self> {
        let (mut width, mut height, mut rate, mut layout, mut is_full) = (0_u64, 0_u64, None, None, None);
        let mut rest = Vec::new();
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_at_checked(1).context("a parameter without a name")?;
            let number = || value.parse().with_context(|| format!("{word} is no size"));
            match name {
                "W" => width = number()?,
                "H" => height = number()?,
                "F" => rate = Some(value.parse::<Rate>().map_err(anyhow::Error::msg)?),
                "C" => layout = Some(colour_space(value)?),
                "X" if value == "COLORRANGE=FULL" => is_full = Some(true),
                "X" if value == "COLORRANGE=LIMITED" => is_full = Some(false),
                _ => {}
            }
            if !matches!(name, "W" | "H") {
                rest.push(word);
            }
        }
        if width == 0 || height == 0 {
            bail!("its frames have {width}x{height} pixels");
        }
        if width.checked_mul(height).is_none_or(|pixels| pixels > max_pixels) {
            bail!("its frames have {width}x{height} pixels, more than --max-pixels {max_pixels}");
        }
        Ok(Self {
            width: width as usize,
            height: height as usize,
            rate: rate.unwrap_or_default(),
            layout: layout.unwrap_or(Layout::Planar(Sampling::S420)),
            is_full,
            rest: rest.join(" "),
        })
    }

    /// Reads the first line.
    pub(super) fn read(reader: &mut impl BufRead, max_pixels: u64) -> anyhow::Result<Self> {
        let line = line(reader)?.context("its first line is cut off")?;
        let parameters = line.strip_prefix("YUV4MPEG2").context("its first line is not that of Y4M")?;
        Self::parse(parameters, max_pixels)
    }
}

fn colour_space(name: &str) -> anyhow::Result<Layout> {
    Ok(match name {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Layout::Planar(Sampling::S420),
        "422" => Layout::Planar(Sampling::S422),
        "444" => Layout::Planar(Sampling::S444),
        "mono" => Layout::Gray,
        _ => bail!("its colours are {name}, which is not read: let ffmpeg convert them with `-pix_fmt yuv420p`"),
    })
}

/// A line without its end; None at the end of the file.
fn line(reader: &mut impl BufRead) -> anyhow::Result<Option<String>> {
    let mut line = Vec::new();
    let length = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(String::from_utf8_lossy(&line).into_owned())),
        Some(_) if length as u64 == LONGEST_LINE => bail!("a line has no end"),
        Some(_) => bail!("it ends within a line"),
    }
}

/// The next frame; None at the end.
pub(super) fn next(reader: &mut impl BufRead, header: &Header) -> anyhow::Result<Option<Frame>> {
    let Some(line) = line(reader)? else { return Ok(None) };
    if line != "FRAME" && !line.starts_with("FRAME ") {
        bail!("there is no FRAME where it should begin");
    }
    let frame = Frame::read(reader, header.layout, header.width, header.height)?;
    Ok(Some(frame.context("it ends where the frame should begin")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_in_any_order_and_kept() {
        let header = Header::parse(" H3 F30000:1001 Ip W5 A1:1 C422 XYSCSS=422 XCOLORRANGE=FULL", 100).unwrap();
        assert_eq!((header.width, header.height, header.layout), (5, 3, Layout::Planar(Sampling::S422)));
        assert_eq!((header.rate.time(30_000), header.is_full), (1001.0, Some(true)));
        assert_eq!(header.rest, "F30000:1001 Ip A1:1 C422 XYSCSS=422 XCOLORRANGE=FULL");
        assert_eq!(Header::parse("W2 H2", 100).unwrap().layout, Layout::Planar(Sampling::S420));
    }

    #[test]
    fn what_is_no_size_or_too_large_is_said() {
        for (line, reason) in [
            ("W0 H5", "its frames have 0x5 pixels"),
            ("H5", "its frames have 0x5 pixels"),
            ("W1000000000 H1000000000", "more than --max-pixels 100"),
            ("W18446744073709551615 H18446744073709551615", "more than --max-pixels 100"),
            ("W11 H10", "more than --max-pixels 100"),
            ("Wx H5", "Wx is no size"),
            ("W-5 H5", "W-5 is no size"),
            ("W5 H5 C420p10", "its colours are 420p10, which is not read"),
            ("W5 H5 F0:1", "is no rate"),
            ("W5 H5 F1:0", "is no rate"),
            ("\u{e9}W5", "a parameter without a name"),
        ] {
            let error = Header::parse(line, 100).map_or_else(|error| format!("{error:#}"), |_| "read".into());
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
