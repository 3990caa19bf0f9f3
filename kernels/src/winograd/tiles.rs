//! What the forward pass and the gradients of Winograd's convolution share: the tiles of a batch, and the transforms between
//! images and the places of their tiles.

use crate::shape::product;
use crate::simd::{Kernel, Simd, load_up_to, store_up_to};
use crate::{Buffer, Shape};

/// Rows and columns of a tile of the output.
pub(crate) const TILE: usize = 3;
/// Rows and columns of the input that a tile sees.
pub(crate) const SEEN: usize = 5;
/// Places of a transformed tile: at each, the convolution is a product of matrices.
pub(crate) const PLACES: usize = SEEN * SEEN;
/// Rows and columns of the kernel.
pub(crate) const SIZE: usize = 3;

/// The most tiles that are transformed and multiplied at a time: the matrices of 64 channels stay in the second-level cache.
const BLOCK: usize = 48;

/// `G` of the transforms.
pub(crate) const G: [[f32; SIZE]; SEEN] = [
    [0.5, 0.0, 0.0],
    [-0.5, -0.5, -0.5],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 6.0, 1.0 / 3.0, 2.0 / 3.0],
    [0.0, 0.0, 1.0],
];

/// Tiles of a batch, one behind the other: all, or a block of them.
#[derive(Clone, Copy)]
pub(crate) struct Tiles {
    /// The shapes of the convolution.
    pub(crate) input: Shape,
    pub(crate) output: Shape,
    /// The first tile, and how many there are.
    first: usize,
    pub(crate) count: usize,
}

impl Tiles {
    /// All tiles.
    pub(crate) fn new(input: Shape, output: Shape) -> Self {
        let Shape { images, height, width, .. } = output;
        Self { input, output, first: 0, count: product([images, height.div_ceil(TILE), width.div_ceil(TILE)]) }
    }

    /// Tiles of a block: of one size, as near to [`BLOCK`] as may be.
    fn block(&self) -> usize {
        self.count.div_ceil(self.count.div_ceil(BLOCK).max(1))
    }

    /// The tiles cut into blocks.
    pub(crate) fn blocks(self) -> impl Iterator<Item = Self> {
        let block = self.block();
        (0..self.count).step_by(block.max(1)).map(move |first| Self {
            first,
            count: block.min(self.count - first),
            ..self
        })
    }

    /// What the matrices of a block take and give, `[place][tile][channel]`: room for the largest block.
    pub(crate) fn matrices<'a>(&self, scratch: &'a mut Buffer) -> (&'a mut [f32], &'a mut [f32]) {
        let values = product([PLACES, self.block(), self.input.channels + self.output.channels]);
        scratch.resize(values).split_at_mut(PLACES * self.block() * self.input.channels)
    }

    /// The image of one of the tiles, and the row and column of its first pixel.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (down, across) = (self.output.height.div_ceil(TILE), self.output.width.div_ceil(TILE));
        let tile = self.first + tile;
        (tile / (down * across), tile / across % down * TILE, tile % across * TILE)
    }
}

/// One of the matrices of the transforms.
pub(crate) trait Transform<const FROM: usize, const TO: usize>: Copy {
    /// The matrix times `values`.
    fn apply<S: Simd>(self, s: S, values: [S::V; FROM]) -> [S::V; TO];
}

/// `Bt`
#[derive(Clone, Copy)]
pub(crate) struct Input;
/// `At`
#[derive(Clone, Copy)]
pub(crate) struct Output;
/// `B`
#[derive(Clone, Copy)]
pub(crate) struct InputTransposed;
/// `A`
#[derive(Clone, Copy)]
pub(crate) struct OutputTransposed;

impl Transform<SEEN, SEEN> for Input {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, [d0, d1, d2, d3, d4]: [S::V; SEEN]) -> [S::V; SEEN] {
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
}

impl Transform<SEEN, TILE> for Output {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, [m0, m1, m2, m3, m4]: [S::V; SEEN]) -> [S::V; TILE] {
        let sum = s.add(m1, m2);
        let difference = s.sub(m1, m2);
        [
            s.add(s.add(m0, sum), m3),
            s.mul_add(s.splat(2.0), m3, difference),
            s.mul_add(s.splat(4.0), m3, s.add(sum, m4)),
        ]
    }
}

impl Transform<TILE, SEEN> for OutputTransposed {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, [d0, d1, d2]: [S::V; TILE]) -> [S::V; SEEN] {
        let even = s.add(d0, d2);
        let fourth = s.mul_add(s.splat(4.0), d2, s.mul_add(s.splat(2.0), d1, d0));
        [d0, s.add(even, d1), s.sub(even, d1), fourth, d2]
    }
}

impl Transform<SEEN, SEEN> for InputTransposed {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, [s0, s1, s2, s3, s4]: [S::V; SEEN]) -> [S::V; SEEN] {
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
}

