//! How good a detector is: what it finds in annotated pictures, compared with what is there.

mod matching;
mod precision;
mod wider;

pub use precision::{Curve, Point};
pub use wider::{Evaluation, Passed, PictureResult, evaluate};
