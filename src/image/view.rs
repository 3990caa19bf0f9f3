//! A borrowed image: bytes with width, height, stride and pixel format, never copied.

use mtcnn_kernels::resize::Source;

use crate::error::{Error, Result};

/// How the bytes of a pixel are ordered; one byte a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum PixelFormat {
    /// Red, green, blue: 3 bytes.
    Rgb,
    /// Blue, green, red: 3 bytes, as OpenCV has it.
    Bgr,
    /// Red, green, blue, and a byte that is not looked at: 4 bytes.
    Rgba,
    /// Blue, green, red, and a byte that is not looked at: 4 bytes.
    Bgra,
    /// One byte of brightness.
    Gray,
    /// Brightness, and a byte that is not looked at: 2 bytes.
    GrayAlpha,
}

impl PixelFormat {
    /// Bytes from one pixel to the next.
    #[must_use]
    pub fn bytes_per_pixel(self) -> usize {
        match self {
            PixelFormat::Rgb | PixelFormat::Bgr => 3,
            PixelFormat::Rgba | PixelFormat::Bgra => 4,
            PixelFormat::Gray => 1,
            PixelFormat::GrayAlpha => 2,
        }
    }

    /// Where in a pixel its red, green and blue are.
    pub(crate) fn rgb_offsets(self) -> [usize; 3] {
        match self {
            PixelFormat::Rgb | PixelFormat::Rgba => [0, 1, 2],
            PixelFormat::Bgr | PixelFormat::Bgra => [2, 1, 0],
            PixelFormat::Gray | PixelFormat::GrayAlpha => [0, 0, 0],
        }
    }
}

/// A rectangle of an image, in whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Part {
    /// The first column.
    pub x: usize,
    /// The first row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// An image that somebody else owns: rows of pixels, top row first.
#[derive(Clone, Copy)]
pub struct ImageView<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
    format: PixelFormat,
}

impl<'a> ImageView<'a> {
    /// An image whose rows follow each other without a gap.
    ///
    /// # Errors
    /// [`crate::ErrorKind::View`] if `data` is shorter than the image. A width or height of 0 is an image
    /// without faces, not an error.
    pub fn new(data: &'a [u8], width: usize, height: usize, format: PixelFormat) -> Result<Self> {
        let stride = width
            .checked_mul(format.bytes_per_pixel())
            .ok_or_else(|| Error::view(format!("an image {width} pixels wide is too large")))?;
        Self::with_stride(data, width, height, stride, format)
    }

    /// An image whose rows begin `stride` bytes apart: padded rows, or a part of a larger image.
    ///
    /// # Errors
    /// [`crate::ErrorKind::View`] if `stride` is less than a row, or `data` is shorter than the image; the
    /// last row may lack the padding.
    pub fn with_stride(
        data: &'a [u8],
        width: usize,
        height: usize,
        stride: usize,
        format: PixelFormat,
    ) -> Result<Self> {
        let too_large =
            || Error::view(format!("an image of {width}x{height} pixels, {stride} bytes a row, is too large"));
        let row = width.checked_mul(format.bytes_per_pixel()).ok_or_else(too_large)?;
        if stride < row {
            return Err(Error::view(format!(
                "a stride of {stride} bytes is less than a row of {width} {format:?} pixels, {row} bytes"
            )));
        }
        if width > 0 && height > 0 {
            let need = (height - 1).checked_mul(stride).and_then(|n| n.checked_add(row)).ok_or_else(too_large)?;
            if data.len() < need {
                return Err(Error::view(format!(
                    "an image of {width}x{height} {format:?} pixels, {stride} bytes a row, needs {need} bytes: there are {}",
                    data.len()
                )));
            }
        }
        Ok(Self { data, width, height, stride, format })
    }

    /// A part of this image, as an image of its own.
    ///
    /// # Errors
    /// [`crate::ErrorKind::View`] if the part is not in the image.
    pub fn part(&self, part: Part) -> Result<ImageView<'a>> {
        let Part { x, y, width, height } = part;
        let inside = |from: usize, length: usize, whole: usize| from <= whole && length <= whole - from;
        if !inside(x, width, self.width) || !inside(y, height, self.height) {
            return Err(Error::view(format!(
                "a part of {width}x{height} pixels from column {x}, row {y} on is not in an image of {}x{}",
                self.width, self.height
            )));
        }
        // An empty part may begin behind the last byte, wherever that is.
        let data = match width > 0 && height > 0 {
            true => &self.data[y * self.stride + x * self.format.bytes_per_pixel()..],
            false => &[],
        };
        Ok(Self { data, width, height, ..*self })
    }

    /// Pixels in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Bytes from one row to the next.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The order of bytes in a pixel.
    #[must_use]
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// The bytes, first pixel first.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The same image as the kernels see it.
    pub(crate) fn source(&self) -> Source<'a> {
        Source {
            data: self.data,
            width: self.width,
            height: self.height,
            stride: self.stride,
            pixel: self.format.bytes_per_pixel(),
            channels: self.format.rgb_offsets(),
        }
    }
}

impl std::fmt::Debug for ImageView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ImageView({}x{} {:?}, stride {})", self.width, self.height, self.format, self.stride)
    }
}

#[cfg(feature = "image")]
mod buffers {
    use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};

    use super::{ImageView, PixelFormat};
    use crate::error::Error;

    macro_rules! view_of {
        ($($buffer:ident: $format:ident),*) => {$(
            impl<'a> From<&'a $buffer> for ImageView<'a> {
                fn from(image: &'a $buffer) -> Self {
                    let (width, height, format) = (image.width() as usize, image.height() as usize, PixelFormat::$format);
                    Self { data: image.as_raw(), width, height, stride: width * format.bytes_per_pixel(), format }
                }
            }
        )*};
    }

    view_of!(RgbImage: Rgb, RgbaImage: Rgba, GrayImage: Gray, GrayAlphaImage: GrayAlpha);

    /// For images of 8 bits a channel; a view converts nothing.
    impl<'a> TryFrom<&'a DynamicImage> for ImageView<'a> {
        type Error = Error;

        fn try_from(image: &'a DynamicImage) -> Result<Self, Error> {
            match image {
                DynamicImage::ImageLuma8(image) => Ok(image.into()),
                DynamicImage::ImageLumaA8(image) => Ok(image.into()),
                DynamicImage::ImageRgb8(image) => Ok(image.into()),
                DynamicImage::ImageRgba8(image) => Ok(image.into()),
                other => {
                    Err(Error::view(format!("an image of {:?} pixels: `to_rgb8` makes one of 8 bits", other.color())))
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn images_of_8_bits_are_viewed_and_others_refused() {
            let views = [
                DynamicImage::new_luma8(3, 2),
                DynamicImage::new_luma_a8(3, 2),
                DynamicImage::new_rgb8(3, 2),
                DynamicImage::new_rgba8(3, 2),
            ];
            for (image, bytes) in views.iter().zip([1, 2, 3, 4]) {
                let view = ImageView::try_from(image).unwrap();
                assert_eq!((view.width(), view.height(), view.stride()), (3, 2, 3 * bytes));
            }
            let error = ImageView::try_from(&DynamicImage::new_rgb16(3, 2)).unwrap_err();
            assert!(error.to_string().contains("to_rgb8"), "{error}");
        }
    }
}
