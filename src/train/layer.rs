//! A layer of a net that learns: convolution or dense, PReLU, and a max-pool where one follows.

use mtcnn_kernels::grad::{Conv, PooledGradient, Winograd};
use mtcnn_kernels::{Buffer, Isa, MaxPool, Shape};

use crate::nets::WINOGRAD_FROM;

/// The way that a layer's products are made.
pub(super) enum Linear {
    /// By the register tile.
    Direct(Conv),
    /// By Winograd's way: the 3x3 convolutions between many channels.
    Winograd(Winograd),
}

/// Values of the maps that are worked on at a time: 512 KiB, which stay in the second-level cache.
const GROUP: usize = 1 << 17;

impl Linear {
    fn new(isa: Isa, input: Shape, size: usize, outputs: usize) -> Self {
        let inputs = input.channels;
        if size == 3 && input.height > size && inputs >= WINOGRAD_FROM {
            Linear::Winograd(Winograd::new(isa, inputs, outputs))
        } else {
            Linear::Direct(Conv::new(isa, size, inputs, outputs))
        }
    }

    /// Packs weights in the order of the model file.
    pub(super) fn set(&mut self, weights: &[f32], bias: &[f32]) {
        match self {
            Linear::Direct(conv) => conv.set(weights, bias),
            Linear::Winograd(conv) => conv.set(weights, bias),
        }
    }

    /// Values that the gradient of the weights is added up in.
    pub(super) fn sums(&self) -> usize {
        match self {
            Linear::Direct(conv) => conv.weights(),
            Linear::Winograd(conv) => conv.sums(),
        }
    }

    /// Brings the sums to the order of the model file.
    pub(super) fn unpack(&self, sums: &[f32], gradient: &mut [f32]) {
        match self {
            Linear::Direct(conv) => conv.unpack(sums, gradient),
            Linear::Winograd(conv) => conv.unpack(sums, gradient),
        }
    }

    /// On images of that shape.
    fn forward(&self, shape: Shape, input: &[f32], scratch: &mut Buffer, output: &mut [f32]) {
        match self {
            Linear::Direct(conv) => conv.forward(shape, input, output),
            Linear::Winograd(conv) => conv.forward(shape, input, scratch, output),
        }
    }

    /// Adds the gradient of the weights to `sums`, and gives that of the input where it is asked for.
    fn backward(
        &self,
        shape: Shape,
        input: &[f32],
        gradient: &[f32],
        scratch: &mut Buffer,
        sums: &mut [f32],
        input_gradient: Option<&mut [f32]>,
    ) {
        match self {
            Linear::Direct(conv) => {
                conv.weight_gradient(shape, input, gradient, sums);
                if let Some(input_gradient) = input_gradient {
                    conv.input_gradient(shape, gradient, input_gradient);
                }
            }
            Linear::Winograd(conv) => conv.backward(shape, input, gradient, scratch, sums, input_gradient),
        }
    }
}

/// A layer, and the shapes of one image on its way.
pub(super) struct Layer {
    pub(super) linear: Linear,
    /// Before the layer; a dense layer's kernel is as large.
    pub(super) input: Shape,
    /// Between convolution and pool.
    map: Shape,
    /// After the layer.
    pub(super) output: Shape,
    pool: Option<MaxPool>,
    /// Of the PReLU.
    pub(super) slopes: Vec<f32>,
}

/// What a layer needs besides; made once and used again.
#[derive(Default)]
pub(super) struct LayerScratch {
    linear: Buffer,
    map: Buffer,
}

/// Images on their way back through a layer.
pub(super) struct Backward<'a> {
    pub(super) images: usize,
    /// What the layer took.
    pub(super) input: &'a [f32],
    /// The gradient of its output, before PReLU.
    pub(super) gradient: &'a [f32],
    /// Where the pool's maxima were.
    pub(super) argmax: &'a [u8],
}

impl Layer {
    pub(super) fn new(isa: Isa, input: Shape, size: usize, outputs: usize) -> Self {
        let map = Shape::image(input.height - size + 1, input.width - size + 1, outputs);
        let linear = Linear::new(isa, input, size, outputs);
        Self { linear, input, map, output: map, pool: None, slopes: vec![0.0; outputs] }
    }

    pub(super) fn pooled(mut self, pool: MaxPool) -> Self {
        self.output = pool.output(self.map).expect("a map larger than the window");
        self.pool = Some(pool);
        self
    }

    /// Bytes that say where an image's maxima were.
    pub(super) fn argmax_len(&self) -> usize {
        self.pool.map_or(0, |pool| pool.argmax_len(self.map))
    }

    /// Runs on some images: what comes out, before PReLU, and where the pool's maxima were.
    pub(super) fn forward(
        &self,
        isa: Isa,
        images: usize,
        input: &[f32],
        scratch: &mut LayerScratch,
        output: &mut [f32],
        argmax: &mut [u8],
    ) {
        let shape = Shape { images, ..self.input };
        let Some(pool) = self.pool else { return self.linear.forward(shape, input, &mut scratch.linear, output) };
        let map_shape = Shape { images, ..self.map };
        let map = scratch.map.resize(map_shape.values());
        self.linear.forward(shape, input, &mut scratch.linear, map);
        pool.forward_before_prelu(isa, map_shape, &self.slopes, map, output, argmax);
    }

    /// Values that the gradients of weights, bias and slopes are added up in.
    pub(super) fn sums(&self) -> usize {
        self.linear.sums() + 2 * self.output.channels
    }

    /// Adds the gradient of the weights to `sums`, and gives that of the input where it is asked for.
    pub(super) fn backward(
        &self,
        isa: Isa,
        pass: &Backward<'_>,
        scratch: &mut LayerScratch,
        sums: &mut [f32],
        input_gradient: Option<&mut [f32]>,
    ) {
        let &Backward { images, input, gradient, argmax } = pass;
        let (shape, LayerScratch { linear, map }) = (Shape { images, ..self.input }, scratch);
        let Some(pool) = self.pool else {
            return self.linear.backward(shape, input, gradient, linear, sums, input_gradient);
        };
        let map_shape = Shape { images, ..self.map };
        let map = map.resize(map_shape.values());
        let of_map = |map: &mut [f32]| pool.backward(isa, map_shape, gradient, argmax, map);
        let Linear::Direct(conv) = &self.linear else {
            of_map(map);
            return self.linear.backward(shape, input, map, linear, sums, input_gradient);
        };
        conv.pooled_weight_gradient(shape, input, PooledGradient { pool, gradient, argmax }, linear, sums);
        if let Some(input_gradient) = input_gradient {
            of_map(map);
            conv.input_gradient(shape, map, input_gradient);
        }
    }

    /// How many of `images` images are worked on at a time: groups of about one size.
    pub(super) fn group(&self, images: usize) -> usize {
        let most = (GROUP / (self.input.values() + self.map.values())).max(1);
        images.div_ceil(images.div_ceil(most).max(1)).max(1)
    }
}
