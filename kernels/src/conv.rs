//! Direct convolution of NHWC pictures, with bias and PReLU on the way out.
//!
//! No im2col copy is made: the numbers under one row of the kernel, `size·inputs` of them, lie side
//! by side in the picture, and those of the next pixel begin `inputs` further on. So one row of the
//! picture is a matrix whose rows overlap, and the register tile runs on it as it is.

use crate::simd::{Floats, Kernel, Simd, dispatch};
use crate::sizes::product;
use crate::tile::{Panels, even_tiles, isa_for_columns, most_rows, store_columns, tile, with_tile};
use crate::{Buffer, Isa, gemm, im2col};

/// A convolution with a square kernel, stride 1 and no padding, packed for an instruction set.
///
/// Pictures are NHWC: `[height][width][channels]`. A picture of `h x w` pixels gives
/// `(h - size + 1) x (w - size + 1)`.
#[derive(Clone)]
pub struct Conv {
    size: usize,
    inputs: usize,
    /// Whether the rows of the input are `[channel][column]`, not `[column][channel]`.
    planar: bool,
    weights: Panels,
    bias: Buffer,
    /// Of the PReLU, if one follows.
    slopes: Option<Buffer>,
}

impl Conv {
    /// Packs `weights`, `[outputs][inputs][size][size]`, with a bias an output, and a slope an output
    /// where a PReLU follows.
    ///
    /// # Panics
    /// If a size is 0 or the slices are not of these lengths.
    pub fn new(
        isa: Isa,
        size: usize,
        inputs: usize,
        outputs: usize,
        weights: &[f32],
        bias: &[f32],
        slopes: Option<&[f32]>,
    ) -> Self {
        Self::packed(isa, size, inputs, outputs, weights, bias, slopes, false)
    }

    /// A convolution for the rows of a net whose input comes from [`crate::PlanarConvPool`]: each row is
    /// `[channel][column]`. The output is the usual one.
    ///
    /// # Panics
    /// As [`Conv::new`].
    pub fn of_planar_rows(
        isa: Isa,
        size: usize,
        inputs: usize,
        outputs: usize,
        weights: &[f32],
        bias: &[f32],
        slopes: Option<&[f32]>,
    ) -> Self {
        Self::packed(isa, size, inputs, outputs, weights, bias, slopes, true)
    }

    fn packed(
        isa: Isa,
        size: usize,
        inputs: usize,
        outputs: usize,
        weights: &[f32],
        bias: &[f32],
        slopes: Option<&[f32]>,
        planar: bool,
    ) -> Self {
        assert!(size > 0 && inputs > 0 && outputs > 0, "no size is 0");
        assert!(size <= MAX_SIZE, "a kernel of at most {MAX_SIZE}");
        assert_eq!(weights.len(), product([outputs, inputs, size, size]), "weights [outputs][inputs][size][size]");
        // A step of the depth is (ky, kx, input) or (ky, input, kx), as the numbers lie in the picture.
        let panels = Panels::pack(isa_for_columns(isa, outputs), size * size * inputs, outputs, |k, n| {
            let (ky, rest) = (k / (size * inputs), k % (size * inputs));
            let (kx, input) = if planar { (rest % size, rest / size) } else { (rest / inputs, rest % inputs) };
            weights[((n * inputs + input) * size + ky) * size + kx]
        });
        let bias = panels.pad(bias, 0.0);
        let slopes = slopes.map(|slopes| panels.pad(slopes, 1.0));
        Self { size, inputs, planar, weights: panels, bias, slopes }
    }

    /// Rows and columns of the kernel.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Channels of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels of the output.
    pub fn outputs(&self) -> usize {
        self.weights.columns
    }

    /// Useful floating-point operations for an output of that many pixels.
    pub fn flops(&self, pixels: usize) -> u64 {
        2 * self.weights.depth as u64 * self.outputs() as u64 * pixels as u64
    }

