//! The tracker: the faces of a frame and the tracks so far, paired in three rounds.

use super::assignment::{Pair, assign};
use super::entry::Entry;
use super::options::TrackOptions;
use super::state::Track;
use crate::error::Result;
use crate::face::Face;
use crate::geometry::BBox;

/// A face of the first round overlaps where its track is expected by this at least.
const FIRST_OVERLAP: f32 = 0.2;
/// A face of a low score has less of a claim.
const LOW_OVERLAP: f32 = 0.5;
/// Where a track was seen last, not where it is expected.
const LAST_OVERLAP: f32 = 0.3;
/// What landmarks of the same shape add to an overlap. Those that are at `UNLIKE` add nothing, and at twice that they take as much.
const LANDMARKS: f32 = 0.4;
const UNLIKE: f32 = 0.2;
/// By how much of itself the box in which a lost track is looked for grows with each frame, for so many frames at most.
const GROWTH: f32 = 0.1;
const GROWTH_FRAMES: usize = 20;

/// Follows faces from frame to frame.
///
/// ```
/// use mtcnn_cpu::track::{TrackOptions, TrackState, Tracker};
/// use mtcnn_cpu::{BBox, Face, Landmarks};
///
/// let mut tracker = Tracker::new(TrackOptions::default())?;
/// let face = |x: f32| Face::new(BBox::new(x, 20.0, x + 50.0, 80.0), 0.99, Landmarks::default());
/// tracker.update(&[face(10.0), face(200.0)]);
/// let tracks = tracker.update(&[face(196.0), face(14.0)]);
/// assert_eq!((tracks[0].id, tracks[0].face.bbox.x1, tracks[0].state), (1, 14.0, TrackState::Seen));
/// assert_eq!((tracks[1].id, tracks[1].face.bbox.x1), (2, 196.0));
/// # Ok::<(), mtcnn_cpu::Error>(())
/// ```
pub struct Tracker {
    options: TrackOptions,
    entries: Vec<Entry>,
    /// How many tracks there were.
    count: u64,
}

impl Tracker {
    /// A tracker that has seen nothing.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Option`] if an option is out of range.
    pub fn new(options: TrackOptions) -> Result<Self> {
        options.check()?;
        Ok(Self { options, entries: Vec::new(), count: 0 })
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &TrackOptions {
        &self.options
    }

    /// Takes the faces of the next frame, in any order, and returns all tracks, those seen in this frame and those that are
    /// lost but not forgotten, in the order of their ids. Faces without a size, or whose numbers are not finite, are not
    /// followed.
    pub fn update(&mut self, faces: &[Face]) -> Vec<Track> {
        let Self { options, entries, count } = self;
        entries.iter_mut().for_each(Entry::advance);
        let faces: Vec<&Face> = faces.iter().filter(|face| face.score >= options.low && is_sound(face)).collect();
        let mut free: Vec<bool> = vec![true; faces.len()];
        // Where a track is looked for and how much larger the boxes are made, and what a face is worth that overlaps by so much.
        let mut round = |place: &dyn Fn(&Entry) -> Option<(BBox, f32)>, gain: &dyn Fn(&Entry, &Face, f32) -> f32| {
            let mut pairs: Vec<Pair> = Vec::new();
            for (row, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.is_lost()) {
                let Some((bbox, factor)) = place(entry) else { continue };
                let bbox = bbox.expand(factor);
                for (column, face) in faces.iter().enumerate().filter(|&(column, _)| free[column]) {
                    let overlap = if factor == 1.0 { face.bbox } else { face.bbox.expand(factor) }.overlap(&bbox);
                    let gain = if overlap > 0.0 { gain(entry, face, overlap) } else { 0.0 };
                    if gain > 0.0 {
                        pairs.push((row, column, f64::from(gain)));
                    }
                }
            }
            for (row, column) in assign(entries.len(), faces.len(), &pairs) {
                entries[row].see(faces[column]);
                free[column] = false;
            }
        };
        let alike = |entry: &Entry, face: &Face| {
            entry.unlike(face).map_or(0.0, |unlike| LANDMARKS * (1.0 - unlike / UNLIKE).max(-1.0))
        };
        let growth = |entry: &Entry| 1.0 + GROWTH * (entry.missed() - 1).min(GROWTH_FRAMES) as f32;
        round(&|entry| Some((entry.place(), growth(entry))), &|entry, face, overlap| {
            let possible = face.score >= options.high && overlap >= FIRST_OVERLAP;
            if possible { overlap * face.score + alike(entry, face) } else { 0.0 }
        });
        round(&|entry| (entry.missed() == 1).then(|| (entry.place(), 1.0)), &|_, _, overlap| {
            if overlap >= LOW_OVERLAP { overlap } else { 0.0 }
        });
        round(&|entry| Some((entry.seen().bbox, 1.0)), &|entry, face, overlap| {
            let possible = face.score >= options.high && overlap >= LAST_OVERLAP;
            if possible { overlap + alike(entry, face) } else { 0.0 }
        });
        entries.retain(|entry| entry.missed() <= options.keep);
        for (face, _) in faces.iter().zip(free).filter(|(face, free)| *free && face.score >= options.start) {
            *count += 1;
            entries.push(Entry::new(*count, face, options.smoothing));
        }
        entries.iter_mut().for_each(Entry::show);
        entries.iter().map(|entry| entry.track(options.confirm)).collect()
    }

    /// Forgets the tracks for which `keep` says no, such as those that have left the image.
    pub fn retain(&mut self, keep: impl Fn(&Track) -> bool) {
        let confirm = self.options.confirm;
        self.entries.retain(|entry| keep(&entry.track(confirm)));
    }

    /// Where all tracks are expected in the next frame, in the order of their ids. Their age and state are those of now.
    #[must_use]
    pub fn ahead(&self) -> Vec<Track> {
        let confirm = self.options.confirm;
        self.entries.iter().map(|entry| Track { face: entry.ahead(), ..entry.track(confirm) }).collect()
    }
}

/// Whether a face has a size and finite numbers.
fn is_sound(face: &Face) -> bool {
    face.bbox.area() > 0.0 && face.bbox.to_array().into_iter().all(f32::is_finite) && face.has_finite_points()
}

impl std::fmt::Debug for Tracker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { options, entries, count } = self;
        f.debug_struct("Tracker")
            .field("options", options)
            .field("tracks", &entries.len())
            .field("count", count)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Landmarks;
    use crate::track::TrackState;

