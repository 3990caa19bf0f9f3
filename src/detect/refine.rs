//! The second and the third stage: RNet and ONet look at each box again.

use std::time::Duration;

use mtcnn_kernels::softmax;

use super::candidate::{Candidate, Corners};
use super::context::{Cascade, Context, Workspace};
use super::crop::{self, Cut};
use super::halves::{Half, Halves};
use super::observer::{Observer, Suppressing};
use super::parallel::run;
use super::propose::surely_below;
use super::timing::{Screening, StageTimes};
use crate::arch::Stage;
use crate::geometry::Point;
use crate::nets::Net;
use crate::nets::low::Screen;
use crate::profile::{Crop, Moves, Rule, Skips};
use crate::weights::Lean;

/// The most crops that a net takes at a time: enough for the dense layers, whose weights stream from
/// memory once a batch.
const BATCH: usize = 16;

/// The same where most of them are rejected before the net sees them.
const SCREENED_BATCH: usize = 4 * BATCH;

/// The PNet's score above which RNet lets most boxes pass, so that low precision would reject too few of them.
const SURE: f32 = 0.95;

/// No box.
const NONE: u32 = u32::MAX;

/// A box that a net looks at, what it sees, and of which half of the image that is made.
type Shown = (Candidate, Cut, Half);

/// The box of a face, and where its points begin among those of all faces.
pub(super) type Found = (Candidate, usize);

/// A part of the boxes that are looked at, `first..last`, and what became of them.
#[derive(Default)]
struct Batch {
    first: usize,
    last: usize,
    /// Low precision is asked of so many of them, the first ones.
    doubtful: usize,
    scores: Vec<f32>,
    /// With the places of the boxes in the list of those that are looked at.
    passed: Vec<(usize, Candidate)>,
    /// Of those that passed, one after the other: x1 y1 x2 y2 … as parts of the box.
    points: Vec<f32>,
    cropping: Duration,
    answering: Duration,
    screening: Screening,
}

/// The later stages, with what they need; that is kept for the next ones.
#[derive(Default)]
pub(super) struct Refiner {
    shown: Vec<Shown>,
    /// The numbers of those that are looked at together.
    places: Vec<u32>,
    /// Of all that were looked at; those that were not have none.
    scores: Vec<f32>,
    /// For each box the number of the better one that it overlaps much, or [`NONE`].
    leaders: Vec<u32>,
    /// Of each box whether it is the better one for another.
    leads: Vec<bool>,
    /// For the grouping.
    groups: Vec<(u32, Candidate)>,
    /// As many as the most boxes needed; the first ones are in use.
    batches: Vec<Batch>,
    /// Where the boxes that passed lie in the batches: the number of each, the batch and the place in it.
    found: Vec<(u32, usize, usize)>,
    /// The boxes that passed, in the order in which they were looked at.
    passed: Vec<Candidate>,
    /// What the net gave for their points, as [`Batch::points`].
    answers: Vec<f32>,
    /// All boxes that ONet lets pass, before suppression.
    voters: Vec<Found>,
    /// The points of all faces, in pixels.
    points: Vec<Point>,
    /// For a vote.
    sums: Vec<[f64; 2]>,
}

impl Refiner {
    /// The second stage: the boxes that RNet lets pass, after suppression and moved by its offsets, take the place of
    /// PNet's.
    pub(super) fn reject<O: Observer>(&mut self, context: &mut Context<'_, O>, boxes: &mut Vec<Candidate>) {
        let Context { cascade, clock, .. } = *context;
        let profile = &cascade.profile;
        let times = self.refine(context, Stage::RNet, boxes);
        let begin = clock.begin();
        let moves = |boxes: &mut [Candidate], when: Moves| {
            if profile.moves == when {
                boxes.iter_mut().for_each(|candidate| candidate.regress(profile.numbers.extra()));
            }
        };
        boxes.clear();
        boxes.extend_from_slice(&self.passed);
        moves(boxes, Moves::BeforeSuppression);
        context.suppress(boxes, 0, |candidate| candidate, profile.suppression.rnet, Suppressing::RNet);
        moves(boxes, Moves::AfterSuppression);
        context.timing.suppression += begin.elapsed();
        context.timing.rnet = StageTimes { outputs: boxes.len(), ..times };
        context.observer.passed(Stage::RNet, boxes.iter());
    }

