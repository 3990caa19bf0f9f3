//! A look at the lists and at every image in them.

use std::collections::HashSet;
use std::path::PathBuf;

use rayon::ThreadPool;
use serde::Serialize;

use super::histogram::Histogram;
use super::shapes::{BoxShape, Shapes};
use crate::arch::Stage;
use crate::data::class::Class;
use crate::data::face_point::FacePointImage;
use crate::data::images::{self, Reading};
use crate::data::options::SampleOptions;
use crate::data::plan::Planned;
use crate::data::progress::{Progress, Skipped};
use crate::data::sources::{Annotation, Sources, Task};
use crate::data::wider::WiderImage;
use crate::geometry::PixelBox;
use crate::image::Orientation;
use crate::ordered;
use crate::points::PointNames;

/// What a source has.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SourceReport {
    /// What it is.
    pub kind: &'static str,
    /// The list's file.
    pub list: PathBuf,
    /// Images in the list.
    #[serde(rename = "pictures")]
    pub images: usize,
    /// Images that are missing, damaged or cut short.
    pub unreadable: Vec<Skipped>,
    /// Images whose file states another orientation than upright.
    pub oriented: usize,
    /// Images without a face.
    pub without_faces: usize,
    /// Faces in the list.
    pub faces: usize,
    /// Longer sides of the faces' boxes.
    pub sizes: Histogram,
    /// The shapes of their boxes, of folders with enough faces; empty for faces with points.
    pub shapes: Vec<BoxShape>,
    /// What is strange in the list.
    pub findings: Vec<Finding>,
    /// The samples of each class that the options give, in the order of [`Class::ALL`]; without those that
    /// would be mined.
    pub samples: [usize; 4],
    /// Overlaps of those samples with the nearest face.
    pub overlaps: Histogram,
}

/// Something strange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// In a few words, always the same.
    pub what: &'static str,
    /// The line in the list.
    pub line: usize,
    /// The image, as the list has it.
    #[serde(rename = "picture")]
    pub image: String,
}

/// Looks at the lists and decodes every image, but makes nothing. `options` are those that samples of
/// the stage would be made with; `reading` as in [`crate::data::Preparation`].
pub fn check_sources(
    sources: &Sources,
    stage: Stage,
    options: &SampleOptions,
    pool: &ThreadPool,
    reading: &Reading,
    progress: &mut dyn FnMut(Progress),
) -> Vec<SourceReport> {
    // What would be mined is not known without a detector.
    let options = SampleOptions { mined: None, ..options.clone() };
    let tasks = sources.tasks();
    let of_boxes = sources.wider.iter().map(|it| report("WIDER FACE", &it.list, it.images.len()));
    let of_points = sources.face_point.iter().map(|it| report(it.kind(), &it.list, it.images.len()));
    let mut reports: Vec<_> = of_boxes.chain(of_points).collect();
    let mut names = HashSet::new();
    let mut shapes: Vec<_> = reports.iter().map(|_| Shapes::default()).collect();
    let look = |task: &Task<'_>| {
        let (image, info) = images::read(&task.path(), &reading.decode)?;
        let size = [image.width() as usize, image.height() as usize];
        Ok((size, info.orientation > 1, task.plan(size, stage, &options, Vec::new)))
    };
    let done = ordered::for_each_within(
        pool,
        tasks.len(),
        reading.ram,
        |index| images::decoding_bytes(&tasks[index].path()),
        |index| look(&tasks[index]),
        |index, looked: Result<([usize; 2], bool, Vec<Planned>), String>| {
            let task = &tasks[index];
            let report = &mut reports[task.list];
            // The place of an image that can't be read is unknown: nothing is beyond it.
            let size = looked.as_ref().map_or([usize::MAX; 2], |(size, ..)| *size).map(|side| side as f64);
            match task.image {
                Annotation::Boxes(image) => {
                    boxes(image, size, report);
                    shapes[task.list].add(&task.folder(), image);
                }
                Annotation::Points(image, names) => points(image, names, size, options.landmarks.min_face, report),
            }
            let (line, image) = task.place();
            if !names.insert(task.path()) {
                report.findings.push(Finding { what: "an image listed before", line, image: image.into() });
            }
            match looked {
                Ok((_, oriented, plan)) => {
                    if oriented {
                        report.oriented += 1;
                        let what = match reading.decode.orientation {
                            Orientation::Upright => "an image with an orientation, by which it is turned",
                            Orientation::AsStored => "an image with an orientation, read as stored all the same",
                        };
                        report.findings.push(Finding { what, line, image: image.into() });
                    }
                    for planned in plan {
                        report.samples[planned.class as usize] += 1;
                        report.overlaps.add(planned.overlap);
                    }
                }
                Err(reason) => report.unreadable.push(Skipped { image: task.path(), reason }),
            }
            progress(Progress { done: index + 1, total: tasks.len() });
            Ok::<(), std::convert::Infallible>(())
        },
    );
    let Ok(()) = done;
    for (report, shapes) in reports.iter_mut().zip(shapes) {
        report.shapes = shapes.finish();
    }
    reports
}

