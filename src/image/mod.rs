//! Pictures: views of pixels, and, with the feature `image`, files turned into upright pixels.

#[cfg(feature = "image")]
mod decode;
#[cfg(feature = "cli")]
pub(crate) mod draw;
#[cfg(feature = "cli")]
pub(crate) mod panels;
pub(crate) mod view;

#[cfg(feature = "image")]
pub use ::image::RgbImage;
#[cfg(feature = "train")]
pub(crate) use decode::{Orientation, decode_as, read};
#[cfg(feature = "image")]
pub use decode::{decode, open};
pub(crate) use view::{ImageView, Part};
