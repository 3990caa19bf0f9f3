//! One pass of the cascade over an image: the three stages in their order.

use super::candidate::{Candidate, Corners};
use super::clock::Clock;
use super::context::{Cascade, Context, Search};
use super::halves::{self, Halves};
use super::looks::Looks;
#[cfg(any(feature = "convert", feature = "train"))]
use super::observer::NoObserver;
use super::observer::Observer;
use super::propose::Proposer;
use super::refine::{Found, Refiner};
use super::suppression::Suppressor;
use super::timing::{Level, Timing};
use crate::face::Face;
use crate::geometry::BBox;
#[cfg(any(feature = "convert", feature = "train"))]
use crate::image::ImageView;

/// What a pass needs; it grows to what the largest image asks for and is used again.
#[derive(Default)]
pub(super) struct Arena {
    proposer: Proposer,
    refiner: Refiner,
    suppressor: Suppressor,
    /// The boxes that the last stage let pass.
    boxes: Vec<Candidate>,
    /// The faces, their boxes as the profile counts.
    faces: Vec<Found>,
    /// Of the image, halved.
    pixels: halves::Pixels,
    /// For more than one look.
    pub(super) looks: Looks,
    /// The levels of the last timing, for their memory.
    pub(super) levels: Vec<Level>,
}

impl Arena {
    /// The three stages: the faces of an image, best score first. Who gives the levels of the timing back to the arena spares the
    /// next pass an allocation.
    pub(super) fn find(
        &mut self,
        cascade: &Cascade,
        search: Search<'_>,
        threads: usize,
        clock: Clock,
        observer: &mut impl Observer,
        faces: &mut Vec<Face>,
    ) -> Timing {
        let begin = clock.begin();
        let mut timing = self.stages(cascade, search, threads, clock, observer, 3);
        faces.clear();
        faces.extend(self.faces.iter().map(|face| {
            let corners = face.0.corners.0.map(|corner| corner as f32);
            let points = self.refiner.points(face, cascade.points.len());
            Face::with_points(corners.into(), face.0.score, &cascade.points, points)
        }));
        timing.total = begin.elapsed();
        timing
    }

    /// The boxes that the first one or two stages let pass, best score first.
    #[cfg(any(feature = "convert", feature = "train"))]
    pub(super) fn boxes_after(
        &mut self,
        stages: usize,
        cascade: &Cascade,
        view: &ImageView<'_>,
        threads: usize,
    ) -> &[Candidate] {
        let timing = self.stages(cascade, Search::whole(view), threads, Clock::STOPPED, &mut NoObserver, stages);
        self.levels = timing.levels;
        &self.boxes
    }

    /// The first `count` stages.
    fn stages(
        &mut self,
        cascade: &Cascade,
        search: Search<'_>,
        threads: usize,
        clock: Clock,
        observer: &mut impl Observer,
        count: usize,
    ) -> Timing {
        let Self { proposer, refiner, suppressor, boxes, faces, pixels, levels, .. } = self;
        let mut timing = Timing::new(cascade.isa, threads);
        timing.levels = std::mem::take(levels);
        timing.levels.clear();
        timing.unscreened = cascade.screen.as_ref().err().copied();
        let begin = clock.begin();
        let halves = match search.expected {
            None => cascade.halves(search.view, threads, pixels),
            // A few boxes are not worth it.
            Some(_) => Halves::none(search.view),
        };
        timing.pyramid.busy += begin.elapsed();
        let mut context = Context { cascade, halves: &halves, suppressor, timing: &mut timing, clock, observer };
        match search.expected {
            None => proposer.propose(&mut context, boxes),
            Some(expected) => {
                let candidate = |bbox: &BBox| Candidate {
                    corners: Corners(bbox.to_array().map(f64::from)),
                    score: 1.0,
                    offsets: [0.0; 4],
                    origin: 0,
                };
                boxes.clear();
                boxes.extend(expected.iter().map(candidate));
            }
        }
        if count > 1 {
            refiner.reject(&mut context, boxes);
        }
        if count > 2 {
            refiner.decide(&mut context, boxes, faces);
        }
        timing
    }
}