    /// The size of the output of a picture.
    ///
    /// # Panics
    /// If the picture is smaller than the kernel.
    fn output_size(&self, height: usize, width: usize) -> (usize, usize) {
        assert!(height >= self.size && width >= self.size, "a {height}x{width} picture is smaller than the kernel");
        (height - self.size + 1, width - self.size + 1)
    }

    fn check(&self, images: usize, height: usize, width: usize, input: &[f32], output: &[f32]) -> (usize, usize) {
        let (oh, ow) = self.output_size(height, width);
        assert!(!self.planar, "a convolution of planar rows works in a net of rows only");
        assert_eq!(input.len(), product([images, height, width, self.inputs]), "input [images][height][width][inputs]");
        assert_eq!(output.len(), product([images, oh, ow, self.outputs()]), "output [images][height][width][outputs]");
        (oh, ow)
    }

    /// Convolves `images` pictures of `height x width` pixels, one behind the other.
    ///
    /// # Panics
    /// If the pictures are smaller than the kernel, or the slices are not of the sizes that follow.
    pub fn forward(&self, images: usize, height: usize, width: usize, input: &[f32], output: &mut [f32]) {
        let (oh, ow) = self.check(images, height, width, input, output);
        dispatch(self.weights.isa, Forward { conv: self, images, height, width, oh, ow, input, output });
    }

    /// The same by the general way: the patches copied into a matrix, and a GEMM. It takes more
    /// memory and time, and serves as the check of the direct way.
    ///
    /// # Panics
    /// As [`Conv::forward`].
    pub fn forward_im2col(&self, images: usize, height: usize, width: usize, input: &[f32], output: &mut [f32]) {
        let (oh, ow) = self.check(images, height, width, input, output);
        let (depth, outputs) = (self.weights.depth, self.outputs());
        let patches = im2col::patches(images, height, width, self.inputs, self.size, input);
        let rows = images * oh * ow;
        for row in output.chunks_exact_mut(outputs) {
            row.copy_from_slice(&self.bias[..outputs]);
        }
        gemm::multiply_add(rows, gemm::Matrix { data: &patches, row: depth, column: 1 }, &self.weights, output);
        if let Some(slopes) = &self.slopes {
            crate::prelu::forward(self.weights.isa, outputs, &slopes[..outputs], output);
        }
    }

    /// Whether the rows of the input are planar.
    pub(crate) fn takes_planar_rows(&self) -> bool {
        self.planar
    }

    /// One row of the output, from the `size` rows of the input that it needs. Channels of planar rows
    /// are `plane` numbers apart.
    ///
    /// # Panics
    /// If the convolution was packed for another instruction set.
    ///
    /// # Safety
    /// Each of the first `size` of `rows` must be readable for `pixels + size - 1` pixels, `out` writable
    /// for `pixels * outputs` numbers.
    #[inline(always)]
    pub(crate) unsafe fn row<S: Simd>(
        &self,
        s: S,
        rows: &[*const f32; MAX_SIZE],
        plane: usize,
        pixels: usize,
        out: *mut f32,
    ) {
        let lanes = self.weights.lanes;
        // SAFETY: the caller's; the panels are as wide as the vectors.
        unsafe {
            if lanes == S::LANES {
                self.row_with(s, rows, plane, pixels, out);
            } else {
                assert_eq!(lanes, S::Half::LANES, "a convolution packed for this instruction set");
                self.row_with(s.half(), rows, plane, pixels, out);
            }
        }
    }

