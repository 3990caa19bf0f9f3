//! An image in another size, by Pillow's `BILINEAR`: a triangle as wide as the pixels that become one, across and then
//! down, in whole numbers with 22 bits below the point. The same bytes as Pillow's.

use crate::image::view::ImageView;

/// Bits below the point of a weight.
const BITS: u32 = 22;

/// For each pixel of the result the first pixel of the source that counts, and the weights from there on.
struct Axis(Vec<(usize, Vec<i32>)>);

impl Axis {
    /// From `source` to `target` pixels, as `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's `Resample.c` do.
    fn new(source: usize, target: usize) -> Self {
        let scale = source as f64 / target as f64;
        let support = scale.max(1.0);
        Self(
            (0..target)
                .map(|x| {
                    let centre = (x as f64 + 0.5) * scale;
                    let first = (centre - support + 0.5).max(0.0) as usize;
                    let last = ((centre + support + 0.5) as usize).min(source);
                    let triangle = |at: usize| (1.0 - ((at as f64 - centre + 0.5) / support).abs()).max(0.0);
                    let sum: f64 = (first..last).map(triangle).sum();
                    let weight = |at| (triangle(at) / sum * f64::from(1 << BITS) + 0.5) as i32;
                    (first, (first..last).map(weight).collect())
                })
                .collect(),
        )
    }
}

fn round(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// RGB, `[width, height]` pixels. An image without a pixel becomes black.
pub(super) fn bilinear(view: &ImageView<'_>, [width, height]: [usize; 2]) -> Vec<u8> {
    const HALF: i32 = 1 << (BITS - 1);
    if view.width() == 0 || view.height() == 0 {
        return vec![0; width * height * 3];
    }
    let (across, down) = (Axis::new(view.width(), width), Axis::new(view.height(), height));
    let (pixel, channels) = (view.format().bytes_per_pixel(), view.format().rgb_offsets());
    let mut narrow = Vec::with_capacity(width * view.height() * 3);
    for y in 0..view.height() {
        let row = &view.data()[y * view.stride()..][..view.width() * pixel];
        for (first, weights) in &across.0 {
            let pixels = row[first * pixel..].chunks_exact(pixel);
            let mut sums = [HALF; 3];
            for (pixel, &weight) in pixels.zip(weights) {
                for (sum, channel) in sums.iter_mut().zip(channels) {
                    *sum += i32::from(pixel[channel]) * weight;
                }
            }
            narrow.extend(sums.map(round));
        }
    }
    let mut output = Vec::with_capacity(width * height * 3);
    for (first, weights) in &down.0 {
        let rows = || narrow[first * width * 3..].chunks_exact(width * 3).zip(weights);
        output.extend((0..width * 3).map(|x| round(rows().fold(HALF, |sum, (row, w)| sum + i32::from(row[x]) * w))));
    }
    output
}
