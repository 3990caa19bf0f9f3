//! Any pair of filters, in f32: each output row is first summed up from the source rows it is made
//! of, a whole line at a time, and then filtered along the line.

use std::ops::Range;

use wide::f32x4;

use super::{Affine, Axis, Order, Region, Source};
use crate::shape::product;
use crate::simd::{Kernel, Simd, dispatch, prefetch};
use crate::{Buffer, Isa};

/// A resize by one filter along each axis: a region of an image becomes `down.target()` rows of `across.target()` pixels.
///
/// ```
/// use mtcnn_kernels::resize::{Affine, Axis, Order, Region, Separable, Source};
/// use mtcnn_kernels::{Buffer, Isa};
///
/// // Two grey pixels become one: their mean, three times, divided by 255.
/// let source = Source { data: &[0, 255], width: 2, height: 1, stride: 2, pixel: 1, channels: [0; 3] };
/// let (mut down, mut across) = (Axis::default(), Axis::default());
/// down.area_bins(1, 1);
/// across.area_bins(2, 1);
/// let affine = Affine { scale: 1.0 / 255.0, offset: 0.0 };
/// let (region, order) = (Region::whole(&source), Order::Interleaved);
/// let resize = Separable { source, region, down: &down, across: &across, affine, order };
/// let mut output = [0.0; 3];
/// resize.rows(Isa::best(), 0..1, &mut Buffer::default(), &mut output);
/// assert!(output.iter().all(|x| (x - 0.5).abs() < 1e-6));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Separable<'a> {
    /// The image.
    pub source: Source<'a>,
    /// Which part of it. Outside of the image it is 0, before `affine`.
    pub region: Region,
    /// The filter along columns. An output position that is made of no source position is 0 after `affine`.
    pub down: &'a Axis,
    /// The filter along rows.
    pub across: &'a Axis,
    /// What is applied to the values.
    pub affine: Affine,
    /// How the output lies.
    pub order: Order,
}

impl Separable<'_> {
    /// Makes rows `rows` of the output.
    ///
    /// # Panics
    /// If the axes' sources are not the region's size, if the output has not these rows, if the image's bytes are too few, or
    /// if `output` is not three values for each pixel.
    pub fn rows(&self, isa: Isa, rows: Range<usize>, scratch: &mut Buffer, output: &mut [f32]) {
        let Self { source, region, down, across, .. } = self;
        assert_eq!((down.source(), across.source()), (region.height, region.width), "axes of the region's size");
        assert!(rows.end <= down.target(), "rows {rows:?} of {}", down.target());
        assert_eq!(output.len(), product([rows.len(), across.target(), 3]), "output of rows x columns x 3");
        source.check();
        // The columns that are asked for and lie in the image, perhaps none; the others stay 0.
        let reach = across.reach();
        let column = |place: usize| region.x.saturating_add_unsigned(place).clamp(0, source.width as isize) as usize;
        let (first, last) = (column(reach.start), column(reach.end));
        let offset = (first as isize).saturating_sub(region.x).max(0) as usize;
        let inside = Inside { first, last, offset: offset.min(region.width) };
        let lines = scratch.resize(product([ROWS, region.width.saturating_add(SLACK), source.pixel]));
        dispatch(isa, Forward { resize: self, rows, inside, lines, output });
    }
}

/// Pixels behind a line, with weights of 0: as many as taps are read at a time.
const SLACK: usize = 6;

/// Rows of the output that are made at a time where they are not planar: their weights are read once.
const ROWS: usize = 4;

/// Which columns of the image a line is made of.
#[derive(Clone, Copy)]
struct Inside {
    /// The first column of the image.
    first: usize,
    /// The one behind the last.
    last: usize,
    /// Where in the line the first goes.
    offset: usize,
}

