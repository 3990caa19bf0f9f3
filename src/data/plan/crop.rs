//! A crop to take: its place in the image, its class and exact targets.

use crate::data::class::Class;

/// Less overlap with every face than this is a negative.
pub(super) const NEGATIVE: f64 = 0.3;
/// This much overlap or more is a part of a face.
pub(super) const PART: f64 = 0.4;

/// The class of a crop that overlaps a face so much, if it is enough for one with a box to learn; `positive` is enough for a
/// face.
pub(super) fn class_of(overlap: f64, positive: f64) -> Option<Class> {
    match overlap {
        _ if overlap >= positive => Some(Class::Positive),
        PART.. => Some(Class::Part),
        _ => None,
    }
}

/// A crop to take.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct Planned {
    pub(in crate::data) class: Class,
    pub(in crate::data) crop: Crop,
    /// With the face that it shows; of a negative with the nearest.
    pub(in crate::data) overlap: f64,
    /// Zeros if the class has none.
    pub(in crate::data) offsets: [f32; 4],
    /// x1 y1 x2 y2 … in parts of the crop; none if the class has none.
    pub(in crate::data) points: Vec<f32>,
}

impl Planned {
    pub(super) fn negative(crop: Crop, overlap: f64) -> Self {
        Self { class: Class::Negative, crop, overlap, offsets: [0.0; 4], points: Vec::new() }
    }
}

/// The pixels of a crop, all of them in the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct Crop {
    pub(in crate::data) x: usize,
    pub(in crate::data) y: usize,
    pub(in crate::data) width: usize,
    pub(in crate::data) height: usize,
    /// By which the image is turned before, against the clock.
    pub(in crate::data) turn: Option<Turn>,
    pub(in crate::data) mirrored: bool,
}

impl Crop {
    /// As the image is. The corner is not negative.
    pub(super) fn upright(x: f64, y: f64, width: f64, height: f64) -> Self {
        let [x, y, width, height] = [x, y, width, height].map(|number| number as usize);
        Self { x, y, width, height, turn: None, mirrored: false }
    }
}

/// A turn of the image about a point, against the clock as it is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct Turn {
    center: [f64; 2],
    cosine: f64,
    sine: f64,
}

impl Turn {
    pub(in crate::data) fn new(degrees: f64, center: [f64; 2]) -> Self {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        Self { center, cosine, sine }
    }

    /// Where a point of the image comes to lie.
    pub(in crate::data) fn forward(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [cx, cy] = self.center;
        let (x, y) = (x - cx, y - cy);
        [cx + self.cosine * x + self.sine * y, cy - self.sine * x + self.cosine * y]
    }

    /// Where a point of the turned image was before.
    pub(in crate::data) fn back(&self, point: [f64; 2]) -> [f64; 2] {
        Self { sine: -self.sine, ..*self }.forward(point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::class::POSITIVE;

    #[test]
    fn a_turn_is_against_the_clock_and_can_be_undone() {
        let turn = Turn::new(90.0, [10.0, 10.0]);
        // What is right of the centre comes to lie above it; rows count downwards.
        let [x, y] = turn.forward([14.0, 10.0]);
        assert!((x - 10.0).abs() < 1e-12 && (y - 6.0).abs() < 1e-12, "{x} {y}");
        let turn = Turn::new(5.0, [3.5, -2.0]);
        let [x, y] = turn.back(turn.forward([17.0, 4.0]));
        assert!((x - 17.0).abs() < 1e-12 && (y - 4.0).abs() < 1e-12, "{x} {y}");
    }

    #[test]
    fn classes_begin_at_their_overlap() {
        let classes = [0.2999, 0.3, 0.3999, 0.4, 0.6499, 0.65, 1.0].map(|overlap| class_of(overlap, POSITIVE));
        let (part, positive) = (Some(Class::Part), Some(Class::Positive));
        assert_eq!(classes, [None, None, None, part, part, positive, positive]);
    }
}