    /// The third stage: the boxes that ONet lets pass, moved by its offsets and after suppression, with their landmarks.
    pub(super) fn decide<O: Observer>(
        &mut self,
        context: &mut Context<'_, O>,
        boxes: &[Candidate],
        faces: &mut Vec<Found>,
    ) {
        let Context { cascade, halves, clock, .. } = *context;
        let profile = &cascade.profile;
        let times = self.refine(context, Stage::ONet, boxes);
        let begin = clock.begin();
        let Self { passed, answers, voters, points, sums, .. } = self;
        faces.clear();
        points.clear();
        let values = cascade.onet.outputs() - Net::FIRST_POINT;
        for (i, candidate) in passed.iter().enumerate() {
            let (first, answer) = (points.len(), &answers[i * values..][..values]);
            faces.push((finish(candidate, answer, profile.numbers.extra(), cascade.shift, points), first));
        }
        voters.clone_from(faces);
        context.suppress(faces, 0, |face| &face.0, profile.suppression.onet, Suppressing::ONet);
        if let Some(least) = profile.voting {
            faces.iter_mut().for_each(|face| vote(face, voters, least, values / 2, (&mut *points, &mut *sums)));
        }
        context.timing.suppression += begin.elapsed();
        context.timing.onet = StageTimes { outputs: faces.len(), ..times };
        if profile.clips_faces {
            faces.iter_mut().for_each(|(candidate, _)| candidate.clip(halves.whole(), profile.numbers));
        }
        context.observer.passed(Stage::ONet, faces.iter().map(|(candidate, _)| candidate));
    }

    /// The points of a face that [`Refiner::decide`] gave, as many as there are names for.
    pub(super) fn points(&self, face: &Found, count: usize) -> &[Point] {
        &self.points[face.1..][..count]
    }

    /// Squares the boxes and shows them to RNet or ONet; those that score more than its threshold pass, with the new
    /// score and offsets. A box of which nothing lies in the image is dropped, and so are those that the profile skips.
    fn refine<O: Observer>(&mut self, context: &mut Context<'_, O>, stage: Stage, boxes: &[Candidate]) -> StageTimes {
        let Context { cascade, halves, clock, .. } = *context;
        let profile = &cascade.profile;
        let Self { shown, places, scores, passed, answers, leads, .. } = self;
        shown.clear();
        shown.extend(boxes.iter().filter_map(|&(mut candidate)| {
            let Some((cut, half)) = cascade.cut(&mut candidate, stage.side(), halves) else {
                context.observer.outside(stage, &candidate);
                return None;
            };
            if profile.crop == Crop::BlackThenClipped {
                candidate.clip(halves.whole(), profile.numbers);
            }
            Some((candidate, cut, half))
        }));
        let count = shown.len() as u32;
        let mut times = StageTimes::default();
        passed.clear();
        answers.clear();
        scores.clear();
        scores.resize(shown.len(), 0.0);
        leads.clear();
        leads.resize(shown.len(), false);
        places.clear();
        let Some(skips) = profile.skips[usize::from(stage == Stage::ONet)] else {
            places.extend(0..count);
            self.answer(context, stage, &mut times);
            return times;
        };
        let begin = clock.begin();
        self.group(context, skips);
        context.timing.suppression += begin.elapsed();
        self.places.extend((0..count).filter(|&i| self.leaders[i as usize] == NONE));
        self.answer(context, stage, &mut times);
        let Self { shown, places, scores, leaders, .. } = self;
        places.clear();
        for (i, &leader) in leaders.iter().enumerate().filter(|&(_, &leader)| leader != NONE) {
            let score = scores[leader as usize];
            if score < skips.below || score > skips.above {
                let at = if stage == Stage::RNet { Suppressing::Levels } else { Suppressing::RNet };
                context.observer.suppressed(at, &shown[i].0, &shown[leader as usize].0);
            } else {
                places.push(i as u32);
            }
        }
        self.answer(context, stage, &mut times);
        times
    }

