//! A fully convolutional net run row by row: each layer works as soon as the rows under its kernel
//! are there, and only those are kept. The memory is a few rows a layer, which stay in the cache,
//! whatever the image's height.

use crate::conv::{Conv, MAX_SIZE};
use crate::planar::PlanarConvPool;
use crate::shape::product;
use crate::simd::{Kernel, Simd, dispatch};
use crate::winograd::row::WinogradRow;
use crate::winograd::tiles::SIZE;
use crate::{Buffer, ConvParams, Isa, MaxPool, Shape, Wanted};

/// A layer of the net.
#[derive(Clone, Debug)]
pub struct RowLayer(Layer);

#[derive(Clone, Debug)]
enum Layer {
    PlanarConvPool(PlanarConvPool),
    Conv(Conv),
    WinogradRow(WinogradRow),
    MaxPool(MaxPool),
}

impl RowLayer {
    /// Convolution, with PReLU where there are slopes.
    ///
    /// # Panics
    /// As [`Conv::new`].
    #[must_use]
    pub fn conv(isa: Isa, params: ConvParams<'_>) -> Self {
        Self(Layer::Conv(Conv::new(isa, params)))
    }

    /// The same for a 3x3 kernel, by Winograd's way along the row: it pays with few input channels.
    ///
    /// # Panics
    /// As [`Conv::new`], and if the kernel is not 3x3.
    #[must_use]
    pub fn winograd(isa: Isa, params: ConvParams<'_>) -> Self {
        Self(Layer::WinogradRow(WinogradRow::new(isa, params)))
    }

    /// Convolution, with PReLU where there are slopes, and a max-pool of 2x2 with stride 2, of planar rows. Only as the first
    /// layer, and a [`RowLayer::conv_of_planar_rows`] must follow. It pays with few channels and long rows.
    ///
    /// # Panics
    /// As [`Conv::new`], and if the kernel is 5x5.
    #[must_use]
    pub fn planar_conv_pool(params: ConvParams<'_>) -> Self {
        Self(Layer::PlanarConvPool(PlanarConvPool::new(params)))
    }

    /// [`RowLayer::conv`] on what a [`RowLayer::planar_conv_pool`] gives.
    ///
    /// # Panics
    /// As [`Conv::new`].
    #[must_use]
    pub fn conv_of_planar_rows(isa: Isa, params: ConvParams<'_>) -> Self {
        Self(Layer::Conv(Conv::of_planar_rows(isa, params)))
    }

    /// Max-pooling.
    #[must_use]
    pub fn max_pool(pool: MaxPool) -> Self {
        Self(Layer::MaxPool(pool))
    }

    /// The shape after this layer; `None` if the images are too small for it.
    #[must_use]
    pub fn output(&self, input: Shape) -> Option<Shape> {
        match &self.0 {
            Layer::PlanarConvPool(conv) => {
                MaxPool { size: 2, stride: 2 }.output(input.convolved(conv.size(), conv.outputs())?)
            }
            Layer::Conv(conv) => conv.output(input),
            Layer::WinogradRow(conv) => input.convolved(SIZE, conv.outputs()),
            Layer::MaxPool(pool) => pool.output(input),
        }
    }

    /// Useful floating-point operations on images of that shape: those of the direct way, pools not counted.
    #[must_use]
    pub fn flops(&self, input: Shape) -> u64 {
        let (size, outputs) = match &self.0 {
            Layer::PlanarConvPool(conv) => (conv.size(), conv.outputs()),
            Layer::Conv(conv) => (conv.size(), conv.outputs()),
            Layer::WinogradRow(conv) => (SIZE, conv.outputs()),
            Layer::MaxPool(_) => return 0,
        };
        let output = input.convolved(size, outputs);
        output.map_or(0, |output| 2 * (size * size * input.channels * output.values()) as u64)
    }

    /// Rows of the input under the kernel.
    fn window(&self) -> usize {
        match &self.0 {
            Layer::PlanarConvPool(conv) => conv.size() + 1,
            Layer::Conv(conv) => conv.size(),
            Layer::WinogradRow(_) => SIZE,
            Layer::MaxPool(pool) => pool.size,
        }
    }

