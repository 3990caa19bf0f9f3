//! An image, and the same halved again and again: what becomes much smaller is made of one of these, so that not every level of
//! the pyramid and every large crop reads the whole image. Pillow calls it a reducing gap.

use rayon::prelude::*;

use crate::arch::Stage;
use crate::image::ImageView;

/// How often an image is halved at most.
const MOST: usize = 8;
/// Bytes of a row that are made at a time: their means stay in the nearest cache.
const BLOCK: usize = 1536;
/// Rows that a thread makes at a time.
const ROWS: usize = 16;

/// The pixels of halved images; they are used again.
pub(super) type Pixels = [Vec<u8>; MOST];

/// An image, halved.
pub(super) struct Halves<'a> {
    /// The image itself, and as many of the rest as are in use.
    views: [ImageView<'a>; MOST + 1],
    count: usize,
    gap: f64,
}

/// One of them; the default is the image itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Half(usize);

impl Half {
    /// How many pixels of the image lie along one of this.
    pub(super) fn pixels(self) -> f64 {
        (1_usize << self.0) as f64
    }
}

impl<'a> Halves<'a> {
    /// The image alone.
    pub(super) fn none(view: &ImageView<'a>) -> Self {
        Self { views: [*view; MOST + 1], count: 0, gap: 1.0 }
    }

    /// As many halves as a level needs on which the whole image is what PNet looks at. Of the pixels that become one, `gap` must be
    /// left.
    pub(super) fn new(view: &ImageView<'a>, gap: f64, threads: usize, pixels: &'a mut Pixels) -> Self {
        let mut halves = Self { gap, count: MOST, ..Self::none(view) };
        let Half(count) = halves.of(view.width().min(view.height()) as f64 / Stage::PNet.side() as f64);
        halves.count = count;
        for (i, pixels) in pixels.iter_mut().take(count).enumerate() {
            halves.views[i + 1] = halve(&halves.views[i], threads, pixels);
        }
        halves
    }

    /// The image itself.
    pub(super) fn whole(&self) -> &ImageView<'a> {
        &self.views[0]
    }

    /// The image that is one of them.
    pub(super) fn view(&self, half: Half) -> &ImageView<'a> {
        &self.views[half.0]
    }

    /// Of which one to make something in which `pixels` of the image's become one.
    pub(super) fn of(&self, pixels: f64) -> Half {
        Half((1..=self.count).take_while(|&i| Half(i).pixels() * self.gap <= pixels).count())
    }
}

/// An image of half the size, rounded up. It lies in `pixels`.
fn halve<'a>(view: &ImageView<'_>, threads: usize, pixels: &'a mut Vec<u8>) -> ImageView<'a> {
    let (width, height, bytes) = (view.width().div_ceil(2), view.height().div_ceil(2), view.format().bytes_per_pixel());
    let row = width * bytes;
    pixels.clear();
    pixels.resize(row * height, 0);
    let make = |(y, to): (usize, &mut [u8])| {
        // The last row of an odd number stands alone, and so does the last column.
        let line = |y: usize| &view.data()[y.min(view.height() - 1) * view.stride()..][..view.width() * bytes];
        let lines = [line(2 * y), line(2 * y + 1)];
        match bytes {
            1 => halve_row::<1>(lines, to),
            2 => halve_row::<2>(lines, to),
            3 => halve_row::<3>(lines, to),
            _ => halve_row::<4>(lines, to),
        }
    };
    if threads > 1 {
        pixels.par_chunks_exact_mut(row).with_min_len(ROWS).enumerate().for_each(make);
    } else {
        pixels.chunks_exact_mut(row).enumerate().for_each(make);
    }
    ImageView::new(pixels, width, height, view.format()).expect("as many bytes as pixels need")
}

