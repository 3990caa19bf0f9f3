//! How well tracks follow the truth: CLEAR MOT (Bernardin and Stiefelhagen, 2008) and identity (Ristani et al., 2016), as
//! TrackEval computes them for MOT15.

use std::collections::HashMap;
use std::iter::Sum;
use std::ops::Add;

use super::mot::{MotBox, MotFile};
use crate::track::assignment::{Pair, assign};

/// Boxes that overlap by less are not of one face.
const LEAST_OVERLAP: f64 = 0.5;
/// What is gained by the pair of the frame before: more than by any overlap.
const SAME: f64 = 1000.0;

/// What was counted in a sequence; sums over sequences are those of all together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TrackScores {
    /// Frames that have boxes of the truth or of the results.
    pub frames: usize,
    /// Boxes of the truth.
    pub truth: usize,
    /// Boxes of the results.
    pub results: usize,
    /// Pairs of a box of the truth and one of the results.
    pub found: usize,
    /// How often a face of the truth goes on in a track other than before.
    pub switches: usize,
    /// The sum of the overlaps of the pairs.
    pub overlap: f64,
    /// Pairs of boxes that remain if each face of the truth has one track in all frames, and each track one face.
    pub same: usize,
}

impl TrackScores {
    /// Boxes of the truth that were not found: FN.
    #[must_use]
    pub fn missed(&self) -> usize {
        self.truth - self.found
    }

    /// Boxes of the results that are no face: FP.
    #[must_use]
    pub fn wrong(&self) -> usize {
        self.results - self.found
    }

    /// Accuracy: 1 - (FN + FP + switches) / boxes of the truth. It can be below 0.
    #[must_use]
    pub fn mota(&self) -> f64 {
        (self.found as f64 - self.wrong() as f64 - self.switches as f64) / self.truth.max(1) as f64
    }

    /// The mean overlap of the pairs.
    #[must_use]
    pub fn motp(&self) -> f64 {
        self.overlap / self.found.max(1) as f64
    }

    /// The F1 score of the identities: what of both lies in pairs of the right identity.
    #[must_use]
    pub fn idf1(&self) -> f64 {
        2.0 * self.same as f64 / (self.truth + self.results).max(1) as f64
    }
}

impl Add for TrackScores {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            frames: self.frames + other.frames,
            truth: self.truth + other.truth,
            results: self.results + other.results,
            found: self.found + other.found,
            switches: self.switches + other.switches,
            overlap: self.overlap + other.overlap,
            same: self.same + other.same,
        }
    }
}

