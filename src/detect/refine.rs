//! The second and third stage: RNet and ONet look at each box again.

use std::time::{Duration, Instant};

use mtcnn_kernels::resize::Region;
use mtcnn_kernels::{Buffer, softmax};

use super::boxes::Candidate;
use super::parallel::run;
use super::{Detector, StageTimes, Timing, Workspace};
use crate::ImageView;
use crate::image::crop::{self, CropScratch};
use crate::nets::Net;

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
pub(super) struct Refined {
    pub(super) candidate: Candidate,
    /// x1 y1 … x5 y5 as parts of the box; zeros of a net without landmarks.
    pub(super) landmarks: [f32; 10],
}

impl Detector {
    /// Shows a net the boxes; those that score more than `threshold` pass, with the new score and
    /// offsets, in the same order. A box of which nothing lies in the picture is dropped.
    pub(super) fn look_again(
        &self,
        net: &Net,
        view: &ImageView<'_>,
        boxes: &[Candidate],
        threshold: f32,
        timing: &mut Timing,
    ) -> (Vec<Refined>, StageTimes) {
        let looked: Vec<(Candidate, Region)> = boxes
            .iter()
            .filter_map(|&candidate| Some((candidate, crop::region(candidate.corners, view, self.profile.border)?)))
            .collect();
        // As many batches as keep all threads at work to the end.
        let count = looked.len().div_ceil(BATCH).next_multiple_of(timing.threads.max(1));
        let batches: Vec<_> = looked.chunks(looked.len().div_ceil(count.max(1)).max(1)).collect();
        let results = run(timing.threads, batches.len(), &self.workspaces, |workspace, i| {
            self.look_at_batch(net, view, batches[i], threshold, workspace)
        });
        let mut passed = Vec::new();
        let mut stage =
            StageTimes { inputs: looked.len(), flops: net.crop_flops() * looked.len() as u64, ..StageTimes::default() };
        for (mut refined, cropping, answering) in results {
            timing.crops.busy += cropping;
            stage.busy += answering;
            passed.append(&mut refined);
        }
        timing.crops.outputs += looked.len();
        (passed, stage)
    }

    fn look_at_batch(
        &self,
        net: &Net,
        view: &ImageView<'_>,
        batch: &[(Candidate, Region)],
        threshold: f32,
        workspace: &mut Workspace,
    ) -> (Vec<Refined>, Duration, Duration) {
        let Workspace { scratch, batch: BatchBuffers { crop, pixels, answers }, .. } = workspace;
        let begin = Instant::now();
        let size = net.side() * net.side() * 3;
        let pixels = pixels.resize(batch.len() * size);
        for ((_, region), pixels) in batch.iter().zip(pixels.chunks_exact_mut(size)) {
            crop::make(self.isa, view, *region, net.side(), self.profile.resize, crop, pixels);
        }
        let cropping = begin.elapsed();

        let begin = Instant::now();
        let answers = answers.resize(batch.len() * net.outputs());
        net.forward_crops(batch.len(), pixels, scratch, answers);
        let mut passed = Vec::new();
        for ((candidate, _), answer) in batch.iter().zip(answers.chunks_exact(net.outputs())) {
            let &[no_face, face, dx1, dy1, dx2, dy2, ref rest @ ..] = answer else {
                unreachable!("a net gives 6 numbers or more")
            };
            let score = softmax::second_of_two([no_face, face]);
            if score > threshold {
                let mut landmarks = [0.0; 10];
                landmarks[..rest.len()].copy_from_slice(rest);
                let candidate = Candidate { score, offsets: [dx1, dy1, dx2, dy2], ..*candidate };
                passed.push(Refined { candidate, landmarks });
            }
        }
        (passed, cropping, begin.elapsed())
    }
}
