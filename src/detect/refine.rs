//! The second and third stage: RNet and ONet look at each box again.

use std::time::{Duration, Instant};

use mtcnn_kernels::{Buffer, softmax};

use super::boxes::Candidate;
use super::crop::{self, CropScratch, Cut};
use super::parallel::run;
use super::watch::Watch;
use super::{Detector, StageTimes, Timing, Workspace};
use crate::arch::{POINTS, Stage};
use crate::image::ImageView;
use crate::nets::Net;
use crate::profile::Crop;

/// The most crops that a net takes at a time: enough for the dense layers, whose weights stream from
/// memory once a batch.
const BATCH: usize = 16;

/// Buffers of a batch.
#[derive(Default)]
pub(super) struct BatchBuffers {
    crop: CropScratch,
    pixels: Buffer,
    answers: Buffer,
}

/// What a net said of a box that passed.
#[derive(Clone, Copy)]
pub(super) struct Refined {
    pub(super) candidate: Candidate,
    /// x1 y1 … x5 y5 as parts of the box; zeros of a net without landmarks.
    pub(super) landmarks: [f32; 2 * POINTS],
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

/// What a second look needs; it is kept for the next one.
#[derive(Default)]
pub(super) struct Look {
    looked: Vec<(Candidate, Cut)>,
    /// Of the most boxes; the first so many are in use.
    batches: Vec<Batch>,
    /// The boxes that passed, in the order of those shown.
    pub(super) passed: Vec<Refined>,
}

impl Detector {
    /// Shows RNet or ONet the boxes; those that score more than its threshold pass, with the new score and
    /// offsets, in the same order. A box of which nothing lies in the picture is dropped.
    pub(super) fn look_again<W: Watch>(
        &self,
        stage: Stage,
        view: &ImageView<'_>,
        boxes: &[Candidate],
        look: &mut Look,
        timing: &mut Timing,
        watch: &mut W,
    ) -> StageTimes {
        let (net, threshold) = match stage {
            Stage::PNet => unreachable!("PNet looks at levels"),
            Stage::RNet => (&self.rnet, self.thresholds.rnet),
            Stage::ONet => (&self.onet, self.thresholds.onet),
        };
        // All answers come back where somebody wants to see them.
        let least = if W::ALL { f32::NEG_INFINITY } else { threshold };
        let Look { looked, batches, passed } = look;
        looked.clear();
        looked.extend(boxes.iter().filter_map(|&(mut candidate)| {
            let Some(cut) = crop::cut(candidate.corners, view, &self.profile) else {
                watch.outside(stage, &candidate);
                return None;
            };
            if self.profile.crop == Crop::BlackThenClipped {
                candidate.clip(view, self.profile.first_pixel);
            }
            Some((candidate, cut))
        }));
        // As many batches as keep all threads at work to the end.
        let count = looked.len().div_ceil(BATCH).next_multiple_of(timing.threads.max(1)).min(looked.len());
        batches.resize_with(batches.len().max(count), Batch::default);
        let batches = &mut batches[..count];
        for (i, batch) in batches.iter_mut().enumerate() {
            (batch.first, batch.last) = (looked.len() * i / count, looked.len() * (i + 1) / count);
        }
        run(timing.threads, &self.workspaces, batches, |workspace, _, batch| {
            self.look_at_batch(net, view, &looked[batch.first..batch.last], least, batch, workspace);
        });
        let mut times =
            StageTimes { inputs: looked.len(), flops: net.crop_flops() * looked.len() as u64, ..StageTimes::default() };
        passed.clear();
        for batch in batches {
            timing.crops.busy += batch.cropping;
            times.busy += batch.answering;
            if W::ALL {
                batch.passed.retain(|Refined { candidate, .. }| {
                    watch.answered(stage, candidate);
                    candidate.score > threshold
                });
            }
            passed.extend_from_slice(&batch.passed);
        }
        timing.crops.outputs += looked.len();
        times
    }

    fn look_at_batch(
        &self,
        net: &Net,
        view: &ImageView<'_>,
        boxes: &[(Candidate, Cut)],
        threshold: f32,
        batch: &mut Batch,
        workspace: &mut Workspace,
    ) {
        let Workspace { scratch, batch: BatchBuffers { crop, pixels, answers }, .. } = workspace;
        let begin = Instant::now();
        let size = net.side() * net.side() * 3;
        let pixels = pixels.resize(boxes.len() * size);
        for ((_, cut), pixels) in boxes.iter().zip(pixels.chunks_exact_mut(size)) {
            crop::make(self.isa, view, *cut, net.side(), self.profile.resize, crop, pixels);
        }
        batch.cropping = begin.elapsed();

        let begin = Instant::now();
        let answers = answers.resize(boxes.len() * net.outputs());
        net.forward_crops(boxes.len(), pixels, scratch, answers);
        batch.passed.clear();
        for ((candidate, _), answer) in boxes.iter().zip(answers.chunks_exact(net.outputs())) {
            let &[no_face, face, dx1, dy1, dx2, dy2, ref rest @ ..] = answer else {
                unreachable!("a net gives 6 numbers or more")
            };
            let score = softmax::second_of_two([no_face, face]);
            if score > threshold {
                let mut landmarks = [0.0; 2 * POINTS];
                landmarks[..rest.len()].copy_from_slice(rest);
                let candidate = Candidate { score, offsets: [dx1, dy1, dx2, dy2], ..*candidate };
                batch.passed.push(Refined { candidate, landmarks });
            }
        }
        batch.answering = begin.elapsed();
    }
}
