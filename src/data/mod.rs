//! Samples to train with: from images and their annotation to a set of crops on disk.
//!
//! The lists of WIDER FACE and CNN_FacePoint are read ([`wider`], [`face_point`]); for each image it
//! is decided which crops to take (`plan`), they are cut out and resized (`cut`), and appended to a
//! data set (`set`), which the trainer reads. [`prepare()`] does all of it;
//! [`doctor`] looks at lists, images and sets before hours are spent on them.
//!
//! Every image has a generator of random numbers of its own, made from the seed and the image's
//! place in the list, and samples are appended in the order of the list: the same seed gives the same
//! bytes on any number of threads.

mod class;
mod cut;
pub mod doctor;
pub mod face_point;
pub mod images;
pub(crate) mod lines;
mod mine;
pub mod mirror;
mod options;
mod overlap;
mod plan;
mod prepare;
mod progress;
pub mod ranges;
mod set;
mod sources;
mod split;
pub mod wider;

pub use class::Class;
pub use mine::{BoxesOf, Miner, Mining};
pub use options::{Caps, LandmarkCrops, MinedCrops, RandomCrops, SampleOptions};
pub use prepare::{Preparation, StageBoxes, Summary, prepare};
pub use progress::{Progress, Skipped};
pub use set::{ClassInfo, DataSet, Manifest, Run, Sample, SourceInfo};
pub use sources::Sources;
pub use split::Split;
