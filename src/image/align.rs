//! Faces turned upright and brought to one size by their five points, as recognition needs them.
//!
//! A [`Template`] says where the points of a face are to be; a [`Similarity`], which turns, scales and moves, is fitted to
//! them by least squares, and [`warp`] samples the image. On the same points this is insightface's `norm_crop`: the same
//! transform to rounding, the pixels of OpenCV's `warpAffine` within 2 levels.
//!
//! Templates and transforms are in numbers of pixels, as OpenCV counts: the *centre* of the first pixel is at (0, 0). The
//! points that a detector gives are used as they are, as all programs that align for recognition do.

use wide::{i16x8, i32x4, u8x16};

use crate::error::{Error, Result};
use crate::face::Landmarks;
use crate::geometry::Point;
use crate::image::view::{ImageView, PixelFormat};

/// Where insightface's ArcFace has the five points in 112x112 pixels.
const ARCFACE: [[f64; 2]; 5] =
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]];

/// Where facexlib, and with it GFPGAN and CodeFormer, has those of FFHQ in 512x512 pixels.
const FFHQ: [[f64; 2]; 5] = [
    [192.98138, 239.94708],
    [318.90277, 240.1936],
    [256.63416, 314.01935],
    [201.26117, 371.41043],
    [313.08905, 371.15118],
];

/// Where the five points are to be in the result, and its size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Template {
    points: [[f64; 2]; 5],
    width: usize,
    height: usize,
}

impl Template {
    /// ArcFace's, `size` pixels wide and high: a multiple of 112, or of 128, where the face has more room at its sides, as
    /// insightface has it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Option`] for other sizes, and 0.
    pub fn arcface(size: usize) -> Result<Self> {
        let (whole, shift) = match size {
            0 => return Err(Error::option("an aligned face of 0 pixels")),
            _ if size.is_multiple_of(112) => (112.0, 0.0),
            _ if size.is_multiple_of(128) => (128.0, 8.0),
            _ => {
                let reason = format!("arcface has no template of {size} pixels: a multiple of 112 or of 128 is needed");
                return Err(Error::option(reason));
            }
        };
        let ratio = size as f64 / whole;
        Ok(Self { points: ARCFACE.map(|[x, y]| [(x + shift) * ratio, y * ratio]), width: size, height: size })
    }

    /// SphereFace's and CosFace's, 96 pixels wide and 112 high.
    #[must_use]
    pub fn sphereface() -> Self {
        Self { points: ARCFACE.map(|[x, y]| [x - 8.0, y]), width: 96, height: 112 }
    }

    /// That of FFHQ as facexlib has it: 512x512 or 1024x1024, or another size in proportion.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Option`] if the size is 0.
    pub fn ffhq(size: usize) -> Result<Self> {
        let points = FFHQ.map(|point| point.map(|x| x * size as f64 / 512.0));
        Self::new(&points, size, size)
    }

    /// One of one's own, in the order of [`Landmarks::NAMES`].
    ///
    /// # Errors
    /// [`crate::ErrorKind::Option`] if there are not five points, they are all one, or not finite, or the size is 0.
    pub fn new(points: &[[f64; 2]], width: usize, height: usize) -> Result<Self> {
        let &[a, b, c, d, e] = points else {
            return Err(Error::option(format!("a template has five points, not {}", points.len())));
        };
        let points = [a, b, c, d, e];
        if width == 0 || height == 0 {
            return Err(Error::option(format!("an aligned face of {width}x{height} pixels")));
        }
        match Similarity::fit(&points, &points) {
            Some(_) => Ok(Self { points, width, height }),
            None => Err(Error::option("the points of a template are all one, or not finite")),
        }
    }

    /// The width of the result in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Its height.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The transform from an image to the result, or `None` if the points are all one or not finite.
    #[must_use]
    pub fn fit(&self, landmarks: &Landmarks) -> Option<Similarity> {
        let points = landmarks.to_array().map(|Point { x, y }| [x.into(), y.into()]);
        Similarity::fit(&points, &self.points)
    }
}

