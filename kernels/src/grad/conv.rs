//! Convolution and dense layers for training, by the register tile.
//!
//! All three passes are products of matrices that lie in the images as they are. A tile's rows are the
//! pixels of a row of an image where there are many, and elsewhere the same pixel of several images: so
//! small maps, down to the one pixel of a dense layer, fill the tile too.

use crate::conv::checked;
use crate::shape::product;
use crate::simd::{Kernel, Simd, dispatch, load_up_to};
use crate::tile::{Panels, even_tiles, isa_for_columns, most_rows, store_columns, tile, with_tile};
use crate::{Buffer, Isa, Shape};

/// A convolution for training, with bias, stride 1 and no padding.
///
/// On images of the kernel's own size, of which one pixel remains, it is a dense layer.
#[derive(Clone, Debug)]
pub struct Conv {
    pub(super) size: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Steps are (ky, kx, input), columns outputs.
    pub(super) forward: Panels,
    /// For the gradient of the input: steps are (ky, kx, output) of the kernel turned by 180°, columns inputs.
    backward: Panels,
    bias: Buffer,
    no_bias: Buffer,
}

impl Conv {
    /// A convolution whose weights and bias are all 0, for an instruction set.
    ///
    /// # Panics
    /// If a size is 0, or the machine lacks the instruction set.
    #[must_use]
    pub fn new(isa: Isa, size: usize, inputs: usize, outputs: usize) -> Self {
        assert!(size > 0 && inputs > 0 && outputs > 0, "no size is 0");
        let zeros = |inputs: usize, outputs: usize| {
            Panels::zeros(isa_for_columns(isa, outputs), product([size, size, inputs]), outputs)
        };
        let (forward, backward) = (zeros(inputs, outputs), zeros(outputs, inputs));
        let (bias, no_bias) = (Buffer::zeros(forward.padded_columns()), Buffer::zeros(backward.padded_columns()));
        Self { size, inputs, outputs, forward, backward, bias, no_bias }
    }

    /// Packs `weights`, `[outputs][inputs][size][size]`, and a bias an output.
    ///
    /// # Panics
    /// If the slices are not of these lengths.
    pub fn set(&mut self, weights: &[f32], bias: &[f32]) {
        let Self { size, inputs, outputs, .. } = *self;
        assert_eq!(weights.len(), self.weights(), "weights [outputs][inputs][size][size]");
        assert_eq!(bias.len(), outputs, "a bias for each output");
        let (taps, last) = (size * size, size * size - 1);
        self.forward.fill(|k, output| weights[(output * inputs + k % inputs) * taps + k / inputs]);
        self.backward.fill(|k, input| weights[(k % outputs * inputs + input) * taps + last - k / outputs]);
        self.bias[..outputs].copy_from_slice(bias);
    }

    /// Values of the weights, and of the sums of [`Conv::weight_gradient`].
    #[must_use]
    pub fn weights(&self) -> usize {
        product([self.outputs, self.inputs, self.size, self.size])
    }

    /// Checks the slices of a pass and gives the shape of the output.
    fn check(&self, shape: Shape, input: usize, output: usize) -> Shape {
        let output_shape = self.check_input(shape, input);
        output_shape.check("output", output);
        output_shape
    }

    /// [`Conv::check`] without the output.
    pub(super) fn check_input(&self, shape: Shape, input: usize) -> Shape {
        let output_shape = checked(shape, self.inputs, shape.convolved(self.size, self.outputs));
        shape.check("input", input);
        output_shape
    }

    /// Convolves a batch of images.
    ///
    /// # Panics
    /// If the images are smaller than the kernel or have other channels, or a slice is not of its shape.
    pub fn forward(&self, shape: Shape, input: &[f32], output: &mut [f32]) {
        let output_shape = self.check(shape, input.len(), output.len());
        let Self { size, bias, forward: weights, .. } = self;
        dispatch(weights.isa, Product { size: *size, border: 0, weights, bias, shape, output_shape, input, output });
    }

    /// The gradient of the input from that of the output.
    ///
    /// It is the convolution of the output's gradient, within a border of zeros, with the kernel turned by
    /// 180° and inputs and outputs exchanged.
    ///
    /// # Panics
    /// As [`Conv::forward`].
    pub fn input_gradient(&self, shape: Shape, gradient: &[f32], input_gradient: &mut [f32]) {
        let output_shape = self.check(shape, input_gradient.len(), gradient.len());
        let Self { size, no_bias: bias, backward: weights, .. } = self;
        let (input, output) = (gradient, input_gradient);
        let (shape, output_shape) = (output_shape, shape);
        dispatch(
            weights.isa,
            Product { size: *size, border: size - 1, weights, bias, shape, output_shape, input, output },
        );
    }

