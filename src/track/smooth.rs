//! The One Euro filter (Casiez, Roussel and Vogel, "1€ Filter", 2012): calm where a face is still, prompt where it moves.

use std::f64::consts::PI;

use crate::error::{Error, Result};
use crate::face::Face;
use crate::geometry::{BBox, Point};
use crate::range::Range;

const RATES: Range = Range::new(0.001, 1e6);
const CUTOFFS: Range = Range::new(1e-6, 1e6);
const BETAS: Range = Range::new(0.0, 1e6);
/// Hertz, for the velocities, as in the paper.
const VELOCITY_CUTOFF: f64 = 1.0;

/// How boxes and landmarks are smoothed. Velocities are in sides of the box a second, so that the numbers suit faces of all sizes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Smoothing {
    /// Frames a second.
    pub rate: f64,
    /// Hertz: the lower, the calmer is a face at rest.
    pub min_cutoff: f64,
    /// Hertz that the cutoff grows with each side a second: the higher, the less a moving face lags behind.
    pub beta: f64,
}

impl Smoothing {
    /// For so many frames a second.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self { rate, min_cutoff: 1.0, beta: 5.0 }
    }

    pub(super) fn check(&self) -> Result<()> {
        RATES
            .check("the number of frames a second", self.rate)
            .and_then(|()| CUTOFFS.check("the least cutoff", self.min_cutoff))
            .and_then(|()| BETAS.check("beta", self.beta))
            .map_err(Error::option)
    }

    /// The part of a new value that passes at a cutoff.
    fn passes(&self, cutoff: f64) -> f64 {
        1.0 / (1.0 + self.rate / (2.0 * PI * cutoff))
    }
}

/// A coordinate as it is shown, and its velocity in sides a second.
#[derive(Clone, Copy, Default)]
struct Shown {
    at: f64,
    velocity: f64,
}

/// The coordinates of a face: the edges of the box, then the points, the five before the others.
pub(super) struct Smoother {
    smoothing: Smoothing,
    /// Empty before the first face.
    shown: Vec<Shown>,
}

impl Smoother {
    pub(super) fn new(smoothing: Smoothing) -> Self {
        Self { smoothing, shown: Vec::new() }
    }

    /// The face to show for the next one.
    pub(super) fn next(&mut self, face: &Face) -> Face {
        let points = face.all_points().flat_map(|point| [point.x, point.y]);
        let new: Vec<f64> = face.bbox.to_array().into_iter().chain(points).map(f64::from).collect();
        let side = f64::from(face.bbox.width().max(face.bbox.height())).max(1.0);
        let smoothing = self.smoothing;
        let shown = &mut self.shown;
        if shown.len() != new.len() {
            *shown = new.iter().map(|&at| Shown { at, velocity: 0.0 }).collect();
        }
        for (shown, new) in shown.iter_mut().zip(new) {
            let velocity = (new - shown.at) / side * smoothing.rate;
            shown.velocity += smoothing.passes(VELOCITY_CUTOFF) * (velocity - shown.velocity);
            let cutoff = smoothing.min_cutoff + smoothing.beta * shown.velocity.abs();
            shown.at += smoothing.passes(cutoff) * (new - shown.at);
        }
        let at = |i: usize| shown[i].at as f32;
        let mut points = shown[4..].as_chunks().0.iter().map(|[x, y]| Point::new(x.at as f32, y.at as f32));
        face.placed(BBox::new(at(0), at(1), at(2), at(3)), |_| points.next().expect("as many points as the face has"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Landmarks;

    fn face(x: f32) -> Face {
        let points = std::array::from_fn(|i| Point::new(x + i as f32, 2.0 * i as f32));
        Face::new(BBox::new(x, 10.0, x + 50.0, 60.0), 0.9, Landmarks::from_array(points))
    }

    #[test]
    fn the_first_face_is_shown_as_it_is_and_the_second_follows_the_formula() {
        let mut smoother = Smoother::new(Smoothing { rate: 25.0, min_cutoff: 1.0, beta: 2.0 });
        assert_eq!(smoother.next(&face(100.0)), face(100.0));
        // By hand: alpha(1 Hz) = 1 / (1 + 25 / 2π) = .200856; velocity .200856 · 10 / 50 · 25 = 1.004281 sides a second;
        // cutoff 3.008563 Hz, alpha .430577 of the 10 pixels.
        let shown = smoother.next(&face(110.0));
        approx::assert_abs_diff_eq!(shown.bbox.x1, 104.306, epsilon = 1e-3);
        approx::assert_abs_diff_eq!(shown.landmarks.unwrap().nose.x, 106.306, epsilon = 1e-3);
        assert_eq!((shown.bbox.y1, shown.landmarks.unwrap().nose.y, shown.score), (10.0, 4.0, 0.9));
    }

    #[test]
    fn a_face_that_trembles_is_calmed_and_one_that_walks_hardly_lags() {
        let shown = |at: &dyn Fn(usize) -> f32| {
            let mut smoother = Smoother::new(Smoothing::new(25.0));
            (0..100).map(|i| smoother.next(&face(at(i))).bbox.x1).collect::<Vec<_>>()
        };
        let trembling = shown(&|i| 100.0 + if i % 2 == 0 { 1.0 } else { -1.0 });
        let spread = trembling[50..].iter().map(|x| (x - 100.0).abs()).fold(0.0, f32::max);
        assert!(spread < 0.35, "of 1: {spread}");
        let walking = shown(&|i| 100.0 + 4.0 * i as f32);
        let lag = 100.0 + 4.0 * 99.0 - walking[99];
        assert!((0.0..4.0).contains(&lag), "less than a frame: {lag}");
    }
}
