//! The first stage: PNet on every level of the pyramid proposes boxes.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use mtcnn_kernels::{Buffer, softmax};

use super::boxes::Candidate;
use super::nms::Suppressor;
use super::parallel::run;
use super::pyramid::{self, LevelMaker, LevelScratch, LevelShape};
use super::watch::{Suppressing, Watch};
use super::{Detector, Level, Timing, Workspace};
use crate::arch::{PNET_STRIDE, Stage};
use crate::image::ImageView;
use crate::profile::{Cell, Moves};

/// Rows of PNet's map that are made at a time. A strip needs 10 rows of the level more than its own,
/// which two strips then both make: longer ones waste less, shorter ones stay in the cache.
const STRIP: usize = 64;

/// A part of a level, rows `first..last` of its map, and what was found in it.
#[derive(Default)]
struct Strip {
    level: usize,
    first: usize,
    last: usize,
    candidates: Vec<Candidate>,
    resizing: Duration,
    net: Duration,
}

/// What a search needs; it is kept for the next picture.
#[derive(Default)]
pub(super) struct Search {
    shapes: Vec<LevelShape>,
    /// At least as many as levels.
    makers: Vec<LevelMaker>,
    /// Of the largest picture; the first so many are in use.
    strips: Vec<Strip>,
}

/// Buffers of a strip.
#[derive(Default)]
pub(super) struct StripBuffers {
    level: LevelScratch,
    pixels: Buffer,
    map: Buffer,
}

impl Detector {
    /// Puts the boxes that PNet proposes in a picture into `all`, after both suppressions and moved by its
    /// offsets. Levels on which the smallest face has less than `min_face` pixels are left out.
    pub(super) fn propose<W: Watch>(
        &self,
        view: &ImageView<'_>,
        min_face: f64,
        search: &mut Search,
        suppressor: &mut Suppressor,
        all: &mut Vec<Candidate>,
        timing: &mut Timing,
        watch: &mut W,
    ) {
        let profile = &self.profile;
        let Search { shapes, makers, strips } = search;
        let (height, width) = (view.height(), view.width());
        pyramid::levels(height, width, Stage::PNet.side(), min_face, self.factor, profile, shapes);
        makers.resize_with(makers.len().max(shapes.len()), LevelMaker::default);
        let mut used = 0;
        for (level, (shape, maker)) in shapes.iter().zip(&mut *makers).enumerate() {
            watch.level(shape);
            maker.prepare(view, shape, profile.resize);
            let (rows, columns, flops) = self.pnet.map(shape.height, shape.width).expect("a level of a face's size");
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
        let strips = &mut strips[..used];
        // The longest first, so that no thread is left with a long one at the end.
        let size = |strip: &Strip| (strip.last - strip.first) * shapes[strip.level].width;
        strips.sort_unstable_by_key(|strip| (Reverse(size(strip)), strip.level, strip.first));
        run(timing.threads, &self.workspaces, strips, |workspace, _, strip| {
            self.search::<W>(view, strip, &shapes[strip.level], &makers[strip.level], workspace);
        });
        // In the order of the map, so that ties do not depend on the cutting.
        strips.sort_unstable_by_key(|strip| (strip.level, strip.first));

        let begin = Instant::now();
        all.clear();
        for (level, strips) in strips.chunk_by_mut(|a, b| a.level == b.level).enumerate() {
            let first = all.len();
            for strip in strips {
                timing.pyramid.busy += strip.resizing;
                timing.pnet.busy += strip.net;
                if W::ALL {
                    strip.candidates.retain_mut(|candidate| {
                        let passes = candidate.score >= self.thresholds.pnet;
                        candidate.origin = watch.cell(level, candidate, passes);
                        passes
                    });
                }
                all.extend_from_slice(&strip.candidates);
            }
            let candidates = all.len() - first;
            if profile.moves == Moves::BeforeSuppression {
                all[first..].iter_mut().for_each(|candidate| candidate.regress(profile.side_extra));
            }
            suppressor.suppress(
                all,
                first,
                |candidate| candidate,
                profile.suppression.level,
                |gone, by| watch.suppressed(Suppressing::Level, gone, by),
            );
            let (LevelShape { scale, height, width }, kept) = (shapes[level], all.len() - first);
            timing.levels.push(Level { scale, width, height, candidates, kept });
        }
        suppressor.suppress(
            all,
            0,
            |candidate| candidate,
            profile.suppression.pnet,
            |gone, by| watch.suppressed(Suppressing::Levels, gone, by),
        );
        if profile.moves == Moves::AfterSuppression {
            for candidate in &mut *all {
                candidate.regress(profile.side_extra);
            }
        }
        timing.pnet.outputs += all.len();
        timing.suppression += begin.elapsed();
        watch.passed(Stage::PNet, all.iter());
    }

    /// One strip: its rows of the level made, the net run on them, the cells above the threshold taken, or all for who
    /// wants to see them.
    fn search<W: Watch>(
        &self,
        view: &ImageView<'_>,
        strip: &mut Strip,
        shape: &LevelShape,
        maker: &LevelMaker,
        workspace: &mut Workspace,
    ) {
        let Workspace { scratch, strip: StripBuffers { level, pixels, map }, .. } = workspace;
        // An answer in row y looks at the rows from y·stride on, as many as the net's side.
        let first = strip.first * PNET_STRIDE;
        let last = ((strip.last - 1) * PNET_STRIDE + Stage::PNet.side()).min(shape.height);
        let begin = Instant::now();
        let pixels = pixels.resize((last - first) * shape.width * 3);
        maker.make(self.isa, view, shape, self.profile.resize, first..last, level, pixels);
        strip.resizing = begin.elapsed();

        let begin = Instant::now();
        let (rows, columns, _) = self.pnet.map(last - first, shape.width).expect("a strip of a face's size");
        debug_assert_eq!(rows, strip.last - strip.first);
        let map = map.resize(rows * columns * self.pnet.outputs());
        self.pnet.forward_map(last - first, shape.width, pixels, scratch, map);
        strip.candidates.clear();
        for (i, answer) in map.chunks_exact(self.pnet.outputs()).enumerate() {
            let &[no_face, face, dx1, dy1, dx2, dy2] = answer else { unreachable!("PNet gives 6 numbers") };
            // Cheaper than a softmax a cell, and a little too generous: the softmax decides.
            if !W::ALL && face - no_face < self.pnet_logit {
                continue;
            }
            let score = softmax::second_of_two([no_face, face]);
            if W::ALL || score >= self.thresholds.pnet {
                let (x, y) = (i % columns, strip.first + i / columns);
                let corners = self.cell(x, y, shape.scale);
                let offsets = [dx1, dy1, dx2, dy2];
                strip.candidates.push(Candidate { corners, score, offsets, origin: 0 });
            }
        }
        strip.net = begin.elapsed();
    }

    /// The square of the picture that a cell of a level's map looks at.
    fn cell(&self, x: usize, y: usize, scale: f64) -> [f64; 4] {
        let at = |cell: usize, extra: usize| {
            let position = PNET_STRIDE * cell + extra;
            match self.profile.cell {
                Cell::FloorF32 => f64::from((position as f32 / scale as f32).floor()),
                Cell::FloorF64 => (position as f64 / scale).floor(),
                Cell::Round => (position as f64 / scale).round_ties_even(),
                Cell::Exact => position as f64 / scale,
            }
        };
        let first = if self.profile.cell == Cell::Round { 0 } else { 1 };
        [at(x, first), at(y, first), at(x, Stage::PNet.side()), at(y, Stage::PNet.side())]
    }
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
