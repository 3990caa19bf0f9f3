//! A score for every cell of an image: a convolution with a 2/2 max-pool, a second and a third one, and a weighted sum of
//! that one's channels, row by row.
//!
//! Neighbouring columns lie in the lanes, four channels of one in each lane. Rows of pixels are kept as even and odd columns, so
//! that what is pooled lies in one lane of four vectors.

use super::packed::{Packed, QUAD, Strides, add_quad, finish, finish_quad, sums};
use super::{Backend, ByteConv};
use crate::Buffer;
use crate::conv::MAX_SIZE;
use crate::simd::{ByteKernel, Bytes, dispatch_bytes, load_up_to, store_up_to};

/// Rows and columns of all three kernels.
const SIZE: usize = 3;
/// Rows of pixels that a row after the pool looks at.
const SEEN: usize = SIZE + 1;

/// A net that gives each cell one number.
#[derive(Clone, Debug)]
pub struct Cells {
    first: Packed,
    second: Packed,
    third: Packed,
    base: f32,
}

impl Cells {
    /// Packs three 3x3 convolutions. The bytes of the image are `p·128 + 127.5`, rounded, of pixels from -1 to 1. The
    /// score is `base` and what `third` gives, summed up in the order of its channels.
    ///
    /// # Panics
    /// If parameters are not of the lengths that their sizes say, a kernel is not 3x3, a layer does not take what the one
    /// before gives, or an image has not 3 channels.
    #[must_use]
    pub fn new(first: &ByteConv, second: &ByteConv, third: &ByteConv, base: f32) -> Self {
        for conv in [first, second, third] {
            assert_eq!(conv.size, SIZE, "kernels of 3x3");
        }
        assert_eq!(first.inputs, 3, "an image of 3 channels");
        assert_eq!((second.inputs, third.inputs), (first.bias.len(), second.bias.len()), "layers that fit");
        Self { first: Packed::new(first), second: Packed::new(second), third: Packed::new(third), base }
    }

    /// Rows and columns of the map of an image of `height x width` pixels; `None` if it is too small for a cell.
    #[must_use]
    pub fn map(height: usize, width: usize) -> Option<(usize, usize)> {
        let cells = |length: usize| length.checked_sub(SIZE - 1)?.div_ceil(2).checked_sub(2 * (SIZE - 1));
        Some((cells(height)?, cells(width)?)).filter(|&(rows, columns)| rows > 0 && columns > 0)
    }

    /// The scores of an image's cells, `[row][column]`, from its pixels, `[row][channel][column]`.
    ///
    /// # Panics
    /// If the image is too small for a cell, a slice is not of its size, or the machine lacks the backend.
    pub fn forward(
        &self,
        backend: Backend,
        height: usize,
        width: usize,
        pixels: &[f32],
        scratch: &mut Buffer,
        scores: &mut [f32],
    ) {
        let (rows, columns) = Self::map(height, width).expect("an image large enough for a cell");
        assert_eq!(pixels.len(), height * width * 3, "an image of {height} x {width} x 3");
        assert_eq!(scores.len(), rows * columns, "{rows} x {columns} scores");
        dispatch_bytes(backend, Forward { net: self, height, width, rows, columns, pixels, scratch, scores });
    }
}

struct Forward<'a> {
    net: &'a Cells,
    height: usize,
    width: usize,
    rows: usize,
    columns: usize,
    pixels: &'a [f32],
    scratch: &'a mut Buffer,
    scores: &'a mut [f32],
}

/// Where rows lie: rings of rows of `line` lanes for each quad.
#[derive(Clone, Copy)]
struct Rings {
    line: usize,
    /// Of pixels: even and odd columns.
    pixels: *mut i32,
    pooled: *mut i32,
    second: *mut i32,
    /// The most and the least that an odd column may have: beyond the image neither is one that counts.
    most: *mut i32,
    least: *mut i32,
}

impl ByteKernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Bytes>(self, s: S) {
        let Self { net, height, width, rows, columns, pixels, scratch, scores } = self;
        let pooled = columns + 2 * (SIZE - 1);
        // Tiles of two vectors are read and written over the end.
        let line = pooled.next_multiple_of(S::LANES) + 2 * S::LANES;
        let (quads, more) = (net.first.outputs, net.second.outputs);
        let all = line * (2 * SEEN + SIZE * quads + SIZE * more + 2);
        let start = scratch.resize(all).as_mut_ptr().cast::<i32>();
        // SAFETY: the scratch is as long as all rings together, and what a row is made of was made before.
        unsafe {
            let at = |lines: usize| start.add(lines * line);
            let rings = Rings {
                line,
                pixels: at(0),
                pooled: at(2 * SEEN),
                second: at(2 * SEEN + SIZE * quads),
                most: at(2 * SEEN + SIZE * (quads + more)),
                least: at(2 * SEEN + SIZE * (quads + more) + 1),
            };
            for x in 0..line {
                let exists = 2 * x + SIZE < width;
                *rings.most.add(x) = if exists { i32::MAX } else { i32::MIN };
                *rings.least.add(x) = if exists { i32::MIN } else { i32::MAX };
            }
            let mut made = 0;
            for y in 0..rows + 2 * (SIZE - 1) {
                while made < (2 * y + SEEN).min(height) {
                    let row = pixels[made * width * 3..][..width * 3].as_ptr();
                    read_row(s, row, width, line, rings.pixels.add(made % SEEN * 2 * line));
                    made += 1;
                }
                if 2 * y + SEEN <= height {
                    net.pool_row::<S, false>(s, &rings, y, pooled);
                } else {
                    net.pool_row::<S, true>(s, &rings, y, pooled);
                }
                if y >= SIZE - 1 {
                    net.second_row(s, &rings, y - (SIZE - 1), columns + SIZE - 1);
                }
                if y >= 2 * (SIZE - 1) {
                    let y = y - 2 * (SIZE - 1);
                    net.score_row(s, &rings, y, columns, scores[y * columns..][..columns].as_mut_ptr());
                }
            }
        }
    }
}