    /// Adds the gradient of the weights to `sums`, `[size][size][inputs][outputs]`: each input times the
    /// gradient of each output that it takes part in.
    ///
    /// # Panics
    /// As [`Conv::forward`], and if there is not a sum for each weight.
    pub fn weight_gradient(&self, shape: Shape, input: &[f32], gradient: &[f32], sums: &mut [f32]) {
        let output_shape = self.check(shape, input.len(), gradient.len());
        assert_eq!(sums.len(), self.weights(), "sums [size][size][inputs][outputs]");
        if shape.images > 0 {
            dispatch(self.forward.isa, WeightGradient { conv: self, shape, output_shape, input, gradient, sums });
        }
    }

    /// Brings [sums](Conv::weight_gradient) to the order of the weights.
    ///
    /// # Panics
    /// If a slice is not as long as the weights.
    pub fn unpack(&self, sums: &[f32], weights: &mut [f32]) {
        let Self { size, inputs, outputs, .. } = *self;
        assert!(sums.len() == self.weights() && weights.len() == self.weights(), "a value for each weight");
        for (i, kernel) in weights.chunks_exact_mut(size * size).enumerate() {
            let (output, input) = (i / inputs, i % inputs);
            for (tap, weight) in kernel.iter_mut().enumerate() {
                *weight = sums[(tap * inputs + input) * outputs + output];
            }
        }
    }
}

/// From this many pixels on, tiles go along a row; the gradient of the input, whose pixels see unlike
/// parts of the kernel, always goes along the images.
const LONG_ROW: usize = 16;

/// A convolution of images within a border of zeros, of which nothing is stored or multiplied.
struct Product<'a> {
    size: usize,
    border: usize,
    weights: &'a Panels,
    bias: &'a [f32],
    shape: Shape,
    output_shape: Shape,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Product<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { weights, shape: Shape { images, height, width, .. }, .. } = self;
        let Shape { height: oh, width: ow, .. } = self.output_shape;
        let inputs = weights.depth / (self.size * self.size);
        let (image_in, image_out) = (height * width * inputs, oh * ow * weights.columns);
        let along_row = self.border == 0 && ow >= LONG_ROW;
        let (length, a_row, out_row) =
            if along_row { (ow, inputs, weights.columns) } else { (images, image_in, image_out) };
        let (tiles, rows) = even_tiles(length, most_rows::<S>(weights.vectors));
        let (outer, inner) = if along_row { (images, tiles) } else { (tiles, ow) };
        for column in (0..weights.columns).step_by(weights.width()) {
            let panel = PanelOf {
                weights: weights.panel(column / weights.width()).as_ptr(),
                bias: self.bias[column..][..weights.width()].as_ptr(),
                columns: weights.columns - column,
                a_row,
                out_row,
            };
            for i in 0..outer {
                for y in 0..oh {
                    for j in 0..inner {
                        // The last tile overlaps the one before it: no ragged end.
                        let (image, x) =
                            if along_row { (i, (j * rows).min(ow - rows)) } else { ((i * rows).min(images - rows), j) };
                        let a = self.input[image * image_in..].as_ptr();
                        let out =
                            self.output[image * image_out + (y * ow + x) * weights.columns + column..].as_mut_ptr();
                        let taps = Taps::at(y, x, &self);
                        // SAFETY: the images, or pixels, from the tile's first on are there; the taps lie
                        // in the image; a panel and its bias are VECTORS vectors wide.
                        unsafe { with_tile!(S, rows, weights.vectors, product_tile(s, &taps, &panel, a, out)) };
                    }
                }
            }
        }
    }
}

/// One panel of the weights, with what belongs to its columns, and the steps from one row of a tile to the next.
struct PanelOf {
    weights: *const f32,
    bias: *const f32,
    /// Columns that exist.
    columns: usize,
    a_row: usize,
    out_row: usize,
}

/// The part of the kernel that lies in the image where its output is one pixel.
struct Taps {
    /// Rows of the kernel.
    rows: usize,
    /// Where the first value of the input lies, and the first step of the weights.
    a: usize,
    b: usize,
    /// From one row to the next.
    a_step: usize,
    b_step: usize,
    /// Values under one row.
    depth: usize,
}

impl Taps {
    #[inline(always)]
    fn at(y: usize, x: usize, product: &Product<'_>) -> Self {
        let &Product { size, border, shape: Shape { height, width, .. }, weights, .. } = product;
        let inputs = weights.depth / (size * size);
        let (top, left) = (border.saturating_sub(y), border.saturating_sub(x));
        let (bottom, right) = (size.min(height + border - y), size.min(width + border - x));
        Self {
            rows: bottom - top,
            a: ((y + top - border) * width + x + left - border) * inputs,
            b: (top * size + left) * inputs,
            a_step: width * inputs,
            b_step: size * inputs,
            depth: (right - left) * inputs,
        }
    }
}

