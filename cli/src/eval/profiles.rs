//! `mtcnn-cpu eval profiles`: all profiles on the same images, as the default was chosen.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mtcnn_cpu::data::Split;
use mtcnn_cpu::data::face_point::FacePoint;
use mtcnn_cpu::data::wider::Wider;
use mtcnn_cpu::eval::{
    Compared, Curve, ScoredBox, Truth, check_points, compare, landmark_errors, least_score, official_curve,
};
use mtcnn_cpu::weights::{self, Source};
use mtcnn_cpu::{Detector, Face, Profile, Thresholds};
use serde::Serialize;

use crate::common::chart::Panel;
use crate::common::detector::pool;
use crate::common::outcome::{Outcome, complain};
use crate::common::progress::{advance, progress_bar};
use crate::eval::args;
use crate::eval::measuring::{outcome, readable};

/// With this last threshold the curves have nearly all of their area.
const LOW: f32 = 0.05;

/// What is compared: a profile, with one look or two.
#[derive(Clone, Copy)]
struct Way {
    profile: Profile,
    accurate: bool,
}

/// What was measured.
#[derive(Serialize)]
struct Measured {
    wider: Vec<Folder>,
    landmarks: Vec<Points>,
}

/// A folder of WIDER FACE.
#[derive(Serialize)]
struct Folder {
    folder: String,
    #[serde(rename = "pictures")]
    images: usize,
    missed: Vec<String>,
    faces: usize,
    profiles: Vec<Row>,
    #[serde(skip)]
    curves: Vec<Curve>,
}

/// A profile on the images of a folder.
#[derive(Serialize)]
struct Row {
    name: String,
    average_precision: f64,
    found: usize,
    wrong: usize,
    average_precision_low: f64,
    equal: Equal,
    seconds: f64,
    time: f64,
}

/// With as many wrong boxes as the profile that all are compared with.
#[derive(Serialize)]
struct Equal {
    threshold: Option<f64>,
    found: usize,
}

/// A profile's landmarks.
#[derive(Serialize)]
struct Points {
    name: String,
    mean: Option<f64>,
    median: Option<f64>,
    found: usize,
    #[serde(rename = "pictures")]
    images: usize,
}

/// Runs.
pub(crate) fn run(args: &args::Profiles) -> anyhow::Result<Outcome> {
    args.shown.probe()?;
    let ways = ways(args)?;
    let lists: Result<Vec<_>, _> = args.wider.iter().map(|folder| Wider::read_split(folder, &args.split)).collect();
    let split = if args.split == Split::Train.name() { Split::Train } else { Split::Val };
    let points = args.landmarks.as_ref().map(|folder| FacePoint::read(folder, split)).transpose()?;
    // All ways have the same weights.
    if let (Some(list), Some(way)) = (&points, ways.first()) {
        check_points(list, way.detector(args, None)?.point_names())?;
    }
    let mut measured = Measured { wider: Vec::new(), landmarks: Vec::new() };
    let (mut missed, mut total) = (Vec::new(), 0);
    for (folder, list) in args.wider.iter().zip(lists?) {
        let folder = wider(args, &ways, folder, &list)?;
        missed.extend(folder.missed.iter().cloned());
        total += folder.images;
        measured.wider.push(folder);
    }
    if let Some(list) = points {
        let names: Vec<_> = list.images.iter().map(|image| image.name.as_str()).collect();
        let (found, unread) = look(args, &ways, &list.root, &names, None)?;
        for (way, Found { faces, .. }) in ways.iter().zip(found) {
            let errors = landmark_errors(&list, &faces)?;
            let (name, images) = (way.name(), errors.images);
            measured.landmarks.push(Points {
                name,
                mean: errors.mean,
                median: errors.median,
                found: errors.found,
                images,
            });
        }
        total += names.len();
        missed.extend(unread);
    }
    let lines: Vec<_> = measured.wider.iter().map(lines).collect();
    let titles: Vec<_> =
        measured.wider.iter().map(|folder| format!("precision over recall, {} faces", folder.faces)).collect();
    let panels: Vec<_> = lines
        .iter()
        .zip(&titles)
        .map(|(lines, title)| Panel {
            title,
            x: "recall",
            // Below there is nothing to tell apart.
            range: Some((0.5, 1.0)),
            lines: lines.iter().map(|(name, points)| (name.as_str(), points.clone())).collect(),
        })
        .collect();
    args.shown.show(&panels, &measured, |out| table(out, &measured))?;
    Ok(outcome(&missed, total, "could not be read"))
}

