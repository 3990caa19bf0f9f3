//! A clock for those who ask where the time goes; for all others it does not run.
//!
//! A browser's WebAssembly has no clock of its own, where asking for the time panics: there all durations are 0.

use std::time::{Duration, Instant};

/// Measures durations, or does nothing.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    runs: bool,
}

/// When something began, if that is measured.
pub(super) struct Begin(Option<Instant>);

impl Clock {
    /// All durations are 0.
    pub(super) const STOPPED: Self = Self { runs: false };

    /// A clock that runs, where there is one.
    pub(super) const RUNNING: Self = Self { runs: !cfg!(all(target_family = "wasm", target_os = "unknown")) };

    /// Something begins.
    pub(super) fn begin(self) -> Begin {
        Begin(self.runs.then(Instant::now))
    }
}

impl Begin {
    /// How long ago that was.
    pub(super) fn elapsed(&self) -> Duration {
        self.0.map_or(Duration::ZERO, |begin| begin.elapsed())
    }
}
