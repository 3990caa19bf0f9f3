//! How good a detector is: what it finds in annotated pictures, compared with what is there.
//!
//! [`official_curve`] is the protocol of WIDER FACE, [`fddb_roc`] that of FDDB, [`landmark_errors`] compares landmarks;
//! [`look()`] gives them what a detector finds. [`evaluate`] is what each stage of the cascade finds, for the report
//! of a training and, by [`size_classes`], for that of the stages;
//! [`explain()`] is what happens to one face.

mod explain;
mod fddb;
mod found;
mod landmarks;
mod look;
mod matching;
mod official;
mod precision;
mod stages;
mod wider;

pub use explain::{Cell, End, Ending, Explanation, LevelView, Net, Track, explain, hint};
pub use fddb::{Ellipse, Fddb, FddbPicture, FddbResults, Roc, RocPoint, fddb_roc, read_sizes};
pub use found::{FoundBox, picture_of_results};
pub use landmarks::{LandmarkErrors, landmark_errors};
pub use look::{Look, look};
pub use official::{Results, Truth, TruthPicture, official_curve, result_path};
pub use precision::{Curve, Point};
pub use stages::{OVERLAPS, SizeClass, StagePass, size_classes};
pub use wider::{Evaluation, FaceResult, Passed, PictureResult, evaluate};