    /// The rows of the input, `height` in all, that row `y` of the output needs: from, to.
    fn needs(&self, y: usize, height: usize) -> (usize, usize) {
        let from = match &self.0 {
            Layer::Conv(_) | Layer::WinogradRow(_) => y,
            Layer::PlanarConvPool(_) => 2 * y,
            Layer::MaxPool(pool) => y * pool.stride,
        };
        (from, height.min(from + self.window()))
    }

    /// Whether the layer takes planar rows, and whether it gives them.
    fn planar(&self) -> (bool, bool) {
        match &self.0 {
            Layer::PlanarConvPool(_) => (true, true),
            Layer::Conv(conv) => (conv.takes_planar_rows(), false),
            Layer::WinogradRow(_) | Layer::MaxPool(_) => (false, false),
        }
    }
}

/// The most layers of a net.
const MAX_LAYERS: usize = 8;

/// Runs the layers on images, `[image][row][column][channel]`, or `[image][row][channel][column]` where the first layer is a
/// [`RowLayer::planar_conv_pool`]. The output is `[image][row][column][channel]`.
///
/// ```
/// use mtcnn_kernels::rows::{self, RowLayer};
/// use mtcnn_kernels::{Buffer, ConvParams, Isa, MaxPool, Shape};
///
/// let isa = Isa::best();
/// let params = ConvParams { size: 3, inputs: 1, weights: &[1.0; 9], bias: &[0.0], slopes: None };
/// let layers = [RowLayer::conv(isa, params), RowLayer::max_pool(MaxPool { size: 2, stride: 2 })];
/// let image = Shape::image(6, 6, 1);
/// let output = layers.iter().try_fold(image, |shape, layer| layer.output(shape)).expect("an image large enough");
/// assert_eq!(output, Shape::image(2, 2, 1));
/// let mut values = vec![0.0; output.values()];
/// rows::forward(isa, &layers, image, &[1.0; 36], &mut Buffer::default(), &mut values);
/// assert_eq!(values, [9.0; 4]);
/// ```
///
/// # Panics
/// If there is no layer, or more than 8, if the images are too small for one of them, if a layer does not take what the one
/// before gives or was packed for another instruction set, or if a slice is not of its shape.
pub fn forward(isa: Isa, layers: &[RowLayer], shape: Shape, input: &[f32], scratch: &mut Buffer, output: &mut [f32]) {
    run(isa, layers, shape, input, None, scratch, output);
}

/// [`forward`] on one image, but only where its output is wanted, to the same bits. What is not wanted is unspecified.
///
/// # Panics
/// As [`forward`], if there is more than one image, if `wanted` is not of the output's size, or if there is a
/// [`RowLayer::max_pool`].
pub fn forward_where(
    isa: Isa,
    layers: &[RowLayer],
    shape: Shape,
    input: &[f32],
    wanted: &Wanted,
    scratch: &mut Buffer,
    output: &mut [f32],
) {
    assert_eq!(shape.images, 1, "one image");
    let pools = layers.iter().any(|layer| matches!(layer.0, Layer::MaxPool(_)));
    assert!(!pools, "no layer after the first has a stride");
    run(isa, layers, shape, input, Some(wanted), scratch, output);
}

