//! Pictures: views of pixels, and, with the feature `image`, files turned into upright pixels.

pub(crate) mod crop;
#[cfg(feature = "image")]
mod decode;
#[cfg(feature = "cli")]
pub(crate) mod draw;
pub(crate) mod pyramid;
pub(crate) mod view;

pub(crate) use view::ImageView;