/// Those asked for, or all that the weights are for; of our own also the accurate way.
fn ways(args: &args::Profiles) -> anyhow::Result<Vec<Way>> {
    let mut profiles = args.profiles.clone();
    if profiles.is_empty() {
        let others = weights::system(args.weights.as_deref())? == Some(Source::MtcnnCaffe);
        profiles.extend(Profile::ALL.into_iter().filter(|&profile| others || profile != Profile::MTCNN_CAFFE));
    }
    let both = |profile| [false, true].map(|accurate| Way { profile, accurate });
    let mut ways: Vec<_> = profiles.into_iter().flat_map(both).collect();
    ways.retain(|way| !way.accurate || way.profile == Profile::default());
    // Not every model can be shown a mirror image.
    ways.retain(|way| match way.detector(args, None) {
        Err(error) if way.accurate => {
            complain(format_args!("{} is left out: {error}", way.name()));
            false
        }
        _ => true,
    });
    Ok(ways)
}

impl Way {
    fn name(self) -> String {
        if self.accurate { format!("{} --accurate", self.profile) } else { self.profile.to_string() }
    }

    /// With a last threshold of its own, or the one that is given.
    fn detector(self, args: &args::Profiles, last: Option<f32>) -> Result<Detector, mtcnn_cpu::Error> {
        let mut builder = Detector::builder().profile(self.profile).accurate(self.accurate).threads(1);
        if let Some(last) = last {
            let Thresholds { pnet, rnet, .. } = self.profile.thresholds();
            builder = builder.thresholds([pnet, rnet, last].into());
        }
        if let Some(file) = &args.weights {
            builder = builder.weights(file);
        }
        builder.build()
    }
}

/// What a profile found in each image, and how long it took for all.
struct Found {
    faces: Vec<Vec<Face>>,
    time: Duration,
}