/// A turn, a scaling and a movement: `(a·x - b·y + x0, b·x + a·y + y0)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    a: f64,
    b: f64,
    offset: [f64; 2],
}

impl Similarity {
    /// That which brings one list of points nearest to the other, by the sum of the squared distances. It is the transform
    /// of Umeyama's method without mirroring, which in two dimensions has a closed form.
    ///
    /// `None` if the points `from` are all one, `to` leaves no size, a number is not finite, or there are none.
    ///
    /// # Panics
    /// If the lists are not of one length.
    #[must_use]
    pub fn fit(from: &[[f64; 2]], to: &[[f64; 2]]) -> Option<Self> {
        assert_eq!(from.len(), to.len(), "as many points as there are to be brought there");
        let mean =
            |points: &[[f64; 2]], axis: usize| points.iter().map(|it| it[axis]).sum::<f64>() / points.len() as f64;
        let [[mx, my], [nx, ny]] = [from, to].map(|points| [mean(points, 0), mean(points, 1)]);
        let (mut along, mut across, mut size) = (0.0, 0.0, 0.0);
        for (&[x, y], &[u, v]) in from.iter().zip(to) {
            let ([x, y], [u, v]) = ([x - mx, y - my], [u - nx, v - ny]);
            along += x * u + y * v;
            across += x * v - y * u;
            size += x * x + y * y;
        }
        let (a, b) = (along / size, across / size);
        let fitted = Self { a, b, offset: [nx - (a * mx - b * my), ny - (b * mx + a * my)] };
        fitted.inverse().is_some().then_some(fitted)
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let Self { a, b, offset: [x0, y0] } = *self;
        [a * x - b * y + x0, b * x + a * y + y0]
    }

    /// The way back, or `None` if there is none.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        let Self { a, b, offset: [x0, y0] } = *self;
        let size = a * a + b * b;
        let (a, b) = (a / size, -b / size);
        let inverse = Self { a, b, offset: [-(a * x0 - b * y0), -(b * x0 + a * y0)] };
        let is_one = (1e-12..1e12).contains(&size)
            && [a, b, inverse.offset[0], inverse.offset[1]].iter().all(|it| it.is_finite());
        is_one.then_some(inverse)
    }

    /// The two rows of the matrix, as OpenCV has it.
    #[must_use]
    pub fn to_matrix(&self) -> [[f64; 3]; 2] {
        let Self { a, b, offset: [x0, y0] } = *self;
        [[a, -b, x0], [b, a, y0]]
    }
}

/// What lies beyond an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Border {
    /// One colour: red, green, blue.
    Colour([u8; 3]),
    /// The pixel nearest to it.
    Nearest,
}

impl Default for Border {
    fn default() -> Self {
        Self::Colour([0; 3])
    }
}

/// Cuts a face out of an image by its points, into `width * height * 3` bytes of RGB, and gives the transform. `None`, and
/// nothing is written, if the points are all one.
///
/// # Panics
/// If `output` has another length.
pub fn align(
    view: &ImageView<'_>,
    landmarks: &Landmarks,
    template: &Template,
    border: Border,
    output: &mut [u8],
) -> Option<Similarity> {
    let transform = template.fit(landmarks)?;
    warp(view, &transform, [template.width, template.height], border, output);
    Some(transform)
}

/// Positions are known to this many bits of a pixel; OpenCV has 5.
const BITS: u32 = 6;
const ONE: i32 = 1 << BITS;
/// Half of the sum of four weights, so that sums are rounded.
const HALF: i32 = 1 << (2 * BITS - 1);

