//! A score for each of many crops of one size: convolutions and max-pools, a dense layer and a weighted sum of its outputs.
//!
//! Crops lie in the lanes, four channels of a pixel in each lane: every lane works whatever the sizes of the maps, and no
//! score depends on the crops beside it.

use super::packed::{Packed, Strides, add_quad, finish_quad, sums};
use super::{Backend, ByteConv};
use crate::conv::MAX_SIZE;
use crate::simd::{ByteKernel, Bytes, dispatch_bytes};
use crate::{Buffer, MaxPool, Shape};

/// A net that gives each crop one number.
#[derive(Clone, Debug)]
pub struct Crops {
    /// Each with the pool behind it; the last one is the dense layer, a convolution as large as its input.
    layers: Vec<(Packed, Option<MaxPool>)>,
    /// Rows and columns of each layer's input, and of what its convolution gives.
    sides: Vec<(usize, usize)>,
    base: f32,
}

impl Crops {
    /// Packs the layers of a net for crops of `side x side` pixels of 3 channels. The bytes of a crop are `p·128 + 127.5`,
    /// rounded, of pixels from -1 to 1. The last layer must give one place; the score is `base` and what that one gives,
    /// summed up in the order of its channels.
    ///
    /// # Panics
    /// If parameters are not of the lengths that their sizes say, a layer does not take what the one before gives, or a side is
    /// less than 4.
    #[must_use]
    pub fn new(side: usize, layers: &[(ByteConv, Option<MaxPool>)], base: f32) -> Self {
        let (mut shape, mut sides) = (Shape::image(side, side, 3), Vec::new());
        for (conv, pool) in layers {
            assert_eq!(conv.inputs, shape.channels, "layers that fit");
            let after = shape.convolved(conv.size, conv.bias.len()).expect("maps large enough for the kernels");
            sides.push((shape.height, after.height));
            shape = pool.map_or(Some(after), |pool| pool.output(after)).expect("maps large enough for the pools");
        }
        assert!(side >= 4, "crops of 4 pixels a side or more");
        assert!(layers.last().is_some_and(|(_, pool)| pool.is_none()), "a last layer without a pool");
        assert_eq!(shape.height, 1, "a last layer as large as its input");
        Self { layers: layers.iter().map(|(conv, pool)| (Packed::new(conv), *pool)).collect(), sides, base }
    }

    /// A score for each crop, from the pixels, `[crop][row][column][3]`.
    ///
    /// # Panics
    /// If a slice is not of its size or the machine lacks the backend.
    pub fn forward(&self, backend: Backend, pixels: &[f32], scratch: &mut Buffer, scores: &mut [f32]) {
        let side = self.sides[0].0;
        assert_eq!(pixels.len(), scores.len() * side * side * 3, "crops of {side} x {side} x 3");
        dispatch_bytes(backend, Forward { net: self, pixels, scratch, scores });
    }

    /// Lanes of the largest map, and of the largest ring of rows, for a lane each.
    fn room(&self) -> (usize, usize) {
        let side = self.sides[0].0;
        // The bytes of a crop, and what is read over their end, take less than a map of its pixels.
        let (mut map, mut ring) = (side * side, 0);
        for ((conv, pool), &(_, side)) in self.layers.iter().zip(&self.sides) {
            map = map.max(side * side * conv.outputs);
            ring = ring.max(pool.map_or(0, |pool| pool.size * side * conv.outputs));
        }
        (map, ring)
    }
}

struct Forward<'a> {
    net: &'a Crops,
    pixels: &'a [f32],
    scratch: &'a mut Buffer,
    scores: &'a mut [f32],
}

