//! Boxes on their way through the cascade: regression, squaring, rounding, clipping.

use crate::image::ImageView;
use crate::profile::Rounding;

/// A box with its score. Coordinates are pixels of the picture, from 1 or 0 as the profile has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// x1, y1, x2, y2
    pub(crate) corners: [f64; 4],
    pub(crate) score: f32,
    /// What the net says of each corner: how far it is off, in parts of the box's sides.
    pub(crate) offsets: [f32; 4],
    /// The number that somebody who watches knows it by; 0 where nobody does.
    pub(crate) origin: u32,
}

impl Candidate {
    /// Moves the corners as the net says. `extra` is what the references add to `x2 - x1` for the
    /// width, 0 or 1.
    pub(crate) fn regress(&mut self, extra: f64) {
        let [x1, y1, x2, y2] = self.corners;
        let (width, height) = (x2 - x1 + extra, y2 - y1 + extra);
        for (corner, (offset, side)) in
            self.corners.iter_mut().zip(self.offsets.into_iter().zip([width, height, width, height]))
        {
            *corner += f64::from(offset) * side;
        }
    }

    /// Grows the shorter side about the centre. `extra` as in [`Candidate::regress`].
    pub(crate) fn square(&mut self, extra: f64) {
        let [x1, y1, x2, y2] = self.corners;
        let (width, height) = (x2 - x1 + extra, y2 - y1 + extra);
        let side = width.max(height);
        let (x, y) = (x1 + width * 0.5 - side * 0.5, y1 + height * 0.5 - side * 0.5);
        self.corners = [x, y, x + side - extra, y + side - extra];
    }

    /// Drops or rounds the parts of pixels.
    pub(crate) fn round(&mut self, rounding: Rounding) {
        self.corners = match rounding {
            Rounding::Keep => self.corners,
            Rounding::Truncate => self.corners.map(f64::trunc),
            Rounding::Round => self.corners.map(f64::round_ties_even),
        };
    }

    /// Moves the corners that are beyond the picture, whose first pixel has the number `first`, to its
    /// border.
    pub(crate) fn clip(&mut self, view: &ImageView<'_>, first: f64) {
        let last = |length: usize| first.max(length as f64 - 1.0 + first);
        let (right, bottom) = (last(view.width()), last(view.height()));
        for (corner, last) in self.corners.iter_mut().zip([right, bottom, right, bottom]) {
            *corner = corner.clamp(first, last);
        }
    }
}
