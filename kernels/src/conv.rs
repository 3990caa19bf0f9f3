//! Direct convolution of NHWC images, with bias and PReLU on the way out.
//!
//! No im2col copy is made: the values under one row of the kernel, `size·inputs` of them, lie side by side in the image,
//! and those of the next pixel begin `inputs` further on. So one row of the image is a matrix whose rows overlap, and the
//! register tile runs on it as it is.

use crate::shape::product;
use crate::simd::{Floats, Kernel, Simd, dispatch};
use crate::tile::{Panels, even_tiles, isa_for_columns, most_rows, store_columns, tile, with_tile};
use crate::{Buffer, Isa, Shape, gemm, im2col};

/// The parameters of a convolution with a square kernel, stride 1 and no padding, as model files have them.
#[derive(Clone, Copy, Debug)]
pub struct ConvParams<'a> {
    /// Rows and columns of the kernel.
    pub size: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// `[outputs][inputs][size][size]`
    pub weights: &'a [f32],
    /// A bias for each output.
    pub bias: &'a [f32],
    /// The slopes of the PReLU, one for each output, where a PReLU follows.
    pub slopes: Option<&'a [f32]>,
}

impl ConvParams<'_> {
    /// Channels of the output.
    pub(crate) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// The slopes, 1 where no PReLU follows: that changes no bit.
    pub(crate) fn slopes_or_ones(&self) -> Vec<f32> {
        self.slopes.map_or_else(|| vec![1.0; self.outputs()], <[f32]>::to_vec)
    }

    /// # Panics
    /// If a size is 0 or the slices are not of these lengths.
    #[track_caller]
    pub(crate) fn check(&self) {
        let (size, inputs, outputs) = (self.size, self.inputs, self.outputs());
        assert!(size > 0 && inputs > 0 && outputs > 0, "no size is 0");
        assert!(size <= MAX_SIZE, "a kernel of at most {MAX_SIZE}");
        assert_eq!(self.weights.len(), product([outputs, inputs, size, size]), "weights [outputs][inputs][size][size]");
        assert!(self.slopes.is_none_or(|slopes| slopes.len() == outputs), "a slope for each output");
    }
}