    /// Finds for each box the better one that it overlaps much.
    fn group<O: Observer>(&mut self, context: &mut Context<'_, O>, skips: Skips) {
        let Self { shown, leaders, leads, groups, .. } = self;
        leaders.clear();
        leaders.resize(shown.len(), NONE);
        groups.clear();
        groups.extend(shown.iter().enumerate().map(|(i, &(candidate, ..))| (i as u32, candidate)));
        let rule = Rule::union(skips.overlap, 0.0);
        context.suppressor.suppress(
            groups,
            0,
            |(_, candidate)| candidate,
            rule,
            |gone, by| {
                leaders[gone.0 as usize] = by.0;
                leads[by.0 as usize] = true;
            },
        );
    }

    /// Shows the boxes of `places` to a net: their scores, and those that pass.
    fn answer<O: Observer>(&mut self, context: &mut Context<'_, O>, stage: Stage, times: &mut StageTimes) {
        let Context { cascade, halves, clock, .. } = *context;
        let (net, threshold) = match stage {
            Stage::PNet => unreachable!("PNet looks at levels"),
            Stage::RNet => (&cascade.rnet, cascade.thresholds.rnet),
            Stage::ONet => (&cascade.onet, cascade.thresholds.onet),
        };
        // All answers come back where an observer wants to see them.
        let least = if O::ALL { f32::NEG_INFINITY } else { threshold };
        let screen = cascade.screen.as_ref().ok().filter(|_| stage == Stage::RNet && !O::ALL);
        let screen = screen.map(|screen| (screen, surely_below(threshold)));
        let Self { shown, places, scores, batches, found, passed, answers, leads, .. } = self;
        // Of a box that leads others the score is needed, whether it passes or not.
        let doubtful = |place: u32| screen.is_some() && shown[place as usize].0.score <= SURE && !leads[place as usize];
        places.sort_unstable_by_key(|&place| (!doubtful(place), place));
        let all_doubtful = places.partition_point(|&place| doubtful(place));
        // As many batches as keep all threads at work to the end.
        let threads = context.timing.threads;
        let most = if screen.is_some() { SCREENED_BATCH } else { BATCH };
        let count = places.len().div_ceil(most).next_multiple_of(threads.max(1)).min(places.len());
        batches.resize_with(batches.len().max(count), Batch::default);
        let batches = &mut batches[..count];
        for (i, batch) in batches.iter_mut().enumerate() {
            (batch.first, batch.last) = (places.len() * i / count, places.len() * (i + 1) / count);
            batch.doubtful = all_doubtful.clamp(batch.first, batch.last) - batch.first;
        }
        run(threads, &cascade.workspaces, batches, |workspace, _, batch| {
            let boxes = places[batch.first..batch.last].iter().map(|&place| &shown[place as usize]);
            let begin = clock.begin();
            cut_out(cascade, halves, net.side(), boxes.clone(), workspace);
            batch.cropping = begin.elapsed();
            let begin = clock.begin();
            batch.answer((net, least), screen, boxes, workspace);
            batch.answering = begin.elapsed();
        });
        times.inputs += places.len();
        times.flops += net.crop_flops() * places.len() as u64;
        found.clear();
        for (number, batch) in batches.iter().enumerate() {
            context.timing.crops.busy += batch.cropping;
            times.busy += batch.answering;
            context.timing.rnet_crops = context.timing.rnet_crops.and(batch.screening);
            found.extend(batch.passed.iter().enumerate().map(|(i, &(at, _))| (places[batch.first + at], number, i)));
            for (&place, &score) in places[batch.first..batch.last].iter().zip(&batch.scores) {
                scores[place as usize] = score;
            }
        }
        found.sort_unstable();
        let values = net.outputs() - Net::FIRST_POINT;
        for &(_, number, i) in found.iter() {
            let (_, candidate) = &batches[number].passed[i];
            if O::ALL {
                context.observer.answered(stage, candidate);
            }
            if candidate.score > threshold {
                passed.push(*candidate);
                answers.extend_from_slice(&batches[number].points[i * values..][..values]);
            }
        }
        context.timing.crops.outputs += places.len();
    }
}

