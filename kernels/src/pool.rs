//! Max-pooling of NHWC images, with Caffe's sizes: rounded up, so that the last window may run past
//! the border, where only the pixels that exist count.

use crate::conv::{MAX_SIZE, checked};
use crate::simd::{Kernel, Simd, dispatch, load_up_to, store_up_to};
use crate::{Isa, Shape};

/// A max-pool with a square window.
///
/// ```
/// use mtcnn_kernels::{Isa, MaxPool, Shape};
///
/// let mut output = [0.0; 2];
/// MaxPool { size: 2, stride: 2 }.forward(Isa::best(), Shape::image(2, 3, 1), &[1.0, 5.0, 2.0, 3.0, 4.0, 6.0], &mut output);
/// assert_eq!(output, [5.0, 6.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaxPool {
    /// Rows and columns of the window.
    pub size: usize,
    /// From one window to the next; at most `size`, so that no pixel is left out.
    pub stride: usize,
}

impl MaxPool {
    /// The shape of the output; `None` if the images are smaller than the window.
    ///
    /// # Panics
    /// If the stride is 0.
    #[must_use]
    pub fn output(&self, input: Shape) -> Option<Shape> {
        let along = |length: usize| Some(length.checked_sub(self.size)?.div_ceil(self.stride) + 1);
        Some(Shape { height: along(input.height)?, width: along(input.width)?, ..input })
    }

    /// # Panics
    /// If the window is too large, or a stride would leave pixels out.
    pub(crate) fn check(&self) {
        assert!(self.size <= MAX_SIZE, "a window of at most {MAX_SIZE}");
        assert!(0 < self.stride && self.stride <= self.size, "a stride from 1 to the window's size");
    }

    /// Checks the pool and the shape of its input, and gives that of the output.
    ///
    /// # Panics
    /// If the images are smaller than the window, or as [`MaxPool::check`].
    #[track_caller]
    pub(crate) fn checked_output(&self, shape: Shape) -> Shape {
        self.check();
        checked(shape, shape.channels, self.output(shape))
    }

    /// Pools a batch of images.
    ///
    /// # Panics
    /// If the stride is 0 or more than the window, the window more than 5, the images are smaller than the window, or a
    /// slice is not of its shape.
    pub fn forward(&self, isa: Isa, shape: Shape, input: &[f32], output: &mut [f32]) {
        let output_shape = self.checked_output(shape);
        shape.check("input", input.len());
        output_shape.check("output", output.len());
        dispatch(isa, Forward { pool: *self, shape, output_shape, input, output });
    }

    /// One row of the output, from the rows of the input that exist under it.
    ///
    /// # Safety
    /// Each of `rows`, of which there must be one at least, must be readable for `width * channels`
    /// values, `out` writable for as many pixels as the output is wide.
    #[inline(always)]
    pub(crate) unsafe fn row<S: Simd>(&self, s: S, rows: &[*const f32], width: usize, channels: usize, out: *mut f32) {
        // SAFETY: the caller's.
        unsafe {
            match *rows {
                // Loops whose lengths are known when they are compiled.
                [a, b] => self.row_of(s, &[a, b], width, channels, out),
                [a, b, c] => self.row_of(s, &[a, b, c], width, channels, out),
                _ => self.row_of(s, rows, width, channels, out),
            }
        }
    }

    /// [`MaxPool::row`], where the compiler sees how many rows there are.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn row_of<S: Simd>(&self, s: S, rows: &[*const f32], width: usize, channels: usize, out: *mut f32) {
        let outputs = (width - self.size).div_ceil(self.stride) + 1;
        // Neighbouring windows of 3 with a stride of 2 share a column.
        let shared = (self.size, self.stride) == (3, 2);
        let mut c = 0;
        while c < channels {
            let left = channels - c;
            // SAFETY: the columns up to `width` and the channels from `c` on exist.
            unsafe {
                let mut next = column(s, rows, c, left);
                for x in 0..outputs {
                    let from = x * self.stride;
                    let mut most = next;
                    if shared && from + 2 < width {
                        next = column(s, rows, (from + 2) * channels + c, left);
                        most = s.max(s.max(most, column(s, rows, (from + 1) * channels + c, left)), next);
                    } else {
                        if !shared {
                            most = column(s, rows, from * channels + c, left);
                        }
                        for kx in 1..self.size.min(width - from) {
                            most = s.max(most, column(s, rows, (from + kx) * channels + c, left));
                        }
                    }
                    store_up_to(s, out.add(x * channels + c), most, left);
                }
            }
            c += S::LANES;
        }
    }
}

/// The largest of one column of a window: `left` channels, `LANES` at most, from value `at` of each row
/// on.
///
/// # Safety
/// They must be readable in each of the rows, of which there must be one.
#[inline(always)]
unsafe fn column<S: Simd>(s: S, rows: &[*const f32], at: usize, left: usize) -> S::V {
    // SAFETY: the caller's.
    unsafe {
        let mut most = load_up_to(s, rows[0].add(at), left);
        for &row in &rows[1..] {
            most = s.max(most, load_up_to(s, row.add(at), left));
        }
        most
    }
}

struct Forward<'a> {
    pool: MaxPool,
    shape: Shape,
    output_shape: Shape,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pool, shape: Shape { images, height, width, channels }, output_shape, .. } = self;
        let (row_in, row_out) = (width * channels, output_shape.row());
        for i in 0..images {
            for y in 0..output_shape.height {
                let from = y * pool.stride;
                let rows = pool.size.min(height - from);
                let mut pointers = [std::ptr::null(); MAX_SIZE];
                for ky in 0..rows {
                    pointers[ky] = self.input[(i * height + from + ky) * row_in..][..row_in].as_ptr();
                }
                let out = &mut self.output[(i * output_shape.height + y) * row_out..][..row_out];
                // SAFETY: the slices are whole rows of the input and the output.
                unsafe { pool.row(s, &pointers[..rows], width, channels, out.as_mut_ptr()) };
            }
        }
    }
}