/// An image seen through a transform: `[width, height]` pixels of RGB, each from the four about its place (bilinear).
///
/// # Panics
/// If `output` has not `width * height * 3` bytes.
pub fn warp(
    view: &ImageView<'_>,
    transform: &Similarity,
    [width, height]: [usize; 2],
    border: Border,
    output: &mut [u8],
) {
    assert_eq!(output.len(), width * height * 3, "an output of {width}x{height} pixels");
    let inverse = transform.inverse().expect("what is fitted has a way back");
    if width == 0 || height == 0 {
        return;
    }
    let rows = output.chunks_exact_mut(width * 3).enumerate();
    // Known when it is compiled, the order of bytes costs nothing.
    match view.format() {
        PixelFormat::Rgb => rows.for_each(|(y, row)| warp_row::<3, 0, 1, 2>(view, &inverse, y, border, row)),
        PixelFormat::Bgr => rows.for_each(|(y, row)| warp_row::<3, 2, 1, 0>(view, &inverse, y, border, row)),
        PixelFormat::Rgba => rows.for_each(|(y, row)| warp_row::<4, 0, 1, 2>(view, &inverse, y, border, row)),
        PixelFormat::Bgra => rows.for_each(|(y, row)| warp_row::<4, 2, 1, 0>(view, &inverse, y, border, row)),
        PixelFormat::Gray => rows.for_each(|(y, row)| warp_row::<1, 0, 0, 0>(view, &inverse, y, border, row)),
        PixelFormat::GrayAlpha => rows.for_each(|(y, row)| warp_row::<2, 0, 0, 0>(view, &inverse, y, border, row)),
    }
}

/// The place of a pixel of the result in the image: fixed point with 32 bits below the point.
#[derive(Clone, Copy)]
struct Place {
    x: i64,
    y: i64,
}

impl Place {
    fn column(self) -> i64 {
        self.x >> 32
    }

    fn line(self) -> i64 {
        self.y >> 32
    }

    /// Of the four pixels from there on: two in its line, and two in the next.
    fn weights(self) -> [i32; 4] {
        let [fx, fy] = [self.x, self.y].map(|at| (at >> (32 - BITS)) as i32 & (ONE - 1));
        let both = fx * fy;
        [ONE * ONE + both - ONE * (fx + fy), ONE * fx - both, ONE * fy - both, both]
    }
}

