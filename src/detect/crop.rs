//! Crops: the square about a box, resized to the side that a net looks at.

use mtcnn_kernels::resize::{Axis, Order, Region, Separable, opencv};
use mtcnn_kernels::{Buffer, Isa};

use super::candidate::Corners;
use crate::arch::NORMALISE;
use crate::image::ImageView;
use crate::profile::{Crop, Profile, Resize};

/// What a crop is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cut {
    /// Whole pixels.
    Pixels(Region),
    /// Samples between `[x1, y1, x2, y2]`, ends included, in parts of the image's sides.
    Samples([f32; 4]),
}

/// The part of an image that a box asks for; parts of pixels are dropped. `None` if nothing is left, or if the box is beyond all measure.
pub(super) fn cut(Corners([x1, y1, x2, y2]): Corners, view: &ImageView<'_>, profile: &Profile) -> Option<Cut> {
    let (width, height) = (view.width() as f64, view.height() as f64);
    // A box many times as large as the image comes from broken weights, and would take for ever.
    if !(x2 - x1).is_finite() || (x2 - x1).max(y2 - y1) > 4.0 * (width + height) {
        return None;
    }
    let (first, extra) = (profile.numbers.first(), profile.numbers.extra());
    if profile.crop == Crop::Sampled {
        let part = |at: f64, length: f64| ((at - first) / length) as f32;
        return Some(Cut::Samples([part(x1, width), part(y1, height), part(x2, width), part(y2, height)]));
    }
    let [mut x1, mut y1, mut x2, mut y2] = [x1, y1, x2, y2].map(|corner| corner.trunc() - first);
    if profile.crop == Crop::Clipped {
        (x1, y1) = (x1.max(0.0), y1.max(0.0));
        (x2, y2) = (x2.min(width - extra), y2.min(height - extra));
    }
    let (columns, rows) = (x2 - x1 + extra, y2 - y1 + extra);
    (columns >= 1.0 && rows >= 1.0).then_some(Cut::Pixels(Region {
        x: x1 as isize,
        y: y1 as isize,
        width: columns as usize,
        height: rows as usize,
    }))
}

/// Tables and lines that one crop after the other uses.
#[derive(Default)]
pub(super) struct CropScratch {
    down: Axis,
    across: Axis,
    line: Buffer,
    opencv: opencv::Scratch,
}

/// Resizes what is cut out to `side x side` pixels, normalised, `[row][column][3]`. `filter` is for whole
/// pixels.
pub(super) fn make(
    isa: Isa,
    view: &ImageView<'_>,
    cut: Cut,
    side: usize,
    filter: Resize,
    scratch: &mut CropScratch,
    output: &mut [f32],
) {
    let CropScratch { down, across, line, opencv } = scratch;
    let (source, affine) = (view.source(), NORMALISE);
    let (region, across) = match cut {
        Cut::Pixels(region) => {
            let (height, width) = (region.height, region.width);
            let fill: fn(&mut Axis, usize, usize) = match filter {
                Resize::AreaBins => Axis::area_bins,
                Resize::AreaCoverage => Axis::area_coverage,
                Resize::AreaOpenCv if height >= side && width >= side => {
                    |axis, from, to| axis.area_opencv(from, to, true)
                }
                Resize::AreaOpenCv => |axis, from, to| axis.area_opencv(from, to, false),
                Resize::LinearOpenCv => {
                    let target =
                        opencv::Target { height: side, width: side, rows: 0..side, affine, order: Order::Interleaved };
                    return opencv::linear(&source, region, &target, opencv, output);
                }
            };
            fill(down, height, side);
            // Most boxes are squares, and both tables the same.
            if width == height {
                (region, &*down)
            } else {
                fill(across, width, side);
                (region, &*across)
            }
        }
        Cut::Samples([x1, y1, x2, y2]) => {
            // The last pixel is 1 here, though the box was divided by the number of pixels.
            let at = |part: f32, length: usize| part * (length - 1) as f32;
            across.sampled(source.width, at(x1, source.width), at(x2, source.width), side);
            down.sampled(source.height, at(y1, source.height), at(y2, source.height), side);
            (Region::whole(&source), &*across)
        }
    };
    Separable { source, region, down, across, affine, order: Order::Interleaved }.rows(isa, 0..side, line, output);
}
