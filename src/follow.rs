//! Faces followed through a video: a detector and a tracker together.

use crate::detect::Detector;
use crate::error::{Error, Result};
use crate::face::Face;
use crate::image::{ImageView, Part};
use crate::range::Range;
use crate::track::{Track, Tracker};

/// How seldom the whole frame may be searched.
pub(crate) const EVERY: Range = Range::new(1.0, 1000.0);
/// How much larger than the expected box the part is that is searched for it.
const AROUND: f32 = 2.0;

/// Finds the faces of a video's frames and follows them.
///
/// It searches the whole frame each `every`-th time, and in between looks around the places where the tracks so far are
/// expected. The last threshold of the detector should be [`TrackOptions::low`](crate::track::TrackOptions::low): faces of low
/// scores go on with tracks, and begin none.
#[derive(Debug)]
pub struct Follower<'a> {
    detector: &'a Detector,
    tracker: Tracker,
    every: usize,
    frames: usize,
}

impl<'a> Follower<'a> {
    /// Searches the whole frame each `every`-th time, from 1, always, to 1000.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Option`] if `every` is out of range.
    pub fn new(detector: &'a Detector, tracker: Tracker, every: usize) -> Result<Self> {
        EVERY.check("how often the whole frame is searched", every as f64).map_err(Error::option)?;
        Ok(Self { detector, tracker, every, frames: 0 })
    }

    /// Takes the next frame; all tracks, as [`Tracker::update`] has them.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn next<'v>(&mut self, frame: impl Into<ImageView<'v>>) -> Result<Vec<Track>> {
        let frame = frame.into();
        let faces = match self.frames % self.every {
            0 => self.detector.detect(frame)?,
            _ => self.around(&frame)?,
        };
        self.frames += 1;
        Ok(self.tracker.update(&faces))
    }

    /// The faces around the places where the tracks are expected.
    fn around(&self, frame: &ImageView<'_>) -> Result<Vec<Face>> {
        let mut faces = Vec::new();
        for part in parts(&self.tracker.ahead(), frame) {
            faces.extend(self.detector.detect_part(*frame, part)?);
        }
        Ok(faces)
    }
}

/// The parts of a frame in which tracks are expected. No two of them overlap, so that no face is found twice.
fn parts(tracks: &[Track], frame: &ImageView<'_>) -> Vec<Part> {
    let mut parts: Vec<[f32; 4]> = Vec::new();
    for track in tracks {
        let bbox = track.face.bbox.expand(AROUND).clip(frame.width(), frame.height());
        let [x1, y1, x2, y2] = bbox.to_array();
        let mut new = [x1.floor(), y1.floor(), x2.ceil(), y2.ceil()];
        // What it overlaps becomes a part of it, and it can overlap more then.
        while let Some(at) = parts.iter().position(|part| meet(part, &new)) {
            let old = parts.swap_remove(at);
            new = [new[0].min(old[0]), new[1].min(old[1]), new[2].max(old[2]), new[3].max(old[3])];
        }
        if new[0] < new[2] && new[1] < new[3] {
            parts.push(new);
        }
    }
    let whole = |[x1, y1, x2, y2]: [f32; 4]| Part {
        x: x1 as usize,
        y: y1 as usize,
        width: (x2 - x1) as usize,
        height: (y2 - y1) as usize,
    };
    parts.into_iter().map(whole).collect()
}

fn meet(a: &[f32; 4], b: &[f32; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}