/// The pixels of the boxes, each resized to a square of `side` pixels, into the workspace.
fn cut_out<'a>(
    cascade: &Cascade,
    halves: &Halves<'_>,
    side: usize,
    boxes: impl ExactSizeIterator<Item = &'a Shown>,
    workspace: &mut Workspace,
) {
    let Workspace { crop, pixels, .. } = workspace;
    let size = side * side * 3;
    let pixels = pixels.resize(boxes.len() * size);
    for ((_, cut, half), pixels) in boxes.zip(pixels.chunks_exact_mut(size)) {
        crop::make(cascade.isa, halves.view(*half), *cut, side, cascade.profile.resize, crop, pixels);
    }
}

impl Batch {
    /// Runs the net on what was cut out of the boxes, and takes those that score more than the threshold. The net does not see
    /// what a screen, where there is one, rejects by its own threshold; the score of that is 0.
    fn answer<'a>(
        &mut self,
        (net, threshold): (&Net, f32),
        screen: Option<(&Screen, f32)>,
        boxes: impl ExactSizeIterator<Item = &'a Shown>,
        workspace: &mut Workspace,
    ) {
        let Workspace { net: scratch, low, left, pixels, answers, .. } = workspace;
        let (count, size) = (boxes.len(), net.side() * net.side() * 3);
        let doubtful = &pixels[..self.doubtful * size];
        self.screening = Screening::default();
        if screen.is_some_and(|(screen, threshold)| screen.crops(doubtful, threshold, low, left)) {
            (self.screening.inputs, self.screening.recomputed) = (self.doubtful, left.len());
        } else {
            left.clear();
            left.extend((0..self.doubtful).map(|number| (number, f32::INFINITY)));
        }
        left.extend((self.doubtful..count).map(|number| (number, f32::INFINITY)));
        for (to, &(from, _)) in left.iter().enumerate().filter(|&(to, &(from, _))| to != from) {
            pixels.copy_within(from * size..(from + 1) * size, to * size);
        }
        let answers = answers.resize(left.len() * net.outputs());
        if !left.is_empty() {
            net.forward_crops(left.len(), &pixels[..left.len() * size], scratch, answers);
        }
        self.passed.clear();
        self.points.clear();
        self.scores.clear();
        self.scores.resize(count, 0.0);
        let mut answers = left.iter().zip(answers.chunks_exact(net.outputs())).peekable();
        for (number, (candidate, ..)) in boxes.enumerate() {
            let Some((&(_, distance), answer)) = answers.next_if(|&(&(left, _), _)| left == number) else { continue };
            let &[no_face, face, dx1, dy1, dx2, dy2, ref points @ ..] = answer else {
                unreachable!("a net gives 6 values or more")
            };
            let score = softmax::second_of_two([no_face, face]);
            self.scores[number] = score;
            if score > threshold {
                self.passed.push((number, Candidate { score, offsets: [dx1, dy1, dx2, dy2], ..*candidate }));
                self.points.extend_from_slice(points);
                self.screening.nearest = self.screening.nearest.min(distance);
            }
        }
    }
}

