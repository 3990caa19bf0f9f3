//! How far the work is: a bar on stderr, if that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use mtcnn_cpu::data::Progress;

/// On stderr, if that is a terminal.
pub(crate) fn progress_bar(things: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("{{wide_bar}} {{pos}}/{{len}} {things}, {{eta}} left"));
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

pub(crate) fn advance(bar: &ProgressBar, Progress { done, total, .. }: Progress) {
    bar.set_length(total as u64);
    bar.set_position(done as u64);
}
