//! A data set on disk: a folder with a manifest, an index of images, and the samples in shards.
//!
//! ```text
//! manifest.json          what it is, how it was made, how much of each class
//! index.csv              a line an image: its folder, its name, its samples of each class
//! negatives-000.shard    samples of a class, in the order of the images
//! ```
//!
//! A shard is a row of blocks of 64 KiB. A block holds as many samples as fit, zeros, and in its last 4
//! bytes a CRC-32 of the class, the block's place in it, and its other bytes: so any sample can be checked
//! when it is first looked at, at a bounded price, however large the set. A sample is its pixels,
//! `[row][column][3]`, then its targets: 0, 4 or two for each point of a face, f32, little-endian.
//!
//! The set is made under another name and gets its own when it is complete.

mod block;
mod manifest;
mod read;
mod write;

pub(super) use manifest::Row;
pub use manifest::{ClassInfo, Manifest, SourceInfo};
pub use read::{DataSet, Run, Sample};
pub(super) use write::Writer;

#[cfg(test)]
mod tests;
