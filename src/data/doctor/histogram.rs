//! How many of something lie between given bounds.

use serde::Serialize;

/// Counts between bounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram(Vec<Bar>);

/// One of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// The least value that counts.
    pub from: f64,
    /// The least that counts no more; none of the last, which has no end.
    pub to: Option<f64>,
    /// How many.
    pub count: usize,
}

impl Histogram {
    /// Longer sides of faces in pixels.
    pub(super) fn of_sizes() -> Self {
        Self::new(&[0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0])
    }

    /// Overlaps from 0 to 1; the last bar begins at 1.
    pub(super) fn of_overlaps() -> Self {
        Self::new(&[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.7, 0.8, 0.9, 1.0])
    }

    fn new(bounds: &[f64]) -> Self {
        let ends = bounds[1..].iter().map(|&bound| Some(bound)).chain([None]);
        Self(bounds.iter().zip(ends).map(|(&from, to)| Bar { from, to, count: 0 }).collect())
    }

    /// Counts a value; below the first bound it counts as that.
    pub(super) fn add(&mut self, value: f64) {
        let at = self.0.iter().rposition(|bar| value >= bar.from).unwrap_or(0);
        self.0[at].count += 1;
    }

    /// The counts, in order.
    #[must_use]
    pub fn bars(&self) -> &[Bar] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bar_that_it_begins() {
        let mut histogram = Histogram::of_overlaps();
        for value in [-0.5, 0.0, 0.64, 0.65, 0.6999, 1.0] {
            histogram.add(value);
        }
        let counts: Vec<_> = histogram.bars().iter().map(|bar| bar.count).collect();
        assert_eq!(counts, [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1]);
        assert_eq!(histogram.bars()[10].to, None);
    }
}
