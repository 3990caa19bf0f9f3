//! A fully convolutional net run row by row: each layer works as soon as the rows under its kernel
//! are there, and only those are kept. The memory is a few rows a layer, which stay in the cache,
//! whatever the picture's height.

use crate::conv::{Conv, MAX_SIZE};
use crate::simd::{Kernel, Simd, dispatch};
use crate::{Buffer, Isa, MaxPool};

/// A layer of the net.
#[derive(Clone)]
pub enum RowLayer {
    /// Convolution with bias and PReLU.
    Conv(Conv),
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
            RowLayer::Conv(_) => (height - size + 1, width - size + 1),
            RowLayer::MaxPool(pool) => (pool.output_len(height), pool.output_len(width)),
        })
    }

    /// Rows of the input under the kernel.
    fn window(&self) -> usize {
        match self {
            RowLayer::Conv(conv) => conv.size(),
            RowLayer::MaxPool(pool) => pool.size,
        }
    }

    /// The rows of the input, `height` in all, that row `y` of the output needs: from, to.
    fn needs(&self, y: usize, height: usize) -> (usize, usize) {
        let from = match self {
            RowLayer::Conv(_) => y,
            RowLayer::MaxPool(pool) => y * pool.stride,
        };
        (from, height.min(from + self.window()))
    }

    /// Channels after this layer.
    fn outputs(&self, inputs: usize) -> usize {
        match self {
            RowLayer::Conv(conv) => conv.outputs(),
            RowLayer::MaxPool(_) => inputs,
        }
    }
}

/// The most layers of a net.
const MAX_LAYERS: usize = 8;

/// Runs the layers on one NHWC picture of `height x width` pixels.
///
/// # Panics
/// If there is no layer, or more than 8, if the picture is too small for one of them, or if a slice
/// or a layer's channels do not fit.
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
    assert_eq!(input.len(), height * width * channels, "input [height][width][channels]");
    let mut stages = [Stage::default(); MAX_LAYERS];
    let (mut height, mut width, mut channels, mut used) = (height, width, channels, 0);
    for (k, layer) in layers.iter().enumerate() {
        if let RowLayer::Conv(conv) = layer {
            assert_eq!(conv.inputs(), channels, "layer {k} takes what the one before gives");
        }
        let (oh, ow) = layer.output_size(height, width).expect("a picture large enough for the layers");
        let outputs = layer.outputs(channels);
        // Rows begin on a cache line.
        let (row, ring) = ((ow * outputs).next_multiple_of(16), layers.get(k + 1).map_or(0, RowLayer::window));
        stages[k] = Stage { height, width, channels, output_height: oh, row, ring, offset: used, made: 0 };
        used += row * ring;
        (height, width, channels) = (oh, ow, outputs);
    }
    assert_eq!(output.len(), height * width * channels, "output [height][width][channels]");
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
        // SAFETY: the rows are whole, and those of the output lie elsewhere than those of the input.
        unsafe {
            match &self.layers[k] {
                RowLayer::Conv(conv) => conv.row(s, &rows, stage.width + 1 - conv.size(), out),
                RowLayer::MaxPool(pool) => pool.row(s, &rows[..to - from], stage.width, stage.channels, out),
            }
        }
        self.stages[k].made += 1;
    }
}
