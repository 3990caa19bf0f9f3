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

pub use row::WinogradRow;

use crate::conv::MAX_SIZE;
use crate::simd::{Kernel, Simd, dispatch, load_up_to, store_up_to};
use crate::sizes::product;
use crate::{Buffer, Conv, Isa};

/// Rows and columns of a tile of the output.
pub(crate) const TILE: usize = 3;
/// Rows and columns of the input that a tile sees.
pub(crate) const SEEN: usize = 5;

/// The most tiles that are transformed and multiplied at a time: what the matrices of ONet take and give
/// stays in the second-level cache.
const BLOCK: usize = 48;

/// `G` of the transforms.
pub(crate) const G: [[f32; 3]; SEEN] = [
    [0.5, 0.0, 0.0],
    [-0.5, -0.5, -0.5],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 6.0, 1.0 / 3.0, 2.0 / 3.0],
    [0.0, 0.0, 1.0],
];

/// A 3x3 convolution with bias and PReLU, stride 1 and no padding, packed for an instruction set.
#[derive(Clone)]
pub struct Winograd {
    isa: Isa,
    inputs: usize,
    outputs: usize,
    /// A matrix for each of the 25 places, as a 1x1 convolution of the tiles.
    places: Vec<Conv>,
    bias: Vec<f32>,
    slopes: Vec<f32>,
}

impl Winograd {
    /// From `weights`, `[outputs][inputs][3][3]`, and a bias and a slope an output.
    ///
    /// # Panics
    /// If a size is 0 or the slices are not of these lengths.
    pub fn new(isa: Isa, inputs: usize, weights: &[f32], bias: &[f32], slopes: &[f32]) -> Self {
        let outputs = bias.len();
        assert_eq!(weights.len(), product([outputs, inputs, 9]), "weights [outputs][inputs][3][3]");
        assert_eq!(slopes.len(), outputs, "a slope for each output");
        let transformed = |kernel: &[f32], y: usize, x: usize| -> f32 {
            let term =
                |ky: usize, kx: usize| f64::from(G[y][ky]) * f64::from(kernel[ky * 3 + kx]) * f64::from(G[x][kx]);
            (0..9).map(|i| term(i / 3, i % 3)).sum::<f64>() as f32
        };
        let places = (0..SEEN * SEEN)
            .map(|place| {
                let matrix: Vec<f32> =
                    weights.chunks_exact(9).map(|kernel| transformed(kernel, place / SEEN, place % SEEN)).collect();
                Conv::new(isa, 1, inputs, outputs, &matrix, &vec![0.0; outputs], None)
            })
            .collect();
        Self { isa, inputs, outputs, places, bias: bias.to_vec(), slopes: slopes.to_vec() }
    }

    /// Channels of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels of the output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Useful floating-point operations on a picture: those of the direct way.
    pub fn flops(&self, height: usize, width: usize) -> u64 {
        2 * (9 * self.inputs * self.outputs * (height - 2) * (width - 2)) as u64
    }

    /// Convolves `images` pictures of `height x width` pixels, one behind the other, NHWC.
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
        assert!(height >= 3 && width >= 3, "a {height}x{width} picture is smaller than the kernel");
        let (oh, ow) = (height - 2, width - 2);
        assert_eq!(input.len(), product([images, height, width, self.inputs]), "input [images][height][width][inputs]");
        assert_eq!(output.len(), product([images, oh, ow, self.outputs]), "output [images][height][width][outputs]");
        let (down, across) = (oh.div_ceil(TILE), ow.div_ceil(TILE));
        // Blocks of one size, as near to BLOCK as may be.
        let tiles = images * down * across;
        let block = tiles.div_ceil(tiles.div_ceil(BLOCK).max(1));
        // What the matrices take, and what they give: [place][tile][channel].
        let (seen, made) = scratch
            .resize(product([SEEN * SEEN, block, self.inputs + self.outputs]))
            .split_at_mut(SEEN * SEEN * block * self.inputs);
        let shape = Shape { images, height, width, oh, ow, down, across };
        dispatch(self.isa, Forward { layer: self, shape, block, input, seen, made, output });
    }
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
    /// Picture, row and column of a tile.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        (tile / (self.down * self.across), tile / self.across % self.down, tile % self.across)
    }
}

struct Forward<'a> {
    layer: &'a Winograd,
    shape: Shape,
    /// Tiles that are worked on at a time.
    block: usize,
    input: &'a [f32],
    seen: &'a mut [f32],
    made: &'a mut [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Shape { images, down, across, .. } = self.shape;
        let tiles = images * down * across;
        let mut first = 0;
        while first < tiles {
            let count = self.block.min(tiles - first);
            for tile in 0..count {
                // SAFETY: the tile is one of the pictures'.
                unsafe { self.transform_input(s, first + tile, tile) };
            }
            let (inputs, outputs) = (self.layer.inputs, self.layer.outputs);
            for (place, matrix) in self.layer.places.iter().enumerate() {
                let mut rows = [std::ptr::null(); MAX_SIZE];
                rows[0] = self.seen[place * self.block * inputs..][..count * inputs].as_ptr();
                let out = &mut self.made[place * self.block * outputs..][..count * outputs];
                // SAFETY: the slices hold a number for each channel of each tile.
                unsafe { matrix.row(s, &rows, 0, count, out.as_mut_ptr()) };
            }
            for tile in 0..count {
                // SAFETY: the tile is one of the pictures'.
                unsafe { self.transform_output(s, first + tile, tile) };
            }
            first += count;
        }
    }
}

