//! A contact sheet: many crops, small, on one image.

use ::image::imageops::{replace, thumbnail};
use ::image::{Rgb, RgbImage};

/// Crops beyond these are not drawn.
const MOST: usize = 1000;
/// Of a crop on the sheet, in pixels.
const SIDE: u32 = 96;
/// Between crops.
const GAP: u32 = 4;
/// Lets the edges of dark and of bright crops be seen.
const GROUND: Rgb<u8> = Rgb([96; 3]);

/// What is to be drawn.
#[derive(Default)]
pub(crate) struct Sheet(Vec<RgbImage>);

impl Sheet {
    pub(crate) fn add(&mut self, crop: &RgbImage) {
        if self.0.len() < MOST {
            let longer = crop.width().max(crop.height());
            let side = |side: u32| (side * SIDE / longer).max(1);
            self.0.push(thumbnail(crop, side(crop.width()), side(crop.height())));
        }
    }

    /// In rows, as wide as high in all; none if there are no crops.
    pub(crate) fn draw(&self) -> Option<RgbImage> {
        let count = self.0.len() as u32;
        let columns = count.isqrt() + u32::from(count.isqrt().pow(2) < count);
        let rows = count.checked_div(columns)? + u32::from(!count.is_multiple_of(columns));
        let pitch = SIDE + GAP;
        let mut sheet = RgbImage::from_pixel(columns * pitch + GAP, rows * pitch + GAP, GROUND);
        for (index, crop) in (0..).zip(&self.0) {
            let middle = |place: u32, side: u32| i64::from(GAP + place * pitch + (SIDE - side) / 2);
            let (x, y) = (middle(index % columns, crop.width()), middle(index / columns, crop.height()));
            replace(&mut sheet, crop, x, y);
        }
        Some(sheet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_room_for_all() {
        assert!(Sheet::default().draw().is_none());
        for (count, size) in [(1, (104, 104)), (2, (204, 104)), (5, (304, 204)), (1001, (3204, 3204))] {
            let mut sheet = Sheet::default();
            (0..count).for_each(|_| sheet.add(&RgbImage::new(20, 300)));
            assert_eq!(sheet.draw().unwrap().dimensions(), size, "{count}");
        }
    }
}
