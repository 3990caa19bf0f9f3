//! The program `mtcnn-cpu`: arguments as typed (`args`) -> validated options (`options`) -> one file a subcommand.

mod args;
mod bench;
mod common;
mod detect;
mod eval;
mod explain;
mod prepare;
mod train;
mod weights;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

/// The command line was wrong: the exit status is 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// How a run ended that was not stopped by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything was done.
    Done,
    /// Some pictures could not be read or drawn; the rest was done.
    Partly,
    /// Everything was done, and a speed is worse than it was, or there is none to compare with.
    Worse,
    /// It was stopped by Ctrl-C, and can go on.
    Interrupted,
}

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        // Help and the version are "errors" of clap too, with the exit code 0.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let result = match args.command {
        args::Command::Detect(args) => detect::options::Options::new(args).and_then(detect::run),
        args::Command::Bench(args) => bench::run(&args),
        args::Command::Eval(args) => eval::run(&args),
        args::Command::Explain(args) => explain::run(&args),
        args::Command::Prepare(args) => prepare::run(&args),
        args::Command::Train(args) => train::run(&args),
        args::Command::Weights(args) => weights::run(&args),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Partly | Outcome::Worse) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("{error:#}"));
            ExitCode::from(if is_usage(&error) { 2 } else { 1 })
        }
    }
}

/// One line on stderr. A closed stderr is no reason to stop.
fn complain(message: impl Display) {
    let _ = writeln!(io::stderr(), "mtcnn-cpu: {message}");
}

/// The reader of the results, such as `head`, has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<Usage>()
        || error.downcast_ref::<mtcnn_cpu::Error>().is_some_and(|error| error.kind() == mtcnn_cpu::ErrorKind::Option)
}
