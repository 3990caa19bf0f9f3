//! The inverse cosine transform, bit for bit the accurate integer one of libjpeg.
//!
//! Two passes, first down the columns, then along the rows, each of eight lines at once. Products are of 16 bits, sums
//! of 32, and between the passes three bits of fraction less than at first are kept.

use wide::{i16x8, i32x8, u8x16};

/// Bits of fraction of the constants.
const BITS: u32 = 13;
/// Bits of fraction between the passes.
const PASS: u32 = 2;

/// Writes a block's samples into eight rows of `to`, which lie `stride` apart. Its coefficients and their steps stand in
/// rows.
#[inline]
pub(super) fn block(coefficients: &[i16; 64], steps: &[i16; 64], extent: Extent, to: &mut [u8], stride: usize) {
    match extent {
        Extent::Mean => flat(coefficients[0].wrapping_mul(steps[0]), to, stride),
        Extent::Corner => corner(coefficients, steps, to, stride),
        Extent::Whole => whole(coefficients, steps, to, stride),
    }
}

/// Where a block's coefficients may be other than zero.
#[derive(Clone, Copy)]
pub(super) enum Extent {
    /// The first, which is the mean.
    Mean,
    /// The first four of the first four rows.
    Corner,
    Whole,
}

impl Extent {
    /// Of a block of so many coefficients in the order of the scan.
    #[inline(always)]
    pub(super) fn of_first(count: usize) -> Self {
        match count {
            0..=1 => Self::Mean,
            // So many stand before the first of a fifth row or column.
            2..=10 => Self::Corner,
            _ => Self::Whole,
        }
    }

    pub(super) fn of(block: &[i16; 64]) -> Self {
        let rows = block.as_chunks::<8>().0;
        let any = |coefficients: &[i16]| coefficients.iter().fold(0, |any, it| any | it) != 0;
        if any(&block[32..]) || rows[..4].iter().any(|row| any(&row[4..])) {
            Self::Whole
        } else if any(&block[1..32]) {
            Self::Corner
        } else {
            Self::Mean
        }
    }
}

#[inline(never)]
fn whole(coefficients: &[i16; 64], steps: &[i16; 64], to: &mut [u8], stride: usize) {
    let columns = i16x8::transpose(pass::<{ BITS - PASS }>(rows(coefficients, steps)));
    put(i16x8::transpose(pass::<{ BITS + PASS + 3 }>(columns)), to, stride);
}

#[inline(never)]
fn corner(coefficients: &[i16; 64], steps: &[i16; 64], to: &mut [u8], stride: usize) {
    let [a, b, c, d, ..] = i16x8::transpose(half_pass::<{ BITS - PASS }>(rows(coefficients, steps)));
    put(i16x8::transpose(half_pass::<{ BITS + PASS + 3 }>([a, b, c, d])), to, stride);
}

/// The first rows of coefficients times steps.
#[inline(always)]
fn rows<const MANY: usize>(coefficients: &[i16; 64], steps: &[i16; 64]) -> [i16x8; MANY] {
    let (coefficients, steps) = (coefficients.as_chunks::<8>().0, steps.as_chunks::<8>().0);
    std::array::from_fn(|y| i16x8::new(coefficients[y]) * i16x8::new(steps[y]))
}

#[inline(always)]
fn put(rows: [i16x8; 8], to: &mut [u8], stride: usize) {
    let [a, b, c, d, e, f, g, h] = rows.map(|row| row.saturating_add(i16x8::splat(128)));
    for (y, (one, other)) in [(a, b), (c, d), (e, f), (g, h)].into_iter().enumerate() {
        let samples = u8x16::narrow_i16x8(one, other).to_array();
        to[2 * y * stride..][..8].copy_from_slice(&samples[..8]);
        to[(2 * y + 1) * stride..][..8].copy_from_slice(&samples[8..]);
    }
}

fn flat(mean: i16, to: &mut [u8], stride: usize) {
    let sample = (((i32::from(mean) + 4) >> 3) + 128).clamp(0, 255) as u8;
    for y in 0..8 {
        to[y * stride..][..8].fill(sample);
    }
}