    fn face(x: f32, y: f32, score: f32) -> Face {
        Face::new(BBox::new(x, y, x + 50.0, y + 60.0), score, Landmarks::default())
    }

    fn tracker() -> Tracker {
        Tracker::new(TrackOptions::default()).unwrap()
    }

    fn with(change: fn(&mut TrackOptions)) -> Tracker {
        let mut options = TrackOptions::default();
        change(&mut options);
        Tracker::new(options).unwrap()
    }

    fn ids(tracks: &[Track]) -> Vec<u64> {
        tracks.iter().map(|track| track.id).collect()
    }

    #[test]
    fn faces_that_pass_each_other_keep_their_ids_while_one_hides_the_other() {
        let mut tracker = tracker();
        for i in 0..60 {
            let (right, left) = (face(8.0 * i as f32, 100.0, 0.99), face(480.0 - 8.0 * i as f32, 110.0, 0.99));
            let hidden = right.bbox.overlap(&left.bbox) > 0.3;
            let faces = if hidden { vec![right.clone()] } else { vec![left.clone(), right.clone()] };
            let tracks = tracker.update(&faces);
            assert_eq!(ids(&tracks), [1, 2], "frame {i}");
            let lost = tracks.iter().filter(|track| matches!(track.state, TrackState::Lost(_))).count();
            assert_eq!(lost, usize::from(hidden), "frame {i}");
            // In the first frame the best face came first.
            let at = |track: &Track| track.face.bbox.x1;
            assert!((at(&tracks[0]) - left.bbox.x1).abs() < 10.0, "frame {i}: {tracks:?}");
            assert!((at(&tracks[1]) - right.bbox.x1).abs() < 10.0, "frame {i}: {tracks:?}");
        }
    }

    #[test]
    fn a_low_score_goes_on_with_a_track_and_begins_none() {
        let mut tracker = tracker();
        for i in 0..5 {
            tracker.update(&[face(4.0 * i as f32, 10.0, 0.95)]);
        }
        let tracks = tracker.update(&[face(20.0, 10.0, 0.35), face(300.0, 10.0, 0.75), face(400.0, 10.0, 0.1)]);
        assert_eq!((ids(&tracks), tracks[0].state), (vec![1], TrackState::Seen));
        assert_eq!(tracks[0].face.score, 0.35);
        let tracks = tracker.update(&[face(24.0, 10.0, 0.2)]);
        assert_eq!(tracks[0].state, TrackState::Lost(1), "too low");
    }

    #[test]
    fn a_lost_track_moves_on_until_it_is_found_or_forgotten() {
        let mut tracker = with(|it| it.keep = 30);
        for i in 0..10 {
            tracker.update(&[face(5.0 * i as f32, 10.0, 0.95)]);
        }
        for i in 10..20 {
            let tracks = tracker.update(&[]);
            assert_eq!((tracks[0].state, tracks[0].age), (TrackState::Lost(i - 9), i + 1));
            let off = tracks[0].face.bbox.x1 - 5.0 * i as f32;
            assert!(off.abs() < 5.0, "{off} in frame {i}");
        }
        let tracks = tracker.update(&[face(100.0, 10.0, 0.95)]);
        assert_eq!((ids(&tracks), tracks[0].state, tracks[0].age), (vec![1], TrackState::Seen, 21));
        let left = (0..40).filter(|_| !tracker.update(&[]).is_empty()).count();
        assert_eq!(left, 30);
        assert_eq!(ids(&tracker.update(&[face(100.0, 10.0, 0.95)])), [2], "an id is not given twice");
    }

