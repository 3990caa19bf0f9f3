//! A run over many images: which, how they are read, who looks for faces in them, and the loop.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

use ::image::RgbImage;
use indicatif::ProgressBar;
use mtcnn_cpu::image::{DecodeOptions, Orientation, decode_with};
use mtcnn_cpu::{Detector, Face, ImageView, Part, PointNames, Timing, ordered};
use rayon::ThreadPool;

use crate::common::detector::{detect, detection, pool};
use crate::common::image_args;
use crate::common::input::{self, Input};
use crate::common::left_out::LeftOut;
use crate::common::outcome::{Outcome, caught, complain};
use crate::common::progress::progress_bar;
use crate::common::stop::{Stopped, is_stopped, stop_flag};

/// What a run needs, checked.
pub(crate) struct Run {
    /// All, also those that other parts of a run do: what the results are called depends on all of them.
    pub(crate) inputs: Vec<Input>,
    /// Which of them are to be done.
    todo: Vec<usize>,
    /// How many were done by a run before.
    before: usize,
    /// Whether one image was typed, and no folder or list, in which there may be one too.
    pub(crate) is_of_one_image: bool,
    /// Files of folders that are no inputs.
    left_out: LeftOut,
    decode: DecodeOptions,
    /// The most bytes for images at work.
    ram: usize,
    /// The part of each image that is looked at.
    roi: Option<Part>,
    detector: Detector,
    /// Images and the parts of one image share these threads.
    pool: ThreadPool,
}

/// Whether a result of a run before is there: a file with something in it.
pub(crate) fn is_there(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| it.is_file() && it.len() > 0)
}

/// How far a run came.
pub(crate) struct Ended {
    /// Images that were read, or not.
    pub(crate) done: usize,
    /// Images that were not read, or whose results were not written.
    pub(crate) failed: usize,
    /// Whether a signal ended it.
    pub(crate) stopped: bool,
}

impl Run {
    /// `usual` is how images are turned where nothing was typed. A folder of `results` in a folder that is searched is not.
    pub(crate) fn new(
        args: &image_args::Images,
        usual: Orientation,
        results: impl IntoIterator<Item = PathBuf>,
    ) -> anyhow::Result<Self> {
        // No threads of its own: it uses those of the pool that calls it.
        let detector = detection(&args.detection, 0)?;
        let pool = pool(args.detection.threads.threads)?;
        let (inputs, left_out) = input::find(&args.inputs, args.files_from.as_deref(), results)?;
        let is_ours = |&index: &usize| args.shard.is_none_or(|shard| shard.has(&inputs[index]));
        Ok(Self {
            todo: (0..inputs.len()).filter(is_ours).collect(),
            before: 0,
            is_of_one_image: args.files_from.is_none() && matches!(&args.inputs[..], [input] if !input.is_dir()),
            inputs,
            left_out,
            decode: args.detection.decoding.options(usual),
            ram: args.memory.ram,
            roi: args.detection.roi,
            detector,
            pool,
        })
    }

    /// The files that are read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.inputs.iter().filter_map(Input::file_path)
    }

    /// The names of the points that faces have.
    pub(crate) fn point_names(&self) -> &PointNames {
        self.detector.point_names()
    }

    /// Leaves out what a run before has done.
    pub(crate) fn go_on(&mut self, is_done: impl Fn(usize) -> bool) {
        let todo = self.todo.len();
        self.todo.retain(|&index| !is_done(index));
        self.before = todo - self.todo.len();
    }

    /// The image of an input, or the reason why not.
    pub(crate) fn read(&self, index: usize) -> Result<RgbImage, String> {
        self.decode(&self.bytes(index)?)
    }

    /// Its file, or the reason why not.
    pub(crate) fn bytes(&self, index: usize) -> Result<Vec<u8>, String> {
        self.inputs[index].read()
    }

    /// The image of a file that was read.
    pub(crate) fn decode(&self, file: &[u8]) -> Result<RgbImage, String> {
        decode_with(file, &self.decode).map_err(|error| error.to_string())
    }

    /// The faces in an image.
    pub(crate) fn faces(&self, image: &RgbImage) -> Result<(Vec<Face>, Timing), String> {
        detect(&self.detector, ImageView::from(image), self.roi).map_err(|error| format!("{error:#}"))
    }

    /// Calls `look` for each image, on several threads, and `take` with what came of it, in their order. A signal ends a run
    /// that `writes` files where it is complete. What fails is told on stderr, with its reason; `take` hears of it too.
    pub(crate) fn each<T: Send>(
        &self,
        writes: bool,
        look: impl Fn(usize) -> Result<T, String> + Sync,
        mut take: impl FnMut(usize, Result<T, String>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Ended> {
        let count = self.todo.len();
        // With one image there is nothing to wait for.
        let bar = if count < 2 { ProgressBar::hidden() } else { progress_bar("images") };
        bar.set_length(count as u64);
        let stop = writes.then(stop_flag).transpose()?;
        let mut run = Ended { done: 0, failed: 0, stopped: false };
        let ended = ordered::for_each_within(
            &self.pool,
            count,
            self.ram,
            |turn| self.inputs[self.todo[turn]].cost(),
            |turn| caught(|| look(self.todo[turn])),
            |turn, seen| {
                let index = self.todo[turn];
                bar.inc(1);
                bar.suspend(|| {
                    if stop.as_ref().is_some_and(|stop| stop.load(Relaxed)) {
                        return Err(Stopped.into());
                    }
                    run.done += 1;
                    seen.as_ref().err().into_iter().for_each(|reason| {
                        run.failed += 1;
                        complain(format_args!("{}: {reason}", self.inputs[index].name));
                    });
                    take(index, seen)
                })
            },
        );
        bar.finish_and_clear();
        run.stopped = ended.as_ref().is_err_and(is_stopped);
        if !run.stopped {
            ended?;
        }
        Ok(run)
    }

    /// Says on stderr what the results do not, and what inputs that failed could not be; gives the exit status.
    pub(crate) fn conclude(&self, ended: &Ended, what: &str) -> Outcome {
        let all = self.todo.len() + self.before;
        if self.before > 0 {
            complain(format_args!("{} of {all} inputs had their results before, and were not done again", self.before));
        }
        if ended.failed > 0 && all > 1 {
            complain(format_args!("{} of {all} inputs could not be {what}", ended.failed));
        }
        if !self.left_out.is_empty() {
            complain(&self.left_out);
        }
        if ended.stopped {
            let done = ended.done + self.before;
            complain(format_args!("stopped: {done} of {all} inputs are done, and their results are complete"));
            return Outcome::Interrupted;
        }
        if ended.failed > 0 { Outcome::Partly } else { Outcome::Done }
    }
}