    /// [`Conv::row`] with the instruction set that the weights are packed for.
    ///
    /// # Safety
    /// As there, and the panels must be packed for `S`.
    #[inline(always)]
    unsafe fn row_with<S: Simd>(
        &self,
        s: S,
        rows: &[*const f32; MAX_SIZE],
        plane: usize,
        pixels: usize,
        out: *mut f32,
    ) {
        let (tiles, tile_rows) = even_tiles(pixels, most_rows::<S>(self.weights.vectors));
        let width = self.weights.width();
        let mut column = 0;
        while column < self.outputs() {
            let panel = PanelOf {
                weights: self.weights.panel(column / width),
                bias: &self.bias[column..][..width],
                slopes: self.slopes.as_ref().map(|slopes| &slopes[column..][..width]),
            };
            let columns = self.outputs() - column;
            for t in 0..tiles {
                // The last tile overlaps the one before it: no ragged end.
                let x = (t * tile_rows).min(pixels - tile_rows);
                // SAFETY: the pixels from x to x + tile_rows exist, in the input and in the output.
                unsafe {
                    let out = out.add(x * self.outputs() + column);
                    let vectors = self.weights.vectors;
                    with_tile!(S, tile_rows, vectors, conv_tile(s, self, &panel, rows, plane, x, out, columns));
                }
            }
            column += width;
        }
    }
}

/// The largest kernel or pooling window.
pub(crate) const MAX_SIZE: usize = 5;

/// One panel of the weights, with what belongs to its columns.
struct PanelOf<'a> {
    weights: &'a [f32],
    bias: &'a [f32],
    slopes: Option<&'a [f32]>,
}

/// `ROWS` pixels from `x` on, in the columns of one panel.
///
/// # Safety
/// The pixels must exist in the input rows and at `out`; `out` has `columns` columns left.
#[inline(always)]
unsafe fn conv_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    s: S,
    conv: &Conv,
    panel: &PanelOf<'_>,
    rows: &[*const f32; MAX_SIZE],
    plane: usize,
    x: usize,
    out: *mut f32,
    columns: usize,
) {
    let mut sums = [[s.splat(0.0); VECTORS]; ROWS];
    // Planar rows give the numbers under a row of the kernel in one run a channel.
    let (runs, step) = if conv.planar { (conv.inputs, 1) } else { (1, conv.inputs) };
    let depth = conv.size * conv.inputs / runs;
    // SAFETY: a panel has VECTORS vectors of bias and slopes, and `size` times `depth` steps of
    // weights; the caller gives the pixels.
    unsafe {
        for v in 0..VECTORS {
            let bias = s.load(panel.bias.as_ptr().add(v * S::LANES));
            for r in 0..ROWS {
                sums[r][v] = bias;
            }
        }
        let mut b = panel.weights.as_ptr();
        for ky in 0..conv.size {
            for run in 0..runs {
                let a = rows[ky].add(run * plane + x * step);
                tile(s, &mut sums, a, step, 1, b, depth);
                b = b.add(depth * VECTORS * S::LANES);
            }
        }
        if let Some(slopes) = panel.slopes {
            for v in 0..VECTORS {
                let slopes = s.load(slopes.as_ptr().add(v * S::LANES));
                for r in 0..ROWS {
                    sums[r][v] = s.prelu(sums[r][v], slopes);
                }
            }
        }
        for r in 0..ROWS {
            store_columns(s, out.add(r * conv.outputs()), &sums[r], columns);
        }
    }
}

struct Forward<'a> {
    conv: &'a Conv,
    images: usize,
    height: usize,
    width: usize,
    oh: usize,
    ow: usize,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let conv = self.conv;
        let (row_in, row_out) = (self.width * conv.inputs, self.ow * conv.outputs());
        for i in 0..self.images {
            for y in 0..self.oh {
                let mut rows = [std::ptr::null(); MAX_SIZE];
                for ky in 0..conv.size {
                    rows[ky] = self.input[(i * self.height + y + ky) * row_in..][..row_in].as_ptr();
                }
                let out = &mut self.output[(i * self.oh + y) * row_out..][..row_out];
                // SAFETY: the slices are whole rows of the input and the output.
                unsafe { conv.row(s, &rows, 0, self.ow, out.as_mut_ptr()) };
            }
        }
    }
}
