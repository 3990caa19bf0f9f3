//! Frames written as Y4M.

use std::io::{BufWriter, Write};

use anyhow::ensure;
use yuv::YuvRange;

use crate::video::frame::{Colours, Frame, Layout, Sampling};
use crate::video::rate::Rate;
use crate::video::source::y4m::Header;

/// Writes frames, all of one size.
pub(crate) struct Writer<W: Write> {
    out: BufWriter<W>,
    /// What the first line says beside the size.
    parameters: String,
    size: Option<(usize, usize, Layout)>,
}

impl<W: Write> Writer<W> {
    /// With the parameters of the source, if it is Y4M.
    pub(crate) fn new(out: W, header: Option<&Header>, rate: Rate, colours: Colours) -> Self {
        let range = if colours.range == YuvRange::Full { "FULL" } else { "LIMITED" };
        let parameters = match header {
            Some(header) => header.rest.clone(),
            None => format!("F{}:{} Ip A1:1 XCOLORRANGE={range}", rate.frames, rate.seconds),
        };
        Self { out: BufWriter::with_capacity(1 << 16, out), parameters, size: None }
    }

    /// Writes a frame that has Y4M's layout.
    pub(crate) fn write(&mut self, frame: &Frame) -> anyhow::Result<()> {
        let Frame { width, height, layout, bytes } = frame;
        let size = (*width, *height, *layout);
        if self.size.is_none() {
            write!(self.out, "YUV4MPEG2 W{width} H{height}")?;
            if !self.parameters.is_empty() {
                write!(self.out, " {}", self.parameters)?;
            }
            if !self.parameters.split(' ').any(|word| word.starts_with('C')) {
                write!(self.out, " C{}", colour_space(*layout))?;
            }
            writeln!(self.out)?;
        }
        let first = *self.size.get_or_insert(size);
        ensure!(
            first == size,
            "frames of two sizes can't be written as Y4M: {}x{} and {width}x{height}",
            first.0,
            first.1
        );
        writeln!(self.out, "FRAME")?;
        Ok(self.out.write_all(bytes)?)
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> anyhow::Result<W> {
        self.out.flush()?;
        Ok(self.out.into_inner().map_err(|error| error.into_error())?)
    }
}

fn colour_space(layout: Layout) -> &'static str {
    match layout {
        Layout::Gray => "mono",
        Layout::Planar(Sampling::S422) => "422",
        Layout::Planar(Sampling::S444) => "444",
        _ => "420jpeg",
    }
}