/// Row `y` of columns.
#[inline(always)]
fn row_of<V: Copy, const N: usize, const M: usize>(columns: &[[V; M]; N], y: usize) -> [V; N] {
    let mut row = [columns[0][y]; N];
    for x in 1..N {
        row[x] = columns[x][y];
    }
    row
}

/// Takes images to the places of their tiles: `T` along both axes of the `N x N` pixels from each tile's first on. Beyond
/// an image they are 0.
pub(crate) struct ToPlaces<'a, T, const N: usize> {
    pub(crate) transform: T,
    pub(crate) tiles: Tiles,
    /// Of the images: that of the convolution's input or output.
    pub(crate) shape: Shape,
    pub(crate) images: &'a [f32],
    pub(crate) places: &'a mut [f32],
}

impl<T: Transform<N, SEEN>, const N: usize> Kernel for ToPlaces<'_, T, N> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { transform, tiles, shape: Shape { height, width, channels, .. }, .. } = self;
        for tile in 0..tiles.count {
            let (image, y0, x0) = tiles.place(tile);
            let from = self.images[((image * height + y0) * width + x0) * channels..].as_ptr();
            let to = self.places[tile * channels..].as_mut_ptr();
            let mut c = 0;
            while c < channels {
                let left = channels - c;
                let mut columns = [[s.splat(0.0); SEEN]; N];
                for x in 0..N {
                    let mut pixels = [s.splat(0.0); N];
                    for y in 0..N {
                        if y0 + y < height && x0 + x < width {
                            // SAFETY: the pixel lies in the image, and has `left` channels from `c` on.
                            pixels[y] = unsafe { load_up_to(s, from.add((y * width + x) * channels + c), left) };
                        }
                    }
                    columns[x] = transform.apply(s, pixels);
                }
                for y in 0..SEEN {
                    let row = transform.apply(s, row_of(&columns, y));
                    for x in 0..SEEN {
                        // SAFETY: there is a value for every channel of every tile at every place.
                        unsafe { store_up_to(s, to.add((y * SEEN + x) * tiles.count * channels + c), row[x], left) };
                    }
                }
                c += S::LANES;
            }
        }
    }
}

/// What becomes of a value on its way to an image.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a> {
    /// A bias is added.
    Bias(&'a [f32]),
    /// A bias is added, and PReLU applied with slopes.
    Prelu(&'a [f32], &'a [f32]),
    /// It is added to what is there.
    Add,
}

/// Takes places to the images of their tiles: `T` along both axes, which makes the `N x N` pixels from each tile's first
/// on. Those beyond an image are left out.
pub(crate) struct FromPlaces<'a, T, const N: usize> {
    pub(crate) transform: T,
    pub(crate) tiles: Tiles,
    /// Of the images: that of the convolution's input or output.
    pub(crate) shape: Shape,
    pub(crate) places: &'a [f32],
    pub(crate) finish: Finish<'a>,
    pub(crate) images: &'a mut [f32],
}

impl<T: Transform<SEEN, N>, const N: usize> Kernel for FromPlaces<'_, T, N> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { transform, tiles, shape: Shape { height, width, channels, .. }, .. } = self;
        for tile in 0..tiles.count {
            let (image, y0, x0) = tiles.place(tile);
            let from = self.places[tile * channels..].as_ptr();
            let to = self.images[((image * height + y0) * width + x0) * channels..].as_mut_ptr();
            let mut c = 0;
            while c < channels {
                let left = channels - c;
                let mut columns = [[s.splat(0.0); N]; SEEN];
                for x in 0..SEEN {
                    let mut values = [s.splat(0.0); SEEN];
                    for y in 0..SEEN {
                        // SAFETY: there is a value for every channel of every tile at every place.
                        values[y] =
                            unsafe { load_up_to(s, from.add((y * SEEN + x) * tiles.count * channels + c), left) };
                    }
                    columns[x] = transform.apply(s, values);
                }
                let (mut bias, mut slopes) = (s.splat(0.0), s.splat(0.0));
                if let Finish::Bias(biases) | Finish::Prelu(biases, _) = self.finish {
                    // SAFETY: `left` biases are left.
                    bias = unsafe { load_up_to(s, biases[c..].as_ptr(), left) };
                }
                if let Finish::Prelu(_, all) = self.finish {
                    // SAFETY: `left` slopes are left.
                    slopes = unsafe { load_up_to(s, all[c..].as_ptr(), left) };
                }
                for y in 0..N.min(height - y0) {
                    let row = transform.apply(s, row_of(&columns, y));
                    for x in 0..N {
                        if x0 + x < width {
                            // SAFETY: the pixel lies in the image, and has `left` channels from `c` on.
                            unsafe {
                                let p = to.add((y * width + x) * channels + c);
                                let value = match self.finish {
                                    Finish::Bias(_) => s.add(row[x], bias),
                                    Finish::Prelu(..) => s.prelu(s.add(row[x], bias), slopes),
                                    Finish::Add => s.add(load_up_to(s, p, left), row[x]),
                                };
                                store_up_to(s, p, value, left);
                            }
                        }
                    }
                }
                c += S::LANES;
            }
        }
    }
}
