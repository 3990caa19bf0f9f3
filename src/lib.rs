//! MTCNN face detection on the CPU, in pure Rust, with the weights inside.
//!
//! Three small nets in a cascade find faces of every size, each with a box, a score and five
//! landmarks. A [`Detector`] is built once and used from any thread:
//!
//! ```
//! use mtcnn_cpu::{Detector, ImageView, PixelFormat};
//!
//! # fn main() -> Result<(), mtcnn_cpu::Error> {
//! let (width, height) = (64, 48);
//! let pixels = vec![127_u8; width * height * 3]; // a camera frame, a decoded file, …
//! let detector = Detector::new();
//! let faces = detector.detect(ImageView::new(&pixels, width, height, PixelFormat::Rgb)?)?;
//! assert!(faces.is_empty()); // nobody in a grey frame
//! # Ok(())
//! # }
//! ```
//!
//! # Debug builds
//!
//! Kernels that the compiler does not optimize are a hundred times slower. A program that depends on this library and is built
//! without optimization should have this in its `Cargo.toml`:
//!
//! ```toml
//! [profile.dev.package."*"]
//! opt-level = 3
//! ```
//!
//! # Cargo features
//!
//! None is on by default: detection in raw pixels needs few dependencies.
//!
//! * `serde`: `Serialize` and `Deserialize` of faces, boxes, points and options, `Serialize` of timings.
//! * `image`: `image::open` and `image::decode`, images from files and bytes, turned upright.
//! * `draw`: `image::draw`, faces drawn on images.
//! * `convert`: `weights`, from and to the files of other systems; `calibrate`, what screening must know of a model.
//! * `train`: `data`, `train` and `eval`: sets of samples, training, precision and recall.
//!
//! The program `mtcnn-cpu` is a crate of its own, `mtcnn-cpu-cli`.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod arch;
mod choice;
#[cfg(feature = "train")]
pub mod data;
mod detect;
mod error;
#[cfg(feature = "train")]
pub mod eval;
mod face;
#[cfg(feature = "train")]
mod files;
mod follow;
mod geometry;
pub mod image;
pub mod isa;
mod nets;
#[cfg(feature = "train")]
pub mod ordered;
mod points;
mod profile;
pub mod quote;
#[cfg(feature = "train")]
mod random;
pub mod range;
pub mod track;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "convert")]
pub mod weights;
#[cfg(not(feature = "convert"))]
mod weights;

pub use arch::Stage;
#[cfg(feature = "convert")]
pub use detect::calibrate;
pub use detect::{Detector, DetectorBuilder, Level, Rotation, Screening, StageTimes, Timing};
pub use error::{Error, ErrorKind};
pub use face::{Face, Landmarks};
pub use follow::Follower;
pub use geometry::{BBox, PixelBox, Point};
pub use image::view::{ImageView, Part, PixelFormat};
pub use mtcnn_kernels::Isa;
#[cfg(feature = "convert")]
pub use nets::exported_answers;
pub use nets::low::Unscreened;
pub use points::{PointNames, Points};
pub use profile::{Profile, Thresholds};

/// The README's snippet compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
