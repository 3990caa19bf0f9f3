//! Samples of a row turned into RGB, with libjpeg's rounding.

use wide::{i16x8, i32x8, u8x16};

/// What the components mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Gray,
    Rgb,
    YCbCr,
    /// As Adobe writes it, and everybody after them: inverted.
    Cmyk,
    Ycck,
}

impl Colour {
    /// Writes one row of RGB.
    pub(super) fn convert(self, rows: [&[u8]; 4], to: &mut [u8]) {
        let [a, b, c, k] = rows;
        match self {
            Self::Gray => {
                for (to, &gray) in to.as_chunks_mut::<3>().0.iter_mut().zip(a) {
                    *to = [gray; 3];
                }
            }
            Self::Rgb => interleave(a, b, c, to),
            Self::YCbCr => ycbcr(a, b, c, to),
            Self::Cmyk => {
                interleave(a, b, c, to);
                darken(k, to);
            }
            Self::Ycck => {
                ycbcr(a, b, c, to);
                // The transform was made from the complement of the inverted CMY.
                to.iter_mut().for_each(|sample| *sample = 255 - *sample);
                darken(k, to);
            }
        }
    }
}

fn interleave(r: &[u8], g: &[u8], b: &[u8], to: &mut [u8]) {
    for (((to, &r), &g), &b) in to.as_chunks_mut::<3>().0.iter_mut().zip(r).zip(g).zip(b) {
        *to = [r, g, b];
    }
}

/// What black ink leaves of the light, in a rounded division by 255.
fn darken(light: &[u8], to: &mut [u8]) {
    for (to, &light) in to.as_chunks_mut::<3>().0.iter_mut().zip(light) {
        *to = to.map(|sample| {
            let product = u32::from(sample) * u32::from(light) + 128;
            ((product + (product >> 8)) >> 8) as u8
        });
    }
}

/// Pixels that are computed at once.
const RUN: usize = 16;

fn ycbcr(y: &[u8], cb: &[u8], cr: &[u8], to: &mut [u8]) {
    let width = to.len() / 3;
    let rows = [y, cb, cr].map(|row| row[..width].as_chunks::<RUN>());
    let (runs, rest) = to.as_chunks_mut::<{ 3 * RUN }>();
    let whole = runs.iter_mut().zip(rows[0].0).zip(rows[1].0).zip(rows[2].0);
    for (((to, &y), &cb), &cr) in whole {
        run(y, cb, cr, to);
    }
    let [y, cb, cr] = rows.map(|(_, rest)| {
        let mut run = [0; RUN];
        run[..rest.len()].copy_from_slice(rest);
        run
    });
    let mut last = [0; 3 * RUN];
    run(y, cb, cr, &mut last);
    rest.copy_from_slice(&last[..rest.len()]);
}

#[inline(always)]
fn run(y: [u8; RUN], cb: [u8; RUN], cr: [u8; RUN], to: &mut [u8; 3 * RUN]) {
    let [y, cb, cr] = [y, cb, cr].map(u8x16::new);
    let low = rgb(i16x8::from_u8x16_low(y), i16x8::from_u8x16_low(cb), i16x8::from_u8x16_low(cr));
    let high = rgb(i16x8::from_u8x16_high(y), i16x8::from_u8x16_high(cb), i16x8::from_u8x16_high(cr));
    let pairs = low.as_chunks::<2>().0.iter().chain(high.as_chunks::<2>().0);
    for (i, &[one, other]) in pairs.enumerate() {
        let both = (one as u64 | (other as u64) << 24).to_le_bytes();
        // Of the eight bytes the next two pixels write over the last two: one store for both.
        match to.get_mut(6 * i..6 * i + 8) {
            Some(to) => to.copy_from_slice(&both),
            None => to[6 * i..].copy_from_slice(&both[..6]),
        }
    }
}

/// Red, green and blue from the lowest byte on. The factors are 1.402, .34414, .71414 and 1.772 times 2^16, less what is
/// whole, so that products are of 16 bits.
#[inline(always)]
fn rgb(y: i16x8, cb: i16x8, cr: i16x8) -> [i32; 8] {
    let (cb, cr) = (cb - i16x8::splat(128), cr - i16x8::splat(128));
    // The product over 2^16, rounded: twice the product over 2^16, plus one, halved.
    let scaled = |value: i16x8, factor| ((value + value).mul_keep_high(i16x8::splat(factor)) + i16x8::splat(1)) >> 1;
    let both = cb.widening_mul(i16x8::splat(-22554)) + cr.widening_mul(i16x8::splat(18734)) + i32x8::splat(32768);
    let clamp = |sample: i16x8| sample.max(i16x8::splat(0)).min(i16x8::splat(255));
    let red = clamp(y + cr + scaled(cr, 26345));
    let green = clamp(y - cr + i16x8::from_i32x8_saturate(both >> 16));
    let blue = clamp(y + cb + cb + scaled(cb, -14942));
    let red_green = i32x8::from_i16x8(red | green << 8) & i32x8::splat(0xFFFF);
    let blue: i32x8 = i32x8::from_i16x8(blue) << 16;
    (red_green | blue).to_array()
}
