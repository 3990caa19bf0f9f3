//! 3x3 convolution that learns, by Winograd's way: see [`crate::Winograd`].
//!
//! The output is a linear map of transformed tiles and transformed kernels, place by place a product of
//! matrices, so both gradients are such products too, with the transforms transposed: 25 multiplications
//! where the direct way takes 81, in all three passes.
//!
//! ```text
//! seen = Bt input B      made = (G kernel Gt) * seen      output = At made A
//!
//! gradient of made   = A (gradient of output) At
//! gradient of kernel = Gt (seen * (gradient of made)) G           summed over the tiles
//! gradient of input  = B ((G kernel Gt) * (gradient of made)) Bt  tiles that overlap added up
//! ```

use super::Conv;
use crate::simd::{Kernel, Simd, dispatch, load_up_to, store_up_to};
use crate::sizes::product;
use crate::winograd::{G, SEEN, TILE, input_transform, output_transform};
use crate::{Buffer, Isa};

/// Places of a transformed tile.
const PLACES: usize = SEEN * SEEN;

/// The most tiles that are transformed and multiplied at a time: their matrices stay in the second-level
/// cache.
const BLOCK: usize = 48;

/// A 3x3 convolution with bias, stride 1 and no padding, that learns.
pub struct Winograd {
    isa: Isa,
    inputs: usize,
    outputs: usize,
    /// A matrix for each place, as a 1x1 convolution of the tiles.
    places: Vec<Conv>,
    /// What the matrices were packed from, `[place][outputs][inputs]`.
    transformed: Buffer,
    no_bias: Buffer,
    bias: Buffer,
}

impl Winograd {
    /// A convolution whose weights and bias are all 0, for an instruction set.
    ///
    /// # Panics
    /// If a size is 0.
    pub fn new(isa: Isa, inputs: usize, outputs: usize) -> Self {
        Self {
            isa,
            inputs,
            outputs,
            places: (0..PLACES).map(|_| Conv::new(isa, 1, inputs, outputs)).collect(),
            transformed: Buffer::zeros(product([PLACES, outputs, inputs])),
            no_bias: Buffer::zeros(outputs),
            bias: Buffer::zeros(outputs),
        }
    }

    /// Transforms and packs `weights`, `[outputs][inputs][3][3]`, and a bias an output.
    ///
    /// # Panics
    /// If the slices are not of these lengths.
    pub fn set(&mut self, weights: &[f32], bias: &[f32]) {
        let matrix = self.inputs * self.outputs;
        assert_eq!(weights.len(), product([matrix, TILE * TILE]), "weights [outputs][inputs][3][3]");
        for (i, kernel) in weights.as_chunks::<{ TILE * TILE }>().0.iter().enumerate() {
            for (place, number) in transform_kernel(kernel).into_iter().enumerate() {
                self.transformed[place * matrix + i] = number;
            }
        }
        for (conv, matrix) in self.places.iter_mut().zip(self.transformed.chunks_exact(matrix)) {
            conv.set(matrix, &self.no_bias);
        }
        self.bias.copy_from_slice(bias);
    }

    /// Numbers of the sums of [`Winograd::backward`].
    pub fn sums(&self) -> usize {
        PLACES * self.inputs * self.outputs
    }

    /// Convolves `images` NHWC pictures of `height x width` pixels, one behind the other.
    ///
    /// # Panics
    /// If the pictures are smaller than the kernel, or the slices are not of the sizes that follow.
    pub fn forward(
        &self,
        images: usize,
        height: usize,
        width: usize,
        input: &[f32],
        scratch: &mut Buffer,
        output: &mut [f32],
    ) {
        let shape = self.shape(images, height, width, input.len(), output.len());
        let (seen, made) = self.matrices(shape.block(), scratch);
        for (first, count) in shape.blocks() {
            let (seen, made) = (&mut seen[..PLACES * count * self.inputs], &mut made[..PLACES * count * self.outputs]);
            let tiles = Tiles { shape, first, count };
            dispatch(self.isa, TransformInput { tiles, channels: self.inputs, input, seen });
            for (place, (seen, made)) in self.each_place(count, seen, made) {
                place.forward(1, 1, count, seen, made);
            }
            dispatch(self.isa, TransformOutput { tiles, bias: &self.bias, made, output });
        }
    }