/// A row of the result from pixels of so many bytes, in which red, green and blue have these places.
fn warp_row<const PIXEL: usize, const RED: usize, const GREEN: usize, const BLUE: usize>(
    view: &ImageView<'_>,
    inverse: &Similarity,
    y: usize,
    border: Border,
    row: &mut [u8],
) {
    let (data, stride) = (view.data(), view.stride());
    // What is further away than 10^9 pixels is beyond the image in any case.
    let fixed = |x: f64| (x.clamp(-1e9, 1e9) * (1u64 << 32) as f64).round() as i64;
    // Half of the last bit that is kept, so that positions are rounded.
    let [x0, y0] = inverse.apply([0.0, y as f64]).map(|at| fixed(at).wrapping_add(1 << (31 - BITS)));
    let [dx, dy] = [fixed(inverse.a), fixed(inverse.b)];
    let place = |i: usize| {
        let along = |from: i64, step: i64| from.saturating_add(step.saturating_mul(i as i64));
        Place { x: along(x0, dx), y: along(y0, dy) }
    };
    // Where all four pixels are in the image, and 16 bytes from each can be read. A line crosses that rectangle once.
    let columns = (view.width() * PIXEL).checked_sub(16 + PIXEL).map_or(0, |last| last as i64 / PIXEL as i64 + 1);
    let columns = columns.min(view.width() as i64 - 1);
    let lines = view.height() as i64 - 1;
    let inside = |&i: &usize| (0..columns).contains(&place(i).column()) && (0..lines).contains(&place(i).line());
    let (row, _) = row.as_chunks_mut::<3>();
    let count = row.len();
    let first = (0..count).find(inside).unwrap_or(count);
    let last = (first..count).rev().find(inside).map_or(first, |last| last + 1);

    for (i, output) in row.iter_mut().enumerate() {
        if (first..last).contains(&i) {
            continue;
        }
        let place = place(i);
        let corner = |dx: i64, dy: i64| beyond(view, place.column() + dx, place.line() + dy, border);
        let four = [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)];
        let sum = |channel: usize| {
            let products = four.iter().zip(place.weights()).map(|(pixel, weight)| i32::from(pixel[channel]) * weight);
            products.sum::<i32>()
        };
        *output = [0, 1, 2].map(|channel| ((sum(channel) + HALF) >> (2 * BITS)) as u8);
    }

    let mut place = place(first);
    for output in &mut row[first..last] {
        let at = place.line() as usize * stride + place.column() as usize * PIXEL;
        // Of each channel the values of two neighbours.
        let pairs = |at: usize| {
            let line = &data[at..at + PIXEL + 16];
            let [one, next] = [0, PIXEL].map(|at| u8x16::new(*line[at..].first_chunk().expect("16 bytes")));
            i16x8::from_u8x16_low(u8x16::unpack_low(one, next))
        };
        let [a, b, c, d] = place.weights();
        let weights = |one: i32, next: i32| bytemuck::cast::<i32x4, i16x8>(i32x4::splat(one | next << 16));
        let sum = pairs(at).dot(weights(a, b)) + pairs(at + stride).dot(weights(c, d)) + i32x4::splat(HALF);
        let values = (sum >> (2 * BITS as i32)).to_array();
        *output = [RED, GREEN, BLUE].map(|channel| values[channel] as u8);
        place = Place { x: place.x.wrapping_add(dx), y: place.y.wrapping_add(dy) };
    }
}

