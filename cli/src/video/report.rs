//! Tracks written, a frame at a time.

use std::io::Write;

use mtcnn_cpu::Face;
use serde::Serialize;

use crate::common::format::json_line;
use crate::video::args::Format;
use crate::video::rate::Rate;

/// A face in a frame.
#[derive(Serialize)]
pub(crate) struct Followed {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) face: Face,
}

#[derive(Serialize)]
struct Line<'a> {
    frame: usize,
    time: f64,
    faces: &'a [Followed],
}

/// Adds a frame, counted from 0.
pub(crate) fn frame(
    out: &mut dyn Write,
    format: Format,
    rate: Rate,
    frame: usize,
    faces: &[Followed],
) -> anyhow::Result<()> {
    match format {
        Format::Jsonl => json_line(out, &Line { frame, time: rate.time(frame), faces })?,
        Format::Mot => {
            for Followed { id, face } in faces {
                let [x1, y1, x2, y2] = face.bbox.to_array();
                let (number, score) = (frame + 1, face.score);
                writeln!(out, "{number},{id},{x1},{y1},{},{},{score},-1,-1,-1", x2 - x1, y2 - y1)?;
            }
        }
    }
    // Whoever reads along sees each frame when it is done.
    Ok(out.flush()?)
}