    /// Adds the gradient of the transformed weights to `sums`, and gives that of the input where it is
    /// asked for.
    ///
    /// # Panics
    /// As [`Winograd::forward`], and if there are not as many [sums](Winograd::sums).
    pub fn backward(
        &self,
        images: usize,
        height: usize,
        width: usize,
        input: &[f32],
        gradient: &[f32],
        scratch: &mut Buffer,
        sums: &mut [f32],
        mut input_gradient: Option<&mut [f32]>,
    ) {
        let shape = self.shape(images, height, width, input.len(), gradient.len());
        assert_eq!(sums.len(), self.sums(), "25 sums for each kernel");
        if let Some(input_gradient) = &mut input_gradient {
            assert_eq!(input_gradient.len(), input.len(), "[images][height][width][inputs]");
            // Tiles are added to it.
            input_gradient.fill(0.0);
        }
        let matrix = self.inputs * self.outputs;
        let (seen, made) = self.matrices(shape.block(), scratch);
        for (first, count) in shape.blocks() {
            let (seen, made) = (&mut seen[..PLACES * count * self.inputs], &mut made[..PLACES * count * self.outputs]);
            let tiles = Tiles { shape, first, count };
            dispatch(self.isa, TransformInput { tiles, channels: self.inputs, input, seen });
            dispatch(self.isa, TransformGradient { tiles, channels: self.outputs, gradient, made });
            let sums = sums.chunks_exact_mut(matrix);
            for ((place, (seen, made)), sums) in self.each_place(count, seen, made).zip(sums) {
                place.weight_gradient(1, 1, count, seen, made, sums);
                if input_gradient.is_some() {
                    place.input_gradient(1, 1, count, made, seen);
                }
            }
            if let Some(input_gradient) = &mut input_gradient {
                dispatch(self.isa, AddInputGradient { tiles, channels: self.inputs, seen, input_gradient });
            }
        }
    }

    /// Brings [sums](Winograd::backward) to the gradient of the weights, `[outputs][inputs][3][3]`.
    ///
    /// # Panics
    /// If the slices are not of the lengths of sums and weights.
    pub fn unpack(&self, sums: &[f32], weights: &mut [f32]) {
        let matrix = self.inputs * self.outputs;
        assert!(sums.len() == self.sums() && weights.len() == matrix * TILE * TILE, "25 sums for each kernel");
        for (i, kernel) in weights.as_chunks_mut::<{ TILE * TILE }>().0.iter_mut().enumerate() {
            let (output, input) = (i / self.inputs, i % self.inputs);
            let at = |place: usize| sums[place * matrix + input * self.outputs + output];
            *kernel = transform_sums(&std::array::from_fn(at));
        }
    }

    fn shape(&self, images: usize, height: usize, width: usize, input: usize, output: usize) -> Shape {
        assert!(height >= 3 && width >= 3, "a {height}x{width} picture is smaller than the kernel");
        let (oh, ow) = (height - 2, width - 2);
        assert_eq!(input, product([images, height, width, self.inputs]), "[images][height][width][inputs]");
        assert_eq!(output, product([images, oh, ow, self.outputs]), "[images][height][width][outputs]");
        Shape { images, height, width, oh, ow, down: oh.div_ceil(TILE), across: ow.div_ceil(TILE) }
    }

    /// What the matrices take and what they give, for that many tiles.
    fn matrices<'a>(&self, tiles: usize, scratch: &'a mut Buffer) -> (&'a mut [f32], &'a mut [f32]) {
        let scratch = scratch.resize(product([PLACES, tiles, self.inputs + self.outputs]));
        scratch.split_at_mut(PLACES * tiles * self.inputs)
    }

    /// The matrix of each place, with what it takes and gives for `count` tiles.
    fn each_place<'a>(
        &'a self,
        count: usize,
        seen: &'a mut [f32],
        made: &'a mut [f32],
    ) -> impl Iterator<Item = (&'a Conv, (&'a mut [f32], &'a mut [f32]))> {
        let (seen, made) = (seen.chunks_exact_mut(count * self.inputs), made.chunks_exact_mut(count * self.outputs));
        self.places.iter().zip(seen.zip(made))
    }
}

/// `G kernel Gt`
fn transform_kernel(kernel: &[f32; TILE * TILE]) -> [f32; PLACES] {
    let mut rows = [[0.0_f64; TILE]; SEEN];
    for y in 0..SEEN {
        for kx in 0..TILE {
            rows[y][kx] = (0..TILE).map(|ky| f64::from(G[y][ky]) * f64::from(kernel[ky * TILE + kx])).sum();
        }
    }
    std::array::from_fn(|i| (0..TILE).map(|kx| rows[i / SEEN][kx] * f64::from(G[i % SEEN][kx])).sum::<f64>() as f32)
}

