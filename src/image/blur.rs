//! Faces made unrecognisable: blurred, turned into a mosaic, or covered.
//!
//! Only [`BlurStyle::Solid`] leaves nothing of a face. A blur and a mosaic keep its coarse look: whoever knows how they were made
//! can compare them with pictures of a person made in the same way, and from the frames of a video more can be won back than
//! from one image.
//!
//! Pixels are rows of bytes with any number of channels, so that the planes of a video are changed as they are.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::geometry::BBox;

/// What becomes of the pixels of a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlurStyle {
    /// A Gaussian blur, nearly: three box filters. Its standard deviation is 0.15 of the shorter side of what is hidden. The pixels
    /// beside it play no part.
    Gaussian,
    /// Square cells of one colour, the mean of each, 8 on the shorter side of what is hidden, of 2 pixels or more.
    Mosaic,
    /// One colour, a byte a channel, which does not depend on the face; what a plane of fewer channels does not have is not used.
    Solid([u8; 4]),
}

/// The outline of what is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlurShape {
    /// The ellipse within the box.
    Ellipse,
    /// The box.
    Box,
}

/// How faces are hidden.
///
/// ```
/// use mtcnn_cpu::BBox;
/// use mtcnn_cpu::image::blur::{Blur, BlurStyle, PixelsMut};
///
/// let mut bytes = vec![200; 100 * 80 * 3];
/// let mut pixels = PixelsMut::new(&mut bytes, 100, 80, 3)?;
/// let blur = Blur { style: BlurStyle::Solid([0; 4]), ..Blur::default() };
/// blur.hide(&mut pixels, &BBox::new(30.0, 20.0, 70.0, 60.0));
/// assert_eq!(bytes[(40 * 100 + 50) * 3..][..3], [0; 3]);
/// # Ok::<(), mtcnn_cpu::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blur {
    /// What becomes of the pixels.
    pub style: BlurStyle,
    /// Which pixels.
    pub shape: BlurShape,
    /// By what the sides of a box are multiplied, about its centre: hair and ears lie beyond a face's box.
    pub grow: f64,
}

impl Default for Blur {
    /// A Gaussian blur of the ellipse in a box 1.3 times as large.
    fn default() -> Self {
        Self { style: BlurStyle::Gaussian, shape: BlurShape::Ellipse, grow: 1.3 }
    }
}

/// Pixels that are changed where they are: rows from the top without gaps, one byte a channel.
#[derive(Debug)]
pub struct PixelsMut<'a> {
    data: &'a mut [u8],
    width: usize,
    height: usize,
    channels: usize,
}

impl<'a> PixelsMut<'a> {
    /// # Errors
    /// [`crate::ErrorKind::Option`] if there are no channels or more than 4, or `data` is not `width * height * channels` bytes.
    pub fn new(data: &'a mut [u8], width: usize, height: usize, channels: usize) -> Result<Self> {
        let bytes = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(channels));
        if !(1..=4).contains(&channels) || bytes != Some(data.len()) {
            let reason = format!("{} bytes are no {width}x{height} pixels of {channels} channels", data.len());
            return Err(Error::option(reason));
        }
        Ok(Self { data, width, height, channels })
    }
}

impl Blur {
    /// Hides what a box shows of the image; what lies beyond the border is left out. Every pixel that the outline touches is
    /// hidden. A box that is not finite hides the whole image: rather too much than a face.
    pub fn hide(&self, pixels: &mut PixelsMut<'_>, bbox: &BBox) {
        let area = Area::new(self, bbox, [pixels.width, pixels.height]);
        if area.rows.is_empty() || area.columns.is_empty() {
            return;
        }
        match self.style {
            BlurStyle::Gaussian => gaussian(pixels, &area),
            BlurStyle::Mosaic => mosaic(pixels, &area),
            BlurStyle::Solid(colour) => {
                for y in area.rows.clone() {
                    pixels.row_mut(y, area.span(y)).for_each(|pixel| pixel.copy_from_slice(&colour[..pixel.len()]));
                }
            }
        }
    }
}

impl PixelsMut<'_> {
    fn pixel(&self, x: usize, y: usize) -> &[u8] {
        &self.data[(y * self.width + x) * self.channels..][..self.channels]
    }

    fn row_mut(&mut self, y: usize, columns: Range<usize>) -> impl Iterator<Item = &mut [u8]> {
        let start = (y * self.width + columns.start) * self.channels;
        self.data[start..][..columns.len() * self.channels].chunks_exact_mut(self.channels)
    }
}

