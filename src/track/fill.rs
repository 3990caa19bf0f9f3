//! What can be done with a recording that can't be done with a frame that just came: gaps filled, ends extended.

use std::collections::BTreeMap;

use super::state::{Track, TrackState};
use crate::face::Face;

/// A velocity at an end of a track is measured over so many frames.
const VELOCITY_FRAMES: usize = 5;

/// Fills what a tracker did not see. `frames` are what [`Tracker::update`](crate::track::Tracker::update) returned for each frame
/// of a video, in order.
///
/// Between two sightings of a track with at most `gap` frames between them, box and landmarks go straight from one to the other.
/// For `extend` frames before the first sighting, after the last, and at both ends of a longer gap, they move on as they moved
/// there: a face is there before a detector finds it. What the tracker had predicted, as [`TrackState::Lost`], is dropped.
///
/// The result has all tracks of each frame, in the order of their ids. What was filled is `Lost`, with the number of frames
/// from the nearer sighting; before the first sighting its age is 1.
#[must_use]
pub fn fill(frames: &[Vec<Track>], gap: usize, extend: usize) -> Vec<Vec<Track>> {
    let mut all: BTreeMap<u64, Vec<Sighting>> = BTreeMap::new();
    for (frame, tracks) in frames.iter().enumerate() {
        for track in tracks.iter().filter(|track| !matches!(track.state, TrackState::Lost(_))) {
            all.entry(track.id).or_default().push(Sighting { frame, track: track.clone() });
        }
    }
    let mut filled = vec![Vec::new(); frames.len()];
    for sightings in all.values() {
        let (first, last) = (sightings[0].frame, sightings[sightings.len() - 1].frame);
        let end = last.saturating_add(extend).saturating_add(1).min(frames.len());
        for (frame, tracks) in filled.iter_mut().enumerate().take(end).skip(first.saturating_sub(extend)) {
            tracks.extend(at(sightings, frame, gap, extend));
        }
    }
    filled
}

/// A track in a frame in which it was seen.
struct Sighting {
    frame: usize,
    track: Track,
}

/// The track in a frame, if it is there.
fn at(sightings: &[Sighting], frame: usize, gap: usize, extend: usize) -> Option<Track> {
    let after = sightings.partition_point(|it| it.frame < frame);
    let next = sightings.get(after);
    if let Some(seen) = next.filter(|next| next.frame == frame) {
        return Some(seen.track.clone());
    }
    let last = after.checked_sub(1).map(|before| &sightings[before]);
    let distance = |it: &Sighting| it.frame.abs_diff(frame);
    let near = last.into_iter().chain(next).min_by_key(|it| distance(it))?;
    let face = match (last, next) {
        (Some(last), Some(next)) if next.frame - last.frame - 1 <= gap => {
            let part = distance(last) as f32 / (next.frame - last.frame) as f32;
            between(&last.track.face, &next.track.face, part)
        }
        _ if distance(near) > extend => return None,
        _ if near.frame < frame => moved_on(&sightings[..after], frame),
        _ => moved_on(&sightings[after..], frame),
    };
    let age = (near.track.age + frame).saturating_sub(near.frame).max(1);
    Some(Track { face, age, state: TrackState::Lost(distance(near)), ..near.track.clone() })
}

/// The face of the sighting at the end that is nearer to the frame, moved on as it moved there.
fn moved_on(sightings: &[Sighting], frame: usize) -> Face {
    let (first, last) = (&sightings[0], &sightings[sightings.len() - 1]);
    let end = if frame > last.frame { last } else { first };
    let near = |it: &&Sighting| it.frame.abs_diff(end.frame) <= VELOCITY_FRAMES;
    // The furthest of those that are near.
    let other = sightings.iter().filter(near).max_by_key(|it| it.frame.abs_diff(end.frame)).unwrap_or(end);
    let frames = end.frame.abs_diff(other.frame).max(1) as f32;
    let [to, from] = [end, other].map(|it| it.track.face.bbox.centre());
    let part = frame.abs_diff(end.frame) as f32 / frames;
    end.track.face.moved((to.x - from.x) * part, (to.y - from.y) * part)
}

