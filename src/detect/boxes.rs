//! Boxes on their way through the cascade: regression, squaring, rounding.

/// A box with its score. Coordinates are pixels of the picture, from 1 as the references have them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// x1, y1, x2, y2
    pub(crate) corners: [f64; 4],
    pub(crate) score: f32,
    /// What the net says of each corner: how far it is off, in parts of the box's sides.
    pub(crate) offsets: [f32; 4],
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

    /// Grows the shorter side about the centre.
    pub(crate) fn square(&mut self) {
        let [x1, y1, x2, y2] = self.corners;
        let (width, height) = (x2 - x1, y2 - y1);
        let side = width.max(height);
        let (x, y) = (x1 + width * 0.5 - side * 0.5, y1 + height * 0.5 - side * 0.5);
        self.corners = [x, y, x + side, y + side];
    }

    /// Drops the parts of pixels.
    pub(crate) fn truncate(&mut self) {
        self.corners = self.corners.map(f64::trunc);
    }
}
