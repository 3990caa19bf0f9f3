//! Weights from the files of other systems.
//!
//! A file is known by its first bytes ([`mod@file`]), its nets and layers by their shapes ([`assign`]). How its nets see images and
//! order their answers ([`convention`]) is known from the values, if they are those of the original MTCNN, or from what
//! only one system writes; otherwise the caller must say it. Nothing is guessed.

mod archive;
mod assign;
mod caffe;
mod convention;
mod dtype;
mod file;
mod imported;
mod joblib;
mod layers;
mod mxnet;
mod named;
mod net;
mod nets;
mod npy;
mod numpy;
mod onnx;
mod options;
mod pickle;
mod safetensors;
mod source;
mod torch;
mod tree;

pub use convention::{Colours, Flatten, LandmarkOrder, Orientation};
pub use imported::{Imported, import, import_bytes};
pub use options::ImportOptions;
pub use source::Source;
