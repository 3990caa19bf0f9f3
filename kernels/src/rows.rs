//! A fully convolutional net run row by row: each layer works as soon as the rows under its kernel
//! are there, and only those are kept. The memory is a few rows a layer, which stay in the cache,
//! whatever the picture's height.

use crate::conv::{Conv, MAX_SIZE};
use crate::simd::{Kernel, Simd, dispatch};
use crate::sizes::product;
use crate::{Buffer, Isa, MaxPool, PlanarConvPool, WinogradRow, winograd};

/// A layer of the net.
#[derive(Clone)]
pub enum RowLayer {
    /// Convolution with bias and PReLU, and a 2/2 max-pool, of planar rows: only as the first layer,
    /// and a [`Conv::of_planar_rows`] must follow.
    PlanarConvPool(PlanarConvPool),
    /// Convolution with bias and PReLU.
    Conv(Conv),
    /// The same for a 3x3 kernel, by Winograd's way along the row.
    WinogradRow(WinogradRow),
    /// Max-pooling.
    MaxPool(MaxPool),
}

impl RowLayer {
    /// The size of a picture of `height x width` pixels after this layer; `None` if it is too small.
    pub fn output_size(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let size = self.window();
        if height < size || width < size {
            return None;
        }
        Some(match self {
            RowLayer::PlanarConvPool(conv) => {
                ((height + 1 - conv.size()).div_ceil(2), (width + 1 - conv.size()).div_ceil(2))
            }
            RowLayer::Conv(_) | RowLayer::WinogradRow(_) => (height - size + 1, width - size + 1),
            RowLayer::MaxPool(pool) => (pool.output_len(height), pool.output_len(width)),
        })
    }

    /// Useful floating-point operations on a picture of `height x width` pixels.
    pub fn flops(&self, height: usize, width: usize) -> u64 {
        match self {
            RowLayer::PlanarConvPool(conv) => conv.flops(height, width),
            RowLayer::Conv(conv) => conv.flops((height + 1 - conv.size()) * (width + 1 - conv.size())),
            RowLayer::WinogradRow(conv) => {
                conv.flops((height + 1 - winograd::row::SIZE) * (width + 1 - winograd::row::SIZE))
            }
            RowLayer::MaxPool(_) => 0,
        }
    }

    /// Rows of the input under the kernel.
    fn window(&self) -> usize {
        match self {
            RowLayer::PlanarConvPool(conv) => conv.size() + 1,
            RowLayer::Conv(conv) => conv.size(),
            RowLayer::WinogradRow(_) => winograd::row::SIZE,
            RowLayer::MaxPool(pool) => pool.size,
        }
    }

    /// The rows of the input, `height` in all, that row `y` of the output needs: from, to.
    fn needs(&self, y: usize, height: usize) -> (usize, usize) {
        let from = match self {
            RowLayer::Conv(_) | RowLayer::WinogradRow(_) => y,
            RowLayer::PlanarConvPool(_) => 2 * y,
            RowLayer::MaxPool(pool) => y * pool.stride,
        };
        (from, height.min(from + self.window()))
    }

    /// Channels after this layer.
    pub fn outputs(&self, inputs: usize) -> usize {
        match self {
            RowLayer::PlanarConvPool(conv) => conv.outputs(),
            RowLayer::Conv(conv) => conv.outputs(),
            RowLayer::WinogradRow(conv) => conv.outputs(),
            RowLayer::MaxPool(_) => inputs,
        }
    }

    /// Whether the layer takes planar rows, and whether it gives them.
    fn planar(&self) -> (bool, bool) {
        match self {
            RowLayer::PlanarConvPool(_) => (true, true),
            RowLayer::Conv(conv) => (conv.takes_planar_rows(), false),
            RowLayer::WinogradRow(_) | RowLayer::MaxPool(_) => (false, false),
        }
    }
}

/// The most layers of a net.
const MAX_LAYERS: usize = 8;

