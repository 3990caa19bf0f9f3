//! Images: views of pixels, faces cut out of them ([`align`]) or hidden ([`blur`]), and, with the feature `image`, files turned into upright pixels.

pub mod align;
pub mod blur;
pub mod crop;
#[cfg(feature = "image")]
mod decode;
#[cfg(feature = "draw")]
pub mod draw;
#[cfg(feature = "draw")]
pub mod panels;
mod resample;
pub(crate) mod view;

#[cfg(feature = "image")]
pub use ::image::RgbImage;
#[cfg(feature = "image")]
pub use decode::{
    DecodeOptions, Format, ImageInfo, Orientation, decode, decode_with, info, is_decoding, open, open_with, read,
};
pub(crate) use view::{ImageView, Part};
