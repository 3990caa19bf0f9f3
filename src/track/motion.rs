//! Where a box will be: a Kalman filter of constant velocity for each of its centre, width and height.
//!
//! The deviations are ByteTrack's, in parts of the box's size, but for the velocity's, which is twice that: faces turn faster
//! than pedestrians. Nothing couples the coordinates, so each has a filter of its own, with matrices of 2x2.

use crate::geometry::BBox;

/// The deviation of a place from one frame to the next, and that of what is seen, in parts of the size.
const PLACE: f64 = 1.0 / 20.0;
/// That of a velocity.
const VELOCITY: f64 = 1.0 / 80.0;
/// At first: of the place and of the velocity, in those above.
const FIRST: [f64; 2] = [2.0, 10.0];
/// Pixels: no box becomes smaller.
const SMALLEST: f64 = 1.0;

/// A coordinate and its velocity in pixels a frame, with their covariance.
#[derive(Clone, Copy)]
struct Coordinate {
    at: f64,
    velocity: f64,
    /// Of the place, of both, of the velocity.
    variance: [f64; 3],
}

impl Coordinate {
    fn new(at: f64, size: f64) -> Self {
        let [place, velocity] = [FIRST[0] * PLACE * size, FIRST[1] * VELOCITY * size];
        Self { at, velocity: 0.0, variance: [place * place, 0.0, velocity * velocity] }
    }

    fn predict(&mut self, size: f64) {
        let [place, both, velocity] = self.variance;
        let [q_place, q_velocity] = [PLACE * size, VELOCITY * size];
        self.at += self.velocity;
        self.variance =
            [place + 2.0 * both + velocity + q_place * q_place, both + velocity, velocity + q_velocity * q_velocity];
    }

    fn correct(&mut self, seen: f64, size: f64) {
        let [place, both, velocity] = self.variance;
        let noise = PLACE * size;
        let sum = place + noise * noise;
        let gains = [place / sum, both / sum];
        let off = seen - self.at;
        self.at += gains[0] * off;
        self.velocity += gains[1] * off;
        self.variance = [(1.0 - gains[0]) * place, (1.0 - gains[0]) * both, velocity - gains[1] * both];
    }
}

/// How a box moves: its centre, its width and its height.
#[derive(Clone, Copy)]
pub(super) struct Motion([Coordinate; 4]);

impl Motion {
    pub(super) fn new(bbox: &BBox) -> Self {
        let parts = parts(bbox);
        Self(parts.map(|at| Coordinate::new(at, size(&parts))))
    }

    /// To the next frame. The size of what was not seen stays: a wrong guess would grow without bound.
    pub(super) fn predict(&mut self, seen: bool) {
        let size = self.size();
        for (i, coordinate) in self.0.iter_mut().enumerate() {
            if !seen && i >= 2 {
                coordinate.velocity = 0.0;
            }
            coordinate.predict(size);
        }
    }

    /// By what was seen.
    pub(super) fn correct(&mut self, bbox: &BBox) {
        let size = self.size();
        for (coordinate, seen) in self.0.iter_mut().zip(parts(bbox)) {
            coordinate.correct(seen, size);
        }
    }

    /// Where it is.
    pub(super) fn bbox(&self) -> BBox {
        let [x, y, width, height] = self.0.map(|coordinate| coordinate.at);
        let (half_width, half_height) = (width.max(SMALLEST) / 2.0, height.max(SMALLEST) / 2.0);
        [x - half_width, y - half_height, x + half_width, y + half_height].map(|edge| edge as f32).into()
    }

    fn size(&self) -> f64 {
        size(&self.0.map(|coordinate| coordinate.at))
    }
}

/// Centre, width and height.
fn parts(bbox: &BBox) -> [f64; 4] {
    let [x1, y1, x2, y2] = bbox.to_array().map(f64::from);
    [(x1 + x2) / 2.0, (y1 + y2) / 2.0, x2 - x1, y2 - y1]
}

/// What the deviations are parts of.
fn size(&[_, _, width, height]: &[f64; 4]) -> f64 {
    ((width + height) / 2.0).max(SMALLEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_of_a_coordinate_is_that_of_the_textbook() {
        // x = Fx, P = FPF' + Q; K = PH'(HPH' + R)^-1, x += K(z - Hx), P = (1 - KH)P, with matrices written out.
        let size = 40.0;
        let (q, r) = ([[4.0, 0.0], [0.0, 0.25]], 4.0);
        let (mut x, mut p) = ([10.0, 0.0], [[16.0, 0.0], [0.0, 25.0]]);
        let mut coordinate = Coordinate::new(10.0, size);
        for seen in [12.0, 15.0, 17.5, 21.0] {
            coordinate.predict(size);
            coordinate.correct(seen, size);
            let f = [[1.0, 1.0], [0.0, 1.0]];
            let times = |a: [[f64; 2]; 2], b: [[f64; 2]; 2]| {
                [0, 1].map(|i| [0, 1].map(|j| a[i][0] * b[0][j] + a[i][1] * b[1][j]))
            };
            let turned = [[1.0, 0.0], [1.0, 1.0]];
            p = times(times(f, p), turned);
            p = [0, 1].map(|i| [0, 1].map(|j| p[i][j] + q[i][j]));
            x = [x[0] + x[1], x[1]];
            let k = [p[0][0] / (p[0][0] + r), p[1][0] / (p[0][0] + r)];
            let off = seen - x[0];
            x = [x[0] + k[0] * off, x[1] + k[1] * off];
            p = times([[1.0 - k[0], 0.0], [-k[1], 1.0]], p);
            for (ours, theirs) in [
                (coordinate.at, x[0]),
                (coordinate.velocity, x[1]),
                (coordinate.variance[0], p[0][0]),
                (coordinate.variance[1], p[0][1]),
                (coordinate.variance[2], p[1][1]),
            ] {
                approx::assert_relative_eq!(ours, theirs, epsilon = 1e-12);
            }
        }
    }

    #[test]
    fn a_box_that_moves_and_grows_is_met_and_a_lost_one_stops_growing() {
        let at = |i: usize| {
            let (i, side) = (i as f32, 40.0 + i as f32);
            BBox::new(3.0 * i, 2.0 * i, 3.0 * i + side, 2.0 * i + side)
        };
        let mut motion = Motion::new(&at(0));
        for i in 1..40 {
            motion.predict(true);
            motion.correct(&at(i));
        }
        motion.predict(true);
        assert!(motion.bbox().overlap(&at(40)) > 0.95, "{:?} {:?}", motion.bbox(), at(40));
        let width = motion.bbox().width();
        for _ in 0..10 {
            motion.predict(false);
        }
        assert!((motion.bbox().width() - width).abs() < 1e-3, "{} {width}", motion.bbox().width());
        assert!(motion.bbox().x1 > at(40).x1 + 25.0, "it goes on");
    }

    #[test]
    fn a_box_without_a_size_has_one() {
        let mut motion = Motion::new(&BBox::new(5.0, 5.0, 5.0, 5.0));
        motion.predict(true);
        motion.correct(&BBox::new(5.0, 5.0, 5.0, 5.0));
        assert!(motion.bbox().area() >= 1.0 && motion.bbox().area().is_finite());
    }
}
