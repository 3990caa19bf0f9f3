//! Faces cut out of an image by their boxes, with a margin, as other systems cut them, and brought to one size.

use std::ops::RangeInclusive;

use super::resample;
use crate::error::{Error, Result};
use crate::geometry::BBox;
use crate::image::view::{ImageView, Part, PixelFormat};

/// How a box becomes the part of an image that is cut out.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum CropRule {
    /// facenet-pytorch's `extract_face`: a margin of so many pixels of a result of `size` pixels, cut at the image's border;
    /// its default is 160 and 0.
    FacenetPytorch {
        /// The side of the result in pixels.
        size: usize,
        /// Of both sides together, in pixels of the result; less than `size`.
        margin: usize,
    },
    /// davidsandberg's `align_dataset_mtcnn`: so many pixels of the image, of both sides together, cut at its border. The
    /// known recipes are 44 for results of 182 pixels and 32 for 160.
    Facenet {
        /// In pixels of the image.
        margin: f64,
    },
    /// A square about the centre of the box, of its longer side.
    Square {
        /// By how much of itself the side grows.
        margin: f64,
    },
    /// The box.
    Box {
        /// By how much of themselves both sides grow.
        margin: f64,
    },
}

/// What becomes of a part that reaches beyond the image, by [`CropRule::Square`] and [`CropRule::Box`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outside {
    /// It is cut off.
    Clip,
    /// It has this colour: red, green, blue.
    Colour([u8; 3]),
}

/// A rectangle of whole pixels, which may reach beyond the image: `[x1, y1, x2, y2]`, the last two not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region(pub [i64; 4]);

impl Region {
    /// The part of an image of `[width, height]` pixels that a rule cuts out for a box. `None` if nothing of it lies in the
    /// image, or the box has no size.
    #[must_use]
    pub fn of(bbox: &BBox, rule: CropRule, [width, height]: [usize; 2]) -> Option<Self> {
        let sides = [width as f64, height as f64];
        let whole = match rule {
            CropRule::FacenetPytorch { size, margin } => {
                // In f32, as NumPy does it with the boxes that it has.
                let grown = |low: f32, high: f32, side: usize| {
                    let margin = margin as f32 * (high - low) / (size as f32 - margin as f32);
                    [(low - margin / 2.0).max(0.0) as i64, (high + margin / 2.0).min(side as f32) as i64]
                };
                let ([x1, x2], [y1, y2]) = (grown(bbox.x1, bbox.x2, width), grown(bbox.y1, bbox.y2, height));
                [x1, y1, x2, y2]
            }
            CropRule::Facenet { margin } => {
                let [x1, y1, x2, y2] = bbox.to_array().map(f64::from);
                let low = |at: f64| (at - margin / 2.0).max(0.0) as i64;
                let high = |at: f64, side: f64| (at + margin / 2.0).min(side) as i64;
                [low(x1), low(y1), high(x2, sides[0]), high(y2, sides[1])]
            }
            CropRule::Square { margin } => {
                let side = f64::from((bbox.x2 - bbox.x1).max(bbox.y2 - bbox.y1)) * (1.0 + margin);
                about(bbox, [side.round(); 2])
            }
            CropRule::Box { margin } => {
                let side = |low: f32, high: f32| (f64::from(high - low) * (1.0 + margin)).round();
                about(bbox, [side(bbox.x1, bbox.x2), side(bbox.y1, bbox.y2)])
            }
        };
        let Self([x1, y1, x2, y2]) = Self(whole).clipped([width, height]);
        (x1 < x2 && y1 < y2).then_some(Self(whole))
    }

    /// What of it lies in an image of `[width, height]` pixels.
    #[must_use]
    pub fn clipped(self, [width, height]: [usize; 2]) -> Self {
        let Self([x1, y1, x2, y2]) = self;
        let (width, height) = (width as i64, height as i64);
        Self([x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height)])
    }
}

/// Whole pixels of these sides about the centre of a box.
fn about(bbox: &BBox, sides: [f64; 2]) -> [i64; 4] {
    let centre = [f64::from(bbox.x1 + bbox.x2) / 2.0, f64::from(bbox.y1 + bbox.y2) / 2.0];
    let first = [0, 1].map(|axis| (centre[axis] - sides[axis] / 2.0).round() as i64);
    let end = |axis: usize| first[axis].saturating_add(sides[axis] as i64);
    [first[0], first[1], end(0), end(1)]
}

/// Sides of crops in pixels: what is larger is a mistake.
const SIDES: RangeInclusive<i64> = 1..=1 << 15;

/// A crop: RGB, row after row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crop {
    /// `width * height * 3` bytes.
    pub pixels: Vec<u8>,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
}

/// Cuts a region out of an image, and brings it to `[width, height]` pixels by Pillow's `BILINEAR`, or leaves its size.
///
/// # Errors
/// [`crate::ErrorKind::TooLarge`] if a side is 0 or above 32,768 pixels.
pub fn crop(view: &ImageView<'_>, region: Region, outside: Outside, size: Option<[usize; 2]>) -> Result<Crop> {
    let sides = [view.width(), view.height()];
    let (region, colour) = match outside {
        Outside::Clip => (region.clipped(sides), [0; 3]),
        Outside::Colour(colour) => (region, colour),
    };
    let Region([x1, y1, x2, y2]) = region;
    let asked = [x2.saturating_sub(x1), y2.saturating_sub(y1)];
    let result = size.map_or(asked, |size| size.map(|side| side as i64));
    if let Some([width, height]) = [asked, result].into_iter().find(|it| !it.iter().all(|side| SIDES.contains(side))) {
        return Err(Error::too_large(format!(
            "a crop of {width}x{height} pixels: sides are 1 to {} pixels",
            SIDES.end()
        )));
    }
    let [width, height] = asked.map(|side| side as usize);
    let Region([left, top, right, bottom]) = region.clipped(sides);
    let part =
        Part { x: left as usize, y: top as usize, width: (right - left) as usize, height: (bottom - top) as usize };
    let whole = view.part(part)?;
    let (pixel, channels) = (view.format().bytes_per_pixel(), view.format().rgb_offsets());
    let mut pixels: Vec<u8> = std::iter::repeat_n(colour, width * height).flatten().collect();
    for y in 0..part.height {
        let from = &whole.data()[y * whole.stride()..][..part.width * pixel];
        let to = ((top - y1) as usize + y) * width + (left - x1) as usize;
        for (to, from) in pixels[to * 3..].chunks_exact_mut(3).zip(from.chunks_exact(pixel)) {
            to.copy_from_slice(&channels.map(|channel| from[channel]));
        }
    }
    let cut = Crop { pixels, width, height };
    Ok(match size {
        Some([width, height]) if [width, height] != [cut.width, cut.height] => {
            let view = ImageView::new(&cut.pixels, cut.width, cut.height, PixelFormat::Rgb)?;
            Crop { pixels: resample::bilinear(&view, [width, height]), width, height }
        }
        _ => cut,
    })
}
