//! What a caller may choose about decoding.

/// The most pixels by default: 1 GiB of RGB, more than any camera's sensor has, and no danger to a machine.
const MAX_PIXELS: u64 = (1 << 30) / 3;
/// The most memory by default.
const MAX_BYTES: u64 = 2 << 30;

/// Whether an image is turned as its file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Orientation {
    /// It is: up is up, as viewers show it.
    #[default]
    Upright,
    /// It is not: rows and columns as the file has them.
    AsStored,
}

/// Limits and choices for [`open_with`](super::open_with) and [`decode_with`](super::decode_with).
///
/// A small file can claim any size, so its claim is checked before memory is asked for.
///
/// ```
/// use mtcnn_cpu::ErrorKind;
/// use mtcnn_cpu::image::{DecodeOptions, open_with};
///
/// let options = DecodeOptions::new().max_pixels(100_000);
/// let error = open_with("testdata/astronaut.png", &options).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::TooLarge);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeOptions {
    /// The most pixels that an image may have.
    pub max_pixels: u64,
    /// The most bytes that decoding may take at its peak, and that a file may have.
    pub max_bytes: u64,
    /// Whether the image is turned upright.
    pub orientation: Orientation,
}

impl DecodeOptions {
    /// At most 357 megapixels and 2 GiB, and turned upright.
    #[must_use]
    pub fn new() -> Self {
        Self { max_pixels: MAX_PIXELS, max_bytes: MAX_BYTES, orientation: Orientation::Upright }
    }

    /// Refuses images of more pixels.
    #[must_use]
    pub fn max_pixels(self, max_pixels: u64) -> Self {
        Self { max_pixels, ..self }
    }

    /// Refuses images whose decoding takes more memory, and larger files.
    #[must_use]
    pub fn max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// Turns images upright, or leaves them as stored.
    #[must_use]
    pub fn orientation(self, orientation: Orientation) -> Self {
        Self { orientation, ..self }
    }
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self::new()
    }
}