/// A row of means from two rows, of pixels of `BYTES`. They are rounded up down the columns and down along the row, so that an
/// image becomes neither lighter nor darker, and each step is one instruction for as many bytes as a vector has.
fn halve_row<const BYTES: usize>([upper, lower]: [&[u8]; 2], to: &mut [u8]) {
    let up = |a: u8, b: u8| ((u16::from(a) + u16::from(b) + 1) >> 1) as u8;
    let down = |a: u8, b: u8| !up(!a, !b);
    let (mut columns, mut means) = ([0; BLOCK], [0; BLOCK]);
    let sources = upper.chunks(BLOCK).zip(lower.chunks(BLOCK));
    for (to, (upper, lower)) in to.chunks_mut(BLOCK / 2).zip(sources) {
        let (columns, means) = (&mut columns[..upper.len()], &mut means[..upper.len()]);
        for (mean, (&a, &b)) in columns.iter_mut().zip(upper.iter().zip(lower)) {
            *mean = up(a, b);
        }
        // Each with its right neighbour, though every second only is of use.
        for (mean, (&a, &b)) in means.iter_mut().zip(columns.iter().zip(&columns[BYTES..])) {
            *mean = down(a, b);
        }
        let mut pixels = to.chunks_exact_mut(BYTES);
        for (pixel, mean) in pixels.by_ref().zip(means.chunks_exact(2 * BYTES)) {
            pixel.copy_from_slice(&mean[..BYTES]);
        }
        if columns.len() % (2 * BYTES) != 0 {
            let last = to.len() - BYTES;
            to[last..].copy_from_slice(&columns[columns.len() - BYTES..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PixelFormat;

    /// Of odd sides, too, in every format, from rows that lie apart.
    #[test]
    fn each_pixel_is_the_mean_of_four() {
        let formats = [PixelFormat::Rgb, PixelFormat::Bgra, PixelFormat::Gray, PixelFormat::GrayAlpha];
        let mut lighter = 0.0;
        for (i, format) in formats.into_iter().cycle().take(40).enumerate() {
            let bytes = format.bytes_per_pixel();
            let [width, height] = [1 + i * 137 % 1200, 1 + i * 7 % 50];
            let stride = width * bytes + 3;
            let data: Vec<u8> = (0..stride * height).map(|i| ((i * 2_654_435_761) >> 13) as u8).collect();
            let data = if i == 0 { vec![255; data.len()] } else { data };
            let view = ImageView::with_stride(&data, width, height, stride, format).unwrap();
            let mut pixels = vec![7; 99];
            let small = halve(&view, 1 + i % 2, &mut pixels);
            assert_eq!((small.width(), small.height()), (width.div_ceil(2), height.div_ceil(2)));
            let mut sum = 0.0;
            for y in 0..small.height() {
                for x in 0..small.width() {
                    for channel in 0..bytes {
                        let value = |y: usize, x: usize| {
                            f64::from(data[y.min(height - 1) * stride + x.min(width - 1) * bytes + channel])
                        };
                        let mean = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(v, u)| value(2 * y + v, 2 * x + u));
                        let made = f64::from(small.data()[(y * small.width() + x) * bytes + channel]);
                        let error = made - mean.iter().sum::<f64>() / 4.0;
                        assert!(error.abs() <= 0.5, "{format:?} {x} {y} {channel}: {made}, off by {error}");
                        sum += error;
                    }
                }
            }
            lighter += sum / small.data().len() as f64 / 40.0;
        }
        assert!(lighter.abs() < 0.02, "an image becomes lighter by {lighter}");
    }

    #[test]
    fn what_is_made_smaller_is_made_of_the_smallest_that_leaves_the_gap() {
        let data = vec![9; 200 * 97];
        let view = ImageView::new(&data, 200, 97, PixelFormat::Gray).unwrap();
        let mut pixels = Pixels::default();
        let halves = Halves::new(&view, 2.0, 1, &mut pixels);
        let sizes = |pixels: f64| {
            let view = halves.view(halves.of(pixels));
            (view.width(), view.height())
        };
        assert_eq!([1.0, 3.99, 4.0, 7.9].map(sizes), [(200, 97), (200, 97), (100, 49), (100, 49)]);
        assert_eq!([8.0, 1e9].map(sizes), [(50, 25); 2], "PNet looks at no level of which it would need less");
        assert_eq!(Halves::none(&view).of(1e9), Half::default());
        for (width, height) in [(0, 0), (1, 0), (1, 1), (24, 24), (47, 200)] {
            let view = ImageView::new(&data, width, height, PixelFormat::Gray).unwrap();
            assert_eq!(Halves::new(&view, 2.0, 1, &mut pixels).of(1e9), Half::default());
        }
    }
}
