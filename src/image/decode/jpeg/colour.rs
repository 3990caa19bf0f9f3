//! Samples of a row turned into RGB, with libjpeg's rounding.

use mtcnn_kernels::Isa;
use mtcnn_kernels::colour::rgb_of_ycbcr;

/// What the components mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
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
            Self::YCbCr => rgb_of_ycbcr(Isa::best(), [a, b, c], to),
            Self::Cmyk => {
                interleave(a, b, c, to);
                darken(k, to);
            }
            Self::Ycck => {
                rgb_of_ycbcr(Isa::best(), [a, b, c], to);
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
