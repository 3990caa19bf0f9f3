//! A layer of a net that learns: convolution or dense, PReLU, and a max-pool where one follows.

use mtcnn_kernels::grad::{Conv, Winograd};
use mtcnn_kernels::{Buffer, Isa, MaxPool};

use crate::nets::WINOGRAD_FROM;

/// The way that a layer's products are made.
pub(super) enum Linear {
    /// By the register tile.
    Direct(Conv),
    /// By Winograd's way: the 3x3 convolutions between many channels.
    Winograd(Winograd),
}

/// Numbers of the maps that are worked on at a time: 512 KiB, which stay in the second-level cache.
const GROUP: usize = 1 << 17;

impl Linear {
    fn new(isa: Isa, side: usize, size: usize, inputs: usize, outputs: usize) -> Self {
        if size == 3 && side > size && inputs >= WINOGRAD_FROM {
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

    /// Numbers that the gradient of the weights is added up in.
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

    /// On `images` pictures of `side x side` pixels.
    pub(super) fn forward(&self, images: usize, side: usize, input: &[f32], scratch: &mut Buffer, output: &mut [f32]) {
        match self {
            Linear::Direct(conv) => conv.forward(images, side, side, input, output),
            Linear::Winograd(conv) => conv.forward(images, side, side, input, scratch, output),
        }
    }

    /// Adds the gradient of the weights to `sums`, and gives that of the input where it is asked for.
    fn backward(
        &self,
        images: usize,
        side: usize,
        input: &[f32],
        gradient: &[f32],
        scratch: &mut Buffer,
        sums: &mut [f32],
        input_gradient: Option<&mut [f32]>,
    ) {
        match self {
            Linear::Direct(conv) => {
                conv.weight_gradient(images, side, side, input, gradient, sums);
                if let Some(input_gradient) = input_gradient {
                    conv.input_gradient(images, side, side, gradient, input_gradient);
                }
            }
            Linear::Winograd(conv) => {
                conv.backward(images, side, side, input, gradient, scratch, sums, input_gradient);
            }
        }
    }
}

/// A layer, and the sizes of what it takes and gives.
pub(super) struct Layer {
    pub(super) linear: Linear,
    /// Rows and columns of the input; a dense layer's kernel is as large.
    pub(super) side: usize,
    /// Rows and columns after the convolution.
    pub(super) map: usize,
    /// And after the pool.
    pub(super) output: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) pool: Option<MaxPool>,
    /// Of the PReLU.
    pub(super) slopes: Vec<f32>,
}

impl Layer {
    pub(super) fn new(isa: Isa, side: usize, size: usize, inputs: usize, outputs: usize) -> Self {
        let map = side - size + 1;
        let linear = Linear::new(isa, side, size, inputs, outputs);
        Self { linear, side, map, output: map, inputs, outputs, pool: None, slopes: vec![0.0; outputs] }
    }

    pub(super) fn pooled(mut self, pool: MaxPool) -> Self {
        self.output = pool.output_len(self.map);
        self.pool = Some(pool);
        self
    }

    /// Numbers of a picture before the layer.
    pub(super) fn input_len(&self) -> usize {
        self.side * self.side * self.inputs
    }

    /// Numbers of a picture between convolution and pool.
    pub(super) fn map_len(&self) -> usize {
        self.map * self.map * self.outputs
    }

    /// Numbers of a picture after the layer.
    pub(super) fn output_len(&self) -> usize {
        self.output * self.output * self.outputs
    }

    /// Bytes that say where a picture's maxima were.
    pub(super) fn places_len(&self) -> usize {
        self.pool.map_or(0, |pool| pool.places(1, self.map, self.map, self.outputs))
    }

    /// Numbers that the gradients of weights, bias and slopes are added up in.
    pub(super) fn sums(&self) -> usize {
        self.linear.sums() + 2 * self.outputs
    }

    /// Adds the gradient of the weights to `sums`, from that of the output before PReLU and the places of the
    /// pool's maxima, and gives that of the input where it is asked for.
    pub(super) fn backward(
        &self,
        isa: Isa,
        images: usize,
        input: &[f32],
        gradient: &[f32],
        places: &[u8],
        map: &mut Buffer,
        scratch: &mut Buffer,
        sums: &mut [f32],
        input_gradient: Option<&mut [f32]>,
    ) {
        let Some(pool) = self.pool else {
            return self.linear.backward(images, self.side, input, gradient, scratch, sums, input_gradient);
        };
        let map = map.resize(images * self.map_len());
        let of_map =
            |map: &mut [f32]| pool.backward(isa, images, self.map, self.map, self.outputs, gradient, places, map);
        let Linear::Direct(conv) = &self.linear else {
            of_map(map);
            return self.linear.backward(images, self.side, input, map, scratch, sums, input_gradient);
        };
        let side = self.side;
        conv.weight_gradient_of_maxima(pool, images, side, side, input, gradient, places, scratch, sums);
        if let Some(input_gradient) = input_gradient {
            of_map(map);
            conv.input_gradient(images, side, side, map, input_gradient);
        }
    }

    /// How many of `images` pictures are worked on at a time: groups of about one size.
    pub(super) fn group(&self, images: usize) -> usize {
        let most = (GROUP / (self.input_len() + self.map_len())).max(1);
        images.div_ceil(images.div_ceil(most).max(1)).max(1)
    }
}