/// A pixel in the image or beyond.
fn beyond(view: &ImageView<'_>, column: i64, line: i64, border: Border) -> [u8; 3] {
    let (width, height) = (view.width() as i64, view.height() as i64);
    let inside = (0..width).contains(&column) && (0..height).contains(&line);
    match border {
        Border::Colour(colour) if !inside => return colour,
        _ if width == 0 || height == 0 => return [0; 3],
        _ => {}
    }
    let (column, line) = (column.clamp(0, width - 1) as usize, line.clamp(0, height - 1) as usize);
    let pixel = &view.data()[line * view.stride() + column * view.format().bytes_per_pixel()..];
    view.format().rgb_offsets().map(|channel| pixel[channel])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn noise(width: usize, height: usize, bytes: usize) -> Vec<u8> {
        let mut random = Random::new(7, 0);
        (0..width * height * bytes).map(|_| (random.unit() * 256.0) as u8).collect()
    }

    /// In f64, pixel by pixel.
    fn naive(view: &ImageView<'_>, transform: &Similarity, [width, height]: [usize; 2], border: Border) -> Vec<f64> {
        let inverse = transform.inverse().unwrap();
        let mut output = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let [x, y] = inverse.apply([x as f64, y as f64]);
                let pixel = |dx: f64, dy: f64| beyond(view, (x.floor() + dx) as i64, (y.floor() + dy) as i64, border);
                let (fx, fy) = (x - x.floor(), y - y.floor());
                let four = [pixel(0.0, 0.0), pixel(1.0, 0.0), pixel(0.0, 1.0), pixel(1.0, 1.0)];
                let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
                output
                    .extend((0..3).map(|c| four.iter().zip(weights).map(|(it, w)| f64::from(it[c]) * w).sum::<f64>()));
            }
        }
        output
    }

    #[test]
    fn a_warp_is_near_its_naive_twin_in_every_format() {
        use PixelFormat::{Bgr, Bgra, Gray, GrayAlpha, Rgb, Rgba};
        for format in [Rgb, Bgr, Rgba, Bgra, Gray, GrayAlpha] {
            let bytes = noise(41, 30, format.bytes_per_pixel());
            let view = ImageView::new(&bytes, 41, 30, format).unwrap();
            for (turn, border) in
                [(0.3, Border::Colour([9, 200, 77])), (-2.0, Border::Nearest), (0.0, Border::default())]
            {
                let transform = Similarity { a: 1.3 * f64::cos(turn), b: 1.3 * f64::sin(turn), offset: [5.25, -3.5] };
                let mut output = vec![0; 50 * 37 * 3];
                warp(&view, &transform, [50, 37], border, &mut output);
                let expected = naive(&view, &transform, [50, 37], border);
                // Half of a 64th of a pixel aside, at most, in each direction, with neighbours 255 apart.
                let most = output.iter().zip(&expected).map(|(&a, b)| (f64::from(a) - b).abs()).fold(0.0, f64::max);
                assert!(most < 4.5, "{format:?} {turn}: {most}");
            }
        }
    }

    #[test]
    fn without_a_change_every_pixel_stays() {
        let bytes = noise(20, 11, 3);
        let view = ImageView::new(&bytes, 20, 11, PixelFormat::Rgb).unwrap();
        let mut output = vec![0; bytes.len()];
        warp(&view, &Similarity { a: 1.0, b: 0.0, offset: [0.0; 2] }, [20, 11], Border::default(), &mut output);
        assert_eq!(output, bytes);
    }

    #[test]
    fn a_fit_finds_the_transform_that_was_made() {
        let made = Similarity { a: 0.4, b: -1.1, offset: [30.0, -7.0] };
        let fitted = Similarity::fit(&ARCFACE, &ARCFACE.map(|point| made.apply(point))).unwrap();
        for (a, b) in fitted.to_matrix().as_flattened().iter().zip(made.to_matrix().as_flattened()) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 1e-12);
        }
        let back = fitted.inverse().unwrap().apply(fitted.apply([3.0, 4.0]));
        approx::assert_abs_diff_eq!(back[..], [3.0, 4.0][..], epsilon = 1e-12);
    }

    #[test]
    fn points_that_are_all_one_or_no_numbers_have_no_transform() {
        for points in [[Point::new(5.0, 5.0); 5], [Point::new(f32::NAN, 5.0); 5], [Point::new(f32::INFINITY, 0.0); 5]] {
            let landmarks = Landmarks::from_array(points);
            assert_eq!(Template::arcface(112).unwrap().fit(&landmarks), None);
        }
    }

    #[test]
    fn templates_have_their_sizes_or_a_reason() {
        assert_eq!(Template::arcface(224).unwrap().points[0], [76.5892, 103.3926]);
        assert_eq!(Template::arcface(256).unwrap().points[0], [92.5892, 103.3926]);
        assert_eq!(Template::sphereface().points[0][0], 38.2946 - 8.0);
        for (wrong, reason) in [
            (Template::arcface(100), "multiple of 112"),
            (Template::arcface(0), "0 pixels"),
            (Template::new(&[[1.0, 2.0]; 2], 10, 10), "five points, not 2"),
            (Template::new(&[[1.0, 2.0]; 5], 10, 10), "all one"),
            (Template::ffhq(0), "0x0"),
        ] {
            let error = wrong.unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn an_image_of_nothing_is_border() {
        for (width, height) in [(0, 0), (1, 1), (2, 1), (1, 3)] {
            let bytes = vec![50; width * height * 3];
            let view = ImageView::new(&bytes, width, height, PixelFormat::Rgb).unwrap();
            let far = Similarity { a: 1e-5, b: 0.0, offset: [-1e15, 1e15] };
            let mut output = vec![1; 27];
            warp(&view, &far, [3, 3], Border::Colour([7, 8, 9]), &mut output);
            assert!(output.as_chunks().0.iter().all(|pixel: &[u8; 3]| *pixel == [7, 8, 9]), "{output:?}");
        }
    }
}
