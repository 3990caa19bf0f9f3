//! PReLU on its own: `x` where it is more than 0, elsewhere `slope·x`, with a slope a channel.

use crate::Isa;
use crate::simd::{Kernel, Simd, dispatch, load_up_to, store_up_to};

/// PReLU in place, on `[pixels][channels]`.
///
/// # Panics
/// If there is not a slope a channel, or `values` is not whole pixels.
pub fn forward(isa: Isa, channels: usize, slopes: &[f32], values: &mut [f32]) {
    assert_eq!(slopes.len(), channels, "a slope for each channel");
    assert!(channels > 0 && values.len().is_multiple_of(channels), "values [pixels][channels]");
    dispatch(isa, Forward { slopes, values });
}

struct Forward<'a> {
    slopes: &'a [f32],
    values: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let channels = self.slopes.len();
        for pixel in self.values.chunks_exact_mut(channels) {
            let mut c = 0;
            while c < channels {
                let left = channels - c;
                // SAFETY: `left` numbers are left in both slices.
                unsafe {
                    let p = pixel.as_mut_ptr().add(c);
                    let slopes = load_up_to(s, self.slopes.as_ptr().add(c), left);
                    store_up_to(s, p, s.prelu(load_up_to(s, p, left), slopes), left);
                }
                c += S::LANES;
            }
        }
    }
}
