//! What the first stages let pass: the samples that teach the next net are made of it.

use super::boxes::Candidate;
use super::{Arena, Detector, Timing};
use crate::ImageView;

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
            self.reject(view, boxes, suppressor, look, timing);
        })
    }

    /// PNet's boxes, after a further stage.
    fn boxes_of(&self, view: &ImageView<'_>, further: impl Fn(&mut Arena, &mut Timing) + Sync) -> Vec<[f64; 4]> {
        let corners = |candidate: &Candidate| candidate.corners.map(|corner| corner - self.profile.first_pixel);
        self.on_threads(|threads| {
            self.arenas.lend(|arena| {
                let mut timing = Timing::new(self.isa, threads);
                let Arena { search, suppressor, boxes, .. } = &mut *arena;
                self.propose(view, self.min_face, search, suppressor, boxes, &mut timing);
                further(arena, &mut timing);
                arena.boxes.iter().map(corners).collect()
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
