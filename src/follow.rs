//! Faces followed through a video: a detector and a tracker together.

use crate::detect::Detector;
use crate::error::{Error, Result};
use crate::face::Face;
use crate::geometry::BBox;
use crate::image::{ImageView, Part};
use crate::range::Range;
use crate::track::{Track, TrackState, Tracker};

/// How seldom the whole frame may be searched.
const EVERY: Range = Range::new(1.0, 1000.0);
/// How much larger than the expected box the part is that is searched for it.
const AROUND: f32 = 2.0;
/// Of the expected box the part that a face there has at least.
const LEAST: f32 = 0.6;

/// Finds the faces of a video's frames and follows them.
///
/// It searches the whole frame each `every`-th time, and in between looks around the places where the tracks so far are
/// expected: a new face can be found that much later. The last threshold of the detector should be
/// [`TrackOptions::low`](crate::track::TrackOptions::low): faces of low scores go on with tracks, and begin none. Tracks that
/// leave the frame are forgotten.
///
/// ```
/// use mtcnn_cpu::track::{TrackOptions, Tracker};
/// use mtcnn_cpu::{Detector, Follower, ImageView, PixelFormat, Thresholds};
///
/// # fn main() -> Result<(), mtcnn_cpu::Error> {
/// let options = TrackOptions::default();
/// let detector = Detector::builder().thresholds(Thresholds::from([0.6, 0.7, options.low])).build()?;
/// let mut follower = Follower::new(&detector, Tracker::new(options)?, 5)?;
/// # let frames = [[127; 64 * 48 * 3]; 3];
/// for pixels in &frames {
///     let tracks = follower.next(ImageView::new(pixels, 64, 48, PixelFormat::Rgb)?)?;
///     assert!(tracks.is_empty()); // nobody in grey frames
/// }
/// # Ok(())
/// # }
/// ```
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
        let tracks = self.tracker.update(&faces);
        self.tracker.retain(|track| !matches!(track.state, TrackState::Lost(_)) || is_in(&track.face.bbox, &frame));
        Ok(tracks)
    }

    /// The faces around the places where the tracks are expected.
    fn around(&self, frame: &ImageView<'_>) -> Result<Vec<Face>> {
        let mut faces = Vec::new();
        for Place { part, least } in places(&self.tracker.ahead(), frame) {
            self.detector.detect_near(frame, part, least, &mut faces)?;
        }
        Ok(faces)
    }
}

/// Whether the centre of a box is in a frame.
fn is_in(bbox: &BBox, frame: &ImageView<'_>) -> bool {
    let (x, y) = ((bbox.x1 + bbox.x2) / 2.0, (bbox.y1 + bbox.y2) / 2.0);
    (0.0..frame.width() as f32).contains(&x) && (0.0..frame.height() as f32).contains(&y)
}

/// Where faces are looked for, and the side of the smallest.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    part: Part,
    least: f64,
}

/// The places in a frame in which tracks are expected. No two of them overlap, so that no face is found twice.
fn places(tracks: &[Track], frame: &ImageView<'_>) -> Vec<Place> {
    // Edges, and the smallest face.
    let mut places: Vec<([f32; 4], f32)> = Vec::new();
    for track in tracks {
        let bbox = track.face.bbox;
        let [x1, y1, x2, y2] = bbox.expand(AROUND).clip(frame.width(), frame.height()).to_array();
        let mut new = [x1.floor(), y1.floor(), x2.ceil(), y2.ceil()];
        if new[0] >= new[2] || new[1] >= new[3] {
            continue;
        }
        let mut least = LEAST * bbox.width().min(bbox.height());
        // What it overlaps becomes a part of it, and it can overlap more then.
        while let Some(at) = places.iter().position(|(other, _)| meet(other, &new)) {
            let (other, smaller) = places.swap_remove(at);
            new = [new[0].min(other[0]), new[1].min(other[1]), new[2].max(other[2]), new[3].max(other[3])];
            least = least.min(smaller);
        }
        places.push((new, least));
    }
    let place = |([x1, y1, x2, y2], least): ([f32; 4], f32)| Place {
        part: Part { x: x1 as usize, y: y1 as usize, width: (x2 - x1) as usize, height: (y2 - y1) as usize },
        least: f64::from(least),
    };
    places.into_iter().map(place).collect()
}

fn meet(a: &[f32; 4], b: &[f32; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PixelFormat;
    use crate::face::Landmarks;

    #[test]
    fn places_that_overlap_are_one_and_those_outside_are_none() {
        let frame = ImageView::new(&[0; 640 * 480], 640, 480, PixelFormat::Gray).unwrap();
        let track =
            |bbox: [f32; 4]| Track::new(1, Face::new(bbox.into(), 1.0, Landmarks::default()), 1, TrackState::Seen);
        let tracks = [
            track([10.0, 20.0, 50.0, 60.0]),
            track([300.0, 200.0, 400.0, 300.0]),
            track([-200.0, 20.0, -150.0, 60.0]),
            // Between the two below.
            track([500.0, 400.0, 520.0, 420.0]),
            track([550.0, 400.0, 590.0, 440.0]),
            track([520.5, 400.0, 540.5, 420.0]),
        ];
        let mut found = places(&tracks, &frame);
        found.sort_by_key(|place| place.part.x);
        let part = |x, y, width, height| Part { x, y, width, height };
        let expected = [
            Place { part: part(0, 0, 70, 80), least: 24.0 },
            Place { part: part(250, 150, 200, 200), least: 60.0 },
            Place { part: part(490, 380, 120, 80), least: 12.0 },
        ];
        assert_eq!(found.len(), 3);
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.part, expected.part);
            approx::assert_abs_diff_eq!(found.least, expected.least, epsilon = 1e-4);
        }
    }

    #[test]
    fn how_often_the_whole_frame_is_searched_has_bounds() {
        let detector = Detector::builder().threads(1).build().unwrap();
        let tracker = || Tracker::new(Default::default()).unwrap();
        for bad in [0, 1001] {
            let error = Follower::new(&detector, tracker(), bad).unwrap_err().to_string();
            assert!(error.contains("how often the whole frame is searched"), "{error}");
        }
        assert!(Follower::new(&detector, tracker(), 1000).is_ok());
    }
}
