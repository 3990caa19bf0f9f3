//! Faces followed through a video: a detector and a tracker together.

use crate::detect::Detector;
use crate::error::{Error, Result};
use crate::face::Face;
use crate::geometry::{BBox, Point};
use crate::image::ImageView;
use crate::range::Range;
use crate::track::{Track, TrackState, Tracker};

/// How seldom the whole frame may be searched.
const EVERY: Range = Range::new(1.0, 1000.0);

/// A face is looked for at its expected place, and beside it in each direction by this part of its longer side.
const SHIFT: f32 = 0.15;
const SHIFTS: [[f32; 2]; 5] = [[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]];

/// Finds the faces of a video's frames and follows them.
///
/// It searches the whole frame each `every`-th time. In between it looks where the tracks so far are expected, with RNet and ONet
/// only, in a fraction of the time; a new face waits for the next search. The last threshold of the detector should be
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
            _ => self.around(&frame),
        };
        self.frames += 1;
        let tracks = self.tracker.update(&faces);
        self.tracker.retain(|track| !matches!(track.state, TrackState::Lost(_)) || is_in(&track.face.bbox, &frame));
        Ok(tracks)
    }

    /// The faces about the places where the tracks are expected.
    fn around(&self, frame: &ImageView<'_>) -> Vec<Face> {
        let around = |track: Track| {
            let (bbox, step) = (track.face.bbox, SHIFT * track.face.bbox.width().max(track.face.bbox.height()));
            SHIFTS.map(|[x, y]| bbox.moved(x * step, y * step))
        };
        let boxes: Vec<BBox> = self.tracker.ahead().into_iter().flat_map(around).collect();
        self.detector.detect_expected(frame, &boxes)
    }
}

/// Whether the centre of a box is in a frame.
fn is_in(bbox: &BBox, frame: &ImageView<'_>) -> bool {
    let Point { x, y } = bbox.centre();
    (0.0..frame.width() as f32).contains(&x) && (0.0..frame.height() as f32).contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;

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
