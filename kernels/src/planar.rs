//! A first layer in planar form: convolution, PReLU and a 2/2 max-pool in one.
//!
//! Three channels in and ten out leave lanes idle when output channels lie in the lanes, as they do in
//! [`crate::Conv`]. Here pixels do: a row of the image is `[channel][column]`, a vector holds
//! neighbouring columns of one channel, and every lane works whatever the number of channels. The
//! output is planar too, which `Conv::of_planar_rows` takes.

use crate::ConvParams;
use crate::conv::MAX_SIZE;
use crate::simd::{Simd, load_up_to, store_up_to};

/// Output channels that are summed up at a time.
const CHANNELS: usize = 5;

/// The sizes of an instruction set's tiles here.
trait PlanarTile: Simd {
    /// Vectors of columns, 2 or 4: five channels of them must fit into the registers.
    const PLANAR_VECTORS: usize = if Self::REGISTERS == 32 { 4 } else { 2 };
}

impl<S: Simd> PlanarTile for S {}

/// A convolution with a square kernel, stride 1 and no padding, a bias, PReLU and a max-pool of 2x2
/// with stride 2 and sizes rounded up.
#[derive(Clone, Debug)]
pub(crate) struct PlanarConvPool {
    size: usize,
    inputs: usize,
    outputs: usize,
    /// `[group of outputs][ky][input][kx][output of the group]`, the last group filled up with zeros.
    weights: Vec<f32>,
    bias: Vec<f32>,
    slopes: Vec<f32>,
}

impl PlanarConvPool {
    /// Packs the parameters.
    ///
    /// # Panics
    /// As [`crate::Conv::new`], and if the kernel is as large as windows may be: the pool needs one row more.
    pub(crate) fn new(params: ConvParams<'_>) -> Self {
        params.check();
        let (ConvParams { size, inputs, weights, bias, .. }, outputs) = (params, params.outputs());
        assert!(size < MAX_SIZE, "a kernel of less than {MAX_SIZE}: the pool needs one row more");
        let padded = outputs.next_multiple_of(CHANNELS);
        let depth = size * size * inputs;
        let mut packed = vec![0.0; padded * depth];
        for o in 0..outputs {
            for ky in 0..size {
                for i in 0..inputs {
                    for kx in 0..size {
                        let step = (ky * inputs + i) * size + kx;
                        packed[(o / CHANNELS * depth + step) * CHANNELS + o % CHANNELS] =
                            weights[((o * inputs + i) * size + ky) * size + kx];
                    }
                }
            }
        }
        let pad = |values: &[f32]| {
            let mut padded_values = values.to_vec();
            padded_values.resize(padded, 0.0);
            padded_values
        };
        let slopes = pad(&params.slopes_or_ones());
        Self { size, inputs, outputs, weights: packed, bias: pad(bias), slopes }
    }

    /// Rows and columns of the kernel.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Channels of the input.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels of the output.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Values from one channel of an output row to the next: the pooled columns, filled up to whole
    /// cache lines, so that vectors may be written over the end.
    pub(crate) fn plane(&self, width: usize) -> usize {
        (width + 1 - self.size).div_ceil(2).next_multiple_of(16)
    }

    /// Values of [`PlanarConvPool::row`]'s scratch.
    pub(crate) fn scratch(&self, width: usize) -> usize {
        // Whole pairs of vectors are read when neighbours are compared.
        self.outputs.next_multiple_of(CHANNELS) * (width + 1 - self.size).next_multiple_of(32)
    }

    /// One row of the output, `[output][output_plane]`, from the rows of the input under it, each
    /// `[input][plane]`, of which `width` columns are looked at: one more than the kernel has, or as many where the image
    /// ends.
    ///
    /// # Safety
    /// The rows must be readable for `width` columns of each input, with `width >= size`; `scratch` must be
    /// writable for `scratch(width)`, and `plane(width)` values for each output at `out`.
    #[inline(always)]
    pub(crate) unsafe fn row<S: Simd>(
        &self,
        s: S,
        rows: &[*const f32],
        (plane, output_plane): (usize, usize),
        width: usize,
        scratch: *mut f32,
        out: *mut f32,
    ) {
        let columns = width + 1 - self.size;
        let line = columns.next_multiple_of(32);
        // SAFETY: the caller's; `below` only where there is one row more.
        unsafe {
            self.conv_row::<S, false>(s, rows, (plane, columns), line, scratch);
            if rows.len() > self.size {
                self.conv_row::<S, true>(s, &rows[1..], (plane, columns), line, scratch);
            }
            for o in 0..self.outputs {
                let (from, to) = (scratch.add(o * line), out.add(o * output_plane));
                if columns % 2 == 1 {
                    // The last column has no neighbour: it is its own.
                    *from.add(columns) = *from.add(columns - 1);
                }
                let mut x = 0;
                while 2 * x < columns {
                    let pairs = s.max_pairs(s.load(from.add(2 * x)), s.load(from.add(2 * x + S::LANES)));
                    s.store(to.add(x), pairs);
                    x += S::LANES;
                }
            }
        }
    }

