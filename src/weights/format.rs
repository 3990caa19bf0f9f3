//! What makes a file a model file, and the one that comes with the library.

/// The weights that come with the library: the original MTCNN's.
pub(super) static EMBEDDED: &[u8] = include_bytes!("default/mtcnn.safetensors");

/// The value of `format` in the description of a model file, and the version of the layout.
pub(super) const FORMAT: (&str, &str) = ("mtcnn-cpu", "1");

/// No model is larger: all parameters as f32, with room for a long description.
pub(super) const MOST_BYTES: u64 = 16 << 20;