/// The last box of a face, moved; its points are added to `placed`: ONet gives them as parts of the sides of the box that it
/// saw.
fn finish(candidate: &Candidate, points: &[f32], extra: f64, shift: Lean, placed: &mut Vec<Point>) -> Candidate {
    let (mut candidate, Corners([x1, y1, ..])) = (*candidate, candidate.corners);
    let [width, height] = candidate.corners.sides(extra);
    placed.extend(points.as_chunks().0.iter().map(|&[x, y]| {
        let x = f64::from(x) * width + x1 + shift.points;
        let y = f64::from(y) * height + y1 + shift.points;
        Point::new(x as f32, y as f32)
    }));
    candidate.regress(extra);
    candidate.corners = Corners(candidate.corners.0.map(|corner| corner + shift.boxes));
    candidate
}

/// Of how much more weight the points of a crop are that fits its face, as a power of the fit: on CNN_FacePoint's training
/// images powers of 0, 4, 8 and 16 have an error of .0486, .0460, .0453 and .0450.
const FIT_POWER: i32 = 8;

/// Makes a face's box and its `count` points the mean, weighted by the scores, of all that overlap it by more than `least`,
/// itself included: boxes that suppression drops know something of the face, too. Of a crop that the face does not fit the points
/// are less exact, and count less. The new points are added to the others.
fn vote(
    face: &mut Found,
    voters: &[Found],
    least: f64,
    count: usize,
    (points, sums): (&mut Vec<Point>, &mut Vec<[f64; 2]>),
) {
    let (mut weight, mut weight_of_points, mut corners) = (0.0, 0.0, [0.0; 4]);
    sums.clear();
    sums.resize(count, [0.0; 2]);
    let chosen = face.0.corners;
    for (voter, first) in voters.iter().filter(|(voter, _)| voter.corners.overlap(chosen) > least) {
        let score = f64::from(voter.score);
        let score_of_points = score * voter.fit().powi(FIT_POWER);
        weight += score;
        weight_of_points += score_of_points;
        for (sum, corner) in corners.iter_mut().zip(voter.corners.0) {
            *sum += score * corner;
        }
        for ([x, y], point) in sums.iter_mut().zip(&points[*first..]) {
            *x += score_of_points * f64::from(point.x);
            *y += score_of_points * f64::from(point.y);
        }
    }
    // A box without an area overlaps nothing, not even itself; a crop may lie beside the box that it says.
    if weight > 0.0 {
        face.0.corners = Corners(corners.map(|sum| sum / weight));
    }
    if weight_of_points > 0.0 {
        face.1 = points.len();
        points.extend(sums.iter().map(|sum| {
            let [x, y] = sum.map(|sum| (sum / weight_of_points) as f32);
            Point::new(x, y)
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_that_does_not_fit_its_face_says_little_of_the_points() {
        let found = |offsets: [f32; 4], first| {
            (Candidate { corners: Corners([0.0, 0.0, 10.0, 10.0]), score: 0.5, offsets, origin: 0 }, first)
        };
        // The fit is 1, and .5 * .5 / (2 - .25) = 1/7; a box beside its crop does not fit at all.
        let voters = [found([0.0; 4], 0), found([0.5; 4], 1), found([1.5; 4], 2)];
        let mut points = vec![Point::new(2.0, 3.0), Point::new(4.0, 3.0), Point::new(9.0, 9.0)];
        let mut sums = Vec::new();
        let mut face = voters[1];
        vote(&mut face, &voters, 0.5, 1, (&mut points, &mut sums));
        let part = (1.0_f64 / 7.0).powi(FIT_POWER);
        let x = (2.0 + 4.0 * part) / (1.0 + part);
        assert_eq!((face.1, points[3]), (3, Point::new(x as f32, 3.0)));

        let mut alone = voters[2];
        vote(&mut alone, &voters[2..], 0.5, 1, (&mut points, &mut sums));
        assert_eq!((alone.1, points.len()), (2, 4), "the point stays as it is");
    }
}