/// Runs the layers on one picture of `height x width` pixels, `[row][column][channel]`, or
/// `[row][channel][column]` where the first layer is a [`RowLayer::PlanarConvPool`]. The output is
/// `[row][column][channel]`.
///
/// # Panics
/// If there is no layer, or more than 8, if the picture is too small for one of them, if a layer does
/// not take what the one before gives or was packed for another instruction set, or if a slice does not
/// fit.
pub fn forward(
    isa: Isa,
    layers: &[RowLayer],
    height: usize,
    width: usize,
    channels: usize,
    input: &[f32],
    scratch: &mut Buffer,
    output: &mut [f32],
) {
    assert!((1..=MAX_LAYERS).contains(&layers.len()), "1 to {MAX_LAYERS} layers");
    assert_eq!(input.len(), product([height, width, channels]), "input of height x width x channels");
    let mut stages = [Stage::default(); MAX_LAYERS];
    let (mut height, mut width, mut channels, mut plane, mut used) = (height, width, channels, width, 0);
    for (k, layer) in layers.iter().enumerate() {
        let next = layers.get(k + 1);
        let planar = layer.planar();
        match layer {
            RowLayer::PlanarConvPool(conv) => {
                assert!(k == 0 && next.is_some(), "planar rows come first and go on to another layer");
                assert_eq!(conv.inputs(), channels, "the first layer takes what the picture has");
            }
            RowLayer::Conv(conv) => assert_eq!(conv.inputs(), channels, "layer {k} takes what the one before gives"),
            RowLayer::WinogradRow(conv) => {
                assert_eq!(conv.inputs(), channels, "layer {k} takes what the one before gives");
            }
            RowLayer::MaxPool(pool) => pool.check(),
        }
        if let Some(next) = next {
            assert_eq!(planar.1, next.planar().0, "layer {k} gives rows as the next takes them");
        }
        assert!(k > 0 || planar.0 == planar.1, "only a PlanarConvPool takes planar rows of a picture");
        let (oh, ow) = layer.output_size(height, width).expect("a picture large enough for the layers");
        let outputs = layer.outputs(channels);
        let (output_plane, own) = match layer {
            RowLayer::PlanarConvPool(conv) => (conv.plane(width), conv.scratch(width)),
            RowLayer::WinogradRow(conv) => (0, conv.scratch(width)),
            _ => (0, 0),
        };
        // Rows begin on a cache line.
        let row = if planar.1 { outputs * output_plane } else { (ow * outputs).next_multiple_of(16) };
        let ring = next.map_or(0, RowLayer::window);
        stages[k] = Stage { height, width, channels, plane, output_height: oh, row, ring, offset: used, made: 0 };
        used += product([row, ring]) + own;
        (height, width, channels, plane) = (oh, ow, outputs, output_plane);
    }
    assert_eq!(output.len(), product([height, width, channels]), "output [height][width][channels]");
    let scratch = scratch.resize(used);
    dispatch(isa, Forward { layers, stages, input, scratch, output, output_row: width * channels });
}

/// A layer's sizes, and how far it has come.
#[derive(Clone, Copy, Default)]
struct Stage {
    /// Of the input.
    height: usize,
    width: usize,
    channels: usize,
    /// From one channel of a planar input row to the next.
    plane: usize,
    output_height: usize,
    /// Numbers from one row of the output to the next.
    row: usize,
    /// Rows of the output that are kept: as many as the next layer looks at. A row takes the place of
    /// one that lies before all that the next layer still needs, since no layer runs ahead of it.
    ring: usize,
    /// Where they begin in the scratch.
    offset: usize,
    /// Rows made so far.
    made: usize,
}

impl Stage {
    /// Where row `y` of the output lies in the scratch.
    #[inline(always)]
    fn place(&self, y: usize) -> usize {
        self.offset + y % self.ring * self.row
    }
}

struct Forward<'a> {
    layers: &'a [RowLayer],
    stages: [Stage; MAX_LAYERS],
    input: &'a [f32],
    scratch: &'a mut [f32],
    output: &'a mut [f32],
    output_row: usize,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let last = self.layers.len() - 1;
        while self.stages[last].made < self.stages[last].output_height {
            // The layer nearest the output that has what it needs.
            let mut k = last;
            while k > 0 && self.stages[k - 1].made < self.layers[k].needs(self.stages[k].made, self.stages[k].height).1
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
        let stage = self.stages[k];
        let (from, to) = self.layers[k].needs(stage.made, stage.height);
        // One pointer for reading and writing: two borrows of the scratch would exclude each other.
        let scratch = self.scratch.as_mut_ptr();
        let mut rows = [std::ptr::null(); MAX_SIZE];
        for y in from..to {
            let row = stage.width * stage.channels;
            rows[y - from] = if k == 0 {
                self.input[y * row..][..row].as_ptr()
            } else {
                // SAFETY: `forward` made the scratch large enough for every ring.
                unsafe { scratch.add(self.stages[k - 1].place(y)) }
            };
        }
        let out = if k == last {
            self.output[stage.made * self.output_row..][..self.output_row].as_mut_ptr()
        } else {
            // SAFETY: as above.
            unsafe { scratch.add(stage.place(stage.made)) }
        };
        // SAFETY: the rows are whole, and those of the output lie elsewhere than those of the input; `own`
        // is as large as the layer said.
        unsafe {
            let own = scratch.add(stage.offset + stage.ring * stage.row);
            match &self.layers[k] {
                RowLayer::PlanarConvPool(conv) => {
                    conv.row(s, &rows[..to - from], stage.width, own, out);
                }
                RowLayer::Conv(conv) => conv.row(s, &rows, stage.plane, stage.width + 1 - conv.size(), out),
                RowLayer::WinogradRow(conv) => conv.row(s, &rows, stage.made, stage.width, own, out),
                RowLayer::MaxPool(pool) => pool.row(s, &rows[..to - from], stage.width, stage.channels, out),
            }
        }
        self.stages[k].made += 1;
    }
}
