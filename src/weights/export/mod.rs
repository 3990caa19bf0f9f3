//! The nets in the files of other systems, for those who train here and detect elsewhere.
//!
//! Every file has the three nets in our convention: upright images in RGB, `[image][3][row][column]`, each byte b as
//! (b - 127.5) / 128; landmarks x1 y1 … x5 y5. It carries the description of the model file.

mod caffe;
mod file;
mod heads;
mod npz;
mod onnx;
mod target;

pub use file::ExportedFile;
pub(crate) use heads::{INPUT, output};
pub(crate) use npz::archive;
pub use target::{Target, export};
