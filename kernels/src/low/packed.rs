//! A convolution of bytes, packed for the kernels, and the tile that they share.

use super::{ByteConv, MOST_OF_PAIR};
use crate::conv::MAX_SIZE;
use crate::shape::product;
use crate::simd::Bytes;

/// Channels of one lane.
pub(super) const QUAD: usize = 4;

/// A convolution whose channels lie in quads, four in one i32, the last quad filled up with zeros.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    pub(super) size: usize,
    /// Quads of the input.
    pub(super) inputs: usize,
    /// Quads of the output.
    pub(super) outputs: usize,
    /// `[quad of outputs][ky][quad of inputs][kx][output]`, four weights each.
    pub(super) weights: Vec<i32>,
    pub(super) bias: Vec<i32>,
    pub(super) gain: Vec<f32>,
    pub(super) extra: Vec<f32>,
    pub(super) offset: Vec<f32>,
}

impl Packed {
    /// # Panics
    /// If slices are not of the lengths that the sizes say, or a weight is too large.
    pub(super) fn new(conv: &ByteConv) -> Self {
        let ByteConv { size, inputs, ref weights, ref bias, ref finish } = *conv;
        let outputs = bias.len();
        assert!(size > 0 && size <= MAX_SIZE && inputs > 0 && outputs > 0, "no size is 0, and no kernel too large");
        assert_eq!(weights.len(), product([outputs, inputs, size, size]), "weights [outputs][inputs][size][size]");
        assert_eq!(finish.len(), outputs, "a finish for each output");
        let (quads, output_quads) = (inputs.div_ceil(QUAD), outputs.div_ceil(QUAD));
        let mut packed = Vec::with_capacity(output_quads * size * quads * size * QUAD);
        for o in 0..output_quads {
            for ky in 0..size {
                for quad in 0..quads {
                    for kx in 0..size {
                        for output in (0..QUAD).map(|c| o * QUAD + c) {
                            let weight = |i: usize| {
                                let input = quad * QUAD + i;
                                let at = ((output * inputs + input) * size + ky) * size + kx;
                                if output < outputs && input < inputs { weights[at].cast_unsigned() } else { 0 }
                            };
                            let four: [u8; QUAD] = std::array::from_fn(weight);
                            assert!(four.chunks_exact(2).all(fits), "weights that can't overflow");
                            packed.push(i32::from_le_bytes(four));
                        }
                    }
                }
            }
        }
        let padded = output_quads * QUAD;
        let pad = |values: Vec<f32>| values.into_iter().chain([0.0; QUAD]).take(padded).collect();
        Self {
            size,
            inputs: quads,
            outputs: output_quads,
            weights: packed,
            bias: bias.iter().copied().chain([0; QUAD]).take(padded).collect(),
            gain: pad(finish.iter().map(|finish| finish.gain).collect()),
            extra: pad(finish.iter().map(|finish| finish.extra).collect()),
            offset: pad(finish.iter().map(|finish| finish.offset).collect()),
        }
    }

    /// Weights of a quad of outputs.
    pub(super) fn quad(&self) -> usize {
        self.size * self.inputs * self.size * QUAD
    }
}

/// Whether two weights keep to [`MOST_OF_PAIR`].
fn fits(pair: &[u8]) -> bool {
    let weights = pair.iter().map(|weight| i16::from(weight.cast_signed()));
    let (up, down) = weights.fold((0, 0), |(up, down), weight| (up + weight.max(0), down - weight.min(0)));
    up.max(down) <= MOST_OF_PAIR
}

/// From one value of an input to the next, in lanes.
#[derive(Clone, Copy)]
pub(super) struct Strides {
    /// From a vector of pixels to the next.
    pub(super) pixel: usize,
    /// From a quad of channels to the next.
    pub(super) quad: usize,
    /// From a column of the kernel to the next.
    pub(super) column: usize,
}

/// The sums of `PIXELS` vectors of pixels in `QUADS` quads of outputs, from quad `first` on.
///
/// # Safety
/// The pixels, with the kernel's columns after them, must be readable in every row; the quads must exist.
#[inline(always)]
pub(super) unsafe fn sums<S: Bytes, const PIXELS: usize, const QUADS: usize>(
    s: S,
    conv: &Packed,
    first: usize,
    rows: &[*const i32; MAX_SIZE],
    strides: Strides,
) -> [[[S::I; QUAD]; QUADS]; PIXELS] {
    let mut sums = [[[s.splat_int(0); QUAD]; QUADS]; PIXELS];
    // SAFETY: the caller's; a quad has `conv.quad()` weights.
    unsafe {
        for q in 0..QUADS {
            for c in 0..QUAD {
                let bias = s.splat_int(*conv.bias.as_ptr().add((first + q) * QUAD + c));
                for p in 0..PIXELS {
                    sums[p][q][c] = bias;
                }
            }
        }
        let mut weights = conv.weights.as_ptr().add(first * conv.quad());
        for ky in 0..conv.size {
            for quad in 0..conv.inputs {
                for kx in 0..conv.size {
                    let from = rows[ky].add(quad * strides.quad + kx * strides.column);
                    let mut bytes = [s.splat_int(0); PIXELS];
                    for p in 0..PIXELS {
                        bytes[p] = s.load_int(from.add(p * strides.pixel));
                    }
                    for q in 0..QUADS {
                        for c in 0..QUAD {
                            let weight = s.splat_int(*weights.add(q * conv.quad() + c));
                            for p in 0..PIXELS {
                                sums[p][q][c] = s.dot(sums[p][q][c], bytes[p], weight);
                            }
                        }
                    }
                    weights = weights.add(QUAD);
                }
            }
        }
    }
    sums
}

/// What becomes of sums of output `o`.
///
/// # Safety
/// The output must exist.
#[inline(always)]
pub(super) unsafe fn finish<S: Bytes>(s: S, conv: &Packed, o: usize, sums: S::I) -> S::V {
    let x = s.to_float(sums);
    // SAFETY: the caller's.
    unsafe {
        let (gain, extra) = (s.splat(*conv.gain.as_ptr().add(o)), s.splat(*conv.extra.as_ptr().add(o)));
        let offset = s.splat(*conv.offset.as_ptr().add(o));
        s.mul_add(s.max(x, s.splat(0.0)), extra, s.mul_add(x, gain, offset))
    }
}

/// What becomes of the sums of a quad, as bytes.
///
/// # Safety
/// The quad must exist.
#[inline(always)]
pub(super) unsafe fn finish_quad<S: Bytes>(s: S, conv: &Packed, quad: usize, sums: [S::I; QUAD]) -> S::I {
    let mut made = sums;
    for c in 0..QUAD {
        // SAFETY: the caller's.
        made[c] = s.round(unsafe { finish(s, conv, quad * QUAD + c, sums[c]) });
    }
    s.interleave(made)
}

/// `total`, and what the channels of a quad add to it.
///
/// # Safety
/// The quad must exist.
#[inline(always)]
pub(super) unsafe fn add_quad<S: Bytes>(s: S, conv: &Packed, quad: usize, sums: [S::I; QUAD], mut total: S::V) -> S::V {
    for c in 0..QUAD {
        let x = s.to_float(sums[c]);
        let o = quad * QUAD + c;
        // SAFETY: the caller's.
        unsafe {
            let (gain, extra) = (s.splat(*conv.gain.as_ptr().add(o)), s.splat(*conv.extra.as_ptr().add(o)));
            total = s.mul_add(s.max(x, s.splat(0.0)), extra, s.mul_add(x, gain, total));
        }
    }
    total
}
