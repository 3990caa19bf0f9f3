//! 3x3 convolution for training, by Winograd's way: see [`crate::Winograd`].
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
use crate::conv::checked;
use crate::shape::product;
use crate::simd::dispatch;
use crate::winograd::tiles::{
    Finish, FromPlaces, G, Input, InputTransposed, Output, OutputTransposed, PLACES, SEEN, SIZE, Tiles, ToPlaces,
};
use crate::{Buffer, Isa, Shape};

/// A 3x3 convolution for training, with bias, stride 1 and no padding.
#[derive(Clone, Debug)]
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
    /// If a size is 0, or the machine lacks the instruction set.
    #[must_use]
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
        assert_eq!(weights.len(), product([matrix, SIZE * SIZE]), "weights [outputs][inputs][3][3]");
        for (i, kernel) in weights.as_chunks::<{ SIZE * SIZE }>().0.iter().enumerate() {
            for (place, value) in transform_kernel(kernel).into_iter().enumerate() {
                self.transformed[place * matrix + i] = value;
            }
        }
        for (conv, matrix) in self.places.iter_mut().zip(self.transformed.chunks_exact(matrix)) {
            conv.set(matrix, &self.no_bias);
        }
        self.bias.copy_from_slice(bias);
    }

    /// Values of the sums of [`Winograd::backward`].
    #[must_use]
    pub fn sums(&self) -> usize {
        PLACES * self.inputs * self.outputs
    }

    /// Convolves a batch of images.
    ///
    /// # Panics
    /// As [`Conv::forward`].
    pub fn forward(&self, shape: Shape, input: &[f32], scratch: &mut Buffer, output: &mut [f32]) {
        let all = self.tiles(shape, input.len(), output.len());
        let (seen, made) = all.matrices(scratch);
        for tiles in all.blocks() {
            let (seen, made) = self.block(tiles, seen, made);
            let (isa, shape, images) = (self.isa, tiles.input, input);
            dispatch(isa, ToPlaces { transform: Input, tiles, shape, images, places: &mut *seen });
            for (place, seen, made) in self.each_place(tiles, seen, made) {
                place.forward(matrix_shape(tiles), seen, made);
            }
            let (shape, finish, images) = (tiles.output, Finish::Bias(&self.bias), &mut *output);
            dispatch(isa, FromPlaces { transform: Output, tiles, shape, places: made, finish, images });
        }
    }

    /// Adds the gradient of the transformed weights to `sums`, and gives that of the input where it is
    /// asked for.
    ///
    /// # Panics
    /// As [`Conv::forward`], and if there are not as many [sums](Winograd::sums).
    pub fn backward(
        &self,
        shape: Shape,
        input: &[f32],
        gradient: &[f32],
        scratch: &mut Buffer,
        sums: &mut [f32],
        mut input_gradient: Option<&mut [f32]>,
    ) {
        let all = self.tiles(shape, input.len(), gradient.len());
        assert_eq!(sums.len(), self.sums(), "25 sums for each kernel");
        if let Some(input_gradient) = &mut input_gradient {
            shape.check("the gradient of the input", input_gradient.len());
            // Tiles are added to it.
            input_gradient.fill(0.0);
        }
        let (seen, made) = all.matrices(scratch);
        for tiles in all.blocks() {
            let (seen, made) = self.block(tiles, seen, made);
            let (isa, Tiles { input: input_shape, output: shape, .. }) = (self.isa, tiles);
            let places = &mut *seen;
            dispatch(isa, ToPlaces { transform: Input, tiles, shape: input_shape, images: input, places });
            let places = &mut *made;
            dispatch(isa, ToPlaces { transform: OutputTransposed, tiles, shape, images: gradient, places });
            let sums = sums.chunks_exact_mut(self.inputs * self.outputs);
            for ((place, seen, made), sums) in self.each_place(tiles, seen, made).zip(sums) {
                place.weight_gradient(matrix_shape(tiles), seen, made, sums);
                if input_gradient.is_some() {
                    place.input_gradient(matrix_shape(tiles), made, seen);
                }
            }
            if let Some(images) = &mut input_gradient {
                let (shape, finish, places) = (input_shape, Finish::Add, &*seen);
                dispatch(isa, FromPlaces { transform: InputTransposed, tiles, shape, places, finish, images });
            }
        }
    }

    /// Brings [sums](Winograd::backward) to the gradient of the weights, `[outputs][inputs][3][3]`.
    ///
    /// # Panics
    /// If the slices are not of the lengths of sums and weights.
    pub fn unpack(&self, sums: &[f32], weights: &mut [f32]) {
        let matrix = self.inputs * self.outputs;
        assert!(sums.len() == self.sums() && weights.len() == matrix * SIZE * SIZE, "25 sums for each kernel");
        for (i, kernel) in weights.as_chunks_mut::<{ SIZE * SIZE }>().0.iter_mut().enumerate() {
            let (output, input) = (i / self.inputs, i % self.inputs);
            let at = |place: usize| sums[place * matrix + input * self.outputs + output];
            *kernel = transform_sums(&std::array::from_fn(at));
        }
    }

    fn tiles(&self, shape: Shape, input: usize, output: usize) -> Tiles {
        let output_shape = checked(shape, self.inputs, shape.convolved(SIZE, self.outputs));
        shape.check("input", input);
        output_shape.check("output", output);
        Tiles::new(shape, output_shape)
    }

    /// What the matrices take and give for a block of tiles.
    fn block<'a>(&self, tiles: Tiles, seen: &'a mut [f32], made: &'a mut [f32]) -> (&'a mut [f32], &'a mut [f32]) {
        (&mut seen[..PLACES * tiles.count * self.inputs], &mut made[..PLACES * tiles.count * self.outputs])
    }

    /// The matrix of each place, with what it takes and gives.
    fn each_place<'a>(
        &'a self,
        tiles: Tiles,
        seen: &'a mut [f32],
        made: &'a mut [f32],
    ) -> impl Iterator<Item = (&'a Conv, &'a mut [f32], &'a mut [f32])> {
        let seen = seen.chunks_exact_mut(tiles.count * self.inputs);
        let made = made.chunks_exact_mut(tiles.count * self.outputs);
        self.places.iter().zip(seen).zip(made).map(|((place, seen), made)| (place, seen, made))
    }
}

