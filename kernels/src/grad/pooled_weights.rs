//! The gradient of a convolution's weights where a max-pool follows, from that of the pool's output.
//!
//! Each value of the pool's output sends its gradient to one pixel of the map, so most of the map's gradient is
//! zeros. They are neither stored nor multiplied: what lies under the kernel at each pixel of the map is
//! unfolded into a row, and each gradient is multiplied with the row of its maximum.

use super::Conv;
use super::pool::PoolShapes;
use crate::conv::MAX_SIZE;
use crate::simd::{Kernel, Simd, dispatch, load_up_to};
use crate::tile::{even_tiles, most_rows, with_rows};
use crate::{Buffer, MaxPool, Shape};

/// Rows are filled up to whole vectors of any instruction set, two at a time.
const ROW: usize = 32;

/// A table of a window's pixels: no byte, cut to the bits below this length, is beyond it.
const WINDOW: usize = (MAX_SIZE * MAX_SIZE).next_power_of_two();

/// The gradient of what a max-pool made of a convolution's output.
#[derive(Clone, Copy, Debug)]
pub struct PooledGradient<'a> {
    /// The pool.
    pub pool: MaxPool,
    /// The gradient of the pool's output.
    pub gradient: &'a [f32],
    /// What [`MaxPool::forward_before_prelu`] gave.
    pub argmax: &'a [u8],
}

impl Conv {
    /// Adds the gradient of the weights to `sums`, `[size][size][inputs][outputs]`, from that of the pool's output: what
    /// [`MaxPool::backward`] and [`Conv::weight_gradient`] behind it give. `shape` is that of the convolution's input.
    ///
    /// # Panics
    /// If the images are smaller than the kernel, or their maps than the window, or a slice is not of its shape.
    pub fn pooled_weight_gradient(
        &self,
        shape: Shape,
        input: &[f32],
        pooled: PooledGradient<'_>,
        scratch: &mut Buffer,
        sums: &mut [f32],
    ) {
        let PooledGradient { pool, gradient, argmax } = pooled;
        let shapes = pool.shapes(self.check_input(shape, input.len()), gradient.len(), argmax.len());
        assert_eq!(sums.len(), self.weights(), "sums [size][size][inputs][outputs]");
        let taps = self.size * self.size * self.inputs;
        let row = taps.next_multiple_of(ROW);
        // A window may reach beyond the map, and what lies under the last pixel is written in whole vectors.
        let columns = shapes.input.width.max((shapes.output.width - 1) * pool.stride + pool.size) + 1;
        let rows = pool.size * columns;
        let (turned, unfolded) = scratch.resize((self.outputs + rows) * row).split_at_mut(self.outputs * row);
        turned.fill(0.0);
        let width = shape.width;
        let work = PooledWeights { conv: self, shapes, columns, width, row, input, gradient, argmax, unfolded, turned };
        dispatch(self.forward.isa, work);
        for (output, turned) in turned.chunks_exact(row).enumerate() {
            for (sum, more) in sums[output..].iter_mut().step_by(self.outputs).zip(turned) {
                *sum += more;
            }
        }
    }
}

struct PooledWeights<'a> {
    conv: &'a Conv,
    /// Of the map and of what the pool makes of it.
    shapes: PoolShapes,
    /// Of the unfolded map.
    columns: usize,
    /// Of the images.
    width: usize,
    /// Values of an unfolded row.
    row: usize,
    input: &'a [f32],
    gradient: &'a [f32],
    argmax: &'a [u8],
    /// The rows of an image's map that a row of windows sees, `[map row % size][column][row]`.
    unfolded: &'a mut [f32],
    /// The sums, `[outputs][row]`.
    turned: &'a mut [f32],
}