    #[test]
    fn a_new_face_is_new_until_it_is_confirmed_and_a_mask_covers_it_at_once() {
        let mut tracker = with(|it| it.confirm = 2);
        let states = [0, 1, 2].map(|_| tracker.update(&[face(10.0, 10.0, 0.9)])[0].state);
        assert_eq!(states, [TrackState::New, TrackState::Seen, TrackState::Seen]);
        let held = |state| Track::new(1, Face::default(), 1, state).is_held(2);
        let states = [TrackState::New, TrackState::Seen, TrackState::Lost(2), TrackState::Lost(3)];
        assert_eq!(states.map(held), [true, true, true, false]);
    }

    #[test]
    fn the_order_of_faces_changes_nothing_but_the_first_ids() {
        let run = |turned: bool| {
            let mut tracker = tracker();
            let mut all = Vec::new();
            for i in 0..40 {
                let mut faces: Vec<Face> =
                    (0..8).map(|j| face(70.0 * j as f32 + (i * (j + 1)) as f32, 10.0 * (j % 3) as f32, 0.9)).collect();
                if turned && i > 0 {
                    faces.reverse();
                }
                all.push(tracker.update(&faces));
            }
            all
        };
        assert_eq!(run(false), run(true));
    }

    #[test]
    fn faces_of_no_size_or_no_number_are_not_followed() {
        let mut tracker = tracker();
        let with = |bbox: [f32; 4], score| Face::new(bbox.into(), score, Landmarks::default());
        let bad = [
            with([f32::NAN, 0.0, 10.0, 10.0], 0.9),
            with([0.0, 0.0, f32::INFINITY, 10.0], 0.9),
            with([10.0, 10.0, 10.0, 20.0], 0.9),
            with([20.0, 20.0, 10.0, 10.0], 0.9),
            with([0.0, 0.0, 10.0, 10.0], f32::NAN),
            Face::new(
                BBox::new(0.0, 0.0, 10.0, 10.0),
                0.99,
                Landmarks { nose: [f32::NAN, 0.0].into(), ..Landmarks::default() },
            ),
        ];
        for _ in 0..3 {
            assert_eq!(tracker.update(&bad), []);
        }
    }

    #[test]
    fn landmarks_tell_apart_whom_boxes_do_not() {
        // One looks at us, the other aside. They pass each other, and turn back.
        let person = |x: f32, nose: f32| {
            let points = [[0.3, 0.4], [0.7, 0.4], [nose, 0.6], [0.35, 0.8], [0.65, 0.8]];
            let at = |[px, py]: [f32; 2]| [x + 50.0 * px, 100.0 + 60.0 * py].into();
            Face::new(BBox::new(x, 100.0, x + 50.0, 160.0), 0.99, Landmarks::from_array(points.map(at)))
        };
        let mut tracker = tracker();
        for i in 0..23 {
            tracker.update(&[person(5.0 * i as f32, 0.5), person(200.0 - 5.0 * i as f32, 0.75)]);
        }
        // By their motion each would be the other.
        for x in [98.0, 92.0, 86.0] {
            let tracks = tracker.update(&[person(x, 0.5), person(200.0 - x, 0.75)]);
            assert_eq!((ids(&tracks), tracks[0].face.bbox.x1, tracks[1].face.bbox.x1), (vec![1, 2], x, 200.0 - x));
        }
    }

    #[test]
    fn tracks_can_be_forgotten() {
        let mut tracker = tracker();
        tracker.update(&[face(10.0, 10.0, 0.95), face(200.0, 10.0, 0.95)]);
        tracker.retain(|track| track.face.bbox.x1 < 100.0);
        assert_eq!(ids(&tracker.update(&[])), [1]);
    }

    #[test]
    fn options_out_of_range_are_refused_by_name() {
        let refused = |change: fn(&mut TrackOptions)| {
            let mut options = TrackOptions::default();
            change(&mut options);
            Tracker::new(options).unwrap_err().to_string()
        };
        for (error, part) in [
            (refused(|it| it.low = -0.1), "the score `low` is"),
            (refused(|it| it.start = f32::NAN), "the score `start` is"),
            (refused(|it| it.high = 0.95), "must rise from low to high to start"),
            (refused(|it| it.confirm = 0), "sightings that confirm a track is 0"),
            (refused(|it| it.keep = usize::MAX), "lost track is kept is"),
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
