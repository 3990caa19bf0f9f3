//! 3x3 convolution, row by row, by Winograd's minimal filtering F(4, 3) along the row: 6 multiplications
//! for 4 outputs where the direct way takes 12.
//!
//! The cut of an image into rows is that of the direct way, so this is a layer of [`crate::rows`]. It
//! pays where [`crate::Winograd`], which works along both axes, does not: with few input channels, the
//! transforms of a tile there cost as much as they save. Here the tile stays in registers from the
//! first multiplication to the PReLU. With the points 0, 1, -1, 2, -2 and infinity (Lavin and Gray,
//! "Fast Algorithms for Convolutional Neural Networks", 2015):
//!
//! ```text
//!       4  0 -5  0  1  0            6    0    0
//!       0 -4 -4  1  1  0           -4   -4   -4              1  1  1  1  1  0
//! Bt =  0  4 -4 -1  1  0  G = 1/24 -4    4   -4        At =  0  1 -1  2 -2  0
//!       0 -2 -1  2  1  0            1    2    4              0  1  1  4  4  0
//!       0  2 -1 -2  1  0            1   -2    4              0  1 -1  8 -8  1
//!       0  4  0 -5  0  1            0    0   24
//!
//! output = At Σ (G kernel row) * (Bt input row)      for each tile, * element by element
//! ```

use super::tiles::SIZE;
use crate::conv::MAX_SIZE;
use crate::shape::product;
use crate::simd::{Portable, Simd, load_up_to, store_up_to};
use crate::tile::{Panels, TileSizes, even_tiles};
use crate::{Buffer, ConvParams, Isa};

/// Outputs of a tile.
const TILE: usize = 4;
/// Inputs that a tile sees, and multiplications that it takes.
const POINTS: usize = 6;

const G: [[f64; SIZE]; POINTS] =
    [[6.0, 0.0, 0.0], [-4.0, -4.0, -4.0], [-4.0, 4.0, -4.0], [1.0, 2.0, 4.0], [1.0, -2.0, 4.0], [0.0, 0.0, 24.0]];

/// A 3x3 convolution with bias and PReLU, stride 1 and no padding, packed for an instruction set.
#[derive(Clone, Debug)]
pub(crate) struct WinogradRow {
    inputs: usize,
    /// A step of the depth is (ky, input, point).
    weights: Panels,
    bias: Buffer,
    slopes: Buffer,
}

impl WinogradRow {
    /// Transforms and packs the parameters of a 3x3 convolution.
    ///
    /// # Panics
    /// As [`crate::Conv::new`], and if the kernel is not 3x3.
    pub(crate) fn new(isa: Isa, params: ConvParams<'_>) -> Self {
        params.check();
        assert_eq!(params.size, SIZE, "a kernel of 3x3");
        let ConvParams { inputs, weights, bias, .. } = params;
        // One vector: a wider panel would not stay in the first-level cache.
        let mut panels = Panels::zeros_of_width(isa, 1, SIZE * inputs * POINTS, bias.len());
        panels.fill(|k, n| {
            let (ky, input, point) = (k / POINTS / inputs, k / POINTS % inputs, k % POINTS);
            let kernel = &weights[((n * inputs + input) * SIZE + ky) * SIZE..][..SIZE];
            let sum: f64 = kernel.iter().zip(G[point]).map(|(&weight, g)| f64::from(weight) * g).sum();
            (sum / 24.0) as f32
        });
        let (bias, slopes) = (panels.pad(bias, 0.0), panels.pad(&params.slopes_or_ones(), 1.0));
        Self { inputs, weights: panels, bias, slopes }
    }

    /// Channels of the input.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels of the output.
    pub(crate) fn outputs(&self) -> usize {
        self.weights.columns
    }

    /// Values of a transformed row, `[tile][point][input]`, for a row of `width` pixels. A vector may
    /// be written over the end.
    fn transformed(&self, width: usize) -> usize {
        product([(width + 1 - SIZE).div_ceil(TILE), POINTS, self.inputs]) + self.weights.lanes
    }

    /// Values of [`WinogradRow::row`]'s scratch.
    pub(crate) fn scratch(&self, width: usize) -> usize {
        product([SIZE, self.transformed(width)])
    }

