//! A look at lists, images and data sets before hours are spent on them: how much there is, of what
//! sizes, and what is wrong with it.

mod histogram;
mod set;
mod shapes;
mod sources;

pub use histogram::{Bar, Histogram};
pub use set::{FolderCounts, SetReport, check_set};
pub use shapes::{BoxShape, unlike};
pub use sources::{Finding, SourceReport, TOO_SMALL, check_sources};