/// A row of pixels as bytes, even columns and then odd ones.
///
/// # Safety
/// `3 * width` values must be readable, two lines writable.
#[inline(always)]
unsafe fn read_row<S: Bytes>(s: S, row: *const f32, width: usize, line: usize, to: *mut i32) {
    let (scale, offset) = (s.splat(128.0), s.splat(127.5));
    let mut x = 0;
    while x < width {
        let mut both = [s.splat_int(0); 2];
        for half in 0..2 {
            let x = x + half * S::LANES;
            let mut quad = [s.splat_int(0); QUAD];
            if x < width {
                for c in 0..3 {
                    // SAFETY: the values up to `width` are readable.
                    let values = unsafe { load_up_to(s, row.add(c * width + x), width - x) };
                    quad[c] = s.round(s.mul_add(values, scale, offset));
                }
            }
            both[half] = s.interleave(quad);
        }
        let (even, odd) = s.even_and_odd(both[0], both[1]);
        // SAFETY: a line has room for half as many columns, rounded up to whole vectors.
        unsafe {
            s.store_int(to.add(x / 2), even);
            s.store_int(to.add(line + x / 2), odd);
        }
        x += 2 * S::LANES;
    }
}

impl Cells {
    /// The first convolution and its pool; `LAST` where the image ends before the second row that is pooled.
    ///
    /// # Safety
    /// The rows of pixels must have been made.
    #[inline(always)]
    unsafe fn pool_row<S: Bytes, const LAST: bool>(&self, s: S, rings: &Rings, y: usize, columns: usize) {
        let Rings { line, .. } = *rings;
        let conv = &self.first;
        let seen = if LAST { SIZE } else { SEEN };
        // SAFETY: the caller's; all vectors lie in their lines.
        unsafe {
            let to = rings.pooled.add(y % SIZE * conv.outputs * line);
            let mut x = 0;
            while x < columns {
                // Columns 2x, 2x + 1, 2x + 2 and 2x + 3 of each row.
                let mut bytes = [[s.splat_int(0); SEEN]; SEEN];
                for r in 0..seen {
                    let even = rings.pixels.add((2 * y + r) % SEEN * 2 * line + x);
                    let odd = even.add(line);
                    bytes[r] = [s.load_int(even), s.load_int(odd), s.load_int(even.add(1)), s.load_int(odd.add(1))];
                }
                let (most, least) = (s.load_int(rings.most.add(x)), s.load_int(rings.least.add(x)));
                for quad in 0..conv.outputs {
                    let mut pooled = [s.splat_int(0); QUAD];
                    for c in 0..QUAD {
                        let o = quad * QUAD + c;
                        let bias = s.splat_int(*conv.bias.as_ptr().add(o));
                        let mut sums = [[bias; 2]; 2];
                        for ky in 0..SIZE {
                            for kx in 0..SIZE {
                                let at = quad * conv.quad() + (ky * SIZE + kx) * QUAD + c;
                                let weight = s.splat_int(*conv.weights.as_ptr().add(at));
                                for r in 0..if LAST { 1 } else { 2 } {
                                    for x in 0..2 {
                                        sums[r][x] = s.dot(sums[r][x], bytes[ky + r][kx + x], weight);
                                    }
                                }
                            }
                        }
                        let [[a, b], [c, d]] = if LAST { [sums[0]; 2] } else { sums };
                        let high = s.max_int(s.max_int(a, c), s.min_int(s.max_int(b, d), most));
                        let low = s.min_int(s.min_int(a, c), s.max_int(s.min_int(b, d), least));
                        // With a slope less than 0 the least sum may become the most: no other can.
                        pooled[o % QUAD] = s.round(s.max(finish(s, conv, o, high), finish(s, conv, o, low)));
                    }
                    s.store_int(to.add(quad * line + x), s.interleave(pooled));
                }
                x += S::LANES;
            }
        }
    }

