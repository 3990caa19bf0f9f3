//! The pyramid: a picture in ever smaller sizes, so that a net that looks at small squares finds faces
//! of every size. A level is made in strips of rows as the net asks for them, never whole.

use std::ops::Range;

use mtcnn_kernels::resize::{self, Affine, Axis, Order, Region, Source};
use mtcnn_kernels::{Buffer, Isa};

use super::ImageView;
use crate::detect::profile::{LevelSize, Resize};

/// The sizes of one level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LevelShape {
    pub(crate) scale: f64,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

/// The levels of a picture of `height x width` pixels, largest first: on the first, a face of
/// `min_face` pixels has the `side` that the net looks at; the last is the last whose shorter side is
/// not less than that.
pub(crate) fn levels(
    height: usize,
    width: usize,
    side: usize,
    min_face: f64,
    factor: f64,
    size: LevelSize,
    levels: &mut Vec<LevelShape>,
) {
    levels.clear();
    let side = side as f64;
    let mut scale = side / min_face;
    let mut shorter = height.min(width) as f64 * scale;
    while shorter >= side {
        let sized = |length: usize| match size {
            LevelSize::FloorPlusOne => (length as f64 * scale + 1.0) as usize,
            LevelSize::Ceil => (length as f64 * scale).ceil() as usize,
        };
        levels.push(LevelShape { scale, height: sized(height), width: sized(width) });
        scale *= factor;
        shorter *= factor;
    }
}

/// What making rows of a level needs.
#[derive(Default)]
pub(crate) struct LevelScratch {
    line: Buffer,
    opencv: resize::opencv::Scratch,
}

/// The tables that make a level.
#[derive(Default)]
pub(crate) struct LevelMaker {
    down: Axis,
    across: Axis,
}

impl LevelMaker {
    /// Makes ready for a level of a picture; what was allocated is kept.
    pub(crate) fn prepare(&mut self, view: &ImageView<'_>, shape: &LevelShape, resize: Resize) {
        if resize == Resize::AreaBins {
            self.down.area_bins(view.height(), shape.height);
            self.across.area_bins(view.width(), shape.width);
        }
    }

    /// Rows `rows` of the level, normalised, `[row][3][column]`.
    pub(crate) fn make(
        &self,
        isa: Isa,
        view: &ImageView<'_>,
        shape: &LevelShape,
        resize: Resize,
        rows: Range<usize>,
        scratch: &mut LevelScratch,
        output: &mut [f32],
    ) {
        let LevelScratch { line, opencv } = scratch;
        let source = source(view);
        match resize {
            Resize::AreaBins => {
                let (whole, affine) = (Region::whole(&source), Affine::NORMALISE);
                let Self { down, across } = self;
                resize::forward(isa, &source, whole, down, across, rows, affine, Order::Planar, line, output)
            }
            Resize::AreaOpenCv => {
                let LevelShape { height, width, .. } = *shape;
                let interleaved = line.resize(output.len());
                resize::opencv::area(&source, height, width, rows, Affine::NORMALISE, opencv, interleaved);
                for (row, planes) in interleaved.chunks_exact(width * 3).zip(output.chunks_exact_mut(width * 3)) {
                    for (i, value) in planes.iter_mut().enumerate() {
                        *value = row[i % width * 3 + i / width];
                    }
                }
            }
        }
    }
}

/// The picture as the kernels see it.
pub(crate) fn source<'a>(view: &ImageView<'a>) -> Source<'a> {
    Source {
        data: view.data(),
        width: view.width(),
        height: view.height(),
        stride: view.stride(),
        pixel: view.format().bytes_per_pixel(),
        channels: view.format().rgb_offsets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels_of(height: usize, width: usize, size: LevelSize) -> Vec<LevelShape> {
        let mut shapes = Vec::new();
        levels(height, width, 12, 20.0, 0.709, size, &mut shapes);
        shapes
    }

    #[test]
    fn a_picture_too_small_has_no_level() {
        for (height, width) in [(0, 0), (1, 1), (11, 11), (19, 400), (1, 100_000)] {
            assert_eq!(levels_of(height, width, LevelSize::FloorPlusOne), []);
        }
        assert_eq!(levels_of(20, 20, LevelSize::Ceil).len(), 1, "just one face fits");
    }

    #[test]
    fn vga_has_ten_levels() {
        let levels = levels_of(480, 640, LevelSize::FloorPlusOne);
        assert_eq!(levels.len(), 10);
        assert_eq!((levels[0].height, levels[0].width), (289, 385));
        assert_eq!((levels[9].height, levels[9].width), (14, 18));
    }
}