/// `Gt sums G`
fn transform_sums(sums: &[f32; PLACES]) -> [f32; TILE * TILE] {
    let mut rows = [[0.0_f64; SEEN]; TILE];
    for ky in 0..TILE {
        for x in 0..SEEN {
            rows[ky][x] = (0..SEEN).map(|y| f64::from(G[y][ky]) * f64::from(sums[y * SEEN + x])).sum();
        }
    }
    std::array::from_fn(|i| (0..SEEN).map(|x| rows[i / TILE][x] * f64::from(G[x][i % TILE])).sum::<f64>() as f32)
}

/// The sizes of the pictures, and how many tiles they have.
#[derive(Clone, Copy)]
struct Shape {
    images: usize,
    height: usize,
    width: usize,
    oh: usize,
    ow: usize,
    down: usize,
    across: usize,
}

impl Shape {
    fn tiles(&self) -> usize {
        self.images * self.down * self.across
    }

    /// Tiles of a block: of one size, as near to [`BLOCK`] as may be.
    fn block(&self) -> usize {
        self.tiles().div_ceil(self.tiles().div_ceil(BLOCK).max(1))
    }

    /// The blocks: their first tile, and how many.
    fn blocks(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.tiles()).step_by(self.block().max(1)).map(move |first| (first, self.block().min(self.tiles() - first)))
    }
}

/// A block of tiles.
#[derive(Clone, Copy)]
struct Tiles {
    shape: Shape,
    first: usize,
    count: usize,
}

impl Tiles {
    /// The picture of one of the tiles, and the row and column of its first pixel.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (tile, Shape { down, across, .. }) = (self.first + tile, self.shape);
        (tile / (down * across), tile / across % down * TILE, tile % across * TILE)
    }
}

/// `Bt input B` of each tile. Beyond the picture the input is 0.
struct TransformInput<'a> {
    tiles: Tiles,
    channels: usize,
    input: &'a [f32],
    seen: &'a mut [f32],
}

impl Kernel for TransformInput<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { tiles: Tiles { shape: Shape { height, width, .. }, count, .. }, channels, .. } = self;
        for tile in 0..count {
            let (image, y0, x0) = self.tiles.place(tile);
            let from = self.input[((image * height + y0) * width + x0) * channels..].as_ptr();
            let to = self.seen[tile * channels..].as_mut_ptr();
            let mut c = 0;
            while c < channels {
                let left = channels - c;
                let mut columns = [[s.splat(0.0); SEEN]; SEEN];
                for x in 0..SEEN {
                    let mut pixels = [s.splat(0.0); SEEN];
                    for y in 0..SEEN {
                        if y0 + y < height && x0 + x < width {
                            // SAFETY: the pixel lies in the picture, and has `left` channels from `c` on.
                            pixels[y] = unsafe { load_up_to(s, from.add((y * width + x) * channels + c), left) };
                        }
                    }
                    columns[x] = input_transform(s, pixels);
                }
                for y in 0..SEEN {
                    let row = [columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y]];
                    let row = input_transform(s, row);
                    for x in 0..SEEN {
                        // SAFETY: `seen` holds every channel of every tile at every place.
                        unsafe { store_up_to(s, to.add((y * SEEN + x) * count * channels + c), row[x], left) };
                    }
                }
                c += S::LANES;
            }
        }
    }
}

/// `At made A` of each tile, with bias. Pixels beyond the picture are left out.
struct TransformOutput<'a> {
    tiles: Tiles,
    bias: &'a [f32],
    made: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for TransformOutput<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Tiles { shape: Shape { oh, ow, .. }, count, .. } = self.tiles;
        let channels = self.bias.len();
        for tile in 0..count {
            let (image, y0, x0) = self.tiles.place(tile);
            let from = self.made[tile * channels..].as_ptr();
            let to = self.output[((image * oh + y0) * ow + x0) * channels..].as_mut_ptr();
            let mut c = 0;
            while c < channels {
                let left = channels - c;
                let mut columns = [[s.splat(0.0); TILE]; SEEN];
                for x in 0..SEEN {
                    let mut made = [s.splat(0.0); SEEN];
                    for y in 0..SEEN {
                        // SAFETY: `made` holds every channel of every tile at every place.
                        made[y] = unsafe { load_up_to(s, from.add((y * SEEN + x) * count * channels + c), left) };
                    }
                    columns[x] = output_transform(s, made);
                }
                // SAFETY: there is a bias for each channel.
                let bias = unsafe { load_up_to(s, self.bias.as_ptr().add(c), left) };
                for y in 0..TILE.min(oh - y0) {
                    let row = [columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y]];
                    let row = output_transform(s, row);
                    for x in 0..TILE {
                        if x0 + x < ow {
                            // SAFETY: the pixel lies in the picture, and has `left` channels from `c` on.
                            unsafe { store_up_to(s, to.add((y * ow + x) * channels + c), s.add(row[x], bias), left) };
                        }
                    }
                }
                c += S::LANES;
            }
        }
    }
}

