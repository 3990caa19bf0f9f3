//! A row of pixels from places on a straight line through an image, each between the four about its place (bilinear).

use crate::Isa;
use crate::simd::pixels::{self, GROUP, ONE, Place};
use crate::simd::{Kernel, Simd, dispatch};

/// Places are known to this many bits of a pixel; OpenCV has 5.
pub const BITS: u32 = pixels::BITS;
/// Bytes from a pixel's first one that are read, in its line and the next.
pub const READ: usize = pixels::READ;

/// The pixels of an image.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    /// Lines from the top, `stride` bytes from each other.
    pub data: &'a [u8],
    /// Bytes from a line to the next.
    pub stride: usize,
    /// Bytes of a pixel, 1 to 4.
    pub bytes: usize,
    /// Which of them are red, green and blue.
    pub order: [usize; 3],
}

/// Makes `output`, whose first pixel lies at `from` (x, y) of the image and each further one a `step` from the one before. Places
/// have 32 bits below the point and are cut to [`BITS`]; the centre of the first pixel is at (0, 0). It is the same to the bit
/// on every instruction set.
///
/// # Panics
/// If a pixel has not 1 to 4 bytes, `order` names others, or from any of the pixels that are needed, to the left and above of a
/// place, or the one below that, fewer than [`READ`] bytes can be read.
pub fn row(isa: Isa, pixels: Pixels<'_>, from: [i64; 2], step: [i64; 2], output: &mut [[u8; 3]]) {
    let Pixels { data, stride, bytes, order } = pixels;
    assert!((1..=4).contains(&bytes) && order.iter().all(|&it| it < bytes), "pixels of 1 to 4 bytes");
    let Some(further) = output.len().checked_sub(1) else { return };
    // A line is nowhere further out than at its two ends.
    let ends = [0, 1].map(|axis| {
        let last = (further as i64).checked_mul(step[axis]).and_then(|way| way.checked_add(from[axis]));
        [from[axis], last.expect("places in the image")]
            .map(|at| usize::try_from(at >> 32).expect("places in the image"))
    });
    let [x, y] = ends.map(|[a, b]| a.max(b));
    let end = x
        .checked_mul(bytes)
        .and_then(|x| y.checked_mul(stride)?.checked_add(x)?.checked_add(stride)?.checked_add(READ));
    assert!(end.is_some_and(|end| end <= data.len()), "places in the image");
    // Of each channel the byte of a pixel and that of its neighbour; a fourth channel is made and dropped.
    let mut pairs = [0; 8];
    for (channel, at) in order.into_iter().enumerate() {
        pairs[2 * channel] = at as u8;
        pairs[2 * channel + 1] = (at + bytes) as u8;
    }
    dispatch(isa, Row { pixels, pairs, from, step, output });
}

struct Row<'a> {
    pixels: Pixels<'a>,
    pairs: [u8; READ],
    from: [i64; 2],
    step: [i64; 2],
    output: &'a mut [[u8; 3]],
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pixels, pairs, from, step, output } = self;
        let mut line = Line { pixels, place: from, step };
        let (groups, rest) = output.as_chunks_mut::<GROUP>();
        for group in groups {
            let four = [line.next(), line.next(), line.next(), line.next()];
            // SAFETY: `row` has made sure that so much can be read from all places up to the last.
            let bytes = unsafe { s.blend(pixels.data.as_ptr(), pixels.stride, pairs, four) };
            group.as_flattened_mut().copy_from_slice(&bytes);
        }
        if !rest.is_empty() {
            let mut four = [line.next(); GROUP];
            for i in 1..rest.len() {
                four[i] = line.next();
            }
            // SAFETY: as above; what is behind the end is the first again.
            let bytes = unsafe { s.blend(pixels.data.as_ptr(), pixels.stride, pairs, four) };
            rest.as_flattened_mut().iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
        }
    }
}

/// What is left of the line.
struct Line<'a> {
    pixels: Pixels<'a>,
    place: [i64; 2],
    step: [i64; 2],
}

impl Line<'_> {
    #[inline(always)]
    fn next(&mut self) -> Place {
        let [x, y] = self.place;
        self.place = [x.wrapping_add(self.step[0]), y.wrapping_add(self.step[1])];
        Place {
            at: (y >> 32) as usize * self.pixels.stride + (x >> 32) as usize * self.pixels.bytes,
            across: (x >> (32 - BITS)) as usize & (ONE - 1),
            down: (y >> (32 - BITS)) as usize & (ONE - 1),
        }
    }
}
