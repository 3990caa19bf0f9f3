//! Other colours for a sample: contrast, brightness and saturation, each by a random amount.

use crate::random::Random;

/// How bright each colour looks, by ITU-R BT.601.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Pixels that are worked on at a time.
const PIXELS: usize = 48;

/// Changes RGB pixels. Contrast (about the middle grey) and saturation are multiplied with factors from
/// `1 - strength` to `1 + strength`; the brightness moves by at most `strength * 128`.
pub(super) fn jitter(pixels: &mut [u8], strength: f64, random: &mut Random) {
    let mut amount = || strength * (2.0 * random.unit() - 1.0);
    let (contrast, saturation, brightness) = (1.0 + amount(), 1.0 + amount(), 128.0 * amount());
    // All of it is one map: a part of the number itself, a part of the pixel's grey, and an offset.
    let own = (contrast * saturation) as f32;
    let luma = LUMA.map(|part| part * (contrast * (1.0 - saturation)) as f32);
    // A cast to an integer cuts off: half of one rounds.
    let offset = (128.0 * (1.0 - contrast) + brightness + 0.5) as f32;
    let mut moved = [0.0; 3 * PIXELS];
    for pixels in pixels.chunks_mut(3 * PIXELS) {
        for (moved, pixel) in moved.as_chunks_mut().0.iter_mut().zip(pixels.as_chunks().0) {
            let [r, g, b]: [f32; 3] = pixel.map(f32::from);
            *moved = [luma[0] * r + luma[1] * g + luma[2] * b + offset; 3];
        }
        // On its own, so that it is vectorized.
        for (number, moved) in pixels.iter_mut().zip(&moved) {
            *number = (own * f32::from(*number) + moved) as u8;
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