fn run(
    isa: Isa,
    layers: &[RowLayer],
    shape: Shape,
    input: &[f32],
    wanted: Option<&Wanted>,
    scratch: &mut Buffer,
    output: &mut [f32],
) {
    assert!((1..=MAX_LAYERS).contains(&layers.len()), "1 to {MAX_LAYERS} layers");
    shape.check("input", input.len());
    let mut states = [State::default(); MAX_LAYERS];
    let (mut before, mut plane, mut used) = (shape, shape.width, 0);
    for (k, layer) in layers.iter().enumerate() {
        let next = layers.get(k + 1);
        let planar = layer.planar();
        let inputs = match &layer.0 {
            Layer::PlanarConvPool(conv) => {
                assert!(k == 0 && next.is_some(), "planar rows come first and go on to another layer");
                conv.inputs()
            }
            Layer::Conv(conv) => conv.inputs(),
            Layer::WinogradRow(conv) => conv.inputs(),
            Layer::MaxPool(pool) => {
                pool.check();
                before.channels
            }
        };
        assert_eq!(inputs, before.channels, "layer {k} takes what the image or the layer before has");
        if let Some(next) = next {
            assert_eq!(planar.1, next.planar().0, "layer {k} gives rows as the next takes them");
        }
        assert!(k > 0 || planar.0 == planar.1, "only a planar convolution with a pool takes planar rows of an image");
        let after = layer.output(before).expect("images large enough for the layers");
        let (output_plane, own) = match &layer.0 {
            // A vector may be written over the end of any part of a row.
            Layer::PlanarConvPool(conv) => {
                (conv.plane(before.width) + if wanted.is_some() { 16 } else { 0 }, conv.scratch(before.width))
            }
            Layer::WinogradRow(conv) => (0, conv.scratch(before.width)),
            Layer::Conv(_) | Layer::MaxPool(_) => (0, 0),
        };
        // Rows begin on a cache line.
        let row = if planar.1 { after.channels * output_plane } else { after.row().next_multiple_of(16) };
        let ring = next.map_or(0, RowLayer::window);
        // Rows, and columns, that later layers look at beyond an output's own.
        let reach = layers[k + 1..].iter().map(|layer| layer.window() - 1).sum();
        states[k] =
            State { input: before, plane, output: after, output_plane, row, ring, offset: used, made: 0, reach };
        used += product([row, ring]) + own;
        (before, plane) = (after, output_plane);
    }
    before.check("output", output.len());
    assert!(wanted.is_none_or(|wanted| wanted.size() == (before.height, before.width)), "wanted places of the output");
    let scratch = scratch.resize(used);
    let (images, output_row) = (shape.images.max(1), before.row());
    for (input, output) in
        input.chunks_exact((input.len() / images).max(1)).zip(output.chunks_exact_mut((output.len() / images).max(1)))
    {
        dispatch(isa, Forward { layers, states, input, wanted, scratch: &mut *scratch, output, output_row });
    }
}

/// A layer's sizes, and how far it has come.
#[derive(Clone, Copy, Default)]
struct State {
    input: Shape,
    /// From one channel of a planar input row to the next.
    plane: usize,
    output: Shape,
    /// From one channel of a planar output row to the next.
    output_plane: usize,
    /// Rows and columns that the last layer's output needs beyond those of the same number.
    reach: usize,
    /// Values from one row of the output to the next.
    row: usize,
    /// Rows of the output that are kept: as many as the next layer looks at. A row takes the place of
    /// one that lies before all that the next layer still needs, since no layer runs ahead of it.
    ring: usize,
    /// Where they begin in the scratch.
    offset: usize,
    /// Rows made so far.
    made: usize,
}

impl State {
    /// Where row `y` of the output lies in the scratch.
    #[inline(always)]
    fn place(&self, y: usize) -> usize {
        self.offset + y % self.ring * self.row
    }
}

struct Forward<'a> {
    layers: &'a [RowLayer],
    states: [State; MAX_LAYERS],
    input: &'a [f32],
    wanted: Option<&'a Wanted>,
    scratch: &'a mut [f32],
    output: &'a mut [f32],
    output_row: usize,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let last = self.layers.len() - 1;
        while self.states[last].made < self.states[last].output.height {
            // The layer nearest the output that has what it needs.
            let mut k = last;
            while k > 0
                && self.states[k - 1].made < self.layers[k].needs(self.states[k].made, self.states[k].input.height).1
            {
                k -= 1;
            }
            // SAFETY: what the layer needs was made, and is still in the ring of the layer before.
            unsafe { self.advance(s, k, last) };
        }
    }
}

