//! Other colours for a sample: contrast, brightness and saturation, each by a random amount.

use crate::random::Random;

/// Bits behind the point of the factors.
const SHIFT: u32 = 12;
/// How bright each colour looks, by ITU-R BT.601.
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];

/// Changes RGB pixels. Contrast (about the middle grey) and saturation are multiplied with factors from
/// `1 - strength` to `1 + strength`; the brightness moves by at most `strength * 128`.
pub(super) fn jitter(pixels: &mut [u8], strength: f64, random: &mut Random) {
    let mut amount = || strength * (2.0 * random.unit() - 1.0);
    let (contrast, saturation, brightness) = (1.0 + amount(), 1.0 + amount(), 128.0 * amount());
    // All of it is one map: a matrix and an offset.
    let fixed = |number: f64| (number * f64::from(1 << SHIFT)).round() as i32;
    let own: [[i32; 3]; 3] = std::array::from_fn(|to| {
        std::array::from_fn(|from| {
            let same = if to == from { saturation } else { 0.0 };
            fixed(contrast * (same + (1.0 - saturation) * LUMA[from]))
        })
    });
    let offset = fixed(128.0 * (1.0 - contrast) + brightness + 0.5);
    for pixel in pixels.as_chunks_mut::<3>().0 {
        let old = pixel.map(i32::from);
        for (new, row) in pixel.iter_mut().zip(own) {
            let sum = row[0] * old[0] + row[1] * old[1] + row[2] * old[2] + offset;
            *new = (sum >> SHIFT).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_changes_at_strength_0() {
        let before: Vec<u8> = (0..=255).chain(0..=255).chain((0..=255).rev()).collect();
        let mut after = before.clone();
        jitter(&mut after, 0.0, &mut Random::new(1, 1));
        assert!(before.iter().zip(&after).all(|(a, b)| a.abs_diff(*b) <= 1));
    }

    #[test]
    fn grey_stays_grey_and_colours_move_both_ways() {
        let (mut brighter, mut duller) = (0, 0);
        for stream in 0..200 {
            let mut pixels = [128, 128, 128, 200, 100, 50];
            jitter(&mut pixels, 0.4, &mut Random::new(1, stream));
            let [r, g, b, red, _, blue] = pixels;
            assert!(r.abs_diff(g) <= 1 && g.abs_diff(b) <= 1, "{pixels:?}");
            assert!((128 - 52..=128 + 52).contains(&r), "{pixels:?}");
            brighter += u32::from(r > 128);
            duller += u32::from(red.abs_diff(blue) < 150);
        }
        assert!((60..140).contains(&brighter) && (40..160).contains(&duller), "{brighter} {duller}");
    }
}
