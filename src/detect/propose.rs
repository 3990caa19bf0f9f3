//! The first stage: PNet on every level of the pyramid proposes boxes.

use std::cmp::Reverse;
use std::time::Duration;

use mtcnn_kernels::softmax;

use super::candidate::{Candidate, Corners};
use super::clock::Clock;
use super::context::{Cascade, Context, Workspace};
use super::halves::Halves;
use super::observer::{Observer, Suppressing};
use super::parallel::run;
use super::pyramid::{self, LevelMaker, LevelShape};
use super::timing::{Level, Screening};
use crate::arch::{PNET_STRIDE, Stage};
use crate::image::ImageView;
use crate::profile::{Cell, Moves, Profile};

/// Rows of PNet's map that are made at a time. A strip needs 10 rows of the level more than its own,
/// which two strips then both make: longer ones waste less, shorter ones stay in the cache.
const STRIP: usize = 64;

/// Of a strip with more than one cell in so many wanted, all are made: a few cells alone cost three to four times as much each,
/// since they share less.
const SPARSE: usize = 3;

/// A part of a level, rows `first..last` of its map, and what was found in it.
#[derive(Default)]
struct Strip {
    level: usize,
    first: usize,
    last: usize,
    candidates: Vec<Candidate>,
    resizing: Duration,
    net: Duration,
    screening: Screening,
}

/// The first stage, with what it needs; that is kept for the next image.
#[derive(Default)]
pub(super) struct Proposer {
    shapes: Vec<LevelShape>,
    /// At least as many as levels.
    makers: Vec<LevelMaker>,
    /// As many as the largest image needed; the first ones are in use.
    strips: Vec<Strip>,
}

impl Proposer {
    /// Puts the boxes that PNet proposes in an image into `boxes`, after both suppressions and moved by its offsets.
    pub(super) fn propose<O: Observer>(&mut self, context: &mut Context<'_, O>, boxes: &mut Vec<Candidate>) {
        let Context { cascade, halves, clock, .. } = *context;
        let profile = &cascade.profile;
        let used = self.lay_out(context);
        let Self { shapes, makers, strips } = self;
        let strips = &mut strips[..used];
        // The longest first, so that no thread is left with a long one at the end.
        let size = |strip: &Strip| (strip.last - strip.first) * shapes[strip.level].width;
        strips.sort_unstable_by_key(|strip| (Reverse(size(strip)), strip.level, strip.first));
        run(context.timing.threads, &cascade.workspaces, strips, |workspace, _, strip| {
            strip.search::<O>(cascade, halves, &makers[strip.level], clock, workspace);
        });
        // In the order of the map, so that ties do not depend on the cutting.
        strips.sort_unstable_by_key(|strip| (strip.level, strip.first));

        let begin = clock.begin();
        boxes.clear();
        for (level, strips) in strips.chunk_by_mut(|a, b| a.level == b.level).enumerate() {
            let first = boxes.len();
            for strip in strips {
                context.timing.pyramid.busy += strip.resizing;
                context.timing.pnet.busy += strip.net;
                context.timing.cells = context.timing.cells.and(strip.screening);
                if O::ALL {
                    strip.candidates.retain_mut(|candidate| {
                        let passes = candidate.score >= cascade.thresholds.pnet;
                        candidate.origin = context.observer.cell(level, candidate, passes);
                        passes
                    });
                }
                boxes.extend_from_slice(&strip.candidates);
            }
            let candidates = boxes.len() - first;
            if profile.moves == Moves::BeforeSuppression {
                boxes[first..].iter_mut().for_each(|candidate| candidate.regress(profile.side_extra));
            }
            context.suppress(boxes, first, |candidate| candidate, profile.suppression.level, Suppressing::Level);
            let (LevelShape { scale, height, width }, kept) = (shapes[level], boxes.len() - first);
            context.timing.levels.push(Level { scale, width, height, candidates, kept });
        }
        context.suppress(boxes, 0, |candidate| candidate, profile.suppression.pnet, Suppressing::Levels);
        if profile.moves == Moves::AfterSuppression {
            boxes.iter_mut().for_each(|candidate| candidate.regress(profile.side_extra));
        }
        context.timing.pnet.outputs = boxes.len();
        context.timing.suppression += begin.elapsed();
        context.observer.passed(Stage::PNet, boxes.iter());
    }

    /// The levels of an image, and the strips that they are cut into: their number.
    fn lay_out<O: Observer>(&mut self, context: &mut Context<'_, O>) -> usize {
        let Context { cascade, halves, timing, observer, .. } = context;
        let view = halves.whole();
        let Self { shapes, makers, strips } = self;
        let (side, min_face) = (Stage::PNet.side(), cascade.min_face_in(view));
        pyramid::levels(view.height(), view.width(), side, min_face, cascade.factor, &cascade.profile, shapes);
        makers.resize_with(makers.len().max(shapes.len()), LevelMaker::default);
        let mut used = 0;
        for (level, (shape, maker)) in shapes.iter().zip(makers).enumerate() {
            observer.level(shape);
            maker.prepare(halves, *shape, cascade.profile.resize);
            let (rows, columns, flops) = cascade.pnet.map(shape.height, shape.width).expect("a level of a face's size");
            timing.pnet.flops += flops;
            timing.pnet.inputs += rows * columns;
            timing.pyramid.outputs += shape.height * shape.width;
            // Strips of one length, as near to STRIP as may be.
            let count = rows.div_ceil(STRIP);
            strips.resize_with(strips.len().max(used + count), Strip::default);
            for (i, strip) in strips[used..][..count].iter_mut().enumerate() {
                (strip.level, strip.first, strip.last) = (level, rows * i / count, rows * (i + 1) / count);
            }
            used += count;
        }
        used
    }
}

