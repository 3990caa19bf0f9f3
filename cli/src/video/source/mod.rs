//! Where frames come from: a file or stdin of Y4M, raw frames or images, or a folder of images.

mod images;
pub(crate) mod y4m;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use mtcnn_cpu::image::{DecodeOptions, decode_with};

use crate::common::input::{self, Input, is_stdin};
use crate::common::outcome::complain;
use crate::video::args::{Pixels, Raw};
use crate::video::frame::{Frame, Layout, Sampling};
use crate::video::rate::Rate;
use y4m::Header;

/// Frames, and what is known of all of them.
pub(crate) struct Source {
    /// The files that are read.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) rate: Rate,
    /// Of Y4M.
    pub(crate) header: Option<Header>,
    /// An error is the last.
    pub(crate) frames: Box<dyn Iterator<Item = anyhow::Result<Frame>> + Send>,
}

impl Source {
    /// Opens a file, a folder or stdin. `rate` is that of what has none.
    pub(crate) fn open(
        path: &Path,
        raw: Option<Raw>,
        rate: Option<Rate>,
        decode: DecodeOptions,
    ) -> anyhow::Result<Self> {
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() && !is_stdin(path) {
            return Self::folder(path, rate.unwrap_or_default(), decode);
        }
        let (reader, files): (Box<dyn Read + Send>, _) = match is_stdin(path) {
            true => (Box::new(io::stdin()), Vec::new()),
            false => (Box::new(File::open(path).with_context(|| name.clone())?), vec![path.to_path_buf()]),
        };
        let mut reader = BufReader::with_capacity(1 << 16, reader);
        let rate = rate.unwrap_or_default();
        if let Some(raw) = raw {
            ensure!(
                raw.width as u64 * raw.height as u64 <= decode.max_pixels,
                "--raw {}x{} is more than --max-pixels {}",
                raw.width,
                raw.height,
                decode.max_pixels
            );
            let next = move || raw.next(&mut reader);
            return Ok(Self { files, frames: numbered(name, next), rate, header: None });
        }
        // A pipe may give less at first.
        let mut begin = Vec::new();
        reader.by_ref().take(12).read_to_end(&mut begin).with_context(|| name.clone())?;
        if begin.is_empty() {
            bail!("{name}: it is empty");
        }
        refuse_container(&name, &begin)?;
        let is_y4m = begin.starts_with(y4m::MAGIC);
        let mut reader = BufReader::with_capacity(1 << 16, Cursor::new(begin).chain(reader));
        if is_y4m {
            let header = Header::read(&mut reader, decode.max_pixels).with_context(|| name.clone())?;
            let rate = header.rate;
            let of_frames = header.clone();
            let next = move || y4m::next(&mut reader, &of_frames);
            return Ok(Self { files, frames: numbered(name, next), rate, header: Some(header) });
        }
        let next = move || {
            let Some(bytes) = images::next(&mut reader, decode.max_bytes)? else { return Ok(None) };
            Ok(Some(of_image(decode_with(&bytes, &decode)?)))
        };
        Ok(Self { files, frames: numbered(name, next), rate, header: None })
    }

    /// The images of a folder, in the order in which people count.
    fn folder(path: &Path, rate: Rate, decode: DecodeOptions) -> anyhow::Result<Self> {
        let (mut inputs, left_out) = input::find(&[path.to_path_buf()], None, [])?;
        inputs.sort_by(|a, b| alphanumeric_sort::compare_path(&a.relative, &b.relative));
        if !left_out.is_empty() {
            complain(&left_out);
        }
        let files = inputs.iter().filter_map(Input::file_path).map(Path::to_path_buf).collect();
        let frames = inputs.into_iter().map(move |input: Input| {
            let image = input.decode(&decode).map_err(|reason| anyhow!("{}: {reason}", input.name))?;
            Ok(of_image(image))
        });
        Ok(Self { files, rate, header: None, frames: Box::new(frames) })
    }
}

/// Frames until there are no more; an error names the file and the frame.
fn numbered(
    name: String,
    mut next: impl FnMut() -> anyhow::Result<Option<Frame>> + Send + 'static,
) -> Box<dyn Iterator<Item = anyhow::Result<Frame>> + Send> {
    let mut ended = false;
    Box::new((0_usize..).map_while(move |number| {
        let frame = if ended { None } else { next().with_context(|| format!("{name}: frame {number}")).transpose() };
        ended |= frame.as_ref().is_none_or(Result::is_err);
        frame
    }))
}

fn of_image(image: ::image::RgbImage) -> Frame {
    let (width, height) = (image.width() as usize, image.height() as usize);
    Frame { width, height, layout: Layout::Rgb, bytes: image.into_raw() }
}

impl Raw {
    fn next(&self, reader: &mut impl BufRead) -> anyhow::Result<Option<Frame>> {
        let layout = match self.pixels {
            Pixels::Rgb24 | Pixels::Bgr24 => Layout::Rgb,
            Pixels::Gray => Layout::Gray,
            Pixels::Nv12 => Layout::Nv12,
            Pixels::Yuv420p => Layout::Planar(Sampling::S420),
            Pixels::Yuv422p => Layout::Planar(Sampling::S422),
            Pixels::Yuv444p => Layout::Planar(Sampling::S444),
        };
        let mut frame = Frame::read(reader, layout, self.width, self.height)?;
        if let (Pixels::Bgr24, Some(frame)) = (self.pixels, &mut frame) {
            frame.bytes.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
        }
        Ok(frame)
    }
}

/// A video as cameras and sites have it: ffmpeg decodes it, and the message says how.
fn refuse_container(name: &str, begin: &[u8]) -> anyhow::Result<()> {
    let is_container = begin.get(4..8) == Some(b"ftyp")
        || begin.starts_with(&[0x1a, 0x45, 0xdf, 0xa3])
        || begin.starts_with(b"RIFF") && begin.get(8..12) == Some(b"AVI ")
        || begin.starts_with(b"FLV")
        || begin.starts_with(&[0, 0, 1, 0xba]);
    ensure!(
        !is_container,
        "{name} is a video that ffmpeg has to decode: ffmpeg -i FILE -f yuv4mpegpipe - | mtcnn-cpu video -"
    );
    Ok(())
}
