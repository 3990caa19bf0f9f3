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

/// PReLU of `input`, `[pixels][channels]`, into `output`.
///
/// # Panics
/// If there is not a slope a channel, or the slices are not whole pixels, or not as many.
pub fn forward_into(isa: Isa, slopes: &[f32], input: &[f32], output: &mut [f32]) {
    check(slopes.len(), input.len(), output.len());
    dispatch(isa, ForwardInto { slopes, input, output });
}

/// The gradient of the input in the place of that of the output, with `input` before PReLU. That of the
/// slopes is added to `slope_sums`, and that of a bias before PReLU to `bias_sums`.
///
/// # Panics
/// If there is not a slope and two sums a channel, or the slices are not whole pixels, or not as many.
pub fn backward(
    isa: Isa,
    slopes: &[f32],
    input: &[f32],
    gradient: &mut [f32],
    slope_sums: &mut [f32],
    bias_sums: &mut [f32],
) {
    check(slopes.len(), input.len(), gradient.len());
    assert!(slope_sums.len() == slopes.len() && bias_sums.len() == slopes.len(), "two sums for each channel");
    dispatch(isa, Backward { slopes, input, gradient, slope_sums, bias_sums });
}

fn check(channels: usize, input: usize, output: usize) {
    assert!(channels > 0 && input.is_multiple_of(channels), "[pixels][channels]");
    assert_eq!(input, output, "as many numbers on both sides");
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

struct ForwardInto<'a> {
    slopes: &'a [f32],
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for ForwardInto<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let channels = self.slopes.len();
        for (from, to) in self.input.chunks_exact(channels).zip(self.output.chunks_exact_mut(channels)) {
            let mut c = 0;
            while c < channels {
                let left = channels - c;
                // SAFETY: `left` numbers are left in all slices.
                unsafe {
                    let slopes = load_up_to(s, self.slopes.as_ptr().add(c), left);
                    let x = load_up_to(s, from.as_ptr().add(c), left);
                    store_up_to(s, to.as_mut_ptr().add(c), s.prelu(x, slopes), left);
                }
                c += S::LANES;
            }
        }
    }
}

struct Backward<'a> {
    slopes: &'a [f32],
    input: &'a [f32],
    gradient: &'a mut [f32],
    slope_sums: &'a mut [f32],
    bias_sums: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let channels = self.slopes.len();
        let pixels = self.input.len() / channels;
        let mut c = 0;
        while c < channels {
            let left = channels - c;
            let zero = s.splat(0.0);
            let (mut slope_sum, mut bias_sum) = (zero, zero);
            // SAFETY: `left` channels are left in every pixel, in the slopes and in the sums.
            unsafe {
                let slopes = load_up_to(s, self.slopes.as_ptr().add(c), left);
                for pixel in 0..pixels {
                    let x = load_up_to(s, self.input.as_ptr().add(pixel * channels + c), left);
                    let p = self.gradient.as_mut_ptr().add(pixel * channels + c);
                    let gradient = load_up_to(s, p, left);
                    let passes = s.greater(x, zero);
                    slope_sum = s.select(passes, slope_sum, s.mul_add(x, gradient, slope_sum));
                    let gradient = s.select(passes, gradient, s.mul_add(slopes, gradient, zero));
                    bias_sum = s.add(bias_sum, gradient);
                    store_up_to(s, p, gradient, left);
                }
                for (sums, more) in [(&mut *self.slope_sums, slope_sum), (&mut *self.bias_sums, bias_sum)] {
                    let p = sums.as_mut_ptr().add(c);
                    store_up_to(s, p, s.add(load_up_to(s, p, left), more), left);
                }
            }
            c += S::LANES;
        }
    }
}