    /// # Safety
    /// The rows after the pool must have been made.
    #[inline(always)]
    unsafe fn second_row<S: Bytes>(&self, s: S, rings: &Rings, y: usize, columns: usize) {
        let Rings { line, .. } = *rings;
        let conv = &self.second;
        // SAFETY: the caller's; all vectors lie in their lines.
        unsafe {
            let rows = rows_of(rings.pooled, y, conv.inputs * line);
            let to = rings.second.add(y % SIZE * conv.outputs * line);
            let mut x = 0;
            while x < columns {
                if columns - x > S::LANES {
                    self.second_tiles::<S, 2>(s, &rows, line, x, to);
                    x += 2 * S::LANES;
                } else {
                    self.second_tiles::<S, 1>(s, &rows, line, x, to);
                    x += S::LANES;
                }
            }
        }
    }

    /// # Safety
    /// As [`Cells::second_row`].
    #[inline(always)]
    unsafe fn second_tiles<S: Bytes, const PIXELS: usize>(
        &self,
        s: S,
        rows: &[*const i32; MAX_SIZE],
        line: usize,
        x: usize,
        to: *mut i32,
    ) {
        let conv = &self.second;
        let rows = rows.map(|row| row.wrapping_add(x));
        let strides = Strides { pixel: S::LANES, quad: line, column: 1 };
        // SAFETY: the caller's.
        unsafe {
            let mut quad = 0;
            while quad < conv.outputs {
                if S::INT_REGISTERS == 32 && conv.outputs - quad >= 2 {
                    let sums = sums::<S, PIXELS, 2>(s, conv, quad, &rows, strides);
                    for q in 0..2 {
                        for p in 0..PIXELS {
                            let made = finish_quad(s, conv, quad + q, sums[p][q]);
                            s.store_int(to.add((quad + q) * line + x + p * S::LANES), made);
                        }
                    }
                    quad += 2;
                } else {
                    let sums = sums::<S, PIXELS, 1>(s, conv, quad, &rows, strides);
                    for p in 0..PIXELS {
                        s.store_int(to.add(quad * line + x + p * S::LANES), finish_quad(s, conv, quad, sums[p][0]));
                    }
                    quad += 1;
                }
            }
        }
    }

    /// # Safety
    /// The rows after the second convolution must have been made; `columns` scores must be writable.
    #[inline(always)]
    unsafe fn score_row<S: Bytes>(&self, s: S, rings: &Rings, y: usize, columns: usize, scores: *mut f32) {
        // SAFETY: the caller's; all vectors lie in their lines.
        unsafe {
            let rows = rows_of(rings.second, y, self.third.inputs * rings.line);
            let mut x = 0;
            while x < columns {
                if columns - x > S::LANES {
                    self.score_tiles::<S, 2>(s, &rows, rings.line, x, columns, scores);
                    x += 2 * S::LANES;
                } else {
                    self.score_tiles::<S, 1>(s, &rows, rings.line, x, columns, scores);
                    x += S::LANES;
                }
            }
        }
    }

    /// # Safety
    /// As [`Cells::score_row`].
    #[inline(always)]
    unsafe fn score_tiles<S: Bytes, const PIXELS: usize>(
        &self,
        s: S,
        rows: &[*const i32; MAX_SIZE],
        line: usize,
        x: usize,
        columns: usize,
        scores: *mut f32,
    ) {
        let conv = &self.third;
        let rows = rows.map(|row| row.wrapping_add(x));
        let strides = Strides { pixel: S::LANES, quad: line, column: 1 };
        let mut total = [s.splat(self.base); PIXELS];
        // SAFETY: the caller's.
        unsafe {
            let mut quad = 0;
            while quad < conv.outputs {
                if S::INT_REGISTERS == 32 && conv.outputs - quad >= 2 {
                    let sums = sums::<S, PIXELS, 2>(s, conv, quad, &rows, strides);
                    for q in 0..2 {
                        for p in 0..PIXELS {
                            total[p] = add_quad(s, conv, quad + q, sums[p][q], total[p]);
                        }
                    }
                    quad += 2;
                } else {
                    let sums = sums::<S, PIXELS, 1>(s, conv, quad, &rows, strides);
                    for p in 0..PIXELS {
                        total[p] = add_quad(s, conv, quad, sums[p][0], total[p]);
                    }
                    quad += 1;
                }
            }
            for p in 0..PIXELS {
                let x = x + p * S::LANES;
                store_up_to(s, scores.add(x), total[p], columns - x);
            }
        }
    }
}

/// The rows under the kernel, of a ring.
///
/// # Safety
/// The ring must have them.
#[inline(always)]
unsafe fn rows_of(ring: *const i32, y: usize, row: usize) -> [*const i32; MAX_SIZE] {
    let mut rows = [std::ptr::null(); MAX_SIZE];
    for ky in 0..SIZE {
        // SAFETY: the caller's.
        rows[ky] = unsafe { ring.add((y + ky) % SIZE * row) };
    }
    rows
}