fn report(kind: &'static str, list: &std::path::Path, images: usize) -> SourceReport {
    SourceReport {
        kind,
        list: list.into(),
        images,
        unreadable: Vec::new(),
        oriented: 0,
        without_faces: 0,
        faces: 0,
        sizes: Histogram::of_sizes(),
        shapes: Vec::new(),
        findings: Vec::new(),
        samples: [0; Class::ALL.len()],
        overlaps: Histogram::of_overlaps(),
    }
}

/// [`Finding::what`] of a face with points below [`crate::data::LandmarkCrops::min_face`].
pub const TOO_SMALL: &str = "a face smaller than the smallest that samples are made of";

/// Faces of an image of that size, given as boxes.
fn boxes(image: &WiderImage, [width, height]: [f64; 2], report: &mut SourceReport) {
    report.without_faces += usize::from(image.faces.is_empty());
    for face in &image.faces {
        report.faces += 1;
        report.sizes.add(face.width.max(face.height));
        let PixelBox([x1, y1, x2, y2]) = face.corners();
        let what = if face.width < 0.0 || face.height < 0.0 {
            "a box with a negative side: left out"
        } else if !face.is_possible() {
            "a box without an area: left out"
        } else if x1 >= width || y1 >= height || x2 <= 0.0 || y2 <= 0.0 {
            "a box outside of its image: no sample is made of it"
        } else if x1 < 0.0 || y1 < 0.0 {
            "a box that begins before its image: no sample is made of it"
        } else if x2 > width || y2 > height {
            "a box that ends beyond its image"
        } else {
            continue;
        };
        report.findings.push(Finding { what, line: face.line, image: image.name.clone() });
    }
}

/// The face of an image of that size, with its points.
fn points(
    image: &FacePointImage,
    names: &PointNames,
    [width, height]: [f64; 2],
    min_face: f64,
    report: &mut SourceReport,
) {
    let PixelBox([x1, y1, x2, y2]) = image.corners;
    let side = (x2 - x1).max(y2 - y1) + 1.0;
    report.faces += 1;
    report.sizes.add(side);
    let points = &image.points;
    let five = names.five().map(|five| five.map(|i| points[i]));
    let of_five = |is: fn([[f64; 2]; 5]) -> bool| five.is_some_and(is);
    let mut pairs = names.mirror_pairs().into_iter().flatten();
    let inside = |[x, y]: [f64; 2], PixelBox([x1, y1, x2, y2])| x >= x1 && y >= y1 && x <= x2 && y <= y2;
    let all_inside = |face| image.points.iter().all(|&point| inside(point, face));
    let strange = [
        (x2 <= x1 || y2 <= y1, "a box without an area: no sample is made of it"),
        (x1 < 0.0 || y1 < 0.0 || x2 >= width || y2 >= height, "a box beyond its image: no sample is made of it"),
        (side < min_face, TOO_SMALL),
        (of_five(|[left, right, ..]| left[0] >= right[0]), "swapped: the left eye is right of the right eye"),
        (
            of_five(|[.., left, right]| left[0] >= right[0]),
            "swapped: the mouth's left corner is right of its right corner",
        ),
        (of_five(|[a, b, _, c, d]| a[1].max(b[1]) >= c[1].min(d[1])), "an eye below a corner of the mouth"),
        (
            five.is_none() && pairs.any(|&[left, right]| points[left][0] >= points[right][0]),
            "swapped: a left point is right of its right one",
        ),
        (!all_inside(PixelBox([0.0, 0.0, width, height])), "a point outside of the image"),
        (!all_inside(image.corners), "a point outside of the face's box"),
    ];
    for (_, what) in strange.into_iter().filter(|(is, _)| *is) {
        report.findings.push(Finding { what, line: image.line, image: image.name.clone() });
    }
}
