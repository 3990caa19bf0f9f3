//! Rows of a component brought to the image's size, as libjpeg's "fancy upsampling" does.

use super::frame::{Component, Frame};
use super::plane::Plane;

/// Makes rows of one component.
pub(super) struct Upsampler {
    width: usize,
    height: usize,
    kind: Kind,
    sums: Vec<u16>,
    row: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Kind {
    Whole,
    /// Twice as wide, between the two nearest samples.
    Wide,
    /// Twice as high.
    High,
    /// Both.
    WideAndHigh,
    /// Every sample this many times to the right and down: libjpeg's rule for the rest.
    Repeat(usize, usize),
}

impl Upsampler {
    pub(super) fn new(frame: &Frame, component: &Component) -> Self {
        let (across, down) = (frame.h_max / component.h, frame.v_max / component.v);
        let kind = match (across, down) {
            (1, 1) => Kind::Whole,
            (1, 2) => Kind::High,
            (2, 1) if component.width > 2 => Kind::Wide,
            (2, 2) if component.width > 2 => Kind::WideAndHigh,
            _ => Kind::Repeat(across, down),
        };
        let (sums, row) = (vec![0; component.width], vec![0; component.width * across]);
        Self { width: component.width, height: component.height, kind, sums, row }
    }

    /// Row `y` of the image, at least as wide as it.
    pub(super) fn row<'a>(&'a mut self, plane: &'a Plane, y: usize) -> &'a [u8] {
        let width = self.width;
        let stored = |y| &plane.row(y)[..width];
        // The row beside the nearest one that is next in distance; at the edges the nearest itself.
        let beside = if y.is_multiple_of(2) { (y / 2).saturating_sub(1) } else { (y / 2 + 1).min(self.height - 1) };
        match self.kind {
            Kind::Whole => return stored(y),
            Kind::Wide => widen(stored(y), &mut self.row),
            Kind::High => {
                let bias = if y.is_multiple_of(2) { 1 } else { 2 };
                let (near, far) = (stored(y / 2), stored(beside));
                for ((to, &near), &far) in self.row.iter_mut().zip(near).zip(far) {
                    *to = ((u16::from(near) * 3 + u16::from(far) + bias) >> 2) as u8;
                }
            }
            Kind::WideAndHigh => {
                let (near, far) = (stored(y / 2), stored(beside));
                for ((sum, &near), &far) in self.sums.iter_mut().zip(near).zip(far) {
                    *sum = u16::from(near) * 3 + u16::from(far);
                }
                widen_sums(&self.sums, &mut self.row);
            }
            Kind::Repeat(across, down) => {
                let stored = stored(y / down);
                for (to, &sample) in self.row.chunks_exact_mut(across).zip(stored) {
                    to.fill(sample);
                }
            }
        }
        &self.row
    }
}

/// Three quarters of the nearest sample and one of the next, with libjpeg's alternating rounding.
fn widen(row: &[u8], to: &mut [u8]) {
    let last = row.len() - 1;
    let to = to.as_chunks_mut::<2>().0;
    let mix = |near: u8, far: u8, bias| ((u16::from(near) * 3 + u16::from(far) + bias) >> 2) as u8;
    to[0] = [row[0], mix(row[0], row[1], 2)];
    for (to, near) in to[1..last].iter_mut().zip(row.windows(3)) {
        *to = [mix(near[1], near[0], 1), mix(near[1], near[2], 2)];
    }
    to[last] = [mix(row[last], row[last - 1], 1), row[last]];
}

/// The same for sums of two rows, which are four times their samples.
fn widen_sums(row: &[u16], to: &mut [u8]) {
    let last = row.len() - 1;
    let to = to.as_chunks_mut::<2>().0;
    let mix = |near: u16, far: u16, bias| ((near * 3 + far + bias) >> 4) as u8;
    to[0] = [mix(row[0], row[0], 8), mix(row[0], row[1], 7)];
    for (to, near) in to[1..last].iter_mut().zip(row.windows(3)) {
        *to = [mix(near[1], near[0], 8), mix(near[1], near[2], 7)];
    }
    to[last] = [mix(row[last], row[last - 1], 8), mix(row[last], row[last], 7)];
}