struct Forward<'a> {
    resize: &'a Separable<'a>,
    rows: Range<usize>,
    inside: Inside,
    /// `ROWS` of them, one behind the other.
    lines: &'a mut [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { resize, rows, inside, lines, output } = self;
        let &Separable { ref source, region, down, across, affine, order } = resize;
        let (row_len, line_len) = (across.target() * 3, lines.len() / ROWS);
        let filled = inside.offset * source.pixel..(inside.offset + inside.last - inside.first) * source.pixel;
        for line in lines.chunks_exact_mut(line_len) {
            line[..filled.start].fill(0.0);
            line[filled.end..].fill(0.0);
        }
        let at_a_time = if order == Order::Interleaved && rows.len() >= ROWS { ROWS } else { 1 };
        if row_len == 0 {
            return;
        }
        for first in (0..rows.len()).step_by(at_a_time) {
            // The last rows overlap those before them.
            let first = first.min(rows.len() - at_a_time);
            for (line, y) in lines.chunks_exact_mut(line_len).zip(rows.start + first..).take(at_a_time) {
                sum_rows(s, source, inside, region.y, down.taps(y), affine.scale, &mut line[filled.clone()]);
            }
            let out = &mut output[first * row_len..][..at_a_time * row_len];
            filter_lines(s, across, lines, source, affine.offset, order, out);
            if down.has_gaps() {
                for (out, y) in out.chunks_exact_mut(row_len).zip(rows.start + first..) {
                    if down.taps(y).1.is_empty() {
                        out.fill(0.0);
                    }
                }
            }
        }
    }
}

/// `line = Σ scale·weight·row` over the taps, those outside of the image being 0.
#[inline(always)]
fn sum_rows<S: Simd>(
    s: S,
    source: &Source<'_>,
    inside: Inside,
    top: isize,
    (start, weights): (usize, &[f32]),
    scale: f32,
    line: &mut [f32],
) {
    // The taps that lie in the image.
    let first = top.saturating_add_unsigned(start);
    let skip = first.min(0).unsigned_abs().min(weights.len());
    let end = (source.height as isize).saturating_sub(first).clamp(skip as isize, weights.len() as isize) as usize;
    let weights = &weights[skip..end];
    if weights.is_empty() {
        line.fill(0.0);
        return;
    }
    let y0 = first.max(0) as usize;
    // Checks that the last row is there; those before it end earlier.
    let _ = source.row(y0 + weights.len() - 1, inside.first, inside.last);
    let base = source.data[y0 * source.stride + inside.first * source.pixel..].as_ptr();
    if line.len() < S::LANES {
        line.fill(0.0);
        for (j, &weight) in weights.iter().enumerate() {
            for (sum, &byte) in line.iter_mut().zip(source.row(y0 + j, inside.first, inside.last)) {
                *sum += scale * weight * f32::from(byte);
            }
        }
        return;
    }
    // SAFETY: the last of these rows was found to hold `line.len()` bytes, so the ones before it do.
    unsafe {
        // Several vectors at a time where there are as many: the sums of one have to wait for each other.
        if line.len() < 4 * S::LANES {
            sum_vectors::<S, 1>(s, base, source.stride, weights, scale, line);
        } else {
            sum_vectors::<S, 4>(s, base, source.stride, weights, scale, line);
        }
    }
}

/// [`sum_rows`], `N` vectors at a time, for rows `stride` bytes from each other.
///
/// # Safety
/// At `rows` there must be a row of `line.len()` readable bytes for each weight.
#[inline(always)]
unsafe fn sum_vectors<S: Simd, const N: usize>(
    s: S,
    rows: *const u8,
    stride: usize,
    weights: &[f32],
    scale: f32,
    line: &mut [f32],
) {
    assert!(line.len() >= N * S::LANES);
    for first in (0..line.len()).step_by(N * S::LANES) {
        // The last vectors overlap those before them.
        let first = first.min(line.len() - N * S::LANES);
        let mut sums = [s.splat(0.0); N];
        for (j, &weight) in weights.iter().enumerate() {
            let weight = s.splat(scale * weight);
            if N > 1 {
                // The next row of the output, which begins about there, finds its source in the nearest cache.
                prefetch(rows.wrapping_add((weights.len() + j) * stride + first));
            }
            for (k, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the caller's; `first + N·LANES <= line.len()`.
                let bytes = unsafe { s.load_u8(rows.add(j * stride + first + k * S::LANES)) };
                *sum = s.mul_add(weight, bytes, *sum);
            }
        }
        for (k, sum) in sums.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { s.store(line.as_mut_ptr().add(first + k * S::LANES), sum) };
        }
    }
}

