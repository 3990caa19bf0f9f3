//! How far a training is, and how well it goes.

use indicatif::{ProgressBar, ProgressStyle};
use mtcnn_cpu::Stage;
use mtcnn_cpu::train::{Metrics, TrainingProgress};

/// The progress line, on stderr if that is a terminal.
pub(crate) struct ProgressLine {
    bar: ProgressBar,
    trained: String,
    validation: String,
}

impl ProgressLine {
    pub(crate) fn new(stage: Stage) -> Self {
        let template = format!("{} {{pos}}/{{len}} steps, {{eta}} left {{msg}}", stage.name());
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { bar: ProgressBar::new(0).with_style(style), trained: String::new(), validation: String::new() }
    }

    pub(crate) fn show(&mut self, progress: &TrainingProgress<'_>) {
        if self.bar.length() != Some(progress.steps) {
            self.bar.set_length(progress.steps);
            self.bar.set_position(progress.from);
            self.bar.reset_eta();
        }
        self.bar.set_position(progress.step);
        let Some(line) = progress.metrics else { return };
        let Metrics { loss, cls, boxes, landmarks, accuracy, recall, rate, speed, .. } = line;
        if line.validation {
            self.validation = format!("; validation: loss {loss:.4}, accuracy {accuracy:.3}, recall {recall:.3}");
        } else {
            self.trained = format!(
                "at {speed:.0} samples/s, rate {rate:.2e}; loss {loss:.4} ({cls:.4} {boxes:.4} {landmarks:.5}), accuracy {accuracy:.3}, recall {recall:.3}"
            );
        }
        self.bar.set_message(format!("{}{}", self.trained, self.validation));
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
