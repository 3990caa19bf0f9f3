//! How much slower a run of `bench` is than an earlier one.

use std::fmt;

use serde::Serialize;

/// How much slower each stage is than in an earlier run: 0.1 is a tenth.
#[derive(Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    pub(crate) tolerance: f64,
    /// Detections in this run and in the earlier one; 0 if that does not say.
    pub(crate) runs: [usize; 2],
    pub(crate) slower: Vec<Slower>,
    /// Whether a stage is.
    pub(crate) worse: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Slower {
    pub(crate) stage: &'static str,
    pub(crate) median: f64,
    pub(crate) min: f64,
    /// Of this run and of the earlier one: see `Times`.
    pub(crate) spread: [f64; 2],
    pub(crate) worse: bool,
}

/// Detections below which a median is chance.
const FEW: usize = 10;

impl Compared {
    /// Why the comparison says little, if it does.
    pub(crate) fn warning(&self) -> Option<String> {
        let fewest = self.runs.into_iter().filter(|&runs| runs > 0).min()?;
        (fewest < FEW).then(|| format!("a comparison of {fewest} detections says little: --seconds gives more"))
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, note, tolerance, slower, .. } = self;
        let note = note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
        writeln!(f, "\nCompared with {date}{note}: + is slower, in times of what the peak takes:\n")?;
        writeln!(f, "{:<9} {:>10} {:>10} {:>10} {:>10}", "stage", "median", "min", "spread", "then")?;
        for Slower { stage, median, min, spread: [now, then], worse } in slower {
            let mark = if *worse { format!("  worse than {:+.1} %", tolerance * 100.0) } else { String::new() };
            let [median, min, now, then] = [median, min, now, then].map(|part| part * 100.0);
            writeln!(f, "{stage:<9} {median:>+8.1} % {min:>+8.1} % {now:>8.1} % {then:>8.1} %{mark}")?;
        }
        Ok(())
    }
}
