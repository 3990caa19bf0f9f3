//! Why a face is found or lost: a detection observed, and what happened to the boxes about one place.
//!
//! The numbers are those of the detection itself: the [`Witness`] only writes down what the cascade tells it.

use serde::{Serialize, Serializer};

use super::matching::SAME_FACE;
use crate::arch::Stage;
use crate::detect::Detector;
use crate::detect::candidate::Candidate;
use crate::detect::observer::{Observer, Suppressing};
use crate::detect::pyramid::LevelShape;
use crate::error::Result;
use crate::geometry::PixelBox;
use crate::image::ImageView;
use crate::profile::Thresholds;

/// A box that overlaps the place by this much (intersection over union) may become its face: a square of PNet has no
/// more in common with a face of another form and a size between two levels.
const NEAR: f64 = 0.3;

/// What happened at a place of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The place, in pixels.
    pub r#box: PixelBox,
    /// In one sentence.
    pub verdict: String,
    /// What comes of it.
    pub outcome: PlaceOutcome,
    /// What would find the face, if that was looked for and something does.
    pub hint: Option<String>,
    /// The scores from which PNet, RNet and ONet let a box pass.
    pub thresholds: [f32; 3],
    /// What PNet sees on the levels of the pyramid.
    pub levels: Vec<LevelView>,
    /// What became of the boxes near the place that PNet lets pass: those that came furthest first, then by the last
    /// score.
    pub candidates: Vec<CandidatePath>,
}

/// What comes of a place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
#[non_exhaustive]
pub enum PlaceOutcome {
    /// A face is found there.
    Found {
        /// Its score.
        score: f32,
        /// With the place.
        overlap: f64,
    },
    /// A face is found, but it overlaps the place by less than half.
    Beside {
        /// Its score.
        score: f32,
        /// With the place.
        overlap: f64,
    },
    /// No square that PNet looks at has its size and form.
    NotLookedFor,
    /// No box near it has the score that the stage asks for.
    Score {
        /// Whose.
        #[serde(serialize_with = "titled")]
        stage: Stage,
        /// The best.
        score: f32,
    },
    /// Its boxes overlap better ones that are of something else.
    Suppressed {
        /// After whose scores.
        #[serde(serialize_with = "titled")]
        stage: Stage,
    },
    /// Its boxes are moved away from it.
    Moved {
        /// By whom.
        #[serde(serialize_with = "titled")]
        stage: Stage,
    },
}

/// A level of the pyramid, seen from the place.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LevelView {
    /// Its size divided by the image's.
    pub scale: f64,
    /// The side in pixels of the image of the squares that PNet looks at.
    pub side: f64,
    /// Squares that overlap the place by 0.3 or more.
    pub near: usize,
    /// The one of all that overlaps it most.
    pub closest: Option<Cell>,
    /// The one of the near ones that has the best score.
    pub best: Option<Cell>,
    /// Of the near ones, how many have the score that PNet asks for.
    pub passed: usize,
    /// Of these, how many are left when those that overlap better ones of the level are gone.
    pub kept: usize,
    /// And how many when those that overlap better ones of all levels are gone.
    pub left: usize,
}

/// A square that PNet looks at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cell {
    /// `[x1, y1, x2, y2]` in pixels.
    pub r#box: PixelBox,
    /// With the place (intersection over union).
    pub overlap: f64,
    /// PNet's.
    pub score: f32,
}

/// A box on its way through the cascade.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CandidatePath {
    /// The level that it is of, from 0.
    pub level: usize,
    /// That level's size divided by the image's.
    pub scale: f64,
    /// What PNet looks at, and its score.
    pub pnet: Cell,
    /// What RNet is given, and its score.
    pub rnet: Option<Cell>,
    /// What ONet is given, and its score.
    pub onet: Option<Cell>,
    /// The face that it becomes.
    pub face: Option<Cell>,
    /// Where its way ends.
    pub end: PathEnd,
}