impl ByteKernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Bytes>(self, s: S) {
        let Self { net, pixels, scratch, scores } = self;
        let side = net.sides[0].0;
        let (map, ring) = net.room();
        let start = scratch.resize((2 * map + ring) * S::LANES).as_mut_ptr().cast::<i32>();
        let crop = side * side * 3;
        let mut last = [0.0; 16];
        for (pixels, scores) in pixels.chunks(S::LANES * crop).zip(scores.chunks_mut(S::LANES)) {
            // SAFETY: the scratch has room for two maps and a ring of each layer; `last` for every backend's lanes.
            unsafe {
                let (mut from, mut to) = (start, start.add(map * S::LANES));
                let ring = start.add(2 * map * S::LANES);
                read_crops(s, pixels, crop, to.cast(), from);
                for k in 0..net.layers.len() - 1 {
                    net.layer(s, k, from, ring, to);
                    std::mem::swap(&mut from, &mut to);
                }
                let score = net.score(s, from);
                s.store(last.as_mut_ptr(), score);
            }
            scores.copy_from_slice(&last[..scores.len()]);
        }
    }
}

/// Crops as bytes, `[pixel][crop]`, four bytes each, of which the last does not count; crops that do not exist stay
/// what they were.
///
/// # Safety
/// `bytes` must be writable for a map of a crop's pixels and all lanes, `map` too.
#[inline(always)]
unsafe fn read_crops<S: Bytes>(s: S, pixels: &[f32], crop: usize, bytes: *mut u8, map: *mut i32) {
    // Four bytes are read where a pixel has three.
    let room = (crop + 1).next_multiple_of(16);
    let (scale, offset) = (s.splat(128.0), s.splat(127.5));
    let count = pixels.len() / crop;
    // SAFETY: a crop's values and one more, rounded up to 16, are fewer than the bytes of its pixels at four each, if it has
    // more than 16 pixels; the rest of its values is done one by one.
    unsafe {
        for (lane, pixels) in pixels.chunks_exact(crop).enumerate() {
            let to = bytes.add(lane * room);
            let mut i = 0;
            while i + S::LANES <= crop {
                s.store_u8(to.add(i), s.mul_add(s.load(pixels.as_ptr().add(i)), scale, offset));
                i += S::LANES;
            }
            while i < crop {
                *to.add(i) = pixels[i].mul_add(128.0, 127.5).round_ties_even() as u8;
                i += 1;
            }
        }
        for pixel in 0..crop / 3 {
            for lane in 0..count {
                *map.add(pixel * S::LANES + lane) = bytes.add(lane * room + 3 * pixel).cast::<i32>().read_unaligned();
            }
        }
    }
}

impl Crops {
    /// Layer `k` and its pool, from map to map, `[row][column][quad]`, a vector each.
    ///
    /// # Safety
    /// The map must be readable, `ring` and `to` writable as large as [`Crops::room`] says.
    #[inline(always)]
    unsafe fn layer<S: Bytes>(&self, s: S, k: usize, from: *const i32, ring: *mut i32, to: *mut i32) {
        let ((conv, pool), (width, side)) = (&self.layers[k], self.sides[k]);
        let row = side * conv.outputs * S::LANES;
        // SAFETY: the caller's; rows of the ring are made before they are read.
        unsafe {
            let Some(MaxPool { size, stride }) = *pool else {
                for y in 0..side {
                    conv_row(s, conv, from.add(y * width * conv.inputs * S::LANES), width, to.add(y * row));
                }
                return;
            };
            let pooled = self.sides[k + 1].0;
            let mut made = 0;
            for y in 0..pooled {
                let rows = (y * stride, side.min(y * stride + size));
                while made < rows.1 {
                    let from = from.add(made * width * conv.inputs * S::LANES);
                    conv_row(s, conv, from, width, ring.add(made % size * row));
                    made += 1;
                }
                for x in 0..pooled {
                    for quad in 0..conv.outputs {
                        let mut most = s.splat_int(0);
                        for row_y in rows.0..rows.1 {
                            for x in x * stride..side.min(x * stride + size) {
                                let at = ring.add(row_y % size * row + (x * conv.outputs + quad) * S::LANES);
                                most = s.max_bytes(most, s.load_int(at));
                            }
                        }
                        s.store_int(to.add(((y * pooled + x) * conv.outputs + quad) * S::LANES), most);
                    }
                }
            }
        }
    }

