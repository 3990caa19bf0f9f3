//! A detector over many images, side by side.

use std::ops::ControlFlow;
use std::path::PathBuf;

use rayon::ThreadPool;

use crate::data::Progress;
use crate::data::images::{self, Reading};
use crate::detect::Detector;
use crate::error::{Error, Result};
use crate::face::Face;
use crate::ordered;

/// What was found in an image, or why it could not be read.
pub type Detections = Result<Vec<Face>, String>;

/// Looks for the faces of images, which are read as `reading` says. The detector should use one thread. `progress` is called after each image and says whether to go on.
///
/// # Errors
/// [`crate::ErrorKind::Data`] if it was told to stop, or there are images and none can be read.
pub fn detect_all(
    detector: &Detector,
    files: &[PathBuf],
    reading: &Reading,
    pool: &ThreadPool,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<Detections>> {
    let (total, mut all) = (files.len(), Vec::with_capacity(files.len()));
    let work = |index: usize| {
        let (image, _) = images::read(&files[index], &reading.decode)?;
        detector.detect(&image).map_err(|error| error.to_string())
    };
    let cost = |index: usize| images::decoding_bytes(&files[index]);
    ordered::for_each_within(pool, total, reading.ram, cost, work, |index, detections| {
        all.push(detections);
        Error::if_cancelled(progress(Progress { done: index + 1, total }))
    })?;
    match (files.first(), all.first()) {
        (Some(file), Some(Err(reason))) if all.iter().all(Result::is_err) => {
            Err(Error::data(format!("none of {total} images can be read; {}: {reason}", file.display())))
        }
        _ => Ok(all),
    }
}
