//! An image made smaller by a whole number, once, where only faces are looked for that are large enough for it: a photograph of
//! 12 megapixels is read fifteen times for the levels of its pyramid, and again for crops.

use rayon::prelude::*;

use crate::image::ImageView;

/// The most pixels of a side that become one: so many bytes add up to 16 bits.
pub(super) const MOST: usize = 16;
/// Pixels of the result that are made at a time: their sums stay in the nearest cache.
const BLOCK: usize = 64;
/// The most bytes of a pixel.
const BYTES: usize = 4;
/// Rows that a thread makes at a time.
const ROWS: usize = 16;

/// An image each of whose pixels is the mean of `by x by` of `view`, of fewer at the right and lower border. It lies in `pixels`.
pub(super) fn shrink<'a>(view: &ImageView<'_>, by: usize, threads: usize, pixels: &'a mut Vec<u8>) -> ImageView<'a> {
    let (width, height, bytes) =
        (view.width().div_ceil(by), view.height().div_ceil(by), view.format().bytes_per_pixel());
    let row = width * bytes;
    pixels.clear();
    pixels.resize(row * height, 0);
    let make = |(y, to): (usize, &mut [u8])| {
        let lines = (y * by..view.height().min((y + 1) * by)).map(|y| &view.data()[y * view.stride()..]);
        shrink_row(lines, view.width(), bytes, by, to);
    };
    if threads > 1 {
        pixels.par_chunks_exact_mut(row).with_min_len(ROWS).enumerate().for_each(make);
    } else {
        pixels.chunks_exact_mut(row).enumerate().for_each(make);
    }
    ImageView::new(pixels, width, height, view.format()).expect("as many bytes as pixels need")
}

/// A row of the result from the `lines` under it, which have `width` pixels.
fn shrink_row<'a>(
    lines: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    width: usize,
    bytes: usize,
    by: usize,
    to: &mut [u8],
) {
    let mut sums = [0_u16; BLOCK * MOST * BYTES];
    for (block, to) in to.chunks_mut(BLOCK * bytes).enumerate() {
        let first = block * BLOCK * by;
        let columns = (width - first).min(BLOCK * by);
        let sums = &mut sums[..columns * bytes];
        sums.fill(0);
        for line in lines.clone() {
            for (sum, &byte) in sums.iter_mut().zip(&line[first * bytes..]) {
                *sum += u16::from(byte);
            }
        }
        // What is known when this is compiled is made without loops.
        match (by, bytes) {
            (2, 3) => means::<2, 3>(sums, by, bytes, lines.len(), to),
            (3, 3) => means::<3, 3>(sums, by, bytes, lines.len(), to),
            (4, 3) => means::<4, 3>(sums, by, bytes, lines.len(), to),
            _ => means::<0, 0>(sums, by, bytes, lines.len(), to),
        }
    }
}

/// Pixels of the result from the sums of `rows` rows. `BY` and `BYTES` are `by` and `bytes`, or 0.
fn means<const BY: usize, const BYTES: usize>(sums: &[u16], by: usize, bytes: usize, rows: usize, to: &mut [u8]) {
    let (by, bytes) = if BY > 0 { (BY, BYTES) } else { (by, bytes) };
    let mean = |pixel: &mut [u8], sums: &[u16], columns: usize| {
        let part = 1.0 / (rows * columns) as f32;
        for (channel, byte) in pixel.iter_mut().enumerate() {
            let sum: u32 = (0..columns).map(|column| u32::from(sums[column * bytes + channel])).sum();
            *byte = (sum as f32 * part + 0.5) as u8;
        }
    };
    let whole = sums.chunks_exact(by * bytes);
    let rest = whole.remainder();
    let mut pixels = to.chunks_exact_mut(bytes);
    for (sums, pixel) in whole.zip(&mut pixels) {
        mean(pixel, sums, by);
    }
    if let Some(pixel) = pixels.next() {
        mean(pixel, rest, rest.len() / bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PixelFormat;

    #[test]
    fn each_pixel_is_the_mean_of_its_square() {
        let formats = [PixelFormat::Rgb, PixelFormat::Bgra, PixelFormat::Gray, PixelFormat::GrayAlpha];
        for (i, format) in formats.into_iter().cycle().take(40).enumerate() {
            let (by, bytes) = (2 + i % (MOST - 1), format.bytes_per_pixel());
            let [width, height] = [1 + i * 37 % 300, 1 + i * 7 % 50];
            let stride = width * bytes + 3;
            let data: Vec<u8> = (0..stride * height).map(|i| ((i * 2_654_435_761) >> 13) as u8).collect();
            let data = if i == 0 { vec![255; data.len()] } else { data };
            let view = ImageView::with_stride(&data, width, height, stride, format).unwrap();
            let mut pixels = vec![7; 99];
            let small = shrink(&view, by, 1 + i % 2, &mut pixels);
            assert_eq!((small.width(), small.height()), (width.div_ceil(by), height.div_ceil(by)));
            for y in 0..small.height() {
                for x in 0..small.width() {
                    for channel in 0..bytes {
                        let rows = y * by..height.min((y + 1) * by);
                        let columns = x * by..width.min((x + 1) * by);
                        let count = (rows.len() * columns.len()) as f64;
                        let value = |(y, x)| f64::from(data[y * stride + x * bytes + channel]);
                        let places = rows.flat_map(|y| columns.clone().map(move |x| (y, x)));
                        let mean = places.map(value).sum::<f64>() / count;
                        let made = f64::from(small.data()[(y * small.width() + x) * bytes + channel]);
                        assert!((made - mean).abs() < 0.5 + 1e-4, "{by} {x} {y} {channel}: {made} {mean}");
                    }
                }
            }
        }
    }
}
