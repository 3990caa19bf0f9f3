//! What PNet and RNet are shown of an image by a detector.

use super::super::crop::{self, CropScratch};
use super::super::detector::Detector;
use super::super::halves;
use super::super::pyramid::{self, LevelMaker, LevelScratch};
use crate::arch::Stage;
use crate::image::ImageView;

/// Crops that are shown at a time: what the layers make of them takes no more than a large level does.
const CROPS: usize = 64;

/// Normalised pixels.
pub(super) enum Shown<'a> {
    /// A level of the pyramid, `[row][3][column]`.
    Level { height: usize, width: usize, planes: &'a [f32] },
    /// Crops for RNet, `[crop][row][column][3]`.
    Crops(&'a [f32]),
}

/// Shows all of it, levels first.
pub(super) fn shown(detector: &Detector, image: &ImageView<'_>, look: &mut impl FnMut(Shown<'_>)) {
    let cascade = &detector.cascade;
    let (isa, profile, mut halved) = (cascade.isa, &cascade.profile, halves::Pixels::default());
    let halves = cascade.halves(image, 1, &mut halved);
    let (height, width, side) = (image.height(), image.width(), Stage::PNet.side());
    let mut shapes = Vec::new();
    pyramid::levels(height, width, side, cascade.min_face_in(image), cascade.factor, profile, &mut shapes);
    let (mut maker, mut scratch, mut planes) = (LevelMaker::default(), LevelScratch::default(), Vec::new());
    for shape in shapes {
        maker.prepare(&halves, shape, profile.resize);
        planes.resize(shape.height * shape.width * 3, 0.0);
        maker.make(isa, &halves, profile.resize, 0..shape.height, &mut scratch, &mut planes);
        look(Shown::Level { height: shape.height, width: shape.width, planes: &planes });
    }

    let boxes = detector.arenas.lend(|arena| arena.boxes_after(1, cascade, image, 1).to_vec());
    let (side, mut scratch, mut pixels) = (Stage::RNet.side(), CropScratch::default(), Vec::new());
    let size = side * side * 3;
    for mut candidate in boxes {
        let Some((cut, half)) = cascade.cut(&mut candidate, side, &halves) else { continue };
        pixels.resize(pixels.len() + size, 0.0);
        let square = pixels.len() - size;
        crop::make(isa, halves.view(half), cut, side, profile.resize, &mut scratch, &mut pixels[square..]);
        if pixels.len() == CROPS * size {
            look(Shown::Crops(&pixels));
            pixels.clear();
        }
    }
    if !pixels.is_empty() {
        look(Shown::Crops(&pixels));
    }
}