    /// Row `y` of the output, from the three rows of the input under it, each `[width][inputs]`. The
    /// scratch keeps the rows' transforms from one call to the next, so rows are to be made in order.
    ///
    /// # Panics
    /// If the convolution was packed for another instruction set.
    ///
    /// # Safety
    /// The three rows must be readable, `out` writable for `(width - 2) * outputs` values and `scratch`
    /// for `scratch(width)`; unless `y` is 0, it must be as row `y - 1` has left it.
    #[inline(always)]
    pub(crate) unsafe fn row<S: Simd>(
        &self,
        s: S,
        rows: &[*const f32; MAX_SIZE],
        y: usize,
        width: usize,
        scratch: *mut f32,
        out: *mut f32,
    ) {
        assert_eq!(self.weights.lanes, S::LANES, "a convolution packed for this instruction set");
        // SAFETY: the caller's; the inputs are as many as said.
        unsafe {
            match self.inputs {
                3 => self.row_of::<S, 3>(s, rows, y, width, scratch, out),
                16 => self.row_of::<S, 16>(s, rows, y, width, scratch, out),
                _ => self.row_of::<S, 0>(s, rows, y, width, scratch, out),
            }
        }
    }

    /// [`WinogradRow::row`] for `INPUTS` inputs; 0 stands for any number. Addresses that are known when
    /// this is compiled cost nothing.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn row_of<S: Simd, const INPUTS: usize>(
        &self,
        s: S,
        rows: &[*const f32; MAX_SIZE],
        y: usize,
        width: usize,
        scratch: *mut f32,
        out: *mut f32,
    ) {
        let inputs = if INPUTS > 0 { INPUTS } else { self.inputs };
        let size = self.transformed(width);
        let pixels = width + 1 - SIZE;
        let (groups, group) = even_tiles(pixels.div_ceil(TILE), S::TILE_SUMS / POINTS);
        // SAFETY: the scratch has three rows; all tiles lie in them.
        unsafe {
            for ky in if y == 0 { 0 } else { SIZE - 1 }..SIZE {
                let to = scratch.add((y + ky) % SIZE * size);
                if inputs <= 4 {
                    transform_row(Portable::new(), rows[ky], inputs, width, to);
                } else {
                    transform_row(s, rows[ky], inputs, width, to);
                }
            }
            let mut seen = [std::ptr::null(); SIZE];
            for ky in 0..SIZE {
                seen[ky] = scratch.add((y + ky) % SIZE * size).cast_const();
            }
            let mut column = 0;
            while column < self.outputs() {
                let panel = PanelOf {
                    weights: self.weights.panel(column / S::LANES).as_ptr(),
                    bias: s.load(self.bias[column..][..S::LANES].as_ptr()),
                    slopes: s.load(self.slopes[column..][..S::LANES].as_ptr()),
                    columns: self.outputs() - column,
                    row: self.outputs(),
                };
                for g in 0..groups {
                    // The last group overlaps the one before it: no ragged end.
                    let tile = (g * group).min(pixels.div_ceil(TILE) - group);
                    let out = out.add(tile * TILE * self.outputs() + column);
                    let left = pixels - tile * TILE;
                    match group {
                        1 => tiles::<S, 1, INPUTS>(s, &panel, inputs, &seen, tile, left, out),
                        2 => tiles::<S, 2, INPUTS>(s, &panel, inputs, &seen, tile, left, out),
                        3 => tiles::<S, 3, INPUTS>(s, &panel, inputs, &seen, tile, left, out),
                        _ => tiles::<S, 4, INPUTS>(s, &panel, inputs, &seen, tile, left, out),
                    }
                }
                column += S::LANES;
            }
        }
    }
}

/// One panel of the weights, with what belongs to its columns.
struct PanelOf<S: Simd> {
    weights: *const f32,
    bias: S::V,
    slopes: S::V,
    /// Columns that exist.
    columns: usize,
    /// Values from one pixel of the output to the next.
    row: usize,
}

