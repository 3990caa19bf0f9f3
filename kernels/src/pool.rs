//! Max-pooling of NHWC pictures, with Caffe's sizes: rounded up, so that the last window may run past
//! the border, where only the pixels that exist count.

use crate::Isa;
use crate::conv::MAX_SIZE;
use crate::simd::{Kernel, Simd, dispatch, load_up_to, store_up_to};
use crate::sizes::product;

/// A max-pool with a square window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxPool {
    /// Rows and columns of the window.
    pub size: usize,
    /// From one window to the next; at most `size`, so that no pixel is left out.
    pub stride: usize,
}

impl MaxPool {
    /// The output's length along an axis on which the input has `n >= size` pixels.
    pub fn output_len(&self, n: usize) -> usize {
        (n - self.size).div_ceil(self.stride) + 1
    }

    /// # Panics
    /// If the window is too large, or a stride would leave pixels out.
    pub(crate) fn check(&self) {
        assert!(self.size <= MAX_SIZE, "a window of at most {MAX_SIZE}");
        assert!(0 < self.stride && self.stride <= self.size, "a stride from 1 to the window's size");
    }

    /// Pools `images` pictures of `height x width` pixels, one behind the other.
    ///
    /// # Panics
    /// If the pictures are smaller than the window, or the slices are not of the sizes that follow.
    pub fn forward(
        &self,
        isa: Isa,
        images: usize,
        height: usize,
        width: usize,
        channels: usize,
        input: &[f32],
        output: &mut [f32],
    ) {
        self.check();
        assert!(height >= self.size && width >= self.size, "a {height}x{width} picture is smaller than the window");
        let (oh, ow) = (self.output_len(height), self.output_len(width));
        assert_eq!(input.len(), product([images, height, width, channels]), "input [images][height][width][channels]");
        assert_eq!(output.len(), product([images, oh, ow, channels]), "output [images][height][width][channels]");
        dispatch(isa, Forward { pool: *self, images, height, width, channels, oh, ow, input, output });
    }

    /// One row of the output, from the rows of the input that exist under it.
    ///
    /// # Safety
    /// Each of `rows`, of which there must be one at least, must be readable for `width * channels`
    /// numbers, `out` writable for `output_len(width) * channels`.
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
        // Neighbouring windows of 3 with a stride of 2 share a column.
        let shared = (self.size, self.stride) == (3, 2);
        let mut c = 0;
        while c < channels {
            let left = channels - c;
            // SAFETY: the columns up to `width` and the channels from `c` on exist.
            unsafe {
                let mut next = column(s, rows, c, left);
                for x in 0..self.output_len(width) {
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

/// The largest of one column of a window: `left` channels, `LANES` at most, from number `at` of each row
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
    images: usize,
    height: usize,
    width: usize,
    channels: usize,
    oh: usize,
    ow: usize,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (row_in, row_out) = (self.width * self.channels, self.ow * self.channels);
        for i in 0..self.images {
            for y in 0..self.oh {
                let from = y * self.pool.stride;
                let rows = self.pool.size.min(self.height - from);
                let mut pointers = [std::ptr::null(); MAX_SIZE];
                for ky in 0..rows {
                    pointers[ky] = self.input[(i * self.height + from + ky) * row_in..][..row_in].as_ptr();
                }
                let out = &mut self.output[(i * self.oh + y) * row_out..][..row_out];
                // SAFETY: the slices are whole rows of the input and the output.
                unsafe { self.pool.row(s, &pointers[..rows], self.width, self.channels, out.as_mut_ptr()) };
            }
        }
    }
}
