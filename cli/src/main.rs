//! The program `mtcnn-cpu`, a folder a subcommand: its arguments as typed (`args`), where they need more than their own
//! checks made into usable options (`options`), and run.

mod args;
mod bench;
mod blur;
mod common;
mod crop;
mod detect;
mod eval;
mod explain;
mod prepare;
mod shell;
mod train;
mod video;
mod weights;

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use clap::Parser;
use mtcnn_cpu::image::is_decoding;
use mtcnn_cpu::quote::printable;

use crate::args::{Args, Command};
use crate::common::outcome::exit_code;
use crate::common::stop::outlive_full_files;

fn main() -> ExitCode {
    silence_decoders();
    outlive_full_files();
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Help and the version are "errors" of clap too, with the exit code 0.
        Err(error) => {
            print(&error);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    exit_code(match args.command {
        Command::Detect(args) => detect::run(args),
        Command::Crop(args) => crop::run(args),
        Command::Blur(args) => blur::run(&args),
        Command::Video(args) => video::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Prepare(args) => prepare::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Weights(args) => weights::run(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
    })
}

/// A panic in a decoder is an error of its image, and is told as that: nothing else is printed.
fn silence_decoders() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !is_decoding() {
            print(panic);
        }
    }));
}

/// As clap prints it, unless what was typed, perhaps by a shell from the names of files, has bytes that a terminal obeys.
fn print(error: &clap::Error) {
    let text = error.render().to_string();
    if error.use_stderr() && text.chars().any(|it| it.is_control() && it != '\n') {
        let lines: Vec<_> = text.lines().map(|line| printable(line).to_string()).collect();
        let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
    } else {
        let _ = error.print();
    }
}
