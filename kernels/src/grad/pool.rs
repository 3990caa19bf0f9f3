//! PReLU and max-pool in one, which remembers where each maximum was, and its gradient.

use crate::conv::MAX_SIZE;
use crate::simd::{Kernel, Simd, dispatch, load_up_to, store_pieces_up_to};
use crate::sizes::product;
use crate::{Isa, MaxPool};

/// The places of a pixel's channels fill up whole vectors of any instruction set.
const PLACES: usize = 16;

impl MaxPool {
    /// How many bytes the places of the maxima of `images` pictures of `height x width` pixels take: one a
    /// channel, a pixel's filled up to 16.
    pub fn places(&self, images: usize, height: usize, width: usize, channels: usize) -> usize {
        let (oh, ow) = (self.output_len(height), self.output_len(width));
        product([images, oh, ow, channels.next_multiple_of(PLACES)])
    }

    /// For each window the number whose PReLU is the largest, before PReLU, and where in the window it is,
    /// counted row by row; the first of several.
    ///
    /// # Panics
    /// If the pictures are smaller than the window, or the slices are not of the sizes that follow.
    pub fn forward_before_prelu(
        &self,
        isa: Isa,
        images: usize,
        height: usize,
        width: usize,
        slopes: &[f32],
        input: &[f32],
        output: &mut [f32],
        places: &mut [u8],
    ) {
        let shape = self.shape(images, height, width, slopes.len(), input.len(), output.len(), places.len());
        dispatch(isa, Forward { shape, slopes, input, output, places });
    }

    /// The gradient of the input from that of the output: each goes to the place of the maximum.
    ///
    /// # Panics
    /// If the pictures are smaller than the window, or the slices are not of the sizes that follow.
    pub fn backward(
        &self,
        isa: Isa,
        images: usize,
        height: usize,
        width: usize,
        channels: usize,
        gradient: &[f32],
        places: &[u8],
        input_gradient: &mut [f32],
    ) {
        let shape = self.shape(images, height, width, channels, input_gradient.len(), gradient.len(), places.len());
        dispatch(isa, Backward { shape, gradient, places, input_gradient });
    }

    pub(super) fn shape(
        &self,
        images: usize,
        height: usize,
        width: usize,
        channels: usize,
        input: usize,
        output: usize,
        places: usize,
    ) -> Shape {
        self.check();
        assert!(height >= self.size && width >= self.size, "a {height}x{width} picture is smaller than the window");
        let (oh, ow) = (self.output_len(height), self.output_len(width));
        assert_eq!(input, product([images, height, width, channels]), "[images][height][width][channels]");
        assert_eq!(output, product([images, oh, ow, channels]), "[images][height][width][channels]");
        assert_eq!(places, self.places(images, height, width, channels), "a place for each maximum");
        Shape { pool: *self, images, height, width, channels, oh, ow }
    }
}

/// Sizes that were checked: of the pictures before the pool, and their rows and columns behind it.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) pool: MaxPool,
    pub(super) images: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) oh: usize,
    pub(super) ow: usize,
}

impl Shape {
    /// Places of a pixel.
    #[inline(always)]
    pub(super) fn padded(&self) -> usize {
        self.channels.next_multiple_of(PLACES)
    }
}

struct Forward<'a> {
    shape: Shape,
    slopes: &'a [f32],
    input: &'a [f32],
    output: &'a mut [f32],
    places: &'a mut [u8],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Shape { pool, images, height, width, channels, oh, ow } = self.shape;
        let padded = self.shape.padded();
        for image in 0..images {
            for y in 0..oh {
                for x in 0..ow {
                    let (y0, x0) = (y * pool.stride, x * pool.stride);
                    let (rows, columns) = (pool.size.min(height - y0), pool.size.min(width - x0));
                    let from = self.input[((image * height + y0) * width + x0) * channels..].as_ptr();
                    let pixel = (image * oh + y) * ow + x;
                    let out = self.output[pixel * channels..][..channels].as_mut_ptr();
                    let places = self.places[pixel * padded..][..padded].as_mut_ptr();
                    let mut c = 0;
                    while c < channels {
                        let left = channels - c;
                        // SAFETY: `left` channels are left in slopes, in every pixel under the window, and in the
                        // output; a pixel's places reach to the end of the last vector.
                        unsafe {
                            let slopes = load_up_to(s, self.slopes.as_ptr().add(c), left);
                            let steps = [width * channels, channels];
                            let window = |shape| maximum(s, from.add(c), left, slopes, steps, pool.size, shape);
                            // Loops whose lengths are known when they are compiled.
                            let (number, place) = match (pool.size, rows, columns) {
                                (3, 3, 3) => window([3, 3]),
                                (2, 2, 2) => window([2, 2]),
                                _ => window([rows, columns]),
                            };
                            store_pieces_up_to(s, out.add(c), number, left);
                            s.store_u8(places.add(c), place);
                        }
                        c += S::LANES;
                    }
                }
            }
        }
    }
}

