//! The samples of a component: all of them, or those of the last rows of coded units.

use super::frame::Component;

pub(super) struct Plane {
    samples: Vec<u8>,
    stride: usize,
    /// Rows of samples that are kept; a later one takes the place of that so many before it.
    rows: usize,
}

impl Plane {
    /// Room for this many rows of coded units.
    pub(super) fn new(component: &Component, units: usize) -> Self {
        let (stride, rows) = (component.blocks_x * 8, component.v * 8 * units);
        Self { samples: vec![0; stride * rows], stride, rows }
    }

    /// A row of samples, with those that fill its last block.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.samples[y % self.rows * self.stride..][..self.stride]
    }

    /// The samples from the first of a block on, and how far one row of them is from the next.
    #[inline(always)]
    pub(super) fn block(&mut self, x: usize, y: usize) -> (&mut [u8], usize) {
        (&mut self.samples[y * 8 % self.rows * self.stride + x * 8..], self.stride)
    }
}
