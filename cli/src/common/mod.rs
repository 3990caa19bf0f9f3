//! What the subcommands share.

pub(crate) mod chart;
pub(crate) mod choice;
pub(crate) mod copies;
pub(crate) mod detection_args;
pub(crate) mod detector;
pub(crate) mod encoding;
pub(crate) mod format;
pub(crate) mod hiding_args;
pub(crate) mod image_args;
pub(crate) mod input;
pub(crate) mod left_out;
pub(crate) mod metadata;
pub(crate) mod number;
pub(crate) mod outcome;
pub(crate) mod outlet;
pub(crate) mod progress;
pub(crate) mod reading_args;
pub(crate) mod run;
pub(crate) mod save;
pub(crate) mod screened;
pub(crate) mod shard;
pub(crate) mod skipped;
pub(crate) mod split_arg;
pub(crate) mod stop;
pub(crate) mod work_args;
