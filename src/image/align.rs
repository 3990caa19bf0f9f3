//! Faces turned upright and brought to one size by their five points, as recognition needs them.
//!
//! A [`Template`] says where the points of a face are to be; a [`Similarity`], which turns, scales and moves, is fitted to
//! them by least squares, and [`warp()`] samples the image. On the same points this is insightface's `norm_crop`: the same
//! transform to rounding, the pixels of OpenCV's `warpAffine` within 2 levels.
//!
//! Templates and transforms are in numbers of pixels, as OpenCV counts: the *centre* of the first pixel is at (0, 0). The
//! points that a detector gives are used as they are, as all programs that align for recognition do.

use mtcnn_kernels::Isa;
use mtcnn_kernels::warp::{self, BITS, Pixels, READ};

use crate::error::{Error, Result};
use crate::face::Landmarks;
use crate::geometry::Point;
use crate::image::view::ImageView;

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
    let isa = Isa::best();
    for (y, row) in output.chunks_exact_mut(width * 3).enumerate() {
        warp_row(isa, view, &inverse, y, border, row.as_chunks_mut().0);
    }
}

/// A row of the result.
fn warp_row(isa: Isa, view: &ImageView<'_>, inverse: &Similarity, y: usize, border: Border, row: &mut [[u8; 3]]) {
    // Fixed point with 32 bits below the point. What is further away than 10^9 pixels is beyond the image in any case.
    let fixed = |x: f64| (x.clamp(-1e9, 1e9) * (1u64 << 32) as f64).round() as i64;
    // Half of the last bit that is kept, so that positions are rounded.
    let from = inverse.apply([0.0, y as f64]).map(|at| fixed(at).wrapping_add(1 << (31 - BITS)));
    let step = [inverse.a, inverse.b].map(fixed);
    let place = |i: usize| [0, 1].map(|axis| from[axis].saturating_add(step[axis].saturating_mul(i as i64)));
    // Where all four pixels are in the image, and the kernel reads no byte beyond a line. The row crosses that rectangle once.
    let bytes = view.format().bytes_per_pixel();
    let columns = (view.width() * bytes).checked_sub(READ).map_or(0, |last| last / bytes + 1);
    let reach = [columns.min(view.width().saturating_sub(1)), view.height().saturating_sub(1)];
    let inside = |&i: &usize| place(i).iter().zip(reach).all(|(at, reach)| (0..reach as i64).contains(&(at >> 32)));
    let first = (0..row.len()).find(inside).unwrap_or(row.len());
    let last = (first..row.len()).rev().find(inside).map_or(first, |last| last + 1);

    let order = view.format().rgb_offsets();
    let pixels = Pixels { data: view.data(), stride: view.stride(), bytes, order };
    warp::row(isa, pixels, place(first), step, &mut row[first..last]);
    for i in (0..first).chain(last..row.len()) {
        row[i] = between(view, place(i), border);
    }
}

/// The same for a pixel near the edge or beyond it.
fn between(view: &ImageView<'_>, [x, y]: [i64; 2], border: Border) -> [u8; 3] {
    let one = 1 << BITS;
    let corner = |dx: i64, dy: i64| beyond(view, (x >> 32) + dx, (y >> 32) + dy, border);
    let four = [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)];
    let [fx, fy] = [x, y].map(|at| (at >> (32 - BITS)) as i32 & (one - 1));
    let weights = [(one - fx) * (one - fy), fx * (one - fy), (one - fx) * fy, fx * fy];
    [0, 1, 2].map(|channel| {
        let sum: i32 = four.iter().zip(weights).map(|(pixel, weight)| i32::from(pixel[channel]) * weight).sum();
        ((sum + one * one / 2) >> (2 * BITS)) as u8
    })
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
    use crate::image::view::PixelFormat;
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
