//! The form in which results are written, but those of `detect`.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use mtcnn_cpu::quote::{is_hidden, printable};
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
    Ok(out.write_all(format!("{}\n", json(value)?).as_bytes())?)
}

/// A value as JSON, in which characters that a terminal obeys or hides are escaped. (JSON itself escapes but the first 32.)
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string(value)?;
    if !text.contains(is_hidden) {
        return Ok(text);
    }
    let mut escaped = String::new();
    for char in text.chars() {
        match is_hidden(char) {
            // They are in strings only, where this stands for the same.
            true => char.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}"))),
            false => escaped.push(char),
        }
    }
    Ok(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_no_character_that_a_terminal_obeys_and_says_the_same() {
        let name = "a\u{1b}[31m\u{9b}31m\u{7f}gnp\u{202e}.\u{e0041}顔é";
        let text = json(&name).unwrap();
        assert_eq!(text, r#""a\u001b[31m\u009b31m\u007fgnp\u202e.\udb40\udc41顔é""#);
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), name);
    }
}
