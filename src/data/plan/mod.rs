//! Which crops to take of an image, before a pixel is touched: boxes, classes and exact targets.

mod crop;
mod landmarks;
mod mined;
mod random;

pub(super) use crop::{Crop, Planned, Turn};
pub(super) use landmarks::{Known, landmark_crops, mined_landmark_crops};
pub(super) use mined::mined_crops;
pub(super) use random::random_crops;