    /// The dense layer and the sum.
    ///
    /// # Safety
    /// The map must be readable.
    #[inline(always)]
    unsafe fn score<S: Bytes>(&self, s: S, map: *const i32) -> S::V {
        let (conv, _) = self.layers.last().expect("a net has layers");
        let mut total = s.splat(self.base);
        // SAFETY: the caller's.
        unsafe {
            let (rows, strides) = under::<S>(conv, map, conv.size);
            let mut quad = 0;
            while quad < conv.outputs {
                if S::INT_REGISTERS == 32 && conv.outputs - quad >= 4 {
                    let sums = sums::<S, 1, 4>(s, conv, quad, &rows, strides);
                    for q in 0..4 {
                        total = add_quad(s, conv, quad + q, sums[0][q], total);
                    }
                    quad += 4;
                } else {
                    let sums = sums::<S, 1, 1>(s, conv, quad, &rows, strides);
                    total = add_quad(s, conv, quad, sums[0][0], total);
                    quad += 1;
                }
            }
        }
        total
    }
}

/// The rows under a kernel whose first pixel lies at `from`, in a map of `width` columns.
///
/// # Safety
/// The map must have them.
#[inline(always)]
unsafe fn under<S: Bytes>(conv: &Packed, from: *const i32, width: usize) -> ([*const i32; MAX_SIZE], Strides) {
    let mut rows = [std::ptr::null(); MAX_SIZE];
    for ky in 0..conv.size {
        // SAFETY: the caller's.
        rows[ky] = unsafe { from.add(ky * width * conv.inputs * S::LANES) };
    }
    let pixel = conv.inputs * S::LANES;
    (rows, Strides { pixel, quad: S::LANES, column: pixel })
}

/// A row of a convolution as bytes, `[column][quad]`.
///
/// # Safety
/// The rows from `from` on, of `width` columns, must be readable, the row writable.
#[inline(always)]
unsafe fn conv_row<S: Bytes>(s: S, conv: &Packed, from: *const i32, width: usize, to: *mut i32) {
    let columns = width + 1 - conv.size;
    let mut x = 0;
    // SAFETY: the caller's.
    unsafe {
        while x < columns {
            let (rows, strides) = under::<S>(conv, from.add(x * conv.inputs * S::LANES), width);
            let to = to.add(x * conv.outputs * S::LANES);
            if columns - x >= 2 {
                columns_of::<S, 2>(s, conv, &rows, strides, to);
                x += 2;
            } else {
                columns_of::<S, 1>(s, conv, &rows, strides, to);
                x += 1;
            }
        }
    }
}

/// # Safety
/// As [`conv_row`].
#[inline(always)]
unsafe fn columns_of<S: Bytes, const PIXELS: usize>(
    s: S,
    conv: &Packed,
    rows: &[*const i32; MAX_SIZE],
    strides: Strides,
    to: *mut i32,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut quad = 0;
        while quad < conv.outputs {
            if S::INT_REGISTERS == 32 && conv.outputs - quad >= 2 {
                let sums = sums::<S, PIXELS, 2>(s, conv, quad, rows, strides);
                for p in 0..PIXELS {
                    for q in 0..2 {
                        let made = finish_quad(s, conv, quad + q, sums[p][q]);
                        s.store_int(to.add((p * conv.outputs + quad + q) * S::LANES), made);
                    }
                }
                quad += 2;
            } else {
                let sums = sums::<S, PIXELS, 1>(s, conv, quad, rows, strides);
                for p in 0..PIXELS {
                    let made = finish_quad(s, conv, quad, sums[p][0]);
                    s.store_int(to.add((p * conv.outputs + quad) * S::LANES), made);
                }
                quad += 1;
            }
        }
    }
}
