//! Other colours for a sample: contrast, brightness and saturation, each by a random amount.

use mtcnn_kernels::{Isa, colour};

use crate::random::Random;

/// How bright each colour looks, by ITU-R BT.601.
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];

/// How colours are changed: by factors, and the brightness by a number of the 255.
#[derive(Clone, Copy, Debug)]
pub(super) struct Colours {
    contrast: f64,
    saturation: f64,
    brightness: f64,
}

impl Colours {
    /// Contrast and saturation from `1 - strength` to `1 + strength`, brightness by at most `strength * 128`.
    pub(super) fn random(strength: f64, random: &mut Random) -> Self {
        let mut amount = || strength * (2.0 * random.unit() - 1.0);
        Self { contrast: 1.0 + amount(), saturation: 1.0 + amount(), brightness: 128.0 * amount() }
    }
}

/// Changes RGB pixels: the contrast about the middle grey.
pub(super) fn jitter(isa: Isa, pixels: &mut [u8], &Colours { contrast, saturation, brightness }: &Colours) {
    // All of it is one map: a part of the number itself, a part of the pixel's grey, and an offset.
    let mut matrix = [LUMA.map(|part| (part * contrast * (1.0 - saturation)) as f32); 3];
    for (channel, row) in matrix.iter_mut().enumerate() {
        row[channel] += (contrast * saturation) as f32;
    }
    colour::recolour(isa, &matrix, (128.0 * (1.0 - contrast) + brightness) as f32, pixels);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_changes_at_strength_0() {
        let before: Vec<u8> = (0..=255).chain(0..=255).chain((0..=255).rev()).collect();
        let mut after = before.clone();
        jitter(Isa::best(), &mut after, &Colours::random(0.0, &mut Random::new(1, 1)));
        assert_eq!(before, after);
    }

    #[test]
    fn grey_stays_grey_and_colours_move_both_ways() {
        let (mut brighter, mut duller) = (0, 0);
        for stream in 0..200 {
            let mut pixels = [128, 128, 128, 200, 100, 50];
            jitter(Isa::best(), &mut pixels, &Colours::random(0.4, &mut Random::new(1, stream)));
            let [r, g, b, red, _, blue] = pixels;
            assert!(r.abs_diff(g) <= 1 && g.abs_diff(b) <= 1, "{pixels:?}");
            assert!((128 - 52..=128 + 52).contains(&r), "{pixels:?}");
            brighter += u32::from(r > 128);
            duller += u32::from(red.abs_diff(blue) < 150);
        }
        assert!((60..140).contains(&brighter) && (40..160).contains(&duller), "{brighter} {duller}");
    }
}
