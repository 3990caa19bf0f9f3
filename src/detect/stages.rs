//! What the first stages let pass: the samples that teach the next net are made of it, and it tells where faces are
//! lost.

use super::boxes::Candidate;
use super::watch::{Nobody, Watch};
use super::{Arena, Detector, Timing};
use crate::arch::Stage;
use crate::profile::Thresholds;
use crate::{Face, ImageView};

/// Keeps the boxes that PNet and RNet let pass.
struct Keeper<'a> {
    detector: &'a Detector,
    boxes: [Vec<[f64; 4]>; 2],
}

impl Watch for Keeper<'_> {
    fn passed<'a>(&mut self, stage: Stage, boxes: impl Iterator<Item = &'a Candidate>) {
        let kept = match stage {
            Stage::PNet => &mut self.boxes[0],
            Stage::RNet => &mut self.boxes[1],
            Stage::ONet => return,
        };
        *kept = boxes.map(|candidate| self.detector.corners(candidate)).collect();
    }
}

impl Detector {
    /// The boxes that PNet finds, moved by its offsets, best first: `[x1, y1, x2, y2]` in pixels from 0,
    /// both ends of a side inside.
    pub(crate) fn pnet_boxes(&self, view: &ImageView<'_>) -> Vec<[f64; 4]> {
        self.boxes_of(view, |_, _| {})
    }

    /// The boxes that RNet lets pass of those, moved by its offsets too.
    pub(crate) fn rnet_boxes(&self, view: &ImageView<'_>) -> Vec<[f64; 4]> {
        self.boxes_of(view, |arena, timing| {
            let Arena { suppressor, boxes, look, .. } = arena;
            self.reject(view, boxes, suppressor, look, timing, &mut Nobody);
        })
    }

    /// The faces, and the boxes of [`Detector::pnet_boxes`] and [`Detector::rnet_boxes`] that they came from.
    pub(crate) fn detect_stages(&self, view: &ImageView<'_>) -> (Vec<Face>, [Vec<[f64; 4]>; 2]) {
        let mut keeper = Keeper { detector: self, boxes: Default::default() };
        let faces = self.detect_watched(view, &mut keeper);
        (faces, keeper.boxes)
    }

    /// The faces as [`Detector::detect`] finds them, while somebody watches.
    pub(crate) fn detect_watched(&self, view: &ImageView<'_>, watch: &mut impl Watch) -> Vec<Face> {
        let mut faces = Vec::new();
        self.on_threads(|threads| self.arenas.lend(|arena| self.find(view, threads, arena, &mut faces, watch)));
        faces
    }

    /// The thresholds in force.
    pub(crate) fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// A box in pixels from 0.
    pub(crate) fn corners(&self, candidate: &Candidate) -> [f64; 4] {
        candidate.corners.map(|corner| corner - self.profile.first_pixel)
    }

    /// PNet's boxes, after a further stage.
    fn boxes_of(&self, view: &ImageView<'_>, further: impl Fn(&mut Arena, &mut Timing) + Sync) -> Vec<[f64; 4]> {
        self.on_threads(|threads| {
            self.arenas.lend(|arena| {
                let mut timing = Timing::new(self.isa, threads);
                let Arena { search, suppressor, boxes, .. } = &mut *arena;
                self.propose(view, self.min_face, search, suppressor, boxes, &mut timing, &mut Nobody);
                further(arena, &mut timing);
                arena.boxes.iter().map(|candidate| self.corners(candidate)).collect()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_face_is_near_a_box_of_each_stage() {
        let picture = crate::image::open("testdata/astronaut.png").unwrap();
        let detector = Detector::new();
        let faces = detector.detect(&picture).unwrap();
        let view = ImageView::from(&picture);
        let (pnet, rnet) = (detector.pnet_boxes(&view), detector.rnet_boxes(&view));
        assert_eq!(detector.detect_stages(&view), (faces.clone(), [pnet.clone(), rnet.clone()]));
        assert!(pnet.len() > rnet.len() && !rnet.is_empty() && !faces.is_empty(), "{} {}", pnet.len(), rnet.len());
        for (boxes, tolerance) in [(pnet, 0.5), (rnet, 0.15)] {
            for face in &faces {
                let (face, side) = (face.bbox.to_array().map(f64::from), f64::from(face.bbox.width()));
                let off = |corners: &[f64; 4]| (0..4).map(|i| (corners[i] - face[i]).abs()).fold(0.0, f64::max) / side;
                let nearest = boxes.iter().map(off).fold(f64::INFINITY, f64::min);
                assert!(nearest < tolerance, "{nearest}");
            }
        }
    }
}
