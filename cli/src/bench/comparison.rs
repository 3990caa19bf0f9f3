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
    pub(crate) slower: Vec<Slower>,
    /// Whether a stage is.
    pub(crate) worse: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Slower {
    pub(crate) stage: &'static str,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) worse: bool,
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, note, tolerance, slower, .. } = self;
        let note = note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
        writeln!(f, "\nSlower than on {date}{note}, in times of what the peak takes:\n")?;
        writeln!(f, "{:<9} {:>10} {:>10}", "stage", "median", "min")?;
        for Slower { stage, median, min, worse } in slower {
            let mark = if *worse { format!("  worse than {:+.1} %", tolerance * 100.0) } else { String::new() };
            writeln!(f, "{stage:<9} {:>+8.1} % {:>+8.1} %{mark}", median * 100.0, min * 100.0)?;
        }
        Ok(())
    }
}