/// Where the way of a box ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum PathEnd {
    /// Its score is too low.
    Score {
        /// Whose.
        #[serde(serialize_with = "titled")]
        stage: Stage,
    },
    /// It overlaps a better box too much.
    Suppressed {
        /// After whose scores.
        #[serde(serialize_with = "titled")]
        stage: Stage,
        /// Whether both are of one level; only PNet's are compared in each level first.
        in_level: bool,
        /// The better one, `[x1, y1, x2, y2]` as it was then.
        by: PixelBox,
        /// Its score.
        score: f32,
        /// The level that it is of.
        by_level: usize,
    },
    /// Nothing of it is in the image.
    Outside {
        /// Who could not look at it.
        #[serde(serialize_with = "titled")]
        stage: Stage,
    },
    /// It is a face.
    Face,
}

/// Writes down what a cascade does near a place.
struct Witness<'a> {
    detector: &'a Detector,
    place: PixelBox,
    levels: Vec<LevelView>,
    /// Of the squares that PNet lets pass, in the order of their numbers.
    tracks: Vec<CandidatePath>,
    /// Where PNet and RNet have moved their boxes to.
    moved: Vec<[Option<PixelBox>; 2]>,
}

impl Witness<'_> {
    fn overlap(&self, corners: PixelBox) -> f64 {
        corners.overlap(&self.place)
    }

    fn track(&mut self, candidate: &Candidate) -> &mut CandidatePath {
        &mut self.tracks[candidate.origin as usize]
    }
}

