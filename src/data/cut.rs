//! Cutting out a crop and resizing it to the side that a net looks at.

use mtcnn_kernels::resize::{Affine, Order, Region, Source, opencv};

use super::plan::{Crop, Turn};
use crate::image::ImageView;

/// Buffers that one crop after the other uses.
#[derive(Default)]
pub(super) struct Cutter {
    turned: Vec<u8>,
    resized: Vec<f32>,
    straight: Vec<u8>,
    scratch: opencv::Scratch,
}

impl Cutter {
    /// Appends the pixels of a crop, `[side][side][3]`, as OpenCV's INTER_LINEAR resizes them.
    ///
    /// # Panics
    /// If the crop is empty or not in the image.
    pub(super) fn cut(&mut self, view: &ImageView<'_>, crop: &Crop, side: usize, pixels: &mut Vec<u8>) {
        let Crop { x, y, width, height, .. } = *crop;
        let whole = view.source();
        assert!(x + width <= whole.width && y + height <= whole.height, "a crop in the image");
        let part = match &crop.turn {
            None => Source { data: &whole.data[y * whole.stride + x * whole.pixel..], width, height, ..whole },
            Some(turn) => {
                turn_crop(&whole, crop, turn, &mut self.turned);
                Source { data: &self.turned, width, height, stride: width * 3, pixel: 3, channels: [0, 1, 2] }
            }
        };
        self.resized.resize(side * side * 3, 0.0);
        let target = opencv::Target {
            height: side,
            width: side,
            rows: 0..side,
            affine: Affine::IDENTITY,
            order: Order::Interleaved,
        };
        opencv::linear(&part, Region::whole(&part), &target, &mut self.scratch, &mut self.resized);
        let bytes = self.resized.iter().map(|&value| value as u8);
        if crop.mirrored {
            self.straight.clear();
            self.straight.extend(bytes);
            let begin = pixels.len();
            pixels.resize(begin + self.straight.len(), 0);
            super::mirror::mirror_pixels(&self.straight, side, &mut pixels[begin..]);
        } else {
            pixels.extend(bytes);
        }
    }
}

/// The pixels of a crop of the turned image, between the four nearest of the image as it is; black
/// beyond it.
fn turn_crop(image: &Source<'_>, crop: &Crop, turn: &Turn, turned: &mut Vec<u8>) {
    let value = |x: f64, y: f64, channel: usize| {
        let inside = x >= 0.0 && y >= 0.0 && x < image.width as f64 && y < image.height as f64;
        let at = |x: usize, y: usize| y * image.stride + x * image.pixel + image.channels[channel];
        if inside { f64::from(image.data[at(x as usize, y as usize)]) } else { 0.0 }
    };
    turned.clear();
    for y in crop.y..crop.y + crop.height {
        for x in crop.x..crop.x + crop.width {
            let [x, y] = turn.back([x as f64, y as f64]);
            let (left, top) = (x.floor(), y.floor());
            let (right_part, lower_part) = (x - left, y - top);
            for channel in 0..3 {
                let line =
                    |y| value(left, y, channel) * (1.0 - right_part) + value(left + 1.0, y, channel) * right_part;
                let between = line(top) * (1.0 - lower_part) + line(top + 1.0) * lower_part;
                turned.push(between.round() as u8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PixelFormat;

    const CROP: Crop = Crop { x: 5, y: 7, width: 12, height: 12, turn: None, mirrored: false };

    /// Colours that say where a pixel is.
    fn image() -> Vec<u8> {
        (0..40).flat_map(|y| (0..50).flat_map(move |x| [x * 5, y * 6, 9])).collect()
    }

    fn cut(crop: &Crop, side: usize) -> Vec<u8> {
        let image = image();
        let view = ImageView::new(&image, 50, 40, PixelFormat::Rgb).unwrap();
        let mut pixels = vec![1, 2, 3];
        Cutter::default().cut(&view, crop, side, &mut pixels);
        pixels.split_off(3)
    }

    #[test]
    fn a_crop_of_the_right_size_is_the_pixels_themselves() {
        let pixels = cut(&CROP, 12);
        assert_eq!(pixels[..6], [25, 42, 9, 30, 42, 9]);
        assert_eq!(pixels[12 * 3 * 11..][..3], [25, 108, 9]);
        let mirrored = cut(&Crop { mirrored: true, ..CROP }, 12);
        assert_eq!(mirrored[11 * 3..12 * 3], pixels[..3]);
    }

    #[test]
    fn half_the_size_is_the_mean_of_four() {
        let crop = Crop { width: 24, height: 24, ..CROP };
        assert_eq!(cut(&crop, 12)[..6], [28, 45, 9, 38, 45, 9]);
    }

    #[test]
    fn a_turn_moves_the_image_about_the_centre() {
        let still = Crop { turn: Some(Turn::new(0.0, [10.5, 12.5])), ..CROP };
        assert_eq!(cut(&still, 12), cut(&CROP, 12));
        // A quarter: rows become columns.
        let quarter = Crop { turn: Some(Turn::new(90.0, [10.5, 12.5])), ..CROP };
        let (turned, upright) = (cut(&quarter, 12), cut(&CROP, 12));
        for (x, y) in [(0, 0), (3, 8), (11, 11)] {
            // What is at the right comes to the top.
            assert_eq!(turned[(y * 12 + x) * 3..][..3], upright[(x * 12 + 11 - y) * 3..][..3], "{x} {y}");
        }
    }

    #[test]
    fn beyond_the_image_is_black() {
        let crop = Crop { x: 0, y: 0, turn: Some(Turn::new(45.0, [0.0, 0.0])), ..CROP };
        assert_eq!(cut(&crop, 12)[11 * 12 * 3..][..3], [0, 0, 0]);
    }
}
