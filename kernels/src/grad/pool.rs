//! PReLU and max-pool in one, which remembers where each maximum was, and its gradient.

use crate::conv::MAX_SIZE;
use crate::shape::product;
use crate::simd::{Kernel, Simd, dispatch, load_up_to, store_pieces_up_to};
use crate::{Isa, MaxPool, Shape};

/// The argmax of a pixel's channels fills up whole vectors of any instruction set.
const ARGMAX_ALIGN: usize = 16;

impl MaxPool {
    /// How many bytes the argmax of a batch takes: one for each channel of the output, a pixel's filled up to 16.
    ///
    /// # Panics
    /// As [`MaxPool::forward`] on images of that shape.
    #[must_use]
    pub fn argmax_len(&self, shape: Shape) -> usize {
        let Shape { images, height, width, channels } = self.checked_output(shape);
        product([images, height, width, channels.next_multiple_of(ARGMAX_ALIGN)])
    }

    /// For each window the value whose PReLU is the largest, before PReLU, and its argmax: where in the window it is, counted
    /// row by row; the first of several.
    ///
    /// # Panics
    /// As [`MaxPool::forward`], and if there is not a slope for each channel.
    pub fn forward_before_prelu(
        &self,
        isa: Isa,
        shape: Shape,
        slopes: &[f32],
        input: &[f32],
        output: &mut [f32],
        argmax: &mut [u8],
    ) {
        assert_eq!(slopes.len(), shape.channels, "a slope for each channel");
        let shapes = self.shapes(shape, output.len(), argmax.len());
        shape.check("input", input.len());
        dispatch(isa, Forward { shapes, slopes, input, output, argmax });
    }

    /// The gradient of the input, of shape `shape`, from that of the output: each goes to where the maximum was.
    ///
    /// # Panics
    /// As [`MaxPool::forward`].
    pub fn backward(&self, isa: Isa, shape: Shape, gradient: &[f32], argmax: &[u8], input_gradient: &mut [f32]) {
        let shapes = self.shapes(shape, gradient.len(), argmax.len());
        shape.check("the gradient of the input", input_gradient.len());
        dispatch(isa, Backward { shapes, gradient, argmax, input_gradient });
    }

    pub(super) fn shapes(&self, input: Shape, output_len: usize, argmax_len: usize) -> PoolShapes {
        let output = self.checked_output(input);
        output.check("output", output_len);
        assert_eq!(argmax_len, self.argmax_len(input), "an argmax for each maximum");
        PoolShapes { pool: *self, input, output }
    }
}

/// Shapes that were checked, before and after a pool.
#[derive(Clone, Copy)]
pub(super) struct PoolShapes {
    pub(super) pool: MaxPool,
    pub(super) input: Shape,
    pub(super) output: Shape,
}

impl PoolShapes {
    /// Bytes of a pixel's argmax.
    #[inline(always)]
    pub(super) fn padded(&self) -> usize {
        self.input.channels.next_multiple_of(ARGMAX_ALIGN)
    }
}

struct Forward<'a> {
    shapes: PoolShapes,
    slopes: &'a [f32],
    input: &'a [f32],
    output: &'a mut [f32],
    argmax: &'a mut [u8],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let PoolShapes { pool, input: Shape { images, height, width, channels }, output } = self.shapes;
        let (oh, ow, padded) = (output.height, output.width, self.shapes.padded());
        for image in 0..images {
            for y in 0..oh {
                for x in 0..ow {
                    let (y0, x0) = (y * pool.stride, x * pool.stride);
                    let (rows, columns) = (pool.size.min(height - y0), pool.size.min(width - x0));
                    let from = self.input[((image * height + y0) * width + x0) * channels..].as_ptr();
                    let pixel = (image * oh + y) * ow + x;
                    let out = self.output[pixel * channels..][..channels].as_mut_ptr();
                    let argmax = self.argmax[pixel * padded..][..padded].as_mut_ptr();
                    let mut c = 0;
                    while c < channels {
                        let left = channels - c;
                        // SAFETY: `left` channels are left in slopes, in every pixel under the window, and in the
                        // output; a pixel's argmax reaches to the end of the last vector.
                        unsafe {
                            let slopes = load_up_to(s, self.slopes.as_ptr().add(c), left);
                            let steps = [width * channels, channels];
                            let from = from.add(c);
                            // Loops whose lengths are known when they are compiled. Three calls and no closure: a closure
                            // that is not inlined has not the kernel's instructions, and calls a function for each of them.
                            let (value, index) = match (pool.size, rows, columns) {
                                (3, 3, 3) => maximum(s, from, left, slopes, steps, 3, [3, 3]),
                                (2, 2, 2) => maximum(s, from, left, slopes, steps, 2, [2, 2]),
                                (size, ..) => maximum(s, from, left, slopes, steps, size, [rows, columns]),
                            };
                            store_pieces_up_to(s, out.add(c), value, left);
                            s.store_u8(argmax.add(c), index);
                        }
                        c += S::LANES;
                    }
                }
            }
        }
    }
}

/// The value of each lane whose PReLU is the largest in `rows x columns` pixels, and its index in a window of `size`.
///
/// # Safety
/// `min(left, LANES)` values must be readable at `from` and at each of the other pixels, to which `row` and `column` are
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
        let mut value = load_up_to(s, from, left);
        let (mut most, mut index) = (s.prelu(value, slopes), s.splat(0.0));
        for ky in 0..rows {
            for kx in 0..columns {
                let next = load_up_to(s, from.add(ky * row + kx * column), left);
                let active = s.prelu(next, slopes);
                let larger = s.greater(active, most);
                value = s.select(larger, next, value);
                index = s.select(larger, s.splat(INDEX[ky * size + kx]), index);
                most = s.max(active, most);
            }
        }
        (value, index)
    }
}

/// The indices of a window as f32.
const INDEX: [f32; MAX_SIZE * MAX_SIZE] = {
    let mut indices = [0.0; MAX_SIZE * MAX_SIZE];
    let mut i = 0;
    while i < indices.len() {
        indices[i] = i as f32;
        i += 1;
    }
    indices
};

struct Backward<'a> {
    shapes: PoolShapes,
    gradient: &'a [f32],
    argmax: &'a [u8],
    input_gradient: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    /// Each pixel of the input asks the windows that it lies in.
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let PoolShapes { pool, input: Shape { images, height, width, channels }, output } = self.shapes;
        let (oh, ow, padded) = (output.height, output.width, self.shapes.padded());
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
                                let index = INDEX[(y - wy * pool.stride) * pool.size + x - wx * pool.stride];
                                // SAFETY: the window is one of the image's; a pixel's argmax reaches to the end of
                                // the last vector.
                                unsafe {
                                    let gradient =
                                        load_up_to(s, self.gradient.as_ptr().add(pixel * channels + c), left);
                                    let argmax = s.load_u8(self.argmax.as_ptr().add(pixel * padded + c));
                                    sum = s.add(sum, s.select(s.equal(argmax, s.splat(index)), gradient, s.splat(0.0)));
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

/// The windows that position `at` of an axis lies in, of `count`: from, to.
#[inline(always)]
fn windows(at: usize, pool: MaxPool, count: usize) -> (usize, usize) {
    ((at + pool.stride).saturating_sub(pool.size) / pool.stride, count.min(at / pool.stride + 1))
}
