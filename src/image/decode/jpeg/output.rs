//! The image's rows, made of the components' samples as these become complete.

use super::colour::Colour;
use super::frame::{Frame, MOST};
use super::idct::{self, Extent};
use super::plane::Plane;
use super::upsample::Upsampler;

pub(super) struct Output {
    planes: Vec<Plane>,
    upsamplers: Vec<Upsampler>,
    colour: Colour,
    rgb: Vec<u8>,
    /// Whether rows are made at once, of planes that keep no more than that needs.
    at_once: bool,
    /// Rows that are made.
    rows: usize,
}

impl Output {
    /// `at_once` if all components of a row of coded units come before those of the next.
    pub(super) fn new(frame: &Frame, colour: Colour, at_once: bool) -> Self {
        // The last rows of a unit need the next one.
        let units = if at_once { 2 } else { frame.units_y };
        let planes = frame.components.iter().map(|it| Plane::new(it, units)).collect();
        let upsamplers = frame.components.iter().map(|it| Upsampler::new(frame, it)).collect();
        Self { planes, upsamplers, colour, rgb: vec![0; frame.width * frame.height * 3], at_once, rows: 0 }
    }

    /// Puts in a block of a component.
    #[inline(always)]
    pub(super) fn block(
        &mut self,
        component: usize,
        x: usize,
        y: usize,
        coefficients: &[i16; 64],
        steps: &[i16; 64],
        extent: Extent,
    ) {
        let (to, stride) = self.planes[component].block(x, y);
        idct::block(coefficients, steps, extent, to, stride);
    }

    /// So many rows of coded units are complete, if all components come at once.
    pub(super) fn advance(&mut self, frame: &Frame, units: usize) {
        if self.at_once && units < frame.units_y {
            // The last rows of a unit lie between its samples and those of the next.
            self.convert(frame, (units * 8 - 1) * frame.v_max);
        }
    }

    /// The pixels, row by row, of planes that are complete.
    pub(super) fn finish(mut self, frame: &Frame) -> Vec<u8> {
        self.convert(frame, frame.height);
        self.rgb
    }

    /// Makes the rows up to this one.
    fn convert(&mut self, frame: &Frame, end: usize) {
        let bytes = frame.width * 3;
        for (to, y) in self.rgb[self.rows * bytes..end * bytes].chunks_exact_mut(bytes).zip(self.rows..) {
            let mut samples: [&[u8]; MOST] = [&[]; MOST];
            for ((to, upsampler), plane) in samples.iter_mut().zip(&mut self.upsamplers).zip(&self.planes) {
                *to = upsampler.row(plane, y);
            }
            self.colour.convert(samples, to);
        }
        self.rows = end;
    }
}
