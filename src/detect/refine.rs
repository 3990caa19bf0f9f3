//! The second and the third stage: RNet and ONet look at each box again.

use std::time::Duration;

use mtcnn_kernels::softmax;

use super::candidate::{Candidate, Corners};
use super::context::{Cascade, Context, Workspace};
use super::crop::{self, Cut};
use super::observer::{Observer, Suppressing};
use super::parallel::run;
use super::timing::StageTimes;
use crate::arch::{POINTS, Stage};
use crate::face::Landmarks;
use crate::geometry::Point;
use crate::image::ImageView;
use crate::nets::Net;
use crate::profile::{Crop, Moves};

/// The most crops that a net takes at a time: enough for the dense layers, whose weights stream from
/// memory once a batch.
const BATCH: usize = 16;

/// What a net said of a box that passed.
#[derive(Clone, Copy)]
struct Refined {
    candidate: Candidate,
    /// x1 y1 x2 y2 … as parts of the box; zeros of a net without points.
    points: [f32; 2 * POINTS],
}

/// A part of the boxes, `first..last`, and those that passed.
#[derive(Default)]
struct Batch {
    first: usize,
    last: usize,
    passed: Vec<Refined>,
    cropping: Duration,
    answering: Duration,
}

/// The later stages, with what they need; that is kept for the next ones.
#[derive(Default)]
pub(super) struct Refiner {
    shown: Vec<(Candidate, Cut)>,
    /// As many as the most boxes needed; the first ones are in use.
    batches: Vec<Batch>,
    /// The boxes that passed, in the order of those shown.
    passed: Vec<Refined>,
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
                boxes.iter_mut().for_each(|candidate| candidate.regress(1.0));
            }
        };
        boxes.clear();
        boxes.extend(self.passed.iter().map(|refined| refined.candidate));
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
        boxes: &mut [Candidate],
        faces: &mut Vec<(Candidate, Landmarks)>,
    ) {
        let Context { cascade, view, clock, .. } = *context;
        let profile = &cascade.profile;
        let times = self.refine(context, Stage::ONet, boxes);
        let begin = clock.begin();
        faces.clear();
        faces.extend(self.passed.iter().map(finish));
        context.suppress(faces, 0, |face| &face.0, profile.suppression.onet, Suppressing::ONet);
        context.timing.suppression += begin.elapsed();
        context.timing.onet = StageTimes { outputs: faces.len(), ..times };
        if profile.clips_faces {
            faces.iter_mut().for_each(|(candidate, _)| candidate.clip(view, profile.first_pixel));
        }
        context.observer.passed(Stage::ONet, faces.iter().map(|(candidate, _)| candidate));
    }

    /// Squares the boxes and shows them to RNet or ONet; those that score more than its threshold pass, with the new
    /// score and offsets, in the same order. A box of which nothing lies in the image is dropped.
    fn refine<O: Observer>(
        &mut self,
        context: &mut Context<'_, O>,
        stage: Stage,
        boxes: &mut [Candidate],
    ) -> StageTimes {
        let Context { cascade, view, clock, .. } = *context;
        let profile = &cascade.profile;
        let (net, threshold) = match stage {
            Stage::PNet => unreachable!("PNet looks at levels"),
            Stage::RNet => (&cascade.rnet, cascade.thresholds.rnet),
            Stage::ONet => (&cascade.onet, cascade.thresholds.onet),
        };
        // All answers come back where an observer wants to see them.
        let least = if O::ALL { f32::NEG_INFINITY } else { threshold };
        cascade.square(boxes);
        let Self { shown, batches, passed } = self;
        shown.clear();
        shown.extend(boxes.iter().filter_map(|&(mut candidate)| {
            let Some(cut) = crop::cut(candidate.corners, view, profile) else {
                context.observer.outside(stage, &candidate);
                return None;
            };
            if profile.crop == Crop::BlackThenClipped {
                candidate.clip(view, profile.first_pixel);
            }
            Some((candidate, cut))
        }));
        // As many batches as keep all threads at work to the end.
        let threads = context.timing.threads;
        let count = shown.len().div_ceil(BATCH).next_multiple_of(threads.max(1)).min(shown.len());
        batches.resize_with(batches.len().max(count), Batch::default);
        let batches = &mut batches[..count];
        for (i, batch) in batches.iter_mut().enumerate() {
            (batch.first, batch.last) = (shown.len() * i / count, shown.len() * (i + 1) / count);
        }
        run(threads, &cascade.workspaces, batches, |workspace, _, batch| {
            let boxes = &shown[batch.first..batch.last];
            let begin = clock.begin();
            cut_out(cascade, view, net.side(), boxes, workspace);
            batch.cropping = begin.elapsed();
            let begin = clock.begin();
            batch.answer(net, boxes, least, workspace);
            batch.answering = begin.elapsed();
        });
        let flops = net.crop_flops() * shown.len() as u64;
        let mut times = StageTimes { inputs: shown.len(), flops, ..StageTimes::default() };
        passed.clear();
        for batch in batches {
            context.timing.crops.busy += batch.cropping;
            times.busy += batch.answering;
            if O::ALL {
                batch.passed.retain(|Refined { candidate, .. }| {
                    context.observer.answered(stage, candidate);
                    candidate.score > threshold
                });
            }
            passed.extend_from_slice(&batch.passed);
        }
        context.timing.crops.outputs += shown.len();
        times
    }
}