/// The number of each lane whose PReLU is the largest in `rows x columns` pixels, and its place in a window of `size`.
///
/// # Safety
/// `min(left, LANES)` numbers must be readable at `from` and at each of the other pixels, to which `row` and `column` are
/// the steps.
#[inline(always)]
unsafe fn maximum<S: Simd>(
    s: S,
    from: *const f32,
    left: usize,
    slopes: S::V,
    [row, column]: [usize; 2],
    size: usize,
    [rows, columns]: [usize; 2],
) -> (S::V, S::V) {
    // SAFETY: the caller's.
    unsafe {
        let mut number = load_up_to(s, from, left);
        let (mut most, mut place) = (s.prelu(number, slopes), s.splat(0.0));
        for ky in 0..rows {
            for kx in 0..columns {
                let next = load_up_to(s, from.add(ky * row + kx * column), left);
                let active = s.prelu(next, slopes);
                let larger = s.greater(active, most);
                number = s.select(larger, next, number);
                place = s.select(larger, s.splat(PLACE[ky * size + kx]), place);
                most = s.max(active, most);
            }
        }
        (number, place)
    }
}

/// The places of a window as f32.
const PLACE: [f32; MAX_SIZE * MAX_SIZE] = {
    let mut places = [0.0; MAX_SIZE * MAX_SIZE];
    let mut i = 0;
    while i < places.len() {
        places[i] = i as f32;
        i += 1;
    }
    places
};

struct Backward<'a> {
    shape: Shape,
    gradient: &'a [f32],
    places: &'a [u8],
    input_gradient: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    /// Each pixel of the input asks the windows that it lies in.
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Shape { pool, images, height, width, channels, oh, ow } = self.shape;
        let padded = self.shape.padded();
        for image in 0..images {
            for y in 0..height {
                let (y_from, y_to) = windows(y, pool, oh);
                for x in 0..width {
                    let (x_from, x_to) = windows(x, pool, ow);
                    let out =
                        self.input_gradient[((image * height + y) * width + x) * channels..][..channels].as_mut_ptr();
                    let mut c = 0;
                    while c < channels {
                        let left = channels - c;
                        let mut sum = s.splat(0.0);
                        for wy in y_from..y_to {
                            for wx in x_from..x_to {
                                let pixel = (image * oh + wy) * ow + wx;
                                let place = PLACE[(y - wy * pool.stride) * pool.size + x - wx * pool.stride];
                                // SAFETY: the window is one of the picture's; a pixel's places reach to the end of
                                // the last vector.
                                unsafe {
                                    let gradient =
                                        load_up_to(s, self.gradient.as_ptr().add(pixel * channels + c), left);
                                    let places = s.load_u8(self.places.as_ptr().add(pixel * padded + c));
                                    sum = s.add(sum, s.select(s.equal(places, s.splat(place)), gradient, s.splat(0.0)));
                                }
                            }
                        }
                        // SAFETY: `left` channels are left in the pixel.
                        unsafe { store_pieces_up_to(s, out.add(c), sum, left) };
                        c += S::LANES;
                    }
                }
            }
        }
    }
}

/// The windows that place `at` of an axis lies in, of `count`: from, to.
#[inline(always)]
fn windows(at: usize, pool: MaxPool, count: usize) -> (usize, usize) {
    ((at + pool.stride).saturating_sub(pool.size) / pool.stride, count.min(at / pool.stride + 1))
}