/// `offset` and the filter along lines of pixels, of which three values go to the output: one row, or `ROWS` of them.
#[inline(always)]
fn filter_lines<S: Simd>(
    s: S,
    across: &Axis,
    lines: &[f32],
    source: &Source<'_>,
    offset: f32,
    order: Order,
    out: &mut [f32],
) {
    let row_len = 3 * across.target();
    if across.target() < 4 || across.has_gaps() {
        for (out, line) in out.chunks_exact_mut(row_len).zip(lines.chunks_exact(lines.len() / ROWS)) {
            filter_any(across, line, source, offset, order, out);
        }
        return;
    }
    // Few taps of colours are the rule, and worth loops without an end to look for.
    match (source.pixel > 2, across.most_taps()) {
        (true, 1) => filter_taps::<S, true, 1>(s, across, lines, source, offset, order, out),
        (true, 2) => filter_taps::<S, true, 2>(s, across, lines, source, offset, order, out),
        (true, 3) => filter_taps::<S, true, 3>(s, across, lines, source, offset, order, out),
        (true, 4) => filter_taps::<S, true, 4>(s, across, lines, source, offset, order, out),
        (true, 5) => filter_taps::<S, true, 5>(s, across, lines, source, offset, order, out),
        (true, 6) => filter_taps::<S, true, 6>(s, across, lines, source, offset, order, out),
        (true, _) => filter_taps::<S, true, 0>(s, across, lines, source, offset, order, out),
        (false, _) => filter_taps::<S, false, 0>(s, across, lines, source, offset, order, out),
    }
}

/// [`filter_lines`] one value at a time.
#[inline(always)]
fn filter_any(across: &Axis, line: &[f32], source: &Source<'_>, offset: f32, order: Order, out: &mut [f32]) {
    for x in 0..across.target() {
        let (start, weights) = across.taps(x);
        for c in 0..3 {
            let pixels = line[start * source.pixel..].chunks_exact(source.pixel);
            let sum: f32 = weights.iter().zip(pixels).map(|(weight, pixel)| weight * pixel[source.channels[c]]).sum();
            let to = match order {
                Order::Interleaved => x * 3 + c,
                Order::Planar => c * across.target() + x,
            };
            out[to] = if weights.is_empty() { 0.0 } else { sum + offset };
        }
    }
}

/// [`filter_lines`] for pixels of the output that are made of at least one and at most `TAPS` pixels each; 0 stands
/// for any count. Pixels have three values or more, or, without `COLOURS`, one that counts.
#[inline(always)]
fn filter_taps<S: Simd, const COLOURS: bool, const TAPS: usize>(
    s: S,
    across: &Axis,
    lines: &[f32],
    source: &Source<'_>,
    offset: f32,
    order: Order,
    out: &mut [f32],
) {
    let (target, line_len) = (across.target(), lines.len() / ROWS);
    let pixel = source.pixel;
    assert!(target >= 4 && TAPS <= SLACK && line_len >= (across.source() + SLACK) * pixel && COLOURS == (pixel > 2));
    // Where in the output each value of a pixel goes.
    let mut places = [0, 1, 2];
    if COLOURS {
        for c in 0..3 {
            places[source.channels[c]] = c;
        }
    }
    let lines = Lines { values: lines.as_ptr(), len: line_len, pixel };
    if order == Order::Planar {
        assert!(out.len() == 3 * target && places.iter().all(|&place| place < 3), "one row");
        for x in (0..target).step_by(4) {
            // The last four overlap those before them.
            let x = x.min(target - 4);
            let mut pixels = [f32x4::ZERO; 4];
            for (i, pixel) in pixels.iter_mut().enumerate() {
                // SAFETY: `x + i < target`, and the line is as long as was found.
                [*pixel] = unsafe { filter_pixels::<S, COLOURS, TAPS, 1>(s, across, x + i, lines, offset) };
            }
            let planes = f32x4::transpose(pixels);
            for k in 0..3 {
                // SAFETY: a plane has `target` values, of which there are four from `x` on.
                unsafe {
                    let to = out.as_mut_ptr().add(places[k] * target + x);
                    to.cast::<[f32; 4]>().write_unaligned(planes[k].to_array());
                }
            }
        }
    } else if out.len() == ROWS * 3 * target {
        filter_interleaved::<S, COLOURS, TAPS, ROWS>(s, across, lines, places, offset, out);
    } else {
        filter_interleaved::<S, COLOURS, TAPS, 1>(s, across, lines, places, offset, out);
    }
}