impl Observer for Witness<'_> {
    const ALL: bool = true;

    fn level(&mut self, shape: &LevelShape) {
        let (scale, side) = (shape.scale, Stage::PNet.side() as f64 / shape.scale);
        let counts = LevelView { scale, side, near: 0, closest: None, best: None, passed: 0, kept: 0, left: 0 };
        self.levels.push(counts);
    }

    fn cell(&mut self, level: usize, cell: &Candidate, passes: bool) -> u32 {
        let r#box = self.detector.pixel_box(cell);
        let (overlap, score) = (self.overlap(r#box), cell.score);
        let (cell, view) = (Cell { r#box, overlap, score }, &mut self.levels[level]);
        if view.closest.is_none_or(|closest| overlap > closest.overlap) {
            view.closest = Some(cell);
        }
        if overlap >= NEAR {
            view.near += 1;
            view.passed += usize::from(passes);
            if view.best.is_none_or(|best| score > best.score) {
                view.best = Some(cell);
            }
        }
        if !passes {
            return 0;
        }
        let (scale, end) = (view.scale, PathEnd::Score { stage: Stage::PNet });
        self.tracks.push(CandidatePath { level, scale, pnet: cell, rnet: None, onet: None, face: None, end });
        self.moved.push([None; 2]);
        self.tracks.len() as u32 - 1
    }

    fn suppressed(&mut self, after: Suppressing, gone: &Candidate, by: &Candidate) {
        let (stage, in_level) = match after {
            Suppressing::Level => (Stage::PNet, true),
            Suppressing::Levels => (Stage::PNet, false),
            Suppressing::RNet => (Stage::RNet, false),
            Suppressing::ONet => (Stage::ONet, false),
        };
        let (corners, by_level) = (self.detector.pixel_box(by), self.track(by).level);
        self.track(gone).end = PathEnd::Suppressed { stage, in_level, by: corners, score: by.score, by_level };
    }

    fn outside(&mut self, stage: Stage, candidate: &Candidate) {
        self.track(candidate).end = PathEnd::Outside { stage };
    }

    fn answered(&mut self, stage: Stage, candidate: &Candidate) {
        let [first, second] = self.moved[candidate.origin as usize];
        let given = if stage == Stage::RNet { first } else { second };
        let r#box = given.unwrap_or_else(|| self.detector.pixel_box(candidate));
        let cell = Cell { r#box, overlap: self.overlap(r#box), score: candidate.score };
        let track = self.track(candidate);
        *(if stage == Stage::RNet { &mut track.rnet } else { &mut track.onet }) = Some(cell);
        track.end = PathEnd::Score { stage };
    }

    fn passed<'a>(&mut self, stage: Stage, boxes: impl Iterator<Item = &'a Candidate>) {
        for candidate in boxes {
            let origin = candidate.origin as usize;
            match stage {
                Stage::PNet => self.moved[origin][0] = Some(self.detector.pixel_box(candidate)),
                Stage::RNet => self.moved[origin][1] = Some(self.detector.pixel_box(candidate)),
                Stage::ONet => {
                    // As it is in the results: these are not counted from the profile's first pixel.
                    let r#box = PixelBox(candidate.corners.0);
                    let face = Cell { r#box, overlap: self.overlap(r#box), score: candidate.score };
                    self.tracks[origin].face = Some(face);
                    self.tracks[origin].end = PathEnd::Face;
                }
            }
        }
    }
}

impl CandidatePath {
    /// Whether the box, wherever it was given to a stage, was near the place.
    fn is_near(&self) -> bool {
        let cells = [Some(self.pnet), self.rnet, self.onet, self.face];
        cells.into_iter().flatten().any(|cell| cell.overlap >= NEAR)
    }

    /// The last stage that gave it a score, and that score.
    fn last(&self) -> (Stage, f32) {
        match (self.onet, self.rnet) {
            (Some(cell), _) => (Stage::ONet, cell.score),
            (None, Some(cell)) => (Stage::RNet, cell.score),
            (None, None) => (Stage::PNet, self.pnet.score),
        }
    }

    fn of(&self, stage: Stage) -> Option<Cell> {
        match stage {
            Stage::PNet => Some(self.pnet),
            Stage::RNet => self.rnet,
            Stage::ONet => self.onet,
        }
    }
}

/// What a detector makes of a place of an image. Everything is kept that PNet says, so it takes
/// about 100 MB for an image of 12 megapixels.
pub fn explain(detector: &Detector, view: &ImageView<'_>, place: PixelBox) -> Explanation {
    let (levels, tracks, moved) = (Vec::new(), Vec::new(), Vec::new());
    let mut witness = Witness { detector, place, levels, tracks, moved };
    detector.detect_observed(view, &mut witness);
    let Witness { mut levels, tracks: mut candidates, .. } = witness;
    for track in candidates.iter().filter(|track| track.pnet.overlap >= NEAR) {
        let view = &mut levels[track.level];
        view.kept += usize::from(!matches!(track.end, PathEnd::Suppressed { in_level: true, .. }));
        view.left += usize::from(!matches!(track.end, PathEnd::Suppressed { stage: Stage::PNet, .. }));
    }
    candidates.retain(CandidatePath::is_near);
    candidates.sort_by(|a, b| b.last().0.cmp(&a.last().0).then(b.last().1.total_cmp(&a.last().1)));
    let Thresholds { pnet, rnet, onet } = detector.thresholds();
    let thresholds = [pnet, rnet, onet];
    let (outcome, verdict) = judge(&levels, &candidates, thresholds);
    Explanation { r#box: place, verdict, outcome, hint: None, thresholds, levels, candidates }
}

/// What comes of the place, and that in one sentence. It is lost at the last stage that was given a box near it.
fn judge(levels: &[LevelView], candidates: &[CandidatePath], thresholds: [f32; 3]) -> (PlaceOutcome, String) {
    let faces = candidates.iter().filter_map(|track| Some((track, track.face?)));
    let best = faces.filter(|(_, face)| face.overlap >= NEAR).max_by(|a, b| a.1.overlap.total_cmp(&b.1.overlap));
    if let Some((track, Cell { overlap, score, .. })) = best {
        if overlap >= SAME_FACE {
            let scale = track.scale;
            let text =
                format!("found with {score:.3}: the face overlaps the box by {overlap:.2}, seen at scale {scale:.3}");
            return (PlaceOutcome::Found { score, overlap }, text);
        }
        let text = format!(
            "lost beside a face: one with {score:.3} overlaps the box by {overlap:.2} only, {SAME_FACE} is needed"
        );
        return (PlaceOutcome::Beside { score, overlap }, text);
    }
    for (stage, threshold) in [Stage::ONet, Stage::RNet, Stage::PNet].into_iter().zip(thresholds.into_iter().rev()) {
        let name = stage.title();
        let near: Vec<_> = candidates.iter().filter(|it| it.of(stage).is_some_and(|at| at.overlap >= NEAR)).collect();
        let ends_by_score = |track: &&CandidatePath| track.end == PathEnd::Score { stage };
        let passed: Vec<_> = near.iter().filter(|track| !ends_by_score(track)).collect();
        let dropped = passed.iter().filter_map(|track| match track.end {
            PathEnd::Suppressed { stage: at, by, score, by_level, .. } if at == stage => Some((by, score, by_level)),
            _ => None,
        });
        let dropped: Vec<_> = dropped.collect();
        match dropped.first() {
            _ if passed.is_empty() => {}
            Some((PixelBox([x1, y1, x2, y2]), score, by)) if dropped.len() == passed.len() => {
                let (width, height, scale) = (x2 - x1, y2 - y1, levels[*by].scale);
                let text = format!(
                    "lost at {name}: its boxes overlap better ones of something else, such as \
                     {x1:.0},{y1:.0},{width:.0},{height:.0} with {score:.3} at scale {scale:.3}"
                );
                return (PlaceOutcome::Suppressed { stage }, text);
            }
            // What went on is not near any more.
            _ => {
                return (
                    PlaceOutcome::Moved { stage },
                    format!("lost at {name}: it moves its boxes to something else"),
                );
            }
        }
        let score = |track: &&&CandidatePath| track.of(stage).map_or(0.0, |cell| cell.score);
        let below = near.iter().max_by(|a, b| score(a).total_cmp(&score(b))).map(|track| (score(&track), track.scale));
        // Of PNet's, only those that pass have a track.
        let cells = levels.iter().filter_map(|level| Some((level.best?.score, level.scale)));
        let best = if stage == Stage::PNet { cells.max_by(|a, b| a.0.total_cmp(&b.0)) } else { below };
        if let Some((score, scale)) = best {
            let text = format!("lost at {name}: best score {score:.3} of threshold {threshold:.3} at scale {scale:.3}");
            return (PlaceOutcome::Score { stage, score }, text);
        }
    }
    let closest = levels.iter().filter_map(|level| Some((level.closest?.overlap, level)));
    let text = match closest.max_by(|a, b| a.0.total_cmp(&b.0)) {
        None => "lost before PNet: the image is too small for the smallest face that is looked for".into(),
        Some((overlap, LevelView { side, scale, .. })) => format!(
            "lost before PNet: no square that it looks at overlaps the box by {NEAR}; the best has {side:.0} pixels and \
             {overlap:.2}, at scale {scale:.3}"
        ),
    };
    (PlaceOutcome::NotLookedFor, text)
}

fn titled<S: Serializer>(stage: &Stage, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(stage.title())
}

/// Changes of options that are tried for one hint: one for each net, and as many again.
const TRIES: usize = 6;

/// Looks for what would find a face that is lost, and tries it: the smallest face, if it is less than half as large again
/// as this one, and thresholds just below the best scores, one after the other. `min_face` is that of the detector;
/// `build` makes another with such a smallest face and thresholds.
///
/// # Errors
/// Those of `build`.
pub fn hint(
    lost: &Explanation,
    view: &ImageView<'_>,
    min_face: f64,
    build: impl Fn(f64, Thresholds) -> Result<Detector>,
) -> Result<Option<String>> {
    let PixelBox([x1, y1, x2, y2]) = lost.r#box;
    let face = ((x2 - x1) * (y2 - y1)).sqrt();
    // The smallest square may be larger than asked for, in an image that is seen as if it were shrunk.
    let smallest = lost.levels.first().map_or(min_face, |level| level.side);
    let smaller = (face * min_face / smallest).floor().max(1.0);
    let smaller = (face < 1.5 * smallest && smaller < min_face).then_some(smaller);
    let mut best: Option<(usize, String)> = None;
    for least in smaller.into_iter().chain([min_face]) {
        let (mut thresholds, mut lowered, mut now) = (lost.thresholds, [false; 3], lost.clone());
        for attempt in 0..TRIES {
            if attempt > 0 || least != min_face {
                let [pnet, rnet, onet] = thresholds;
                now = explain(&build(least, Thresholds { pnet, rnet, onet })?, view, lost.r#box);
            }
            match now.outcome {
                PlaceOutcome::Found { score, .. } => {
                    let mut options = Vec::new();
                    if least != min_face {
                        options.push(format!("--min-face {least}"));
                    }
                    if lowered.contains(&true) {
                        options.push(format!("--thresholds {}", thresholds.map(|it| it.to_string()).join(",")));
                    }
                    let changes = options.len() + lowered.iter().filter(|&&lowered| lowered).count();
                    if best.as_ref().is_none_or(|best| changes < best.0) {
                        best = Some((changes, format!("{} finds it, with {score:.3}", options.join(" "))));
                    }
                    break;
                }
                // A score of less than a hundredth is no face to the net.
                PlaceOutcome::Score { stage, score } if score >= 0.02 => {
                    let below = (score * 100.0).floor() - 1.0;
                    (thresholds[stage as usize], lowered[stage as usize]) = (below / 100.0, true);
                }
                _ => break,
            }
        }
    }
    Ok(best.map(|(_, text)| text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Profile;

    #[test]
    fn who_is_watched_finds_the_same_in_every_profile() {
        let image = crate::image::open("testdata/crowd.jpg").unwrap();
        let view = ImageView::from(&image);
        for profile in Profile::ALL {
            let detector = Detector::builder().profile(profile).min_face(40.0).build().unwrap();
            let (levels, tracks, moved) = (Vec::new(), Vec::new(), Vec::new());
            let mut witness = Witness { detector: &detector, place: PixelBox([0.0; 4]), levels, tracks, moved };
            let faces = detector.detect_observed(&view, &mut witness);
            assert_eq!(faces, detector.detect(&image).unwrap(), "{}", profile.name());
            let ends = |end: fn(&CandidatePath) -> bool| witness.tracks.iter().filter(|track| end(track)).count();
            assert_eq!(ends(|track| track.end == PathEnd::Face), faces.len());
            // The counts of each stage are those that `detect_timed` gives.
            let (_, timing) = detector.detect_timed(&image).unwrap();
            assert_eq!(witness.tracks.len(), timing.levels.iter().map(|level| level.candidates).sum::<usize>());
            let kept = ends(|track| !matches!(track.end, PathEnd::Suppressed { in_level: true, .. }));
            assert_eq!(kept, timing.levels.iter().map(|level| level.kept).sum::<usize>());
            // Of these RNet may skip some, which it tells as suppressed.
            let after_pnet = witness.moved.iter().filter(|moved| moved[0].is_some()).count();
            assert_eq!(after_pnet, timing.pnet.outputs);
            assert_eq!(
                (ends(|it| it.rnet.is_some()), ends(|it| it.onet.is_some())),
                (timing.rnet.inputs, timing.onet.inputs)
            );
        }
    }

    /// A level of scale 0.5 with one near square of that score.
    fn level(score: f32) -> LevelView {
        let cell = Some(Cell { r#box: PixelBox([0.0; 4]), overlap: 0.6, score });
        LevelView { scale: 0.5, side: 24.0, near: 1, closest: cell, best: cell, passed: 1, kept: 1, left: 1 }
    }

    /// A box with these overlaps when it is given to the nets, and a score of 0.5.
    fn track(overlaps: [Option<f64>; 3], face: Option<f64>, end: PathEnd) -> CandidatePath {
        let cell = |overlap: f64| Cell { r#box: PixelBox([0.0; 4]), overlap, score: 0.5 };
        let [pnet, rnet, onet] = overlaps.map(|overlap| overlap.map(cell));
        CandidatePath { level: 0, scale: 0.5, pnet: pnet.unwrap(), rnet, onet, face: face.map(cell), end }
    }

    #[test]
    fn a_face_is_lost_at_the_last_net_that_is_given_a_box_near_it() {
        let dropped = |stage| PathEnd::Suppressed {
            stage,
            in_level: false,
            by: PixelBox([1.0, 2.0, 11.0, 22.0]),
            score: 0.9,
            by_level: 0,
        };
        let score = |stage| PathEnd::Score { stage };
        let ending = |tracks: &[CandidatePath]| judge(&[level(0.7)], tracks, [0.6, 0.7, 0.8]);
        let (near, far) = (Some(0.5), Some(0.1));

        let all = [near; 3];
        assert_eq!(ending(&[track(all, Some(0.5), PathEnd::Face)]).0, PlaceOutcome::Found { score: 0.5, overlap: 0.5 });
        assert_eq!(
            ending(&[track(all, Some(0.4), PathEnd::Face)]).0,
            PlaceOutcome::Beside { score: 0.5, overlap: 0.4 }
        );
        assert_eq!(ending(&[track(all, Some(0.2), PathEnd::Face)]).0, PlaceOutcome::Moved { stage: Stage::ONet });
        let (what, text) = ending(&[track(all, None, dropped(Stage::ONet)), track(all, None, score(Stage::ONet))]);
        assert_eq!(what, PlaceOutcome::Suppressed { stage: Stage::ONet });
        assert!(text.contains("such as 1,2,10,20 with 0.900 at scale 0.500"), "{text}");
        let (what, text) =
            ending(&[track(all, None, score(Stage::ONet)), track([near, near, None], None, dropped(Stage::RNet))]);
        assert_eq!(what, PlaceOutcome::Score { stage: Stage::ONet, score: 0.5 });
        assert_eq!(text, "lost at ONet: best score 0.500 of threshold 0.800 at scale 0.500");
        assert_eq!(
            ending(&[track([near, near, far], None, score(Stage::ONet))]).0,
            PlaceOutcome::Moved { stage: Stage::RNet }
        );
        let (what, text) = ending(&[track([near, near, None], None, score(Stage::RNet))]);
        assert_eq!(what, PlaceOutcome::Score { stage: Stage::RNet, score: 0.5 });
        assert!(text.contains("of threshold 0.700"), "{text}");
        assert_eq!(
            ending(&[track([near, far, None], None, score(Stage::RNet))]).0,
            PlaceOutcome::Moved { stage: Stage::PNet }
        );
        let (what, _) = ending(&[track([near, None, None], None, dropped(Stage::PNet))]);
        assert_eq!(what, PlaceOutcome::Suppressed { stage: Stage::PNet });
        assert_eq!(judge(&[level(0.4)], &[], [0.6; 3]).0, PlaceOutcome::Score { stage: Stage::PNet, score: 0.4 });
        let nothing = LevelView { best: None, near: 0, ..level(0.4) };
        assert_eq!(judge(&[nothing], &[], [0.6; 3]).0, PlaceOutcome::NotLookedFor);
        assert_eq!(judge(&[], &[], [0.6; 3]).0, PlaceOutcome::NotLookedFor);
    }
}
