//! Crops: the square about a box, resized to the side that a net looks at.

use mtcnn_kernels::resize::{self, Affine, Axis, Order, Region};
use mtcnn_kernels::{Buffer, Isa};

use super::ImageView;
use super::pyramid::source;
use crate::detect::profile::{Border, Resize};

/// The part of a picture that a box asks for. Corners are whole pixels counted from 1, both included;
/// parts of pixels are dropped. `None` if nothing is left, or if the box is beyond all measure.
pub(crate) fn region([x1, y1, x2, y2]: [f64; 4], view: &ImageView<'_>, border: Border) -> Option<Region> {
    let (width, height) = (view.width() as f64, view.height() as f64);
    // A box many times as large as the picture comes from broken weights, and would take for ever.
    if !(x2 - x1).is_finite() || (x2 - x1).max(y2 - y1) > 4.0 * (width + height) {
        return None;
    }
    let [mut x1, mut y1, mut x2, mut y2] = [x1, y1, x2, y2].map(f64::trunc);
    if border == Border::Clip {
        (x1, y1) = (x1.max(1.0), y1.max(1.0));
        (x2, y2) = (x2.min(width), y2.min(height));
    }
    let (columns, rows) = (x2 - x1 + 1.0, y2 - y1 + 1.0);
    (columns >= 1.0 && rows >= 1.0).then(|| Region {
        x: x1 as isize - 1,
        y: y1 as isize - 1,
        width: columns as usize,
        height: rows as usize,
    })
}

/// Tables and lines that one crop after the other uses.
#[derive(Default)]
pub(crate) struct CropScratch {
    down: Axis,
    across: Axis,
    line: Buffer,
}

/// Resizes a region to `side x side` pixels, normalised, `[row][column][3]`.
pub(crate) fn make(
    isa: Isa,
    view: &ImageView<'_>,
    region: Region,
    side: usize,
    filter: Resize,
    scratch: &mut CropScratch,
    output: &mut [f32],
) {
    let CropScratch { down, across, line } = scratch;
    match filter {
        Resize::AreaBins => {
            down.area_bins(region.height, side);
            across.area_bins(region.width, side);
        }
        Resize::AreaOpenCv => {
            let shrinks = region.height >= side && region.width >= side;
            down.area_opencv(region.height, side, shrinks);
            across.area_opencv(region.width, side, shrinks);
        }
    }
    let (source, affine) = (source(view), Affine::NORMALISE);
    resize::forward(isa, &source, region, down, across, 0..side, affine, Order::Interleaved, line, output);
}