impl Sum for TrackScores {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

/// Compares the results of a tracker with the truth. Boxes of the truth whose confidence is 0 are left out, as TrackEval does
/// for MOT15; whoever follows them has boxes that are wrong.
///
/// In each frame boxes that overlap by half or more are paired one to one: first those that were paired in the frame before,
/// then so that the overlaps have the largest sum.
#[must_use]
pub fn track_scores(truth: &MotFile, results: &MotFile) -> TrackScores {
    let mut frames: Vec<u64> = truth.frames.keys().chain(results.frames.keys()).copied().collect();
    frames.sort_unstable();
    frames.dedup();
    let mut scores = TrackScores { frames: frames.len(), ..TrackScores::default() };
    // The track that a face was last in; those of the last frame that had both; frames that face and track share.
    let (mut last, mut before) = (HashMap::new(), HashMap::new());
    let mut shared: HashMap<(i64, i64), usize> = HashMap::new();
    for frame in frames {
        let of = |file: &MotFile| file.frames.get(&frame).cloned().unwrap_or_default();
        let faces: Vec<MotBox> = of(truth).into_iter().filter(|it| it.confidence as i64 != 0).collect();
        let tracks = of(results);
        scores.truth += faces.len();
        scores.results += tracks.len();
        if faces.is_empty() || tracks.is_empty() {
            continue;
        }
        let mut pairs: Vec<Pair> = Vec::new();
        for (row, face) in faces.iter().enumerate() {
            for (column, track) in tracks.iter().enumerate() {
                let overlap = overlap(face, track);
                if overlap >= LEAST_OVERLAP - f64::EPSILON {
                    let same = before.get(&face.id) == Some(&track.id);
                    pairs.push((row, column, overlap + if same { SAME } else { 0.0 }));
                    *shared.entry((face.id, track.id)).or_default() += 1;
                }
            }
        }
        before.clear();
        for (row, column) in assign(faces.len(), tracks.len(), &pairs) {
            let (face, track) = (&faces[row], &tracks[column]);
            scores.found += 1;
            scores.overlap += overlap(face, track);
            before.insert(face.id, track.id);
            let old = last.insert(face.id, track.id);
            scores.switches += usize::from(old.is_some_and(|old| old != track.id));
        }
    }
    scores.same = same(&shared);
    scores
}

/// The most frames that faces and tracks share, each face with one track.
fn same(shared: &HashMap<(i64, i64), usize>) -> usize {
    let places = |of: fn(&(i64, i64)) -> i64| {
        let mut ids: Vec<i64> = shared.keys().map(of).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let (faces, tracks) = (places(|ids| ids.0), places(|ids| ids.1));
    let place = |ids: &[i64], id: i64| ids.binary_search(&id).expect("it is one of them");
    let pair =
        |(&(face, track), &frames): (&(i64, i64), &usize)| (place(&faces, face), place(&tracks, track), frames as f64);
    let pairs: Vec<Pair> = shared.iter().map(pair).collect();
    let chosen = assign(faces.len(), tracks.len(), &pairs);
    chosen.iter().map(|&(face, track)| shared[&(faces[face], tracks[track])]).sum()
}

/// Intersection over union, of edges in continuous coordinates.
fn overlap(a: &MotBox, b: &MotBox) -> f64 {
    let common = |from: usize| {
        let end = |it: &MotBox| it.sides[from] + it.sides[from + 2];
        (end(a).min(end(b)) - a.sides[from].max(b.sides[from])).max(0.0)
    };
    let common = common(0) * common(1);
    let area = |it: &MotBox| it.sides[2] * it.sides[3];
    if common > 0.0 { common / (area(a) + area(b) - common) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boxes of 10x10 pixels: frame, id and left edge.
    fn file(boxes: &[(u64, i64, f64)]) -> MotFile {
        let mut file = MotFile::default();
        for &(frame, id, x) in boxes {
            let new = MotBox { id, sides: [x, 0.0, 10.0, 10.0], confidence: 1.0 };
            file.frames.entry(frame).or_default().push(new);
        }
        file
    }

    #[test]
    fn scores_by_hand() {
        // A face in five frames: found, found, missed, found by another track; then both tracks are near, and the one that
        // it was with stays though the other is nearer.
        let truth = file(&[(1, 1, 0.0), (2, 1, 0.0), (3, 1, 0.0), (4, 1, 0.0), (5, 1, 0.0)]);
        let results = file(&[(1, 7, 0.0), (2, 7, 1.0), (3, 7, 50.0), (4, 8, 2.0), (5, 8, 2.0), (5, 7, 0.0)]);
        let scores = track_scores(&truth, &results);
        let counts = (scores.truth, scores.results, scores.found, scores.missed(), scores.wrong(), scores.switches);
        assert_eq!(counts, (5, 6, 4, 1, 2, 1));
        // Track 7 overlaps in frames 1, 2 and 5.
        assert_eq!(scores.same, 3);
        approx::assert_abs_diff_eq!(scores.mota(), 1.0 - 4.0 / 5.0, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(scores.motp(), (1.0 + 9.0 / 11.0 + 2.0 * 8.0 / 12.0) / 4.0, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(scores.idf1(), 6.0 / 11.0, epsilon = 1e-12);
        assert_eq!([scores, scores].into_iter().sum::<TrackScores>().switches, 2);
    }

    #[test]
    fn nothing_has_scores_without_a_division_by_zero() {
        let (none, one) = (MotFile::default(), file(&[(1, 1, 0.0)]));
        let of = |truth: &MotFile, results: &MotFile| {
            let scores = track_scores(truth, results);
            (scores.mota(), scores.motp(), scores.idf1())
        };
        assert_eq!(of(&none, &none), (0.0, 0.0, 0.0));
        assert_eq!(of(&none, &one), (-1.0, 0.0, 0.0));
        assert_eq!(of(&one, &none), (0.0, 0.0, 0.0));
        assert_eq!(of(&one, &one), (1.0, 1.0, 1.0));
    }
}
