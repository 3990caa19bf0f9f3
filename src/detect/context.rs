//! What every stage of the cascade works with.

use mtcnn_kernels::{Buffer, Isa};

use super::candidate::{Candidate, Corners};
use super::clock::Clock;
use super::crop::{self, CropScratch, Cut};
use super::halves::{self, Half, Halves};
use super::observer::{Observer, Suppressing};
use super::parallel::Store;
use super::pyramid::LevelScratch;
use super::suppression::Suppressor;
use super::timing::Timing;
use crate::geometry::BBox;
use crate::image::ImageView;
use crate::nets::low::{self, Screen, Unscreened};
use crate::nets::{Net, Scratch};
use crate::points::PointNames;
use crate::profile::{Profile, Rule, Thresholds};
use crate::weights::Lean;

/// The nets, and the choices that a detector was built with.
pub(super) struct Cascade {
    pub(super) profile: Profile,
    pub(super) thresholds: Thresholds,
    pub(super) min_face: MinFace,
    pub(super) factor: f64,
    /// The longer side to which an image is shrunk in effect.
    pub(super) max_side: Option<usize>,
    pub(super) isa: Isa,
    pub(super) pnet: Net,
    pub(super) rnet: Net,
    pub(super) onet: Net,
    /// The names of the points that ONet gives.
    pub(super) points: PointNames,
    /// What rejects in low precision, or why nothing does.
    pub(super) screen: Result<Screen, Unscreened>,
    /// What the faces are moved by.
    pub(super) shift: Lean,
    /// For each thread at work.
    pub(super) workspaces: Store<Workspace>,
}

/// Buffers of a thread at work; they grow to what the largest image asks for and are used again.
#[derive(Default)]
pub(super) struct Workspace {
    pub(super) net: Scratch,
    pub(super) low: low::Scratch,
    /// Crops that screening has left, and how far each was from being rejected.
    pub(super) left: Vec<(usize, f32)>,
    pub(super) level: LevelScratch,
    pub(super) crop: CropScratch,
    /// What a net is shown.
    pub(super) pixels: Buffer,
    pub(super) answers: Buffer,
}

/// The side of the smallest face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum MinFace {
    Pixels(f64),
    /// Of the image's shorter side.
    Part(f64),
}

/// What a pass looks at.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) view: &'a ImageView<'a>,
    /// The boxes in which faces are expected, that are looked at instead of PNet's.
    pub(super) expected: Option<&'a [BBox]>,
}

impl<'a> Search<'a> {
    /// The whole image.
    pub(super) fn whole(view: &'a ImageView<'a>) -> Self {
        Self { view, expected: None }
    }
}

/// A pass over an image, as each stage sees it.
pub(super) struct Context<'a, O> {
    pub(super) cascade: &'a Cascade,
    pub(super) halves: &'a Halves<'a>,
    pub(super) suppressor: &'a mut Suppressor,
    pub(super) timing: &'a mut Timing,
    pub(super) clock: Clock,
    pub(super) observer: &'a mut O,
}

impl Cascade {
    /// The smallest face that is looked for in an image.
    pub(super) fn min_face_in(&self, view: &ImageView<'_>) -> f64 {
        let (shorter, longer) = (view.width().min(view.height()) as f64, view.width().max(view.height()) as f64);
        match self.min_face {
            MinFace::Pixels(side) => side * self.max_side.map_or(1.0, |most| (longer / most as f64).max(1.0)),
            MinFace::Part(part) => (part * shorter).max(1.0),
        }
    }

    /// The halves that levels and crops of an image are made of.
    pub(super) fn halves<'a>(
        &self,
        view: &ImageView<'a>,
        threads: usize,
        pixels: &'a mut halves::Pixels,
    ) -> Halves<'a> {
        self.profile.gap.map_or_else(|| Halves::none(view), |gap| Halves::new(view, gap, threads, pixels))
    }

    /// Makes a box ready for a net that looks at `side` pixels: what it looks at, made of which half of the image; `None` if
    /// nothing of it lies in the image.
    pub(super) fn cut(&self, candidate: &mut Candidate, side: usize, halves: &Halves<'_>) -> Option<(Cut, Half)> {
        candidate.square(self.profile.side_extra);
        let half = halves.of(candidate.corners.longer_side() / side as f64);
        candidate.round(self.profile.rounding, half.pixels());
        let corners = Corners(candidate.corners.0.map(|corner| corner / half.pixels()));
        crop::cut(corners, halves.view(half), &self.profile).map(|cut| (cut, half))
    }
}

impl<O: Observer> Context<'_, O> {
    /// Suppresses among `things[first..]`, as [`Suppressor::suppress`], and tells the observer.
    pub(super) fn suppress<T: Copy>(
        &mut self,
        things: &mut Vec<T>,
        first: usize,
        candidate: impl Fn(&T) -> &Candidate,
        rule: Rule,
        at: Suppressing,
    ) {
        let Self { suppressor, observer, .. } = self;
        suppressor.suppress(things, first, &candidate, rule, |gone, by| {
            observer.suppressed(at, candidate(gone), candidate(by));
        });
    }
}