/// A convolution with a square kernel, stride 1 and no padding, packed for an instruction set.
///
/// ```
/// use mtcnn_kernels::{Conv, ConvParams, Isa, Shape};
///
/// // The sum of each 2x2 pixels of one channel, negated, and a PReLU of slope 0.5.
/// let params = ConvParams { size: 2, inputs: 1, weights: &[-1.0; 4], bias: &[0.0], slopes: Some(&[0.5]) };
/// let conv = Conv::new(Isa::best(), params);
/// let image = Shape::image(2, 3, 1);
/// let mut output = [0.0; 2];
/// conv.forward(image, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut output);
/// assert_eq!(output, [-6.0, -8.0]);
/// ```
#[derive(Clone, Debug)]
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
    /// Packs the parameters.
    ///
    /// # Panics
    /// If a size is 0, the kernel is larger than 5x5, the slices are not of the lengths that the parameters say, or the
    /// machine lacks the instruction set.
    #[must_use]
    pub fn new(isa: Isa, params: ConvParams<'_>) -> Self {
        Self::packed(isa, params, false)
    }

    /// A convolution of rows that are `[channel][column]` each, for [`crate::rows`]. The output is the usual one.
    pub(crate) fn of_planar_rows(isa: Isa, params: ConvParams<'_>) -> Self {
        Self::packed(isa, params, true)
    }

    fn packed(isa: Isa, params: ConvParams<'_>, planar: bool) -> Self {
        params.check();
        let ConvParams { size, inputs, weights, bias, slopes } = params;
        let outputs = params.outputs();
        // A step of the depth is (ky, kx, input) or (ky, input, kx), as the values lie in the image.
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
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Channels of the input.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels of the output.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.weights.columns
    }

    /// The shape of the output; `None` if the images are smaller than the kernel.
    #[must_use]
    pub fn output(&self, input: Shape) -> Option<Shape> {
        input.convolved(self.size, self.outputs())
    }

    /// Useful floating-point operations on images of that shape.
    #[must_use]
    pub fn flops(&self, input: Shape) -> u64 {
        self.output(input).map_or(0, |output| 2 * (self.weights.depth * output.values()) as u64)
    }

    fn check(&self, shape: Shape, input: &[f32], output: &[f32]) -> Shape {
        assert!(!self.planar, "a convolution of planar rows works in a net of rows only");
        let output_shape = checked(shape, self.inputs, self.output(shape));
        shape.check("input", input.len());
        output_shape.check("output", output.len());
        output_shape
    }

    /// Convolves a batch of images.
    ///
    /// # Panics
    /// If the images are smaller than the kernel or have other channels, or a slice is not of its shape.
    pub fn forward(&self, shape: Shape, input: &[f32], output: &mut [f32]) {
        let output_shape = self.check(shape, input, output);
        dispatch(self.weights.isa, Forward { conv: self, shape, output_shape, input, output });
    }

    /// The same by the general way: the patches copied into a matrix, and a GEMM. It takes more memory and time, and serves
    /// as the check of the direct way.
    ///
    /// # Panics
    /// As [`Conv::forward`].
    pub fn forward_im2col(&self, shape: Shape, input: &[f32], output: &mut [f32]) {
        self.check(shape, input, output);
        let (depth, outputs) = (self.weights.depth, self.outputs());
        let patches = im2col::patches(shape, self.size, input);
        for row in output.chunks_exact_mut(outputs) {
            row.copy_from_slice(&self.bias[..outputs]);
        }
        gemm::multiply_add(gemm::Matrix::new(&patches, patches.len() / depth, depth), &self.weights, output);
        if let Some(slopes) = &self.slopes {
            crate::prelu::forward(self.weights.isa, &slopes[..outputs], output);
        }
    }

    /// Whether the rows of the input are planar.
    pub(crate) fn takes_planar_rows(&self) -> bool {
        self.planar
    }

    /// One row of the output, from the `size` rows of the input that it needs. Channels of planar rows
    /// are `plane` values apart.
    ///
    /// # Panics
    /// If the convolution was packed for another instruction set.
    ///
    /// # Safety
    /// Each of the first `size` of `rows` must be readable for `pixels + size - 1` pixels, `out` writable
    /// for `pixels * outputs` values.
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
                columns: self.outputs() - column,
            };
            for t in 0..tiles {
                // The last tile overlaps the one before it: no ragged end.
                let x = (t * tile_rows).min(pixels - tile_rows);
                // SAFETY: the pixels from x to x + tile_rows exist, in the input and in the output.
                unsafe {
                    let out = out.add(x * self.outputs() + column);
                    let vectors = self.weights.vectors;
                    with_tile!(S, tile_rows, vectors, conv_tile(s, self, &panel, rows, plane, x, out));
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
    /// Columns that exist.
    columns: usize,
}

/// `ROWS` pixels from `x` on, in the columns of one panel.
///
/// # Safety
/// The pixels must exist in the input rows and, with the panel's columns, at `out`.
#[inline(always)]
unsafe fn conv_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    s: S,
    conv: &Conv,
    panel: &PanelOf<'_>,
    rows: &[*const f32; MAX_SIZE],
    plane: usize,
    x: usize,
    out: *mut f32,
) {
    let mut sums = [[s.splat(0.0); VECTORS]; ROWS];
    // Planar rows give the values under a row of the kernel in one run a channel.
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
            store_columns(s, out.add(r * conv.outputs()), &sums[r], panel.columns);
        }
    }
}

/// The shape of a layer's output, if images of `input` fit the layer.
///
/// # Panics
/// If they have not `channels` channels, or are too small for an output.
#[track_caller]
pub(crate) fn checked(input: Shape, channels: usize, output: Option<Shape>) -> Shape {
    assert_eq!(input.channels, channels, "the channels of the input");
    output.unwrap_or_else(|| panic!("{input:?} is smaller than the kernel"))
}

struct Forward<'a> {
    conv: &'a Conv,
    shape: Shape,
    output_shape: Shape,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { conv, shape, output_shape, .. } = self;
        let (row_in, row_out) = (shape.row(), output_shape.row());
        for i in 0..shape.images {
            for y in 0..output_shape.height {
                let mut rows = [std::ptr::null(); MAX_SIZE];
                for ky in 0..conv.size {
                    rows[ky] = self.input[(i * shape.height + y + ky) * row_in..][..row_in].as_ptr();
                }
                let out = &mut self.output[(i * output_shape.height + y) * row_out..][..row_out];
                // SAFETY: the slices are whole rows of the input and the output.
                unsafe { conv.row(s, &rows, 0, output_shape.width, out.as_mut_ptr()) };
            }
        }
    }
}