/// The tiles of a block as the pixels of an image one row high.
fn matrix_shape(tiles: Tiles) -> Shape {
    Shape::image(1, tiles.count, tiles.input.channels)
}

/// `G kernel Gt`
fn transform_kernel(kernel: &[f32; SIZE * SIZE]) -> [f32; PLACES] {
    let mut rows = [[0.0_f64; SIZE]; SEEN];
    for y in 0..SEEN {
        for kx in 0..SIZE {
            rows[y][kx] = (0..SIZE).map(|ky| f64::from(G[y][ky]) * f64::from(kernel[ky * SIZE + kx])).sum();
        }
    }
    std::array::from_fn(|i| (0..SIZE).map(|kx| rows[i / SEEN][kx] * f64::from(G[i % SEEN][kx])).sum::<f64>() as f32)
}

/// `Gt sums G`
fn transform_sums(sums: &[f32; PLACES]) -> [f32; SIZE * SIZE] {
    let mut rows = [[0.0_f64; SEEN]; SIZE];
    for ky in 0..SIZE {
        for x in 0..SEEN {
            rows[ky][x] = (0..SEEN).map(|y| f64::from(G[y][ky]) * f64::from(sums[y * SEEN + x])).sum();
        }
    }
    std::array::from_fn(|i| (0..SEEN).map(|x| rows[i / SIZE][x] * f64::from(G[x][i % SIZE])).sum::<f64>() as f32)
}
