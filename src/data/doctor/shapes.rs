//! The shapes of faces' boxes by folder: boxes of two kinds teach a net neither.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::data::wider::WiderImage;

/// Faces whose boxes have a shape: in smaller ones a pixel decides it.
const SHORTER_SIDE: f64 = 20.0;
/// So many faces have a median that another hundred would have, too.
const ENOUGH: usize = 100;
/// Two medians that are so far apart are of two kinds. WIDER FACE's events of the same annotators are up to 1.13 apart.
const APART: f64 = 1.2;

/// The shape of the boxes of a folder's faces.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BoxShape {
    /// The folder of the images, below the name of its set if there are several.
    pub folder: String,
    /// Faces with a shorter side of 20 pixels or more.
    pub faces: usize,
    /// The median of their boxes' heights over widths.
    pub median: f64,
}

/// Heights over widths, gathered by folder.
#[derive(Default)]
pub(super) struct Shapes(BTreeMap<String, Vec<f64>>);

impl Shapes {
    pub(super) fn add(&mut self, folder: &str, image: &WiderImage) {
        let faces = image.faces.iter().filter(|face| face.width.min(face.height) >= SHORTER_SIDE);
        self.0.entry(folder.into()).or_default().extend(faces.map(|face| face.height / face.width));
    }

    /// Of the folders with enough faces.
    pub(super) fn finish(self) -> Vec<BoxShape> {
        let enough = self.0.into_iter().filter(|(_, shapes)| shapes.len() >= ENOUGH);
        let shape = |(folder, mut shapes): (String, Vec<f64>)| {
            let faces = shapes.len();
            let (_, median, _) = shapes.select_nth_unstable_by(faces / 2, f64::total_cmp);
            BoxShape { folder, faces, median: *median }
        };
        enough.map(shape).collect()
    }
}

/// The flattest and the tallest boxes, if they are of two kinds.
#[must_use]
pub fn unlike<'s>(shapes: impl Iterator<Item = &'s BoxShape> + Clone) -> Option<[&'s BoxShape; 2]> {
    let by_median = |a: &&BoxShape, b: &&BoxShape| a.median.total_cmp(&b.median);
    let (flat, tall) = (shapes.clone().min_by(by_median)?, shapes.max_by(by_median)?);
    (tall.median >= APART * flat.median).then_some([flat, tall])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(folder: &str, median: f64) -> BoxShape {
        BoxShape { folder: folder.into(), faces: 100, median }
    }

    #[test]
    fn the_flattest_and_the_tallest_are_named_where_they_are_far_apart() {
        let shapes = [shape("a", 1.2), shape("square", 1.0), shape("b", 1.3), shape("c", 1.25)];
        let names = |shapes: &[BoxShape]| unlike(shapes.iter()).map(|pair| pair.map(|it| it.folder.clone()));
        assert_eq!(names(&shapes), Some(["square".into(), "b".into()]));
        assert_eq!(names(&[shape("a", 1.25), shape("b", 1.4)]), None);
        assert_eq!(names(&[]), None);
    }
}