impl Forward<'_> {
    /// `Bt input B` of one tile, for all channels. Beyond the picture the input is 0.
    ///
    /// # Safety
    /// The image and the tile must exist.
    #[inline(always)]
    unsafe fn transform_input<S: Simd>(&mut self, s: S, number: usize, tile: usize) {
        let (image, ty, tx) = self.shape.place(number);
        let (channels, Shape { height, width, .. }) = (self.layer.inputs, self.shape);
        let (y0, x0) = (ty * TILE, tx * TILE);
        let from = self.input[(image * height + y0) * width * channels..].as_ptr();
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
                        pixels[y] = unsafe { load_up_to(s, from.add((y * width + x0 + x) * channels + c), left) };
                    }
                }
                columns[x] = input_transform(s, pixels);
            }
            for y in 0..SEEN {
                let row = [columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y]];
                let row = input_transform(s, row);
                for x in 0..SEEN {
                    // SAFETY: `seen` holds every channel of every tile at every place.
                    unsafe { store_up_to(s, to.add((y * SEEN + x) * self.block * channels + c), row[x], left) };
                }
            }
            c += S::LANES;
        }
    }

    /// `At made A` of one tile, for all channels, with bias and PReLU. Pixels beyond the picture are left
    /// out.
    ///
    /// # Safety
    /// The image and the tile must exist.
    #[inline(always)]
    unsafe fn transform_output<S: Simd>(&mut self, s: S, number: usize, tile: usize) {
        let (image, ty, tx) = self.shape.place(number);
        let (channels, Shape { oh, ow, .. }) = (self.layer.outputs, self.shape);
        let (y0, x0) = (ty * TILE, tx * TILE);
        let from = self.made[tile * channels..].as_ptr();
        let to = self.output[(image * oh + y0) * ow * channels..].as_mut_ptr();
        let mut c = 0;
        while c < channels {
            let left = channels - c;
            let mut columns = [[s.splat(0.0); TILE]; SEEN];
            for x in 0..SEEN {
                let mut made = [s.splat(0.0); SEEN];
                for y in 0..SEEN {
                    // SAFETY: `made` holds every channel of every tile at every place.
                    made[y] = unsafe { load_up_to(s, from.add((y * SEEN + x) * self.block * channels + c), left) };
                }
                columns[x] = output_transform(s, made);
            }
            // SAFETY: there is a bias and a slope for each channel.
            let (bias, slopes) = unsafe {
                let bias = load_up_to(s, self.layer.bias.as_ptr().add(c), left);
                (bias, load_up_to(s, self.layer.slopes.as_ptr().add(c), left))
            };
            for y in 0..TILE.min(oh - y0) {
                let row = [columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y]];
                let row = output_transform(s, row);
                for x in 0..TILE {
                    if x0 + x < ow {
                        let value = s.prelu(s.add(row[x], bias), slopes);
                        // SAFETY: the pixel lies in the picture, and has `left` channels from `c` on.
                        unsafe { store_up_to(s, to.add((y * ow + x0 + x) * channels + c), value, left) };
                    }
                }
            }
            c += S::LANES;
        }
    }
}

/// `Bt` times five numbers.
#[inline(always)]
pub(crate) fn input_transform<S: Simd>(s: S, [d0, d1, d2, d3, d4]: [S::V; SEEN]) -> [S::V; SEEN] {
    let (two, minus_two, minus_three) = (s.splat(2.0), s.splat(-2.0), s.splat(-3.0));
    let (d3_d1, d0_d2, d3_d2, d4_d2) = (s.sub(d3, d1), s.sub(d0, d2), s.sub(d3, d2), s.sub(d4, d2));
    [
        s.mul_add(two, d0_d2, d3_d1),
        s.mul_add(minus_two, d1, d3_d2),
        s.mul_add(two, d1, s.mul_add(minus_three, d2, d3)),
        d3_d1,
        s.mul_add(minus_two, d3_d1, d4_d2),
    ]
}

/// `At` times five numbers.
#[inline(always)]
pub(crate) fn output_transform<S: Simd>(s: S, [m0, m1, m2, m3, m4]: [S::V; SEEN]) -> [S::V; TILE] {
    let sum = s.add(m1, m2);
    let difference = s.sub(m1, m2);
    [s.add(s.add(m0, sum), m3), s.mul_add(s.splat(2.0), m3, difference), s.mul_add(s.splat(4.0), m3, s.add(sum, m4))]
}