/// The face at a part of the way from one to another.
fn between(from: &Face, to: &Face, part: f32) -> Face {
    Face { score: if part <= 0.5 { from.score } else { to.score }, ..from.between(to, part) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Landmarks;
    use crate::geometry::{BBox, Point};

    fn track(id: u64, x: f32, age: usize, state: TrackState) -> Track {
        let points = std::array::from_fn(|i| Point::new(x + i as f32, 5.0));
        Track::new(id, Face::new(BBox::new(x, 0.0, x + 10.0, 10.0), 0.9, Landmarks::from_array(points)), age, state)
    }

    /// The left edge and the state of a track in each frame.
    fn places(frames: &[Vec<Track>], id: u64) -> Vec<Option<(f32, TrackState)>> {
        let of = |tracks: &Vec<Track>| {
            tracks.iter().find(|track| track.id == id).map(|track| (track.face.bbox.x1, track.state))
        };
        frames.iter().map(of).collect()
    }

    #[test]
    fn a_gap_is_filled_straight_and_ends_move_on() {
        use TrackState::{Lost, Seen};
        let mut frames = vec![Vec::new(); 10];
        frames[2] = vec![track(7, 10.0, 1, Seen)];
        frames[3] = vec![track(7, 12.0, 2, Seen)];
        // What the tracker guessed goes.
        frames[4] = vec![track(7, 99.0, 3, Lost(1))];
        frames[7] = vec![track(7, 20.0, 6, Seen)];
        let filled = fill(&frames, 3, 1);
        let expected = [
            None,
            Some((8.0, Lost(1))),
            Some((10.0, Seen)),
            Some((12.0, Seen)),
            Some((14.0, Lost(1))),
            Some((16.0, Lost(2))),
            Some((18.0, Lost(1))),
            Some((20.0, Seen)),
            Some((22.0, Lost(1))),
            None,
        ];
        assert_eq!(places(&filled, 7), expected);
        let ages: Vec<usize> = filled.iter().flatten().map(|track| track.age).collect();
        assert_eq!(ages, [1, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(filled[5][0].face.landmarks.unwrap().right_eye, Point::new(17.0, 5.0));
    }

    #[test]
    fn a_gap_that_is_too_long_has_extended_ends() {
        use TrackState::{Lost, Seen};
        let mut frames = vec![Vec::new(); 8];
        frames[0] = vec![track(1, 10.0, 1, Seen)];
        frames[7] = vec![track(1, 80.0, 8, Seen)];
        let filled = places(&fill(&frames, 5, 2), 1);
        // Seen once before and once after: it has no velocity there.
        assert_eq!(filled[1..3], [Some((10.0, Lost(1))), Some((10.0, Lost(2)))]);
        assert_eq!(filled[3..5], [None, None]);
        assert_eq!(filled[5..7], [Some((80.0, Lost(2))), Some((80.0, Lost(1)))]);
        assert_eq!(places(&fill(&frames, 6, 0), 1)[3], Some((40.0, Lost(3))));
    }

    #[test]
    fn tracks_stay_in_the_order_of_their_ids_and_nothing_is_added_without_a_reason() {
        use TrackState::{New, Seen};
        let frames = vec![
            vec![track(1, 0.0, 1, New), track(2, 50.0, 1, Seen)],
            vec![track(2, 51.0, 2, Seen)],
            vec![track(1, 0.0, 3, Seen), track(2, 52.0, 3, Seen)],
        ];
        assert_eq!(fill(&frames, 0, 0), frames);
        let ids: Vec<u64> = fill(&frames, 1, usize::MAX)[1].iter().map(|track| track.id).collect();
        assert_eq!(ids, [1, 2]);
        assert!(fill(&[], 5, 5).is_empty());
    }
}
