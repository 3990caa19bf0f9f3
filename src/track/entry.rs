//! What the tracker knows of one track.

use super::motion::Motion;
use super::smooth::{Smoother, Smoothing};
use super::state::{Track, TrackState};
use crate::face::{Face, Landmarks};
use crate::geometry::{BBox, Point};

/// Over so many frames a direction is measured: over one it would be noise.
const DIRECTION_FRAMES: usize = 3;
/// A way of less, in parts of the box's size, has no direction.
const STILL: f32 = 0.05;

/// A track.
pub(super) struct Entry {
    pub(super) id: u64,
    /// Frames since the first sighting, 1 in that frame.
    age: usize,
    sightings: usize,
    /// Frames since the last sighting, 0 in that frame.
    missed: usize,
    /// As it was seen last.
    seen: Face,
    motion: Motion,
    /// The motion after the last sighting.
    motion_then: Motion,
    /// The last sightings: the age then, and the box.
    recent: Vec<(usize, BBox)>,
    /// What is shown of it.
    shown: Face,
    smoother: Option<Smoother>,
}

impl Entry {
    pub(super) fn new(id: u64, face: &Face, smoothing: Option<Smoothing>) -> Self {
        let motion = Motion::new(&face.bbox);
        let mut smoother = smoothing.map(Smoother::new);
        let shown = smoother.as_mut().map_or(*face, |smoother| smoother.next(face));
        let recent = vec![(1, face.bbox)];
        Self { id, age: 1, sightings: 1, missed: 0, seen: *face, motion, motion_then: motion, recent, shown, smoother }
    }

    /// To the next frame, in which it was not seen yet.
    pub(super) fn advance(&mut self) {
        self.motion.predict(self.missed == 0);
        self.age += 1;
        self.missed += 1;
    }

    /// It is seen in this frame.
    pub(super) fn see(&mut self, face: &Face) {
        if self.missed > 1 {
            // OC-SORT: where it was not seen it went straight, and the filter knows that now, not its guesses.
            self.motion = self.motion_then;
            for step in 1..self.missed {
                self.motion.predict(true);
                self.motion.correct(&between(&self.seen.bbox, &face.bbox, step as f32 / self.missed as f32));
            }
            self.motion.predict(true);
        }
        self.motion.correct(&face.bbox);
        self.motion_then = self.motion;
        (self.seen, self.missed) = (*face, 0);
        self.sightings += 1;
        self.recent.retain(|&(age, _)| age + DIRECTION_FRAMES > self.age);
        self.recent.push((self.age, face.bbox));
    }

    /// Decides what is shown of it in this frame.
    pub(super) fn show(&mut self) {
        let face = if self.missed == 0 { self.seen } else { self.predicted() };
        self.shown = self.smoother.as_mut().map_or(face, |smoother| smoother.next(&face));
    }

    pub(super) fn is_lost(&self) -> bool {
        self.missed > 0
    }

    pub(super) fn missed(&self) -> usize {
        self.missed
    }

    /// As it was seen last.
    pub(super) fn seen(&self) -> &Face {
        &self.seen
    }

    /// Where it is by the filter, and the landmarks with the box.
    pub(super) fn predicted(&self) -> Face {
        let bbox = self.motion.bbox();
        Face::new(bbox, self.seen.score, carried(&self.seen, &bbox))
    }

    /// Where it will be in the next frame.
    pub(super) fn ahead(&self) -> Face {
        let mut motion = self.motion;
        motion.predict(self.missed == 0);
        let bbox = motion.bbox();
        Face::new(bbox, self.seen.score, carried(&self.seen, &bbox))
    }

    /// How well the way to a box agrees with the way so far: from 1, straight on, to -1, back; 0 where there is no direction.
    pub(super) fn agrees(&self, bbox: &BBox) -> f32 {
        let Some((_, from)) = self.recent.first() else { return 0.0 };
        let [so_far, on] = [&self.seen.bbox, bbox].map(|to| way(from, to));
        let lengths = [so_far, on].map(|[x, y]| x.hypot(y));
        if lengths.iter().any(|&length| length < STILL * (bbox.width() + bbox.height()) / 2.0) {
            return 0.0;
        }
        let cosine = (so_far[0] * on[0] + so_far[1] * on[1]) / (lengths[0] * lengths[1]);
        1.0 - 2.0 * cosine.clamp(-1.0, 1.0).acos() / std::f32::consts::PI
    }

    /// The track in this frame.
    pub(super) fn track(&self, confirm: usize) -> Track {
        let state = match self.missed {
            0 if self.sightings < confirm => TrackState::New,
            0 => TrackState::Seen,
            frames => TrackState::Lost(frames),
        };
        Track::new(self.id, self.shown, self.age, state)
    }
}

/// From the centre of one box to that of another.
fn way(from: &BBox, to: &BBox) -> [f32; 2] {
    [(to.x1 + to.x2 - from.x1 - from.x2) / 2.0, (to.y1 + to.y2 - from.y1 - from.y2) / 2.0]
}

/// The box at a part of the way from one to another.
pub(super) fn between(from: &BBox, to: &BBox, part: f32) -> BBox {
    let (from, to) = (from.to_array(), to.to_array());
    std::array::from_fn::<f32, 4, _>(|i| from[i] + part * (to[i] - from[i])).into()
}

/// The landmarks of a face whose box has moved.
pub(super) fn carried(face: &Face, bbox: &BBox) -> Landmarks {
    let scaled = |at: f32, [from, side]: [f32; 2], [to, new]: [f32; 2]| to + (at - from) * (new / side.max(1.0));
    let across = [[face.bbox.x1, face.bbox.width()], [bbox.x1, bbox.width()]];
    let down = [[face.bbox.y1, face.bbox.height()], [bbox.y1, bbox.height()]];
    let moved = |point: Point| Point::new(scaled(point.x, across[0], across[1]), scaled(point.y, down[0], down[1]));
    Landmarks::from_array(face.landmarks.to_array().map(moved))
}