/// `ROWS` lines of `len` values, one behind the other.
#[derive(Clone, Copy)]
struct Lines {
    values: *const f32,
    len: usize,
    /// Values of a pixel.
    pixel: usize,
}

/// `N` rows of whole pixels; `places` says where in them each value of the source's pixel goes.
#[inline(always)]
fn filter_interleaved<S: Simd, const COLOURS: bool, const TAPS: usize, const N: usize>(
    s: S,
    across: &Axis,
    lines: Lines,
    places: [usize; 3],
    offset: f32,
    out: &mut [f32],
) {
    let target = across.target();
    assert!(N <= ROWS && TAPS <= SLACK && lines.len >= (across.source() + SLACK) * lines.pixel);
    assert_eq!(out.len(), N * 3 * target, "rows that are made together");
    // Whole vectors, of which the next pixel writes over the last value: not for the last pixel. In one loop for both
    // the compiler makes three stores of each vector.
    let vectors = if places == [0, 1, 2] { target - 1 } else { 0 };
    for x in 0..vectors {
        // SAFETY: `x < target`, and the lines are as long as was found.
        let pixels: [_; N] = unsafe { filter_pixels::<S, COLOURS, TAPS, _>(s, across, x, lines, offset) };
        for (row, pixel) in pixels.iter().enumerate() {
            // SAFETY: the row has another pixel behind this one.
            unsafe {
                let to = out.as_mut_ptr().add((row * target + x) * 3);
                to.cast::<[f32; 4]>().write_unaligned(pixel.to_array());
            }
        }
    }
    for x in vectors..target {
        // SAFETY: as above.
        let pixels: [_; N] = unsafe { filter_pixels::<S, COLOURS, TAPS, _>(s, across, x, lines, offset) };
        for (row, pixel) in pixels.iter().enumerate() {
            let to = &mut out[(row * target + x) * 3..][..3];
            for k in 0..3 {
                to[places[k]] = pixel.to_array()[k];
            }
        }
    }
}

/// Pixel `x` of the output in `N` rows: vectors of four values, whatever the instruction set, of which the last may be
/// the next pixel's.
///
/// # Safety
/// `x` must be less than the target, and there must be `N` lines, each `TAPS` pixels longer than the source.
#[inline(always)]
unsafe fn filter_pixels<S: Simd, const COLOURS: bool, const TAPS: usize, const N: usize>(
    s: S,
    across: &Axis,
    x: usize,
    lines: Lines,
    offset: f32,
) -> [f32x4; N] {
    // SAFETY: the caller's.
    let (start, weights) = unsafe { across.padded_taps(x) };
    let taps = if TAPS > 0 { TAPS } else { across.taps(x).1.len() };
    let mut sums = [f32x4::splat(offset); N];
    // SAFETY: the pixel lies in the source.
    let first = unsafe { lines.values.add(start * lines.pixel) };
    for j in 0..taps {
        // SAFETY: there are as many weights.
        let weight = f32x4::splat(unsafe { *weights.add(j) });
        for (row, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the last pixel that has a weight of its own lies in the source, too; those behind it, `TAPS` at most, lie
            // in the line.
            let pixel = unsafe {
                let at = first.add(row * lines.len + j * lines.pixel);
                if COLOURS { at.cast::<[f32; 4]>().read_unaligned() } else { [*at; 4] }
            };
            *sum = s.mul_add_four(weight, f32x4::new(pixel), *sum);
        }
    }
    sums
}
