//! PReLU on its own: `x` where it is more than 0, elsewhere `slope·x`, with a slope a channel.

use crate::Isa;
use crate::simd::{Kernel, Simd, dispatch, load_up_to, store_up_to};

/// PReLU in place, on `[pixels][channels]`.
///
/// # Panics
/// If there is no slope, or `values` is not whole pixels of as many channels as there are slopes.
pub fn forward(isa: Isa, slopes: &[f32], values: &mut [f32]) {
    let pixels = check(slopes.len(), values.len(), values.len());
    let output = values.as_mut_ptr();
    dispatch(isa, Forward { slopes, pixels, input: output, output });
}

/// PReLU of `input`, `[pixels][channels]`, into `output`.
///
/// # Panics
/// As [`forward`], and if there are not as many values on both sides.
pub fn forward_into(isa: Isa, slopes: &[f32], input: &[f32], output: &mut [f32]) {
    let pixels = check(slopes.len(), input.len(), output.len());
    dispatch(isa, Forward { slopes, pixels, input: input.as_ptr(), output: output.as_mut_ptr() });
}

/// The gradient of the input in the place of that of the output, with `input` before PReLU. That of the
/// slopes is added to `slope_sums`, and that of a bias before PReLU to `bias_sums`.
///
/// # Panics
/// As [`forward_into`], and if there are not two sums for each channel.
pub fn backward(
    isa: Isa,
    slopes: &[f32],
    input: &[f32],
    gradient: &mut [f32],
    slope_sums: &mut [f32],
    bias_sums: &mut [f32],
) {
    let pixels = check(slopes.len(), input.len(), gradient.len());
    assert!(slope_sums.len() == slopes.len() && bias_sums.len() == slopes.len(), "two sums for each channel");
    dispatch(isa, Backward { slopes, pixels, input, gradient, slope_sums, bias_sums });
}

/// The number of pixels.
fn check(channels: usize, input: usize, output: usize) -> usize {
    assert!(channels > 0 && input.is_multiple_of(channels), "whole pixels with a slope for each channel");
    assert_eq!(input, output, "as many values on both sides");
    input / channels
}

struct Forward<'a> {
    slopes: &'a [f32],
    /// As many are readable at `input` and writable at `output`, which may be the same.
    pixels: usize,
    input: *const f32,
    output: *mut f32,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let channels = self.slopes.len();
        for pixel in 0..self.pixels {
            let mut c = 0;
            while c < channels {
                let (at, left) = (pixel * channels + c, channels - c);
                // SAFETY: `left` channels are left in the slopes and in both pixels.
                unsafe {
                    let slopes = load_up_to(s, self.slopes.as_ptr().add(c), left);
                    let x = load_up_to(s, self.input.add(at), left);
                    store_up_to(s, self.output.add(at), s.prelu(x, slopes), left);
                }
                c += S::LANES;
            }
        }
    }
}

struct Backward<'a> {
    slopes: &'a [f32],
    pixels: usize,
    input: &'a [f32],
    gradient: &'a mut [f32],
    slope_sums: &'a mut [f32],
    bias_sums: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (channels, pixels) = (self.slopes.len(), self.pixels);
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
