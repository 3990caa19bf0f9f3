//! `mtcnn-cpu eval landmarks`: how far landmarks are from where they should be.

use serde::Serialize;

use crate::common::chart::Panel;
use crate::common::outcome::Outcome;
use crate::eval::args;
use crate::eval::measuring::{look_with, outcome, readable};
use mtcnn_cpu::PointNames;
use mtcnn_cpu::data::face_point::FacePoint;
use mtcnn_cpu::eval::{ErrorUnit, LandmarkErrors, check_points, landmark_errors};

/// Errors at which the table has the part of the images that are at least as good.
const WITHIN: [f64; 4] = [0.05, 0.08, 0.1, 0.2];
/// Of the drawn curve.
const WIDEST: f64 = 0.3;

/// What was measured.
#[derive(Serialize)]
struct Measured<'a> {
    missed: &'a [String],
    /// Of the points, if they are others than the five.
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<&'a PointNames>,
    within: Vec<Within>,
    #[serde(flatten)]
    errors: &'a LandmarkErrors,
}

#[derive(Serialize)]
struct Within {
    error: f64,
    part: f64,
}

/// Runs.
pub(crate) fn run(args: &args::Landmarks) -> anyhow::Result<Outcome> {
    args.shown.probe()?;
    let list = FacePoint::read(&args.landmarks, args.split)?;
    let detector = args.detector.build()?;
    check_points(&list, detector.point_names())?;
    let files: Vec<_> = list.images.iter().map(|image| list.root.join(&image.name)).collect();
    let names: Vec<_> = list.images.iter().map(|image| image.name.as_str()).collect();
    let (found, missed) = readable(&names, look_with(&detector, &args.detector, &files)?);
    let errors = landmark_errors(&list, &found)?;
    let names = Some(&list.names).filter(|names| !names.are_the_five());
    let within = WITHIN.map(|error| Within { error, part: errors.within(error) });
    let measured = Measured { missed: &missed, names, within: within.into(), errors: &errors };

    let part = |i: usize| i as f64 / errors.images.max(1) as f64;
    let steps = errors.errors.iter().enumerate().flat_map(|(i, &error)| [(error, part(i)), (error, part(i + 1))]);
    let steps = [(0.0, 0.0)].into_iter().chain(steps.take_while(|step| step.0 <= WIDEST));
    let last = (WIDEST, errors.within(WIDEST));
    let panel = Panel {
        title: "part of the images with an error of at most",
        x: match ErrorUnit::of(&list.names) {
            ErrorUnit::Eyes(_) => "mean error / distance of the eyes",
            ErrorUnit::Side => "mean error / mean side of the box",
        },
        range: Some((0.0, 1.0)),
        lines: vec![("", steps.chain([last]).collect())],
    };
    args.shown.show(&[panel], &measured, |out| {
        let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.4}"));
        writeln!(out, "faces found       {} of {}", errors.found, errors.images)?;
        writeln!(out, "mean error        {}", number(errors.mean))?;
        writeln!(out, "median error      {}", number(errors.median))?;
        for (i, name) in list.names.iter().enumerate() {
            writeln!(out, "  {name:15} {}", number(errors.points.as_ref().map(|points| points[i])))?;
        }
        for Within { error, part } in &measured.within {
            writeln!(out, "within {error:<10} {:.1} %", part * 100.0)?;
        }
        Ok(())
    })?;
    Ok(outcome(&missed, errors.images, "could not be read"))
}