/// One pass over eight lines, whose k-th coefficients are in `line[k]`; the result is rounded and shifted.
#[inline(always)]
fn pass<const SHIFT: u32>(line: [i16x8; 8]) -> [i16x8; 8] {
    // Constants of the algorithm of Loeffler, Ligtenberg and Moschytz, as multiples of 2^-13. Where libjpeg multiplies
    // a sum, the products of its parts are summed: exact in integers, and no product exceeds 16 by 16 bits.
    let whole = 1 << BITS;
    let [mean, even, outer, inner] = [(0, 4), (2, 6), (1, 7), (3, 5)].map(|(a, b)| Pairs::new(line[a], line[b]));
    let (sum, difference) = (mean.times(whole, whole), mean.times(whole, -whole));
    let (even3, even2) = (even.times(4433 + 6270, 4433), even.times(4433, 4433 - 15137));
    let even = [sum + even3, difference + even2, difference - even2, sum - even3];
    // z1 = a + d, z2 = b + c, z3 = a + c, z4 = b + d, z5 = (z3 + z4) * 9633, spelled out a coefficient at a time, where
    // a to d are the coefficients 7, 5, 3 and 1.
    let odd = [
        outer.times(9633 - 7373, 2446 - 7373 - 16069 + 9633) + inner.times(9633 - 16069, 9633),
        outer.times(9633 - 3196, 9633) + inner.times(9633 - 20995, 16819 - 20995 - 3196 + 9633),
        outer.times(9633, 9633 - 16069) + inner.times((25172 - 20995 - 16069 + 9633) as i16, 9633 - 20995),
        outer.times(12299 - 7373 - 3196 + 9633, 9633 - 7373) + inner.times(9633, 9633 - 3196),
    ];

    sums::<SHIFT>(even, odd)
}

/// [`pass`] where the last four coefficients are zero.
#[inline(always)]
fn half_pass<const SHIFT: u32>(line: [i16x8; 4]) -> [i16x8; 8] {
    let whole = 1 << BITS;
    let [even, odd] = [Pairs::new(line[0], line[2]), Pairs::new(line[1], line[3])];
    let even = [4433 + 6270, 4433, -4433, -4433 - 6270].map(|factor| even.times(whole, factor));
    let odd = [
        odd.times(9633 - 7373, 9633 - 16069),
        odd.times(9633 - 3196, 9633 - 20995),
        odd.times(9633, (25172 - 20995 - 16069 + 9633) as i16),
        odd.times(12299 - 7373 - 3196 + 9633, 9633),
    ];
    sums::<SHIFT>(even, odd)
}

/// The last step of a pass: what is even and what is odd about the middle of the line.
#[inline(always)]
fn sums<const SHIFT: u32>(even: [i32x8; 4], odd: [i32x8; 4]) -> [i16x8; 8] {
    let half = i32x8::splat(1 << (SHIFT - 1));
    let round = |sum: i32x8| i16x8::from_i32x8_saturate((sum + half) >> SHIFT);
    [
        round(even[0] + odd[3]),
        round(even[1] + odd[2]),
        round(even[2] + odd[1]),
        round(even[3] + odd[0]),
        round(even[3] - odd[0]),
        round(even[2] - odd[1]),
        round(even[1] - odd[2]),
        round(even[0] - odd[3]),
    ]
}

/// Two vectors interleaved, for the instruction that sums the products of neighbours.
#[derive(Clone, Copy)]
struct Pairs(i16x8, i16x8);

impl Pairs {
    #[inline(always)]
    fn new(a: i16x8, b: i16x8) -> Self {
        let (a, b) = (a.to_array(), b.to_array());
        Self(
            i16x8::new([a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]]),
            i16x8::new([a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7]]),
        )
    }

    /// `a·x + b·y` of each two values.
    #[inline(always)]
    fn times(self, x: i16, y: i16) -> i32x8 {
        let factors = i16x8::new([x, y, x, y, x, y, x, y]);
        let (low, high) = (self.0.dot(factors).to_array(), self.1.dot(factors).to_array());
        i32x8::new([low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]])
    }
}
