//! What a training reports: means over some steps, a line of JSON each.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::loss::Terms;
use crate::error::{Error, Result};
use crate::files;

/// Steps of a training, or a look at the validation set, as a line of the metrics file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Steps done.
    pub step: u64,
    /// Whether it is of samples that are not learned from.
    pub validation: bool,
    /// The weighted sum of the three losses.
    pub loss: f64,
    /// Cross-entropy of face or not; of the hard examples only, but of all in validation.
    pub cls: f64,
    /// Of the boxes.
    #[serde(rename = "box")]
    pub boxes: f64,
    /// Of the landmarks.
    pub landmarks: f64,
    /// The part of negatives and positives on the right side.
    pub accuracy: f64,
    /// The part of positives that reach the stage's threshold.
    pub recall: f64,
    /// The learning rate of the last step; 0 in validation.
    pub rate: f64,
    /// Samples a second.
    pub speed: f64,
}

/// Sums over steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) steps: u64,
    sums: Terms,
}

impl Sums {
    pub(super) fn add(&mut self, terms: &Terms) {
        self.steps += 1;
        self.sums.total += terms.total;
        self.sums.cls += terms.cls;
        self.sums.boxes += terms.boxes;
        self.sums.landmarks += terms.landmarks;
        self.sums.classified += terms.classified;
        self.sums.right += terms.right;
        self.sums.positives += terms.positives;
        self.sums.recalled += terms.recalled;
    }

    pub(super) fn metrics(&self, step: u64, validation: bool, rate: f64, speed: f64) -> Metrics {
        let steps = self.steps.max(1) as f64;
        let part = |of: usize, all: usize| of as f64 / all.max(1) as f64;
        let Terms { total, cls, boxes, landmarks, classified, right, positives, recalled, .. } = self.sums;
        Metrics {
            step,
            validation,
            loss: total / steps,
            cls: cls / steps,
            boxes: boxes / steps,
            landmarks: landmarks / steps,
            accuracy: part(right, classified),
            recall: part(recalled, positives),
            rate,
            speed,
        }
    }
}

impl Metrics {
    /// Appends a line to the file.
    pub(super) fn append(&self, path: &Path) -> Result<()> {
        let line = serde_json::to_string(self).expect("numbers");
        let file = fs::File::options().append(true).create(true).open(path);
        file.and_then(|mut file| writeln!(file, "{line}")).map_err(|source| Error::write(path, source))
    }

    /// Reads the lines of a metrics file.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] if it can't be read. A line that is not whole, as a kill leaves one, is left out.
    pub fn read(path: &Path) -> Result<Vec<Self>> {
        Ok(lines(path)?.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// Drops the lines after a step: a training that goes on from there writes them anew.
    pub(super) fn cut(path: &Path, step: u64) -> Result<()> {
        let lines = if path.exists() { lines(path)? } else { Vec::new() };
        let stays = |line: &&Vec<u8>| serde_json::from_slice::<Self>(line).is_ok_and(|it| it.step <= step);
        // As they were written: a number that is read and written again may be another.
        let text = lines.iter().filter(stays).flat_map(|line| [&line[..], b"\n"].concat()).collect::<Vec<_>>();
        files::replace(path, &text)
    }
}

/// The lines of a metrics file. What a crash of the machine left in it need not be text.
fn lines(path: &Path) -> Result<Vec<Vec<u8>>> {
    // A line has less than 300 bytes.
    let lines = BufReader::new(files::open(path)?).split(b'\n');
    lines.collect::<std::io::Result<_>>().map_err(|source| Error::read(path, source))
}