    /// The convolution and PReLU of one row, for all outputs. With `SECOND`, the larger of that and
    /// what is there.
    ///
    /// # Safety
    /// As [`PlanarConvPool::row`]; `line` values must be writable for each output, rounded up to whole
    /// groups.
    #[inline(always)]
    unsafe fn conv_row<S: Simd, const SECOND: bool>(
        &self,
        s: S,
        rows: &[*const f32],
        (plane, columns): (usize, usize),
        line: usize,
        scratch: *mut f32,
    ) {
        let depth = self.size * self.size * self.inputs;
        for group in 0..self.outputs.div_ceil(CHANNELS) {
            // SAFETY: the group's lines lie in the scratch; a tile of whole vectors lies in the columns.
            unsafe {
                let group = Group {
                    weights: self.weights[group * depth * CHANNELS..].as_ptr(),
                    bias: &self.bias[group * CHANNELS..][..CHANNELS],
                    slopes: &self.slopes[group * CHANNELS..][..CHANNELS],
                    lines: scratch.add(group * CHANNELS * line),
                    line,
                };
                let mut x = 0;
                while x < columns {
                    let left = columns - x;
                    // Tiles of whole vectors, of which the last may overlap the one before it; an
                    // image that is narrower than a tile is done vector by vector.
                    if columns >= S::PLANAR_VECTORS * S::LANES {
                        let at = x.min(columns - S::PLANAR_VECTORS * S::LANES);
                        match S::PLANAR_VECTORS {
                            4 => self.tile::<S, SECOND, 4>(s, rows, plane, &group, at, usize::MAX),
                            _ => self.tile::<S, SECOND, 2>(s, rows, plane, &group, at, usize::MAX),
                        }
                        x += S::PLANAR_VECTORS * S::LANES;
                    } else {
                        self.tile::<S, SECOND, 1>(s, rows, plane, &group, x, left);
                        x += S::LANES;
                    }
                }
            }
        }
    }

    /// `VECTORS` vectors of columns from `x` on, of which `columns` exist, for one group of outputs.
    ///
    /// # Safety
    /// As [`PlanarConvPool::conv_row`]; the columns must exist.
    #[inline(always)]
    unsafe fn tile<S: Simd, const SECOND: bool, const VECTORS: usize>(
        &self,
        s: S,
        rows: &[*const f32],
        plane: usize,
        group: &Group<'_>,
        x: usize,
        columns: usize,
    ) {
        // SAFETY: the caller's: the columns and the `size - 1` after them exist in every row.
        unsafe {
            let mut weights = group.weights;
            let mut sums = [[s.splat(0.0); VECTORS]; CHANNELS];
            for c in 0..CHANNELS {
                sums[c] = [s.splat(group.bias[c]); VECTORS];
            }
            for ky in 0..self.size {
                for input in 0..self.inputs {
                    for kx in 0..self.size {
                        let from = rows[ky].add(input * plane + x + kx);
                        let mut pixels = [s.splat(0.0); VECTORS];
                        for v in 0..VECTORS {
                            pixels[v] = load_up_to(s, from.add(v * S::LANES), columns);
                        }
                        for c in 0..CHANNELS {
                            let weight = s.splat(*weights.add(c));
                            for v in 0..VECTORS {
                                sums[c][v] = s.mul_add(weight, pixels[v], sums[c][v]);
                            }
                        }
                        weights = weights.add(CHANNELS);
                    }
                }
            }
            for c in 0..CHANNELS {
                let slope = s.splat(group.slopes[c]);
                for v in 0..VECTORS {
                    let to = group.lines.add(c * group.line + x + v * S::LANES);
                    let mut value = s.prelu(sums[c][v], slope);
                    if SECOND {
                        value = s.max(value, load_up_to(s, to, columns));
                    }
                    store_up_to(s, to, value, columns);
                }
            }
        }
    }
}

/// A group of output channels: what belongs to it, and where its lines go.
struct Group<'a> {
    weights: *const f32,
    bias: &'a [f32],
    slopes: &'a [f32],
    lines: *mut f32,
    /// Values from one line to the next.
    line: usize,
}
