//! A look at every sample of a data set.

use std::path::PathBuf;

use serde::Serialize;

use super::histogram::Histogram;
use crate::arch::Stage;
use crate::data::class::Class;
use crate::data::progress::Progress;
use crate::data::set::{ClassInfo, DataSet};

/// What a set has.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SetReport {
    /// Its folder.
    pub set: PathBuf,
    /// The net that it is for.
    pub stage: Stage,
    /// Its samples.
    pub classes: Vec<ClassInfo>,
    /// The folders of images that they come from.
    pub folders: Vec<FolderCounts>,
    /// Overlaps of positives and parts with their face.
    pub overlaps: Histogram,
    /// Landmarks of which a left point, such as the left eye, is right of its right one.
    pub swapped: usize,
    /// What is damaged.
    pub damage: Vec<String>,
}

/// The samples that come from a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FolderCounts {
    /// Its name.
    pub folder: String,
    /// Samples of each class, in the order of [`Class::ALL`].
    pub samples: [usize; 4],
}

/// Looks at every sample, and compares every block with its checksum.
pub fn check_set(set: &DataSet, progress: &mut dyn FnMut(Progress)) -> SetReport {
    let manifest = set.manifest();
    let folders = set.folders().iter().map(|folder| FolderCounts { folder: folder.clone(), samples: [0; 4] });
    let mut report = SetReport {
        set: set.folder().into(),
        stage: manifest.stage,
        classes: manifest.classes.clone(),
        folders: folders.collect(),
        overlaps: Histogram::of_overlaps(),
        swapped: 0,
        damage: Vec::new(),
    };
    let total = Class::ALL.iter().map(|&class| set.count(class)).sum();
    let mut done = 0;
    for class in Class::ALL {
        for run in set.runs(class) {
            report.folders[run.folder].samples[class as usize] += run.samples.len();
        }
        for index in 0..set.count(class) {
            match set.sample(class, index) {
                Ok(sample) => match class {
                    Class::Negative => {}
                    Class::Positive | Class::Part => report.overlaps.add(overlap(sample.offsets)),
                    Class::Landmark => {
                        let mut pairs = manifest.points.mirror_pairs().into_iter().flatten();
                        let is_swapped =
                            |&[left, right]: &[usize; 2]| sample.points[2 * left] >= sample.points[2 * right];
                        report.swapped += usize::from(pairs.any(is_swapped));
                    }
                },
                Err(error) => {
                    let error = format!("{error:#}");
                    // All samples of a block have the same.
                    if report.damage.last() != Some(&error) {
                        report.damage.push(error);
                    }
                }
            }
            done += 1;
            progress(Progress { done, total });
        }
    }
    report
}

/// The overlap of a crop with the face that it has the offsets of.
fn overlap(offsets: [f32; 4]) -> f64 {
    let [x1, y1, x2, y2] = offsets.map(f64::from);
    let (x2, y2) = (x2 + 1.0, y2 + 1.0);
    let common = (x2.min(1.0) - x1.max(0.0)).max(0.0) * (y2.min(1.0) - y1.max(0.0)).max(0.0);
    common / (1.0 + (x2 - x1) * (y2 - y1) - common)
}
