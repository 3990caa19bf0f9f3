//! 3x3 convolution by Winograd's minimal filtering F(3x3, 3x3): 25 multiplications for 9 outputs where the
//! direct way takes 81.
//!
//! The output is cut into tiles of 3x3, each of which sees 5x5 pixels of the input. Tiles, and kernels
//! beforehand, are transformed so that convolution becomes multiplication: at each of the 25 places, a
//! matrix of the tiles' channels times one of the kernels' channels. With the points 0, 1, -1, 2 and
//! infinity (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015):
//!
//! ```text
//!       2 -1 -2  1  0          1/2   0    0
//!       0 -2 -1  1  0         -1/2 -1/2 -1/2             1  1  1  1  0
//! Bt =  0  2 -3  1  0     G = -1/6  1/6 -1/6        At = 0  1 -1  2  0
//!       0 -1  0  1  0          1/6  1/3  2/3             0  1  1  4  1
//!       0  2 -1 -2  1           0    0    1
//!
//! output = At ((G kernel Gt) * (Bt input B)) A      for each tile, * element by element
//! ```
//!
//! Sums of up to 25 terms cancel, so the error is some ten times that of the direct way.

pub(crate) mod row;
pub(crate) mod tiles;

use crate::conv::{MAX_SIZE, checked};
use crate::simd::{Kernel, Simd, dispatch};
use crate::{Buffer, Conv, ConvParams, Isa, Shape};
use tiles::{Finish, FromPlaces, G, Input, Output, PLACES, SEEN, SIZE, Tiles, ToPlaces};

/// A 3x3 convolution with bias and PReLU, stride 1 and no padding, packed for an instruction set.
///
/// ```
/// use mtcnn_kernels::{Buffer, ConvParams, Isa, Shape, Winograd};
///
/// let params = ConvParams { size: 3, inputs: 1, weights: &[1.0; 9], bias: &[0.0], slopes: None };
/// let sums = Winograd::new(Isa::best(), params);
/// let mut output = [0.0; 4];
/// sums.forward(Shape::image(4, 4, 1), &[1.0; 16], &mut Buffer::default(), &mut output);
/// assert!(output.iter().all(|sum| (sum - 9.0).abs() < 1e-4));
/// ```
#[derive(Clone, Debug)]
pub struct Winograd {
    isa: Isa,
    inputs: usize,
    /// A matrix for each place, as a 1x1 convolution of the tiles.
    places: Vec<Conv>,
    bias: Vec<f32>,
    slopes: Vec<f32>,
}

impl Winograd {
    /// Transforms and packs the parameters of a 3x3 convolution.
    ///
    /// # Panics
    /// As [`Conv::new`], and if the kernel is not 3x3.
    #[must_use]
    pub fn new(isa: Isa, params: ConvParams<'_>) -> Self {
        params.check();
        assert_eq!(params.size, SIZE, "a kernel of 3x3");
        let no_bias = vec![0.0; params.outputs()];
        // Not in two steps, as the gradients have it: the last bit would be another.
        let transformed = |kernel: &[f32], y: usize, x: usize| -> f32 {
            let term =
                |ky: usize, kx: usize| f64::from(G[y][ky]) * f64::from(kernel[ky * SIZE + kx]) * f64::from(G[x][kx]);
            (0..SIZE * SIZE).map(|i| term(i / SIZE, i % SIZE)).sum::<f64>() as f32
        };
        let places = (0..PLACES)
            .map(|place| {
                let kernels = params.weights.chunks_exact(SIZE * SIZE);
                let weights: Vec<f32> = kernels.map(|kernel| transformed(kernel, place / SEEN, place % SEEN)).collect();
                Conv::new(isa, ConvParams { size: 1, weights: &weights, bias: &no_bias, slopes: None, ..params })
            })
            .collect();
        Self { isa, inputs: params.inputs, places, bias: params.bias.to_vec(), slopes: params.slopes_or_ones() }
    }

    /// Channels of the input.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels of the output.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// The shape of the output; `None` if the images are smaller than the kernel.
    #[must_use]
    pub fn output(&self, input: Shape) -> Option<Shape> {
        input.convolved(SIZE, self.outputs())
    }

    /// Useful floating-point operations on images of that shape: those of the direct way.
    #[must_use]
    pub fn flops(&self, input: Shape) -> u64 {
        self.output(input).map_or(0, |output| 2 * (SIZE * SIZE * self.inputs * output.values()) as u64)
    }

    /// Convolves a batch of images.
    ///
    /// # Panics
    /// As [`Conv::forward`].
    pub fn forward(&self, shape: Shape, input: &[f32], scratch: &mut Buffer, output: &mut [f32]) {
        let output_shape = checked(shape, self.inputs, self.output(shape));
        shape.check("input", input.len());
        output_shape.check("output", output.len());
        let tiles = Tiles::new(shape, output_shape);
        let (seen, made) = tiles.matrices(scratch);
        dispatch(self.isa, Forward { layer: self, tiles, input, seen, made, output });
    }
}

struct Forward<'a> {
    layer: &'a Winograd,
    tiles: Tiles,
    input: &'a [f32],
    /// What the matrices take, and what they give.
    seen: &'a mut [f32],
    made: &'a mut [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { layer, input, seen, made, output, .. } = self;
        for tiles in self.tiles.blocks() {
            let Tiles { input: Shape { channels: inputs, .. }, output: Shape { channels: outputs, .. }, count, .. } =
                tiles;
            ToPlaces { transform: Input, tiles, shape: tiles.input, images: input, places: &mut *seen }.run(s);
            for (place, matrix) in layer.places.iter().enumerate() {
                let mut rows = [std::ptr::null(); MAX_SIZE];
                rows[0] = seen[place * count * inputs..][..count * inputs].as_ptr();
                let out = &mut made[place * count * outputs..][..count * outputs];
                // SAFETY: the slices hold a value for each channel of each tile.
                unsafe { matrix.row(s, &rows, 0, count, out.as_mut_ptr()) };
            }
            let finish = Finish::Prelu(&layer.bias, &layer.slopes);
            FromPlaces { transform: Output, tiles, shape: tiles.output, places: made, finish, images: &mut *output }
                .run(s);
        }
    }
}
