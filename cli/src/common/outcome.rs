//! How a run ends: what it says on stderr, and its exit status.

use std::fmt::Display;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use mtcnn_cpu::quote::printable;

use crate::common::stop::is_stopped;

/// The command line was wrong: the exit status is 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// How a run ended that was not stopped by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was done.
    Done,
    /// Some images could not be read or drawn; the rest was done.
    Partly,
    /// Everything was done, and a speed is worse than it was, or there is none to compare with.
    Worse,
    /// It was stopped by Ctrl-C, and can go on.
    Interrupted,
}

/// The work on one image. A panic in it would be a mistake of ours; it costs that image and not the thousands after it.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("an internal error: please report it with the image".into()))
}

/// One line on stderr, in which bytes of other people are escaped: no terminal obeys them. A closed stderr is no reason to stop.
pub(crate) fn complain(message: impl Display) {
    let _ = writeln!(io::stderr(), "mtcnn-cpu: {}", printable(&message.to_string()));
}

/// The reader of the results, such as `head`, has seen enough.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<Usage>()
        || error.downcast_ref::<mtcnn_cpu::Error>().is_some_and(|error| error.kind() == mtcnn_cpu::ErrorKind::Option)
}

/// The exit status of a run, whose error is told on stderr.
pub(crate) fn exit_code(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Partly | Outcome::Worse) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if is_stopped(&error) => ExitCode::from(130),
        Err(error) => {
            complain(format_args!("{error:#}"));
            ExitCode::from(if is_usage(&error) { 2 } else { 1 })
        }
    }
}
