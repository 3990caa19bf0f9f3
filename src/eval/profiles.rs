//! Detectors beside each other: what each finds in the same images, and how long it takes.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use rayon::ThreadPool;

use crate::data::Progress;
use crate::data::images::{self, Reading};
use crate::detect::Detector;
use crate::error::{Error, Result};
use crate::face::Face;
use crate::ordered;

/// What each detector found in an image and how long that took; or why the image could not be read.
pub type Compared = Result<Vec<(Vec<Face>, Duration)>, String>;

/// Looks for the faces of images with several detectors, each of which should use one thread. They take an image in turns, so that
/// a machine whose clock wanders is as slow for one as for the other. `progress` is called after each image and says whether to
/// go on.
///
/// # Errors
/// [`crate::ErrorKind::Data`] if it was told to stop.
pub fn compare(
    detectors: &[Detector],
    files: &[PathBuf],
    reading: &Reading,
    pool: &ThreadPool,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<Compared>> {
    let (total, mut all) = (files.len(), Vec::with_capacity(files.len()));
    let work = |index: usize| {
        let (image, _) = images::read(&files[index], &reading.decode)?;
        // The first would else pay for the image's way into the cache.
        let first = detectors.first().map(|detector| detector.detect(&image)).transpose();
        first.map_err(|error| error.to_string())?;
        let look = |detector: &Detector| {
            let (faces, timing) = detector.detect_timed(&image).map_err(|error| error.to_string())?;
            Ok((faces, timing.total))
        };
        detectors.iter().map(look).collect()
    };
    let cost = |index: usize| images::decoding_bytes(&files[index]);
    ordered::for_each_within(pool, total, reading.ram, cost, work, |index, compared| {
        all.push(compared);
        Error::if_cancelled(progress(Progress { done: index + 1, total }))
    })?;
    Ok(all)
}
