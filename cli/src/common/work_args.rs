//! Arguments that say what long work may take.

use crate::common::reading_args::Memory;

/// What the work may take.
#[derive(Debug, clap::Args)]
pub(crate) struct Work {
    /// How many threads to use; 0 for all that the machine has.
    #[arg(short, long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), help_heading = "Work")]
    pub(crate) threads: u16,

    #[command(flatten)]
    pub(crate) memory: Memory,
}
