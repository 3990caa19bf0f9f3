//! What the subcommands share.

pub(crate) mod chart;
pub(crate) mod drawing;
pub(crate) mod input;
pub(crate) mod save;
