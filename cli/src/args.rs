//! The command line as it is typed; its comments are the help.

use std::sync::LazyLock;

use clap::{Parser, Subcommand};
use mtcnn_cpu::{Isa, isa};

use crate::bench::args::Bench;
use crate::blur::args::Blur;
use crate::crop::args::Crop;
use crate::detect::args::Detect;
use crate::eval::args::Eval;
use crate::explain::args::Explain;
use crate::prepare::args::Prepare;
use crate::shell::args::{Completions, Man};
use crate::train::args::Train;
use crate::video::args::Video;
use crate::weights::args::Weights;

/// Finds faces in images: boxes, scores and landmarks (MTCNN, on the CPU).
#[derive(Debug, Parser)]
#[command(name = "mtcnn-cpu", version, long_version = LONG_VERSION.as_str(), arg_required_else_help = true)]
#[command(
    after_help = "`mtcnn-cpu detect --help`, `bench --help` and the like show the options, the formats and examples."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Detect(Detect),
    Crop(Crop),
    Blur(Blur),
    Video(Video),
    Bench(Bench),
    Eval(Eval),
    Explain(Explain),
    Prepare(Prepare),
    Train(Train),
    Weights(Weights),
    Completions(Completions),
    Man(Man),
}

/// With the instruction set, which decides the speed.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let available: Vec<_> = Isa::available().iter().map(Isa::to_string).collect();
    let chosen = isa::from_env().map_or_else(|error| error.to_string(), |isa| isa.to_string());
    format!("{}\ninstruction set: {chosen} (this machine has {})", env!("CARGO_PKG_VERSION"), available.join(", "))
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