/// `A gradient At` of each tile: the transform of the output, transposed. Beyond the picture it is 0.
struct TransformGradient<'a> {
    tiles: Tiles,
    channels: usize,
    gradient: &'a [f32],
    made: &'a mut [f32],
}

impl Kernel for TransformGradient<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { tiles: Tiles { shape: Shape { oh, ow, .. }, count, .. }, channels, .. } = self;
        for tile in 0..count {
            let (image, y0, x0) = self.tiles.place(tile);
            let from = self.gradient[((image * oh + y0) * ow + x0) * channels..].as_ptr();
            let to = self.made[tile * channels..].as_mut_ptr();
            let mut c = 0;
            while c < channels {
                let left = channels - c;
                let mut columns = [[s.splat(0.0); SEEN]; TILE];
                for x in 0..TILE {
                    let mut pixels = [s.splat(0.0); TILE];
                    for y in 0..TILE {
                        if y0 + y < oh && x0 + x < ow {
                            // SAFETY: the pixel lies in the picture, and has `left` channels from `c` on.
                            pixels[y] = unsafe { load_up_to(s, from.add((y * ow + x) * channels + c), left) };
                        }
                    }
                    columns[x] = transposed_output_transform(s, pixels);
                }
                for y in 0..SEEN {
                    let row = transposed_output_transform(s, [columns[0][y], columns[1][y], columns[2][y]]);
                    for x in 0..SEEN {
                        // SAFETY: `made` holds every channel of every tile at every place.
                        unsafe { store_up_to(s, to.add((y * SEEN + x) * count * channels + c), row[x], left) };
                    }
                }
                c += S::LANES;
            }
        }
    }
}

/// Adds `B seen Bt` of each tile: the transform of the input, transposed.
struct AddInputGradient<'a> {
    tiles: Tiles,
    channels: usize,
    seen: &'a [f32],
    input_gradient: &'a mut [f32],
}

impl Kernel for AddInputGradient<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { tiles: Tiles { shape: Shape { height, width, .. }, count, .. }, channels, .. } = self;
        for tile in 0..count {
            let (image, y0, x0) = self.tiles.place(tile);
            let from = self.seen[tile * channels..].as_ptr();
            let to = self.input_gradient[((image * height + y0) * width + x0) * channels..].as_mut_ptr();
            let mut c = 0;
            while c < channels {
                let left = channels - c;
                let mut columns = [[s.splat(0.0); SEEN]; SEEN];
                for x in 0..SEEN {
                    let mut seen = [s.splat(0.0); SEEN];
                    for y in 0..SEEN {
                        // SAFETY: `seen` holds every channel of every tile at every place.
                        seen[y] = unsafe { load_up_to(s, from.add((y * SEEN + x) * count * channels + c), left) };
                    }
                    columns[x] = transposed_input_transform(s, seen);
                }
                for y in 0..SEEN.min(height - y0) {
                    let row = [columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y]];
                    let row = transposed_input_transform(s, row);
                    for x in 0..SEEN {
                        if x0 + x < width {
                            // SAFETY: the pixel lies in the picture, and has `left` channels from `c` on.
                            unsafe {
                                let p = to.add((y * width + x) * channels + c);
                                store_up_to(s, p, s.add(load_up_to(s, p, left), row[x]), left);
                            }
                        }
                    }
                }
                c += S::LANES;
            }
        }
    }
}

/// `A` times three numbers.
#[inline(always)]
fn transposed_output_transform<S: Simd>(s: S, [d0, d1, d2]: [S::V; TILE]) -> [S::V; SEEN] {
    let even = s.add(d0, d2);
    let fourth = s.mul_add(s.splat(4.0), d2, s.mul_add(s.splat(2.0), d1, d0));
    [d0, s.add(even, d1), s.sub(even, d1), fourth, d2]
}

/// `B` times five numbers.
#[inline(always)]
fn transposed_input_transform<S: Simd>(s: S, [s0, s1, s2, s3, s4]: [S::V; SEEN]) -> [S::V; SEEN] {
    let (two, minus_two) = (s.splat(2.0), s.splat(-2.0));
    let s4_s1_s2 = s.add(s.sub(s4, s1), s2);
    let s0_s3 = s.add(s0, s3);
    [
        s.add(s0, s0),
        s.mul_add(two, s4_s1_s2, s.sub(s.splat(0.0), s0_s3)),
        s.mul_add(minus_two, s.add(s0, s2), s.sub(s.sub(s.splat(0.0), s.add(s1, s2)), s4)),
        s.mul_add(minus_two, s4, s.add(s.add(s1, s2), s0_s3)),
        s4,
    ]
}