/// What each profile finds in images, with a last threshold of its own or with the one that is given; and the names of those
/// that could not be read.
fn look(
    args: &args::Profiles,
    ways: &[Way],
    root: &Path,
    names: &[&str],
    last: Option<f32>,
) -> anyhow::Result<(Vec<Found>, Vec<String>)> {
    let detectors: Result<Vec<_>, _> = ways.iter().map(|way| way.detector(args, last)).collect();
    let (detectors, pool) = (detectors?, pool(args.threads.threads)?);
    let files: Vec<PathBuf> = names.iter().map(|name| root.join(name)).collect();
    let bar = progress_bar("images");
    let compared = compare(&detectors, &files, &args.decoding.reading(&args.memory), &pool, &mut |progress| {
        advance(&bar, progress);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let compared: Vec<Compared> = compared?;
    let of =
        |index: usize| compared.iter().map(move |image| image.as_ref().map(|all| &all[index]).map_err(Clone::clone));
    let mut missed = Vec::new();
    let found = (0..ways.len()).map(|index| {
        let time = of(index).flatten().map(|(_, time)| *time).sum();
        let faces = of(index).map(|image| image.map(|(faces, _)| faces.clone())).collect();
        // Each misses the same; stderr says it once.
        let faces = if index == 0 {
            let (faces, names) = readable(names, faces);
            missed = names;
            faces
        } else {
            faces.into_iter().map(Result::unwrap_or_default).collect()
        };
        Found { faces, time }
    });
    Ok((found.collect(), missed))
}

/// All profiles on a folder.
fn wider(args: &args::Profiles, ways: &[Way], folder: &Path, list: &Wider) -> anyhow::Result<Folder> {
    let truth = Truth::from_list(list, args.min_size);
    let names: Vec<_> = truth.images.iter().map(|image| image.name.as_str()).collect();
    // What all are compared with comes first, whether it was asked for or not.
    let base = Way { profile: Profile::FACENET_PYTORCH, accurate: false };
    let with: Vec<_> = [base].into_iter().chain(ways.iter().copied()).collect();
    let (own, missed) = look(args, &with, &list.root, &names, None)?;
    let (low, _) = look(args, ways, &list.root, &names, Some(LOW))?;
    let curve = |found: &[Vec<ScoredBox>]| official_curve(&truth, 0, found);
    let (base, own) = own.split_first().expect("the one that was put first");
    let allowed = curve(&boxes(&base.faces)).wrong;
    let (mut rows, mut curves) = (Vec::new(), Vec::new());
    for ((way, own), low) in ways.iter().zip(own).zip(&low) {
        let (at_own, low) = (curve(&boxes(&own.faces)), boxes(&low.faces));
        let threshold = least_score(&truth, 0, &low, allowed);
        let passes = |found: &Vec<ScoredBox>| {
            found
                .iter()
                .filter(|found| threshold.is_some_and(|least| found.score >= least))
                .copied()
                .collect::<Vec<_>>()
        };
        let equal = Equal { threshold, found: curve(&low.iter().map(passes).collect::<Vec<_>>()).found };
        let at_low = curve(&low);
        rows.push(Row {
            name: way.name(),
            average_precision: at_own.average_precision,
            found: at_own.found,
            wrong: at_own.wrong,
            average_precision_low: at_low.average_precision,
            equal,
            seconds: own.time.as_secs_f64(),
            time: own.time.as_secs_f64() / base.time.as_secs_f64(),
        });
        curves.push(at_low);
    }
    let faces = curves.first().map_or(0, |curve| curve.faces);
    let folder = folder.to_string_lossy().into_owned();
    Ok(Folder { folder, images: names.len(), missed, faces, profiles: rows, curves })
}

fn boxes(faces: &[Vec<Face>]) -> Vec<Vec<ScoredBox>> {
    faces.iter().map(|faces| faces.iter().map(ScoredBox::from).collect()).collect()
}

/// A folder's curves with their names.
fn lines(folder: &Folder) -> Vec<(String, Vec<(f64, f64)>)> {
    let line = |(row, curve): (&Row, &Curve)| {
        let points = curve.points.iter().map(|point| (point.recall, point.precision)).collect();
        (format!("{}: AP {:.3}", row.name, row.average_precision_low), points)
    };
    folder.profiles.iter().zip(&folder.curves).map(line).collect()
}

fn table(out: &mut dyn Write, measured: &Measured) -> io::Result<()> {
    for Folder { folder, images, faces, profiles, .. } in &measured.wider {
        writeln!(out, "{folder}: {images} images, {faces} faces")?;
        writeln!(
            out,
            "{:20}  {:>6}  {:>6}  {:>6}  {:>6}  {:>12}  {:>5}",
            "PROFILE", "AP", "FOUND", "WRONG", "AP .05", "EQUAL", "TIME"
        )?;
        for Row { name, average_precision, found, wrong, average_precision_low, equal, time, .. } in profiles {
            let threshold = equal.threshold.map_or("-".into(), |threshold| format!("{threshold:.3}"));
            let equal = format!("{threshold} {:>6}", equal.found);
            writeln!(
                out,
                "{name:20}  {average_precision:.4}  {found:>6}  {wrong:>6}  {average_precision_low:.4}  {equal:>12}  {time:>5.2}"
            )?;
        }
        writeln!(out)?;
    }
    if !measured.landmarks.is_empty() {
        writeln!(out, "{:20}  {:>6}  {:>6}  {:>6}", "LANDMARKS", "ERROR", "MEDIAN", "FOUND")?;
    }
    for Points { name, mean, median, found, .. } in &measured.landmarks {
        let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.4}"));
        writeln!(out, "{name:20}  {:>6}  {:>6}  {found:>6}", number(*mean), number(*median))?;
    }
    Ok(())
}