/// The pixels of the boxes, each resized to a square of `side` pixels, into the workspace.
fn cut_out(
    cascade: &Cascade,
    view: &ImageView<'_>,
    side: usize,
    boxes: &[(Candidate, Cut)],
    workspace: &mut Workspace,
) {
    let Workspace { crop, pixels, .. } = workspace;
    let size = side * side * 3;
    let pixels = pixels.resize(boxes.len() * size);
    for ((_, cut), pixels) in boxes.iter().zip(pixels.chunks_exact_mut(size)) {
        crop::make(cascade.isa, view, *cut, side, cascade.profile.resize, crop, pixels);
    }
}

impl Batch {
    /// Runs the net on what was cut out of the boxes, and takes those that score more than the threshold.
    fn answer(&mut self, net: &Net, boxes: &[(Candidate, Cut)], threshold: f32, workspace: &mut Workspace) {
        let Workspace { net: scratch, pixels, answers, .. } = workspace;
        let answers = answers.resize(boxes.len() * net.outputs());
        net.forward_crops(boxes.len(), pixels, scratch, answers);
        self.passed.clear();
        for ((candidate, _), answer) in boxes.iter().zip(answers.chunks_exact(net.outputs())) {
            let &[no_face, face, dx1, dy1, dx2, dy2, ref rest @ ..] = answer else {
                unreachable!("a net gives 6 values or more")
            };
            let score = softmax::second_of_two([no_face, face]);
            if score > threshold {
                let mut points = [0.0; 2 * POINTS];
                points[..rest.len()].copy_from_slice(rest);
                let candidate = Candidate { score, offsets: [dx1, dy1, dx2, dy2], ..*candidate };
                self.passed.push(Refined { candidate, points });
            }
        }
    }
}

/// The last box of a face, and its points: ONet gives them as parts of the sides of the box that it saw, which count both
/// ends.
fn finish(&Refined { mut candidate, points }: &Refined) -> (Candidate, Landmarks) {
    let Corners([x1, y1, ..]) = candidate.corners;
    let [width, height] = candidate.corners.sides(1.0);
    let point = |i: usize| {
        let x = f64::from(points[2 * i]) * width + x1 - 1.0;
        let y = f64::from(points[2 * i + 1]) * height + y1 - 1.0;
        Point::new(x as f32, y as f32)
    };
    candidate.regress(1.0);
    (candidate, Landmarks::from_array(std::array::from_fn(point)))
}
