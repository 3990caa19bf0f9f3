//! What the first stages let pass: the samples that teach the next net are made of it, and it tells where faces are
//! lost.

use super::candidate::Candidate;
use super::clock::Clock;
use super::context::Search;
use super::detector::Detector;
use super::observer::Observer;
use crate::arch::Stage;
use crate::face::Face;
use crate::geometry::PixelBox;
use crate::image::ImageView;
use crate::profile::Thresholds;

/// Keeps the boxes that PNet and RNet let pass.
struct Keeper<'a> {
    detector: &'a Detector,
    boxes: [Vec<PixelBox>; 2],
}

impl Observer for Keeper<'_> {
    fn passed<'a>(&mut self, stage: Stage, boxes: impl Iterator<Item = &'a Candidate>) {
        let kept = match stage {
            Stage::PNet => &mut self.boxes[0],
            Stage::RNet => &mut self.boxes[1],
            Stage::ONet => return,
        };
        *kept = boxes.map(|candidate| self.detector.pixel_box(candidate)).collect();
    }
}

impl Detector {
    /// The boxes that PNet finds, moved by its offsets, best first.
    pub(crate) fn pnet_boxes(&self, view: &ImageView<'_>) -> Vec<PixelBox> {
        self.boxes_after(1, view)
    }

    /// The boxes that RNet lets pass of those, moved by its offsets too.
    pub(crate) fn rnet_boxes(&self, view: &ImageView<'_>) -> Vec<PixelBox> {
        self.boxes_after(2, view)
    }

    /// The faces, and the boxes of [`Detector::pnet_boxes`] and [`Detector::rnet_boxes`] that they came from.
    pub(crate) fn detect_stages(&self, view: &ImageView<'_>) -> (Vec<Face>, [Vec<PixelBox>; 2]) {
        let mut keeper = Keeper { detector: self, boxes: Default::default() };
        let faces = self.detect_observed(view, &mut keeper);
        (faces, keeper.boxes)
    }

    /// The faces as [`Detector::detect`] finds them, while somebody observes.
    pub(crate) fn detect_observed(&self, view: &ImageView<'_>, observer: &mut impl Observer) -> Vec<Face> {
        let mut faces = Vec::new();
        self.on_threads(|threads| {
            self.arenas
                .lend(|arena| self.find(Search::whole(view), threads, arena, Clock::STOPPED, observer, &mut faces));
        });
        faces
    }

    /// The thresholds in force.
    pub(crate) fn thresholds(&self) -> Thresholds {
        Thresholds { onet: self.least, ..self.cascade.thresholds }
    }

    /// A candidate's box, the image's first pixel at 0.
    pub(crate) fn pixel_box(&self, candidate: &Candidate) -> PixelBox {
        let (numbers, [x1, y1, x2, y2]) = (self.cascade.profile.numbers, candidate.corners.0);
        let (first, beyond) = (numbers.first(), 1.0 - numbers.extra());
        PixelBox([x1 - first, y1 - first, x2 - first - beyond, y2 - first - beyond])
    }

    fn boxes_after(&self, stages: usize, view: &ImageView<'_>) -> Vec<PixelBox> {
        self.on_threads(|threads| {
            self.arenas.lend(|arena| {
                let boxes = arena.boxes_after(stages, &self.cascade, view, threads);
                boxes.iter().map(|candidate| self.pixel_box(candidate)).collect()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_face_is_near_a_box_of_each_stage() {
        let image = crate::image::open("testdata/astronaut.png").unwrap();
        let detector = Detector::new();
        let faces = detector.detect(&image).unwrap();
        let view = ImageView::from(&image);
        let (pnet, rnet) = (detector.pnet_boxes(&view), detector.rnet_boxes(&view));
        assert_eq!(detector.detect_stages(&view), (faces.clone(), [pnet.clone(), rnet.clone()]));
        assert!(pnet.len() > rnet.len() && !rnet.is_empty() && !faces.is_empty(), "{} {}", pnet.len(), rnet.len());
        for (boxes, tolerance) in [(pnet, 0.5), (rnet, 0.15)] {
            for face in &faces {
                let (face, side) = (face.bbox.to_array().map(f64::from), f64::from(face.bbox.width()));
                let off = |PixelBox(corners): &PixelBox| {
                    (0..4).map(|i| (corners[i] - face[i]).abs()).fold(0.0, f64::max) / side
                };
                let nearest = boxes.iter().map(off).fold(f64::INFINITY, f64::min);
                assert!(nearest < tolerance, "{nearest}");
            }
        }
    }
}
