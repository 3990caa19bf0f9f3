//! Arguments that say which images faces are looked for in, and how.

use std::path::PathBuf;

use crate::common::detection_args::Detection;
use crate::common::reading_args::Memory;
use crate::common::shard::Shard;

/// Which images, and how faces are looked for in them.
#[derive(Debug, clap::Args)]
pub(crate) struct Images {
    /// Images, folders of images, or - for an image on stdin.
    ///
    /// A folder is searched with its sub-folders, in the order of names, for files with an image's
    /// extension; hidden files are left out, and other files counted on stderr. A file that is named here is read whatever its extension.
    #[arg(required_unless_present = "files_from", value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,

    /// Read more inputs from a list: a path a line, or each ended by a NUL byte, as `find -print0` writes them; - for stdin.
    ///
    /// Results that go into a folder keep the sub-folders of relative paths.
    #[arg(long, value_name = "FILE", help_heading = "Images")]
    pub(crate) files_from: Option<PathBuf>,

    /// Do only one part of N, I from 0 to N-1, for many machines or jobs.
    ///
    /// Which part an image belongs to depends only on its path below the folder or list that names it, and on N. The
    /// results of all parts together are those of one run.
    #[arg(long, value_name = "I/N", help_heading = "Images")]
    pub(crate) shard: Option<Shard>,

    #[command(flatten)]
    pub(crate) memory: Memory,

    #[command(flatten)]
    pub(crate) detection: Detection,
}