impl Strip {
    /// Makes the strip's rows of the level, runs the net on them, and takes the cells above the threshold, or all for an
    /// observer who wants to see them.
    fn search<O: Observer>(
        &mut self,
        cascade: &Cascade,
        halves: &Halves<'_>,
        maker: &LevelMaker,
        clock: Clock,
        workspace: &mut Workspace,
    ) {
        let Workspace { net: scratch, low, level, pixels, answers, .. } = workspace;
        let shape = maker.shape;
        // An answer in row y looks at the rows from y·stride on, as many as the net's side.
        let first = self.first * PNET_STRIDE;
        let last = ((self.last - 1) * PNET_STRIDE + Stage::PNet.side()).min(shape.height);
        let begin = clock.begin();
        let pixels = pixels.resize((last - first) * shape.width * 3);
        maker.make(cascade.isa, halves, cascade.profile.resize, first..last, level, pixels);
        self.resizing = begin.elapsed();

        let begin = clock.begin();
        let net = &cascade.pnet;
        let (rows, columns, _) = net.map(last - first, shape.width).expect("a strip of a face's size");
        debug_assert_eq!(rows, self.last - self.first);
        let answers = answers.resize(rows * columns * net.outputs());
        let (threshold, least) = (cascade.thresholds.pnet, surely_below(cascade.thresholds.pnet));
        self.candidates.clear();
        self.screening = Screening::default();
        let mut take = |row: usize, column: usize, answer: &[f32]| {
            let &[no_face, face, dx1, dy1, dx2, dy2] = answer else { unreachable!("PNet gives 6 values") };
            let score = softmax::second_of_two([no_face, face]);
            let passes = O::ALL || score >= threshold;
            if passes {
                let corners = corners(&cascade.profile, column, self.first + row, shape, halves.whole());
                self.candidates.push(Candidate { corners, score, offsets: [dx1, dy1, dx2, dy2], origin: 0 });
            }
            passes
        };
        // Cheaper than a softmax a cell, and a little too generous: the softmax decides.
        let near = |answer: &[f32]| O::ALL || answer[1] - answer[0] >= least;
        // An observer who wants to see all gets all answers.
        let screen = cascade.screen.as_ref().ok().filter(|_| !O::ALL);
        let left = screen.and_then(|screen| screen.cells([last - first, shape.width], pixels, least, low));
        self.screening.inputs = if left.is_some() { rows * columns } else { 0 };
        if let Some(left) = left.filter(|left| left.wanted.places().count() * SPARSE < rows * columns) {
            if !left.wanted.is_empty() {
                net.forward_map_where(last - first, shape.width, pixels, left.wanted, scratch, answers);
            }
            for (row, column) in left.wanted.places() {
                self.screening.recomputed += 1;
                let answer = &answers[(row * columns + column) * net.outputs()..][..net.outputs()];
                if near(answer) && take(row, column, answer) {
                    self.screening.nearest = self.screening.nearest.min(left.distance(row, column));
                }
            }
        } else {
            self.screening.recomputed = self.screening.inputs;
            net.forward_map(last - first, shape.width, pixels, scratch, answers);
            for (i, answer) in answers.chunks_exact(net.outputs()).enumerate() {
                if near(answer) {
                    take(i / columns, i % columns, answer);
                }
            }
        }
        self.net = begin.elapsed();
    }
}

/// The square of the image that a cell of a level's map looks at.
fn corners(profile: &Profile, x: usize, y: usize, shape: LevelShape, view: &ImageView<'_>) -> Corners {
    let LevelShape { scale, height, width } = shape;
    let at = |cell: usize, extra: usize, level: usize, image: usize| {
        let position = PNET_STRIDE * cell + extra;
        match profile.cell {
            Cell::Edges => (position * image) as f64 / level as f64,
            Cell::FloorF32 => f64::from((position as f32 / scale as f32).floor()),
            Cell::FloorF64 => (position as f64 / scale).floor(),
            Cell::Round => (position as f64 / scale).round_ties_even(),
            Cell::Exact => position as f64 / scale,
        }
    };
    let (first, last) = (if matches!(profile.cell, Cell::Round | Cell::Edges) { 0 } else { 1 }, Stage::PNet.side());
    let across = |extra: usize| at(x, extra, width, view.width());
    let down = |extra: usize| at(y, extra, height, view.height());
    Corners([across(first), down(first), across(last), down(last)])
}

/// The difference of two logits below which the softmax is surely below `threshold`.
pub(super) fn surely_below(threshold: f32) -> f32 {
    let threshold = f64::from(threshold).clamp(1e-30, 1.0 - 1e-7);
    ((threshold / (1.0 - threshold)).ln() - 0.01) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_test_never_rejects_what_the_softmax_takes() {
        for threshold in [0.0, 1e-6, 0.3, 0.6, 0.7, 0.999, 1.0] {
            let mut difference = -30.0_f32;
            while difference < 30.0 {
                if softmax::second_of_two([0.5, 0.5 + difference]) >= threshold && threshold > 0.0 {
                    assert!(difference >= surely_below(threshold), "{threshold}: {difference}");
                }
                difference += 0.003;
            }
        }
        assert!(surely_below(0.0) < -60.0, "everything passes a threshold of 0");
    }
}
