//! Boxes on their way through the cascade: regression, squaring, rounding, clipping.

use crate::image::ImageView;
use crate::profile::{Numbers, Rounding};

/// A box `[x1, y1, x2, y2]` as the profile counts: its first pixel has the number 0 or 1, and a side is `x2 - x1` or one more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Corners(pub(crate) [f64; 4]);

/// A box with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) corners: Corners,
    pub(crate) score: f32,
    /// What the net says of each corner: how far it is off, in parts of the box's sides.
    pub(crate) offsets: [f32; 4],
    /// The number that an observer knows it by; 0 where there is none.
    pub(crate) origin: u32,
}

impl Corners {
    /// Width and height. `extra` is what a side adds to `x2 - x1`, 0 or 1.
    pub(super) fn sides(self, extra: f64) -> [f64; 2] {
        let [x1, y1, x2, y2] = self.0;
        [x2 - x1 + extra, y2 - y1 + extra]
    }

    /// Intersection over union of edges; 0 of boxes that have nothing in common.
    pub(super) fn overlap(self, other: Self) -> f64 {
        let (Self(a), Self(b)) = (self, other);
        let sides = Self([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]).sides(0.0);
        let common = sides[0].max(0.0) * sides[1].max(0.0);
        let area = |corners: Self| corners.sides(0.0).iter().product::<f64>();
        if common > 0.0 { common / (area(self) + area(other) - common) } else { 0.0 }
    }

    /// The longer of `x2 - x1` and `y2 - y1`.
    pub(super) fn longer_side(self) -> f64 {
        let [width, height] = self.sides(0.0);
        width.max(height)
    }
}

impl Candidate {
    /// Moves the corners as the net says. `extra` as in [`Corners::sides`].
    pub(super) fn regress(&mut self, extra: f64) {
        let [width, height] = self.corners.sides(extra);
        for (corner, (offset, side)) in
            self.corners.0.iter_mut().zip(self.offsets.into_iter().zip([width, height, width, height]))
        {
            *corner += f64::from(offset) * side;
        }
    }

    /// How well what the net saw fits the box that it says: their intersection over union.
    pub(super) fn fit(&self) -> f64 {
        let [x1, y1, x2, y2] = self.offsets.map(f64::from);
        Corners([x1, y1, 1.0 + x2, 1.0 + y2]).overlap(Corners([0.0, 0.0, 1.0, 1.0]))
    }

    /// Grows the shorter side about the centre. `extra` as in [`Corners::sides`].
    pub(super) fn square(&mut self, extra: f64) {
        let [x1, y1, ..] = self.corners.0;
        let [width, height] = self.corners.sides(extra);
        let side = width.max(height);
        let (x, y) = (x1 + width * 0.5 - side * 0.5, y1 + height * 0.5 - side * 0.5);
        self.corners = Corners([x, y, x + side - extra, y + side - extra]);
    }

    /// Drops the parts of pixels, or rounds to whole pixels, those of an image that is shrunk `by` so much.
    pub(super) fn round(&mut self, rounding: Rounding, by: f64) {
        let Corners(corners) = &mut self.corners;
        *corners = match rounding {
            Rounding::Keep => *corners,
            Rounding::Truncate => corners.map(f64::trunc),
            Rounding::Round => corners.map(|corner| (corner / by).round_ties_even() * by),
        };
    }

    /// Moves the corners that are beyond the image to its border.
    pub(super) fn clip(&mut self, view: &ImageView<'_>, numbers: Numbers) {
        let first = numbers.first();
        let last = |length: usize| first.max(length as f64 - numbers.extra() + first);
        let (right, bottom) = (last(view.width()), last(view.height()));
        for (corner, last) in self.corners.0.iter_mut().zip([right, bottom, right, bottom]) {
            *corner = corner.clamp(first, last);
        }
    }
}
