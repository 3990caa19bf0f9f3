//! The pyramid: an image in ever smaller sizes, so that a net that looks at small squares finds faces
//! of every size. A level is made in strips of rows as the net asks for them, never whole.

use std::ops::Range;

use mtcnn_kernels::resize::{Axis, Order, Region, Separable, opencv};
use mtcnn_kernels::{Buffer, Isa};

use super::halves::{Half, Halves};
use crate::arch::NORMALISE;
use crate::profile::{LastLevel, LevelSize, Profile, Resize};

/// The sizes of one level.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LevelShape {
    pub(crate) scale: f64,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

/// The levels of an image of `height x width` pixels, largest first: on the first, a square of the profile's
/// [first square](Profile::first_square) has the `side` that the net looks at. An image that is as large as the smallest face has a level at least.
pub(crate) fn levels(
    height: usize,
    width: usize,
    side: usize,
    min_face: f64,
    factor: f64,
    profile: &Profile,
    levels: &mut Vec<LevelShape>,
) {
    levels.clear();
    let shorter = height.min(width);
    // Of a size between the smallest face and the first square.
    let square = (profile.first_square * min_face).min(min_face.max(shorter as f64));
    let first = side as f64 / square;
    let most = match profile.last_level {
        LastLevel::Fits | LastLevel::Exceeds => usize::MAX,
        LastLevel::Counted => {
            let count = -((shorter as f64 / side as f64).ln() / factor.ln() + 1.0);
            count.round_ties_even() as usize
        }
    };
    // Two ways to the same scale: they differ in the last bit, which can be a pixel.
    let (mut scale, mut exact) = (first, shorter as f64 * first);
    while levels.len() < most {
        if profile.last_level == LastLevel::Counted {
            scale = first * factor.powf(levels.len() as f64);
        }
        let sized = |length: usize| match profile.level_size {
            LevelSize::FloorPlusOne => (length as f64 * scale + 1.0) as usize,
            LevelSize::Ceil => (length as f64 * scale).ceil() as usize,
            LevelSize::Floor => (length as f64 * scale) as usize,
        };
        let large_enough = match profile.last_level {
            LastLevel::Fits => exact >= side as f64,
            LastLevel::Exceeds => sized(shorter) > side,
            LastLevel::Counted => sized(shorter) >= side,
        };
        if !large_enough {
            break;
        }
        levels.push(LevelShape { scale, height: sized(height), width: sized(width) });
        scale *= factor;
        exact *= factor;
    }
}

/// What making rows of a level needs.
#[derive(Default)]
pub(crate) struct LevelScratch {
    line: Buffer,
    opencv: opencv::Scratch,
}

/// A level, and the tables that make it.
#[derive(Default)]
pub(super) struct LevelMaker {
    pub(super) shape: LevelShape,
    /// Of which half of the image it is made.
    half: Half,
    down: Axis,
    across: Axis,
}

impl LevelMaker {
    /// Makes ready for a level of an image; what was allocated is kept.
    pub(super) fn prepare(&mut self, halves: &Halves<'_>, shape: LevelShape, resize: Resize) {
        self.shape = shape;
        self.half = halves.of(1.0 / shape.scale);
        let view = halves.view(self.half);
        let fill = match resize {
            Resize::AreaBins => Axis::area_bins,
            Resize::AreaCoverage => Axis::area_coverage,
            Resize::AreaOpenCv | Resize::LinearOpenCv => return,
        };
        fill(&mut self.down, view.height(), shape.height);
        fill(&mut self.across, view.width(), shape.width);
    }

    /// Rows `rows` of the level, normalised, `[row][3][column]`.
    pub(super) fn make(
        &self,
        isa: Isa,
        halves: &Halves<'_>,
        resize: Resize,
        rows: Range<usize>,
        scratch: &mut LevelScratch,
        output: &mut [f32],
    ) {
        let LevelScratch { line, opencv } = scratch;
        let LevelShape { height, width, .. } = self.shape;
        let source = halves.view(self.half).source();
        let (region, affine, order) = (Region::whole(&source), NORMALISE, Order::Planar);
        match resize {
            Resize::AreaBins | Resize::AreaCoverage => {
                let Self { down, across, .. } = self;
                Separable { source, region, down, across, affine, order }.rows(isa, rows, line, output);
            }
            Resize::AreaOpenCv => {
                let target = opencv::Target { height, width, rows, affine, order };
                opencv::area(isa, &source, &target, opencv, output);
            }
            Resize::LinearOpenCv => {
                let target = opencv::Target { height, width, rows, affine, order };
                opencv::linear(&source, region, &target, opencv, output);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels_of(height: usize, width: usize, profile: Profile) -> Vec<LevelShape> {
        let mut shapes = Vec::new();
        levels(height, width, 12, 20.0, profile.factor, &profile, &mut shapes);
        shapes
    }

    #[test]
    fn an_image_too_small_has_no_level() {
        for (height, width) in [(0, 0), (1, 1), (11, 11), (19, 400), (1, 100_000)] {
            for profile in Profile::ALL {
                assert_eq!(levels_of(height, width, profile), [], "{}", profile.name);
            }
        }
        assert_eq!(levels_of(20, 20, Profile::KPZHANG).len(), 1, "just one face fits");
    }

    #[test]
    fn vga_has_ten_levels() {
        let levels = levels_of(480, 640, Profile::FACENET_PYTORCH);
        assert_eq!(levels.len(), 10);
        assert_eq!((levels[0].height, levels[0].width), (289, 385));
        assert_eq!((levels[9].height, levels[9].width), (14, 18));
    }

    /// Its first level is coarser, but never so that nothing is left of an image in which a face has room.
    #[test]
    fn our_own_first_level_is_of_a_larger_square() {
        let levels = |length: usize| levels_of(length, length, Profile::MTCNN_CPU);
        assert_eq!(levels(480)[0].height, 262, "12 pixels are 22");
        assert_eq!([20, 23].map(|length| levels(length).len()), [1, 1]);
        assert_eq!([20, 22, 23].map(|length| levels(length)[0].height), [12, 12, 13]);
    }

    /// The last level of each rule, and one that a larger image has beyond it.
    #[test]
    fn the_last_level_is_that_of_the_profile() {
        let shorter = |length: usize, profile: Profile| {
            levels_of(length, length + 50, profile).iter().map(|level| level.height).collect::<Vec<usize>>()
        };
        assert_eq!(shorter(22, Profile::MTCNN_CAFFE), [13], "the next has 10");
        assert_eq!(shorter(21, Profile::MTCNN_CAFFE), [0; 0], "12.6 are 12, which is not more than 12");
        // -(ln(27 / 12) / ln(.709) + 1) is 1.36, of 29 pixels 1.57; the second level of these has 12.3.
        assert_eq!(shorter(27, Profile::IPAZC), [16]);
        assert_eq!(shorter(29, Profile::IPAZC), [17, 12]);
        let mut shapes = Vec::new();
        levels(29, 79, 12, 40.0, 0.709, &Profile::IPAZC, &mut shapes);
        assert_eq!(shapes, [], "two levels are asked for, but PNet can't look at 8 pixels");
    }
}
