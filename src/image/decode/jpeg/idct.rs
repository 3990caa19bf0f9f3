//! The inverse cosine transform, bit for bit the accurate integer one of libjpeg.
//!
//! Two passes, first down the columns, then along the rows, each of eight lines at once. Products are of 16 bits, sums
//! of 32, and between the passes three bits of fraction less than at first are kept.

use wide::{i16x8, i32x8, u8x16};

/// Bits of fraction of the constants.
const BITS: u32 = 13;
/// Bits of fraction between the passes.
const PASS: u32 = 2;

/// Writes the block's samples into eight rows of `to`, which lie `stride` apart. `coefficients` are multiplied by their
/// steps and stand in rows.
pub(super) fn block(coefficients: &[i16; 64], to: &mut [u8], stride: usize) {
    let rows = coefficients.as_chunks::<8>().0;
    let rows: [i16x8; 8] = std::array::from_fn(|y| i16x8::new(rows[y]));
    let columns = i16x8::transpose(pass::<{ BITS - PASS }>(rows));
    let rows = i16x8::transpose(pass::<{ BITS + PASS + 3 }>(columns));
    let [a, b, c, d, e, f, g, h] = rows.map(|row| row.saturating_add(i16x8::splat(128)));
    for (y, (one, other)) in [(a, b), (c, d), (e, f), (g, h)].into_iter().enumerate() {
        let samples = u8x16::narrow_i16x8(one, other).to_array();
        to[2 * y * stride..][..8].copy_from_slice(&samples[..8]);
        to[(2 * y + 1) * stride..][..8].copy_from_slice(&samples[8..]);
    }
}

/// [`block`] where all coefficients but the mean are zero.
pub(super) fn flat(mean: i16, to: &mut [u8], stride: usize) {
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
    let times = |value: i16x8, constant: i16| value.widening_mul(i16x8::splat(constant));
    let whole = |value: i16x8| i32x8::from_i16x8(value) << BITS;

    let even2 = times(line[2], 4433) + times(line[6], 4433 - 15137);
    let even3 = times(line[2], 4433 + 6270) + times(line[6], 4433);
    let (mean, middle) = (whole(line[0]), whole(line[4]));
    let (even0, even1) = (mean + middle, mean - middle);
    let even = [even0 + even3, even1 + even2, even1 - even2, even0 - even3];

    let [a, b, c, d] = [line[7], line[5], line[3], line[1]];
    let odd = [
        // z1 = a + d, z2 = b + c, z3 = a + c, z4 = b + d, z5 = (z3 + z4) * 9633, spelled out a coefficient at a time.
        times(a, 2446 - 7373 - 16069 + 9633) + times(c, 9633 - 16069) + times(d, 9633 - 7373) + times(b, 9633),
        times(b, 16819 - 20995 - 3196 + 9633) + times(c, 9633 - 20995) + times(d, 9633 - 3196) + times(a, 9633),
        times(c, (25172 - 20995 - 16069 + 9633) as i16)
            + times(b, 9633 - 20995)
            + times(a, 9633 - 16069)
            + times(d, 9633),
        times(d, 12299 - 7373 - 3196 + 9633) + times(a, 9633 - 7373) + times(b, 9633 - 3196) + times(c, 9633),
    ];

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
