//! Pictures: views of pixels, and, with the feature `image`, files turned into upright pixels.

#[cfg(feature = "image")]
mod decode;
#[cfg(feature = "cli")]
pub(crate) mod draw;
pub(crate) mod view;