/// What is hidden of an image.
struct Area {
    shape: BlurShape,
    centre: [f64; 2],
    /// Half the sides, before the image's border cuts them.
    half: [f64; 2],
    /// Those that lie in the image.
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Area {
    fn new(blur: &Blur, bbox: &BBox, [width, height]: [usize; 2]) -> Self {
        let [x1, y1, x2, y2] = bbox.to_array().map(f64::from);
        let centre = [(x1 + x2) / 2.0, (y1 + y2) / 2.0];
        let half = [x2 - x1, y2 - y1].map(|side| (side * blur.grow / 2.0).abs());
        if !centre.iter().chain(&half).all(|it| it.is_finite()) {
            let half = [width as f64 / 2.0, height as f64 / 2.0];
            return Self { shape: BlurShape::Box, centre: half, half, columns: 0..width, rows: 0..height };
        }
        let range = |axis: usize, side: usize| touched(centre[axis] - half[axis], centre[axis] + half[axis], side);
        Self { shape: blur.shape, centre, half, columns: range(0, width), rows: range(1, height) }
    }

    fn shorter_side(&self) -> f64 {
        2.0 * self.half[0].min(self.half[1])
    }

    /// The columns that are hidden of a row.
    fn span(&self, y: usize) -> Range<usize> {
        if self.shape == BlurShape::Box {
            return self.columns.clone();
        }
        // Where the ellipse is widest in this row of pixels.
        let nearest = self.centre[1].clamp(y as f64, y as f64 + 1.0);
        let part = (nearest - self.centre[1]) / self.half[1].max(f64::MIN_POSITIVE);
        let half = self.half[0] * (1.0 - part * part).max(0.0).sqrt();
        let span = touched(self.centre[0] - half, self.centre[0] + half, self.columns.end);
        span.start.max(self.columns.start)..span.end
    }
}

/// The pixels of `0..side` that an interval touches.
fn touched(from: f64, to: f64, side: usize) -> Range<usize> {
    // The cast saturates.
    (from.floor().max(0.0) as usize).min(side)..(to.ceil().max(0.0) as usize).min(side)
}

fn mosaic(pixels: &mut PixelsMut<'_>, area: &Area) {
    let side = (area.shorter_side() / 8.0).max(2.0);
    for rows in cells(area.centre[1] - area.half[1], side, &area.rows) {
        for columns in cells(area.centre[0] - area.half[0], side, &area.columns) {
            let mut sums = [0_u64; 4];
            for y in rows.clone() {
                for x in columns.clone() {
                    sums.iter_mut().zip(pixels.pixel(x, y)).for_each(|(sum, &value)| *sum += u64::from(value));
                }
            }
            let count = (rows.len() * columns.len()) as u64;
            let mean = sums.map(|sum| ((sum + count / 2) / count) as u8);
            for y in rows.clone() {
                let span = area.span(y);
                let span = span.start.max(columns.start)..span.end.min(columns.end);
                if !span.is_empty() {
                    pixels.row_mut(y, span).for_each(|pixel| pixel.copy_from_slice(&mean[..pixel.len()]));
                }
            }
        }
    }
}

/// Cells of `side` pixels, rounded, one of which begins at `corner`, as far as they lie in `all`.
fn cells(corner: f64, side: f64, all: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let (start, end) = (all.start, all.end);
    let before = (start as f64 - corner).rem_euclid(side);
    let border = move |index: usize| {
        let border = start as f64 - before + index as f64 * side;
        (border.floor().max(0.0) as usize).clamp(start, end)
    };
    let cells = (0..).map(move |index| border(index)..border(index + 1)).take_while(move |cell| cell.start < end);
    cells.filter(|cell| !cell.is_empty())
}

/// Three box filters along each axis come near a Gaussian whose variance is the sum of theirs, `(side² - 1) / 12` each.
fn gaussian(pixels: &mut PixelsMut<'_>, area: &Area) {
    let deviation = 0.15 * area.shorter_side();
    let side = (12.0 * deviation * deviation / 3.0 + 1.0).sqrt();
    let (width, height, channels) = (area.columns.len(), area.rows.len(), pixels.channels);
    // Beyond the border all pixels are alike: a longer filter changes little.
    let radius = (((side - 1.0) / 2.0).round() as usize).clamp(1, width.max(height));
    let mut from = Vec::with_capacity(width * height * channels);
    for y in area.rows.clone() {
        let start = (y * pixels.width + area.columns.start) * channels;
        from.extend_from_slice(&pixels.data[start..][..width * channels]);
    }
    let mut to = vec![0; from.len()];
    let mut sides = [width, height];
    // Each turns rows into columns: six have filtered both axes three times.
    for _ in 0..6 {
        filter_and_turn(&from, &mut to, sides, channels, radius);
        std::mem::swap(&mut from, &mut to);
        sides.swap(0, 1);
    }
    for y in area.rows.clone() {
        let span = area.span(y);
        let start = ((y - area.rows.start) * width + span.start - area.columns.start) * channels;
        let blurred = from[start..].chunks_exact(channels);
        pixels.row_mut(y, span).zip(blurred).for_each(|(pixel, blurred)| pixel.copy_from_slice(blurred));
    }
}

/// Means of `2 * radius + 1` pixels of a row, of which the first and the last go on beyond it. Rows become columns.
fn filter_and_turn(from: &[u8], to: &mut [u8], [width, height]: [usize; 2], channels: usize, radius: usize) {
    let count = (2 * radius + 1) as u32;
    for (y, row) in from.chunks_exact(width * channels).enumerate() {
        for channel in 0..channels {
            let at = |x: usize| u32::from(row[x.min(width - 1) * channels + channel]);
            let mut sum = at(0) * (radius as u32 + 1) + (1..=radius).map(at).sum::<u32>();
            for x in 0..width {
                to[(x * height + y) * channels + channel] = ((sum + count / 2) / count) as u8;
                sum += at(x + radius + 1);
                sum -= at(x.saturating_sub(radius));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLES: [BlurStyle; 3] = [BlurStyle::Gaussian, BlurStyle::Mosaic, BlurStyle::Solid([1, 2, 3, 4])];

    /// Pixels that look like noise.
    fn noise(width: usize, height: usize, channels: usize, seed: u32) -> Vec<u8> {
        let bytes = 0..(width * height * channels) as u32;
        bytes.map(|i| ((i ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    fn hidden(bytes: &[u8], [width, height, channels]: [usize; 3], blur: Blur, bbox: BBox) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        blur.hide(&mut PixelsMut::new(&mut bytes, width, height, channels).unwrap(), &bbox);
        bytes
    }

    #[test]
    fn what_the_outline_touches_changes_and_nothing_else() {
        let (width, height) = (60, 50);
        let before = noise(width, height, 3, 7);
        let bbox = BBox::new(20.5, 10.25, 40.5, 40.25);
        for (style, shape) in
            STYLES.iter().flat_map(|&it| [BlurShape::Box, BlurShape::Ellipse].map(|shape| (it, shape)))
        {
            let after = hidden(&before, [width, height, 3], Blur { style, shape, grow: 1.0 }, bbox);
            let (mut changed, mut inside_count) = (0, 0);
            for (index, (old, new)) in before.chunks(3).zip(after.chunks(3)).enumerate() {
                let (x, y) = ((index % width) as f64, (index / width) as f64);
                // The point of the pixel that is nearest to the centre.
                let (dx, dy) = (30.5_f64.clamp(x, x + 1.0) - 30.5, 25.25_f64.clamp(y, y + 1.0) - 25.25);
                let inside = match shape {
                    BlurShape::Box => dx.abs() < 10.0 && dy.abs() < 15.0,
                    BlurShape::Ellipse => (dx / 10.0).powi(2) + (dy / 15.0).powi(2) < 1.0,
                };
                inside_count += usize::from(inside);
                changed += usize::from(old != new);
                assert!(inside || old == new, "{style:?} {shape:?} at {x},{y}");
            }
            assert!(changed * 100 >= inside_count * 99, "{style:?} {shape:?}: {changed} of {inside_count}");
        }
    }

    /// What cannot be known from the result can't be found out.
    #[test]
    fn a_colour_does_not_depend_on_the_face_and_a_mosaic_only_on_the_means() {
        let shape = [64, 64, 1];
        let bbox = BBox::new(16.0, 16.0, 48.0, 48.0);
        let blur = |style| Blur { style, shape: BlurShape::Box, grow: 1.0 };
        let (mut one, mut other) = (noise(64, 64, 1, 1), noise(64, 64, 1, 1));
        for (y, x) in (16..48).flat_map(|y| (16..48).map(move |x| (y, x))) {
            other[y * 64 + x] = (x * y) as u8;
        }
        let solid = BlurStyle::Solid([9; 4]);
        assert_eq!(hidden(&one, shape, blur(solid), bbox), hidden(&other, shape, blur(solid), bbox));
        assert_ne!(
            hidden(&one, shape, blur(BlurStyle::Mosaic), bbox),
            hidden(&other, shape, blur(BlurStyle::Mosaic), bbox)
        );
        // Cells of 4x4 pixels: their rows turned round have the same means.
        other.copy_from_slice(&one);
        for y in 16..48 {
            one[y * 64 + 16..y * 64 + 48].chunks_exact_mut(4).for_each(<[u8]>::reverse);
        }
        assert_ne!(one, other);
        assert_eq!(
            hidden(&one, shape, blur(BlurStyle::Mosaic), bbox),
            hidden(&other, shape, blur(BlurStyle::Mosaic), bbox)
        );
        let mosaic = hidden(&one, shape, blur(BlurStyle::Mosaic), bbox);
        let mean = (0..16).map(|i| u32::from(one[(20 + i / 4) * 64 + 24 + i % 4])).sum::<u32>();
        assert_eq!(u32::from(mosaic[21 * 64 + 25]), (mean + 8) / 16);
    }

    /// One bright pixel becomes what a Gaussian is.
    #[test]
    fn the_blur_is_a_gaussian() {
        let (width, height) = (201, 201);
        let mut bytes = vec![0; width * height];
        // A row, so that the profile across it is that of one axis.
        bytes[100 * width..101 * width].fill(255);
        let blur = Blur { shape: BlurShape::Box, grow: 1.0, ..Blur::default() };
        let after = hidden(&bytes, [width, height, 1], blur, BBox::new(0.0, 0.0, 201.0, 201.0));
        let deviation = 0.15 * 201.0;
        let column: Vec<f64> = (0..height).map(|y| f64::from(after[y * width + 100])).collect();
        for (y, value) in column.iter().enumerate() {
            let distance = (y as f64 - 100.0) / deviation;
            let exact = 255.0 / (deviation * std::f64::consts::TAU.sqrt()) * (-distance * distance / 2.0).exp();
            assert!((value - exact).abs() < 1.3, "{y}: {value}, {exact}");
        }
    }

    #[test]
    fn no_box_does_harm_and_one_that_is_no_number_hides_everything() {
        for (width, height, channels) in [(1, 1, 1), (7, 5, 3), (40, 1, 4), (1, 40, 2), (0, 0, 3)] {
            let before = noise(width, height, channels, 3);
            for style in STYLES {
                for shape in [BlurShape::Box, BlurShape::Ellipse] {
                    let blur = Blur { style, shape, grow: 1.3 };
                    for edges in [
                        [0.0; 4],
                        [-50.0, -50.0, -40.0, -40.0],
                        [90.0, 90.0, 99.0, 99.0],
                        [-1e30, -1e30, 1e30, 1e30],
                        [5.0, 5.0, 1.0, 1.0],
                        [0.2, 0.2, 0.3, 0.3],
                        [f32::MIN, 0.0, f32::MAX, 2.0],
                    ] {
                        let [x1, y1, x2, y2] = edges;
                        hidden(&before, [width, height, channels], blur, BBox::new(x1, y1, x2, y2));
                    }
                    let odd = BBox::new(f32::NAN, 0.0, 1.0, f32::INFINITY);
                    let after = hidden(&before, [width, height, channels], blur, odd);
                    if let BlurStyle::Solid(colour) = style {
                        assert!(after.chunks(channels).all(|pixel| pixel == &colour[..channels]));
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_no_image_are_refused() {
        for (bytes, width, height, channels) in
            [(11, 2, 2, 3), (0, 1, 1, 0), (20, 2, 2, 5), (4, usize::MAX, 2, 2), (12, usize::MAX, usize::MAX, 3)]
        {
            assert!(PixelsMut::new(&mut vec![0; bytes], width, height, channels).is_err());
        }
    }
}