/// One tile of a [`Product`].
///
/// # Safety
/// At `a`, in each of `ROWS` rows, the values under the taps must be readable, in the panel as many vectors as the taps
/// have; at `out`, in each row, the panel's columns must be writable.
#[inline(always)]
unsafe fn product_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    s: S,
    taps: &Taps,
    panel: &PanelOf,
    a: *const f32,
    out: *mut f32,
) {
    let mut sums = [[s.splat(0.0); VECTORS]; ROWS];
    // SAFETY: the caller's.
    unsafe {
        for v in 0..VECTORS {
            let bias = s.load(panel.bias.add(v * S::LANES));
            for r in 0..ROWS {
                sums[r][v] = bias;
            }
        }
        for ky in 0..taps.rows {
            let b = panel.weights.add((taps.b + ky * taps.b_step) * VECTORS * S::LANES);
            tile(s, &mut sums, a.add(taps.a + ky * taps.a_step), panel.a_row, 1, b, taps.depth);
        }
        for r in 0..ROWS {
            store_columns(s, out.add(r * panel.out_row), &sums[r], panel.columns);
        }
    }
}

struct WeightGradient<'a> {
    conv: &'a Conv,
    shape: Shape,
    output_shape: Shape,
    input: &'a [f32],
    gradient: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { conv, shape: Shape { images, height, width, .. }, .. } = self;
        let Shape { height: oh, width: ow, .. } = self.output_shape;
        let &Conv { size, inputs, outputs, ref forward, .. } = conv;
        let (image, gradients) = (height * width * inputs, oh * ow * outputs);
        // One run is the pixels of a row, or the same pixel of all images, whichever is longer.
        let along_row = ow > images;
        let runs = Runs {
            outer: if along_row { images } else { ow },
            outer_steps: if along_row { (image, gradients) } else { (inputs, outputs) },
            rows: oh,
            row_steps: (width * inputs, ow * outputs),
            length: if along_row { ow } else { images },
            steps: if along_row { (inputs, outputs) } else { (image, gradients) },
        };
        // The values under one row of the kernel lie side by side. No tile overlaps: sums are added to.
        let (_, tile_rows) = even_tiles(size * inputs, most_rows::<S>(forward.vectors));
        for column in (0..outputs).step_by(forward.width()) {
            for ky in 0..size {
                for first in (0..size * inputs).step_by(tile_rows) {
                    let rows = tile_rows.min(size * inputs - first);
                    let a = self.input[ky * width * inputs + first..].as_ptr();
                    let b = self.gradient[column..].as_ptr();
                    let to = self.sums[(ky * size * inputs + first) * outputs + column..].as_mut_ptr();
                    let vectors = forward.vectors;
                    // SAFETY: the runs lie in the images, the rows of the tile in the sums.
                    unsafe { with_tile!(S, rows, vectors, gradient_tile(s, &runs, a, b, to, outputs, column)) };
                }
            }
        }
    }
}

/// The pixels of several images as runs: pairs of steps are those in the input and in the gradient.
struct Runs {
    outer: usize,
    outer_steps: (usize, usize),
    rows: usize,
    row_steps: (usize, usize),
    length: usize,
    steps: (usize, usize),
}

/// Adds to `ROWS x VECTORS` of the sums: over all pixels, `ROWS` values of the input times `VECTORS` vectors
/// of the gradient.
///
/// # Safety
/// The runs must be readable from `a` and `b` on, the latter's vectors up to column `outputs`; at `to`,
/// `ROWS` rows up to that column must be writable.
#[inline(always)]
unsafe fn gradient_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    s: S,
    runs: &Runs,
    a: *const f32,
    b: *const f32,
    to: *mut f32,
    outputs: usize,
    column: usize,
) {
    let columns = outputs - column;
    let mut sums = [[s.splat(0.0); VECTORS]; ROWS];
    // SAFETY: the caller's.
    unsafe {
        for i in 0..runs.outer {
            for y in 0..runs.rows {
                let a = a.add(i * runs.outer_steps.0 + y * runs.row_steps.0);
                let b = b.add(i * runs.outer_steps.1 + y * runs.row_steps.1);
                for k in 0..runs.length {
                    let mut bs = [s.splat(0.0); VECTORS];
                    for v in 0..VECTORS {
                        let b = b.add(k * runs.steps.1 + v * S::LANES);
                        bs[v] = load_up_to(s, b, columns.saturating_sub(v * S::LANES));
                    }
                    for r in 0..ROWS {
                        let broadcast = s.splat(*a.add(k * runs.steps.0 + r));
                        for v in 0..VECTORS {
                            sums[r][v] = s.mul_add(broadcast, bs[v], sums[r][v]);
                        }
                    }
                }
            }
        }
        for r in 0..ROWS {
            let row = to.add(r * outputs);
            for v in 0..VECTORS {
                let before = load_up_to(s, row.add(v * S::LANES), columns.saturating_sub(v * S::LANES));
                sums[r][v] = s.add(before, sums[r][v]);
            }
            store_columns(s, row, &sums[r], columns);
        }
    }
}