impl Forward<'_> {
    /// Makes layer `k`'s next row.
    ///
    /// # Safety
    /// The rows that it needs must have been made.
    #[inline(always)]
    unsafe fn advance<S: Simd>(&mut self, s: S, k: usize, last: usize) {
        let state = self.states[k];
        let (from, to) = self.layers[k].needs(state.made, state.input.height);
        // One pointer for reading and writing: two borrows of the scratch would exclude each other.
        let scratch = self.scratch.as_mut_ptr();
        let mut rows = [std::ptr::null(); MAX_SIZE];
        for y in from..to {
            let row = state.input.width * state.input.channels;
            rows[y - from] = if k == 0 {
                self.input[y * row..][..row].as_ptr()
            } else {
                // SAFETY: `forward` made the scratch large enough for every ring.
                unsafe { scratch.add(self.states[k - 1].place(y)) }
            };
        }
        let out = if k == last {
            self.output[state.made * self.output_row..][..self.output_row].as_mut_ptr()
        } else {
            // SAFETY: as above.
            unsafe { scratch.add(state.place(state.made)) }
        };
        let seen = &rows[..to - from];
        // SAFETY: the rows are whole, and those of the output lie elsewhere than those of the input; `own`
        // is as large as the layer said. Parts of rows lie in them, but for vectors that are written over the end of a part,
        // for which the rows have room.
        unsafe {
            let own = scratch.add(state.offset + state.ring * state.row);
            if let Some(wanted) = self.wanted {
                let mut from = 0;
                while let Some((first, end)) = wanted.run(state.made, state.reach, from) {
                    let columns = (first, state.output.width.min(end + state.reach));
                    self.make_part(s, k, (rows, seen.len()), columns, own, out);
                    from = end;
                }
            } else {
                match &self.layers[k].0 {
                    Layer::PlanarConvPool(conv) => {
                        let width = state.input.width;
                        conv.row(s, seen, (width, state.output_plane), width, own, out);
                    }
                    Layer::Conv(conv) => conv.row(s, &rows, state.plane, state.output.width, out),
                    Layer::WinogradRow(conv) => conv.row(s, &rows, state.made, state.input.width, own, out),
                    Layer::MaxPool(pool) => pool.row(s, seen, state.input.width, state.input.channels, out),
                }
            }
        }
        self.states[k].made += 1;
    }

    /// Makes columns `from..to` of layer `k`'s next row.
    ///
    /// # Safety
    /// The rows must be readable under these columns, the whole row writable at `out`; `own` must be as large as the layer
    /// said.
    #[inline(always)]
    unsafe fn make_part<S: Simd>(
        &self,
        s: S,
        k: usize,
        (rows, seen): ([*const f32; MAX_SIZE], usize),
        columns: (usize, usize),
        own: *mut f32,
        out: *mut f32,
    ) {
        let (state, (from, to)) = (&self.states[k], columns);
        // SAFETY: the caller's.
        unsafe {
            match &self.layers[k].0 {
                Layer::PlanarConvPool(conv) => {
                    let rows = rows.map(|row| row.wrapping_add(2 * from));
                    let width = (2 * (to - from) + conv.size() - 1).min(state.input.width - 2 * from);
                    let planes = (state.input.width, state.output_plane);
                    conv.row(s, &rows[..seen], planes, width, own, out.add(from));
                }
                Layer::Conv(conv) => {
                    let step = if conv.takes_planar_rows() { 1 } else { conv.inputs() };
                    let rows = rows.map(|row| row.wrapping_add(from * step));
                    conv.row(s, &rows, state.plane, to - from, out.add(from * conv.outputs()));
                }
                Layer::WinogradRow(conv) => {
                    let rows = rows.map(|row| row.wrapping_add(from * conv.inputs()));
                    // As if it were the first row: what the one before has left is of other columns.
                    conv.row(s, &rows, 0, to - from + SIZE - 1, own, out.add(from * conv.outputs()));
                }
                Layer::MaxPool(_) => unreachable!("refused before"),
            }
        }
    }
}
