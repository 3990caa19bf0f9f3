//! The curves of a training: its losses and rates, as an image in its folder.

use std::path::Path;

use mtcnn_cpu::train::{METRICS, Metrics};

use crate::common::chart::{Panel, write_panels};

/// The name of the image with the curves.
const CURVES: &str = "curves.png";

/// Draws the curves of a training's folder, and gives what they show.
pub(crate) fn curves(folder: &Path) -> anyhow::Result<Vec<Metrics>> {
    let metrics = Metrics::read(&folder.join(METRICS))?;
    write(&folder.join(CURVES), &metrics)?;
    Ok(metrics)
}

/// Writes an image of them.
fn write(path: &Path, metrics: &[Metrics]) -> anyhow::Result<()> {
    let line = |validation: bool, value: fn(&Metrics) -> f64| {
        let chosen = metrics.iter().filter(move |line| line.validation == validation);
        chosen.map(|line| (line.step as f64, value(line))).collect::<Vec<_>>()
    };
    let both = |title, range, value| Panel {
        title,
        x: "step",
        range,
        lines: vec![("training", line(false, value)), ("validation", line(true, value))],
    };
    let panels = [
        both("loss", None, |it| it.loss),
        both("face or not (training: hard examples)", None, |it| it.cls),
        both("box", None, |it| it.boxes),
        both("landmarks", None, |it| it.landmarks),
        both("accuracy of face or not", Some((0.5, 1.0)), |it| it.accuracy),
        both("recall at the stage's threshold", Some((0.0, 1.0)), |it| it.recall),
    ];
    write_panels(path, &panels, 2)
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_of_nothing_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join(CURVES), &[]).unwrap();
        assert!(folder.path().join(CURVES).exists());
    }
}