/// `Bt` times each tile of a row. Beyond the row the input is 0.
///
/// # Safety
/// The row must be readable for `width * inputs` values, `to` writable for all tiles and a vector more.
#[inline(always)]
unsafe fn transform_row<S: Simd>(s: S, row: *const f32, inputs: usize, width: usize, to: *mut f32) {
    for tile in 0..(width + 1 - SIZE).div_ceil(TILE) {
        // SAFETY: the tile's pixels up to `width` can be read. What is written over the end of one
        // point is written again with the next, or lies in the vector behind the row.
        unsafe {
            let (from, to) = (row.add(tile * TILE * inputs), to.add(tile * POINTS * inputs));
            let left = (width - tile * TILE) * inputs;
            let mut c = 0;
            while c < inputs {
                let mut d = [s.splat(0.0); POINTS];
                for i in 0..POINTS {
                    if i * inputs + c < left {
                        d[i] = load_up_to(s, from.add(i * inputs + c), left - i * inputs - c);
                    }
                }
                let seen = input_transform(s, d);
                for p in 0..POINTS {
                    let to = to.add(p * inputs + c);
                    if c == 0 { s.store(to, seen[p]) } else { store_up_to(s, to, seen[p], inputs - c) }
                }
                c += S::LANES;
            }
        }
    }
}

/// `TILES` tiles from tile number `tile` on, in the columns of one panel; `left` pixels exist from the
/// first one on.
///
/// # Safety
/// The tiles must exist in the three transformed rows `seen`, `left` pixels of the panel's columns at
/// `out`.
#[inline(always)]
unsafe fn tiles<S: Simd, const TILES: usize, const INPUTS: usize>(
    s: S,
    panel: &PanelOf<S>,
    inputs: usize,
    seen: &[*const f32; SIZE],
    tile: usize,
    left: usize,
    out: *mut f32,
) {
    let inputs = if INPUTS > 0 { INPUTS } else { inputs };
    let mut sums = [[s.splat(0.0); POINTS]; TILES];
    let mut weights = panel.weights;
    for ky in 0..SIZE {
        // SAFETY: the caller's; a panel has a vector for each row of the kernel, input and point.
        unsafe {
            let a = seen[ky].add(tile * POINTS * inputs);
            for c in 0..inputs {
                for p in 0..POINTS {
                    let weight = s.load(weights.add(p * S::LANES));
                    for t in 0..TILES {
                        let broadcast = s.splat(*a.add((t * POINTS + p) * inputs + c));
                        sums[t][p] = s.mul_add(broadcast, weight, sums[t][p]);
                    }
                }
                weights = weights.add(POINTS * S::LANES);
            }
        }
    }
    for t in 0..TILES {
        let made = output_transform(s, sums[t]);
        for i in 0..TILE {
            if t * TILE + i < left {
                let value = s.prelu(s.add(made[i], panel.bias), panel.slopes);
                // SAFETY: the pixel exists.
                unsafe { store_up_to(s, out.add((t * TILE + i) * panel.row), value, panel.columns) };
            }
        }
    }
}

/// `Bt` times six values.
#[inline(always)]
fn input_transform<S: Simd>(s: S, [d0, d1, d2, d3, d4, d5]: [S::V; POINTS]) -> [S::V; POINTS] {
    let (two, four) = (s.splat(2.0), s.splat(4.0));
    let (minus_two, minus_four, minus_five) = (s.splat(-2.0), s.splat(-4.0), s.splat(-5.0));
    let even = s.mul_add(minus_four, d2, d4);
    let odd = s.mul_add(minus_four, d1, d3);
    let d4_d2 = s.sub(d4, d2);
    let d3_d1 = s.sub(d3, d1);
    [
        s.mul_add(four, d0, s.mul_add(minus_five, d2, d4)),
        s.add(even, odd),
        s.sub(even, odd),
        s.mul_add(two, d3_d1, d4_d2),
        s.mul_add(minus_two, d3_d1, d4_d2),
        s.mul_add(four, d1, s.mul_add(minus_five, d3, d5)),
    ]
}

/// `At` times six values.
#[inline(always)]
fn output_transform<S: Simd>(s: S, [m0, m1, m2, m3, m4, m5]: [S::V; POINTS]) -> [S::V; TILE] {
    let (sum1, sum2) = (s.add(m1, m2), s.add(m3, m4));
    let (difference1, difference2) = (s.sub(m1, m2), s.sub(m3, m4));
    [
        s.add(s.add(m0, sum1), sum2),
        s.mul_add(s.splat(2.0), difference2, difference1),
        s.mul_add(s.splat(4.0), sum2, sum1),
        s.add(s.mul_add(s.splat(8.0), difference2, difference1), m5),
    ]
}
