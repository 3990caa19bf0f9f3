//! The form in which results are written, but those of `detect`.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use mtcnn_cpu::quote::printable;
use serde::Serialize;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    #[value(alias = "text")]
    Table,
    /// One object on one line
    Json,
}

impl ReportFormat {
    /// A table on a terminal, JSON otherwise.
    pub(crate) fn of_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Table } else { Self::Json }
    }

    /// Writes a result to stdout.
    pub(crate) fn show(
        self,
        result: &impl Serialize,
        table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match self {
            Self::Table => {
                let mut text = Vec::new();
                table(&mut text)?;
                // Names in it may be anybody's, and a terminal obeys some bytes.
                for line in String::from_utf8_lossy(&text).lines() {
                    writeln!(out, "{}", printable(line))?;
                }
            }
            Self::Json => json_line(&mut out, result)?,
        }
        Ok(out.flush()?)
    }
}

/// A value as JSON, on a line of its own.
pub(crate) fn json_line(out: &mut (impl Write + ?Sized), value: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    Ok(out.write_all(b"\n")?)
}