impl Kernel for PooledWeights<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let PoolShapes { pool, input: Shape { images, height, channels, .. }, output } = self.shapes;
        let (oh, ow) = (output.height, output.width);
        let (padded, row, columns) = (self.shapes.padded(), self.row, self.columns);
        // What is looked up for a maximum serves a whole row, if the row's sums fit into the registers.
        let vectors = if S::LANES == 8 { 4 } else { 2 };
        let (_, tile_rows) = even_tiles(channels, most_rows::<S>(vectors));
        for image in 0..images {
            let mut unfolded_rows = 0;
            for y in 0..oh {
                let top = y * pool.stride;
                while unfolded_rows < height.min(top + pool.size) {
                    self.unfold(s, image, unfolded_rows);
                    unfolded_rows += 1;
                }
                let mut steps = [0; WINDOW];
                for index in 0..pool.size * pool.size {
                    steps[index] = ((top + index / pool.size) % pool.size * columns + index % pool.size) * row;
                }
                let window = (image * oh + y) * ow;
                for first in (0..channels).step_by(tile_rows) {
                    let rows = tile_rows.min(channels - first);
                    let windows = Windows { count: ow, step: pool.stride * row, channels, padded, steps: &steps };
                    let gradient = self.gradient[window * channels + first..].as_ptr();
                    let argmax = self.argmax[window * padded + first..].as_ptr();
                    for column in (0..row).step_by(vectors * S::LANES) {
                        let unfolded = self.unfolded[column..].as_ptr();
                        let sums = self.turned[first * row + column..].as_mut_ptr();
                        // SAFETY: gradient and argmax of `rows` channels are there for each window; from the column
                        // of each window on, all of its pixels are unfolded rows, and a row is whole vectors.
                        unsafe {
                            if vectors == 4 {
                                with_rows!(rows, S, 4, window_tile(s, &windows, unfolded, gradient, argmax, sums, row));
                            } else {
                                with_rows!(rows, S, 2, window_tile(s, &windows, unfolded, gradient, argmax, sums, row));
                            }
                        }
                    }
                }
            }
        }
    }
}

impl PooledWeights<'_> {
    /// Brings what lies under the kernel at each pixel of a row of an image's map into a row.
    #[inline(always)]
    fn unfold<S: Simd>(&mut self, s: S, image: usize, y: usize) {
        let &mut PooledWeights {
            conv: &Conv { size, inputs, .. },
            shapes: PoolShapes { pool, input: map, .. },
            columns,
            width,
            row,
            input,
            ..
        } = self;
        let top = (image * (map.height + size - 1) + y) * width * inputs;
        let to = y % pool.size * columns * row;
        let vectors = (size * inputs).div_ceil(S::LANES);
        // Behind the values come others, which the next vectors replace or nobody reads.
        let (from, to) = (&input[top..], &mut self.unfolded[to..]);
        assert!(to.len() >= (map.width - 1) * row + (size - 1) * size * inputs + vectors * S::LANES);
        for x in 0..map.width {
            for ky in 0..size {
                for v in 0..vectors {
                    let at = (ky * width + x) * inputs + v * S::LANES;
                    // SAFETY: no more than `from` has is read, and `to` was checked to have all vectors.
                    unsafe {
                        let values = load_up_to(s, from.as_ptr().wrapping_add(at), from.len().saturating_sub(at));
                        s.store(to.as_mut_ptr().add(x * row + ky * size * inputs + v * S::LANES), values);
                    }
                }
            }
        }
    }
}

/// A row of windows: how many, and the steps from one to the next in the unfolded map, and to its pixels.
struct Windows<'a> {
    count: usize,
    step: usize,
    channels: usize,
    padded: usize,
    steps: &'a [usize; WINDOW],
}

/// Adds to the sums of `ROWS` outputs, over all windows, the gradient times `VECTORS` vectors of the row at
/// the maximum.
///
/// # Safety
/// For each window, `ROWS` gradients and argmax bytes must be readable, and in the unfolded map, from its first
/// pixel on, all that `steps` lead to; at `sums`, `ROWS` rows of `VECTORS` vectors must be writable.
#[inline(always)]
unsafe fn window_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    s: S,
    windows: &Windows<'_>,
    unfolded: *const f32,
    gradient: *const f32,
    argmax: *const u8,
    sums: *mut f32,
    row: usize,
) {
    let mut tile = [[s.splat(0.0); VECTORS]; ROWS];
    // SAFETY: the caller's.
    unsafe {
        for r in 0..ROWS {
            for v in 0..VECTORS {
                tile[r][v] = s.load(sums.add(r * row + v * S::LANES));
            }
        }
        for window in 0..windows.count {
            let pixel = unfolded.add(window * windows.step);
            for r in 0..ROWS {
                let index = *argmax.add(window * windows.padded + r);
                let at = pixel.add(windows.steps[usize::from(index) % WINDOW]);
                let gradient = s.splat(*gradient.add(window * windows.channels + r));
                for v in 0..VECTORS {
                    tile[r][v] = s.mul_add(gradient, s.load(at.add(v * S::LANES)), tile[r][v]);
                }
            }
        }
        for r in 0..ROWS {
            for v in 0..VECTORS {
                s.store(sums.add(r * row + v * S::LANES), tile[r][v]);
            }
        }
    }
}
