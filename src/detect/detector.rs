//! The detector: built once, used from any number of threads.

use mtcnn_kernels::Isa;

use super::clock::Clock;
use super::context::{Cascade, Search};
use super::looks::{Look, Rotation};
use super::observer::{NoObserver, Observer};
use super::parallel::{self, Store};
use super::pass::Arena;
use super::timing::{Level, Timing};
use crate::error::Result;
use crate::face::Face;
use crate::geometry::BBox;
use crate::image::{ImageView, Part};
use crate::points::PointNames;

/// Finds faces. Built once, used from any number of threads: [`Detector::detect`] takes `&self`, and its buffers are kept for the
/// next image.
pub struct Detector {
    pub(super) cascade: Cascade,
    /// The least score of a face: that of the last net, or with two looks that of both.
    pub(super) least: f32,
    /// Whether the mirror image is looked at, too.
    pub(super) accurate: bool,
    /// How the image is turned for more looks.
    pub(super) rotations: Vec<Rotation>,
    pub(super) max_faces: usize,
    pub(super) largest: bool,
    /// How many threads a detection uses; 0 for those of the rayon pool it is called in.
    pub(super) threads: usize,
    /// The detector's own threads, where it has more than one.
    pub(super) pool: Option<rayon::ThreadPool>,
    pub(super) arenas: Store<Arena>,
}

impl Detector {
    /// The instruction set that the kernels use.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.cascade.isa
    }

    /// Whether low precision rejects first ([`DetectorBuilder::screening`]): it pays here or was asked for, the machine has what
    /// it takes, and the weights are such whose errors in low precision were measured.
    ///
    /// [`DetectorBuilder::screening`]: crate::DetectorBuilder::screening
    #[must_use]
    pub fn screens(&self) -> bool {
        self.cascade.screen.is_ok()
    }

    /// The names of the points that it gives, in their order: the five of [`crate::Landmarks`] with the weights inside.
    #[must_use]
    pub fn point_names(&self) -> &PointNames {
        &self.cascade.points
    }

    /// The faces in an image, best score first. An image too small for a face has none.
    ///
    /// # Errors
    /// None yet: an [`ImageView`] is sound by its making. The `Result` leaves room.
    pub fn detect<'a>(&self, image: impl Into<ImageView<'a>>) -> Result<Vec<Face>> {
        let mut faces = Vec::new();
        self.detect_into(image, &mut faces)?;
        Ok(faces)
    }

    /// As [`Detector::detect`], the faces taking the place of what is in `faces`: after the first image
    /// of a size, a detection on one thread allocates no memory, if the points are the five or none.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_into<'a>(&self, image: impl Into<ImageView<'a>>, faces: &mut Vec<Face>) -> Result<()> {
        let view = image.into();
        self.on_threads(|threads| {
            self.arenas.lend(|arena| self.find_unobserved(Search::whole(&view), threads, arena, faces))
        });
        Ok(())
    }

    /// The faces in a part of an image, which is looked at as if it were all. Boxes and landmarks are in
    /// pixels of the whole image. The time goes with the size of the part.
    ///
    /// # Errors
    /// [`crate::ErrorKind::View`] if the part is not in the image.
    pub fn detect_part<'a>(&self, image: impl Into<ImageView<'a>>, part: Part) -> Result<Vec<Face>> {
        let mut faces = self.detect(image.into().part(part)?)?;
        for face in &mut faces {
            *face = face.moved(part.x as f32, part.y as f32);
        }
        Ok(faces)
    }

    /// The faces in boxes where they are expected, best score first: RNet and ONet look at the boxes, and PNet at nothing. A box
    /// may be off by a quarter of its side. The time goes with the boxes, not with the image.
    pub(crate) fn detect_expected(&self, image: &ImageView<'_>, expected: &[BBox]) -> Vec<Face> {
        let mut faces = Vec::new();
        let search = Search { view: image, expected: Some(expected) };
        self.on_threads(|threads| self.arenas.lend(|arena| self.find_unobserved(search, threads, arena, &mut faces)));
        faces
    }

    /// The faces in each of many images, as [`Detector::detect`] gives them, of whatever sizes. All
    /// threads are at work to the end: each takes images of its own, but for those so large that the
    /// others would wait for them, which all work on together.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_batch(&self, images: &[ImageView<'_>]) -> Result<Vec<Vec<Face>>> {
        let pixels = |view: &ImageView<'_>| view.width() * view.height();
        let mut results = vec![Vec::new(); images.len()];
        self.on_threads(|threads| {
            let mut slots: Vec<_> = images.iter().zip(&mut results).collect();
            slots.sort_by_key(|(view, _)| std::cmp::Reverse(pixels(view)));
            let total: usize = images.iter().map(pixels).sum();
            let large = slots.partition_point(|(view, _)| threads > 1 && pixels(view) * threads * 4 > total);
            for (view, faces) in &mut slots[..large] {
                self.arenas.lend(|arena| self.find_unobserved(Search::whole(view), threads, arena, faces));
            }
            parallel::run(threads, &self.arenas, &mut slots[large..], |arena, _, (view, faces)| {
                self.find_unobserved(Search::whole(view), 1, arena, faces);
            });
        });
        Ok(results)
    }

    /// The faces in an image, best score first, and where the time went.
    ///
    /// In a browser's WebAssembly, which has no clock, all durations are 0.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_timed<'a>(&self, image: impl Into<ImageView<'a>>) -> Result<(Vec<Face>, Timing)> {
        let view = image.into();
        let mut faces = Vec::new();
        let timing = self.on_threads(|threads| {
            self.arenas.lend(|arena| {
                self.find(Search::whole(&view), threads, arena, Clock::RUNNING, &mut NoObserver, &mut faces)
            })
        });
        Ok((faces, timing))
    }

    /// The faces in a part of an image, as [`Detector::detect_part`], and where the time went.
    ///
    /// # Errors
    /// As [`Detector::detect_part`].
    pub fn detect_part_timed<'a>(&self, image: impl Into<ImageView<'a>>, part: Part) -> Result<(Vec<Face>, Timing)> {
        let (mut faces, timing) = self.detect_timed(image.into().part(part)?)?;
        for face in &mut faces {
            *face = face.moved(part.x as f32, part.y as f32);
        }
        Ok((faces, timing))
    }

    /// Calls `work` on the detector's threads, with their number.
    pub(super) fn on_threads<R: Send>(&self, work: impl FnOnce(usize) -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(|| work(self.threads)),
            None if self.threads == 1 => work(1),
            None => work(rayon::current_num_threads()),
        }
    }

    /// The faces in an image, where nobody asks for more.
    fn find_unobserved(&self, search: Search<'_>, threads: usize, arena: &mut Arena, faces: &mut Vec<Face>) {
        arena.levels = self.find(search, threads, arena, Clock::STOPPED, &mut NoObserver, faces).levels;
    }

    /// The faces in an image by the detector's options.
    pub(super) fn find(
        &self,
        search: Search<'_>,
        threads: usize,
        arena: &mut Arena,
        clock: Clock,
        observer: &mut impl Observer,
        faces: &mut Vec<Face>,
    ) -> Timing {
        let begin = clock.begin();
        let mut timing = arena.find(&self.cascade, search, threads, clock, observer, faces);
        // Faces that are expected have a place, and one look at it.
        if search.expected.is_none() && (self.accurate || !self.rotations.is_empty()) {
            self.look_again(search.view, threads, arena, clock, faces, &mut timing);
            timing.total = begin.elapsed();
        }
        faces.retain(|face| face.score > self.least);
        if self.largest {
            let area = |&i: &usize| faces[i].bbox.area();
            if let Some(largest) = (0..faces.len()).max_by(|a, b| area(a).total_cmp(&area(b))) {
                faces.swap(0, largest);
                faces.truncate(1);
            }
        }
        faces.truncate(self.max_faces);
        timing
    }

    /// The looks after the first: the mirror image, and the image turned, of which there is a mirror image, too.
    fn look_again(
        &self,
        view: &ImageView<'_>,
        threads: usize,
        arena: &mut Arena,
        clock: Clock,
        faces: &mut Vec<Face>,
        timing: &mut Timing,
    ) {
        let mut looks = std::mem::take(&mut arena.looks);
        let mut look = |look: Look, pixels: &mut Vec<u8>, levels: &mut Vec<Level>, faces: &mut Vec<Face>| {
            arena.levels = std::mem::take(levels);
            let seen = look.copy(view, pixels);
            let more = arena.find(&self.cascade, Search::whole(&seen), threads, clock, &mut NoObserver, faces);
            faces
                .iter_mut()
                .for_each(|face| *face = look.back(face, &self.cascade.points, view.width(), view.height()));
            timing.add(&more);
            *levels = more.levels;
        };
        for rotation in [None].into_iter().chain(self.rotations.iter().copied().map(Some)) {
            let mut found = if rotation.is_none() { std::mem::take(faces) } else { std::mem::take(&mut looks.turned) };
            if rotation.is_some() {
                look(Look { rotation, mirrored: false }, &mut looks.pixels, &mut looks.levels, &mut found);
            }
            if self.accurate {
                look(Look { rotation, mirrored: true }, &mut looks.pixels, &mut looks.levels, &mut looks.faces);
                looks.average(&mut found);
            }
            if rotation.is_none() {
                *faces = found;
            } else {
                looks.turned = found;
                looks.add(faces);
            }
        }
        arena.looks = looks;
    }
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cascade { profile, thresholds, min_face, factor, max_side, isa, .. } = &self.cascade;
        f.debug_struct("Detector")
            .field("profile", &profile.name())
            .field("thresholds", thresholds)
            .field("min_face", min_face)
            .field("factor", factor)
            .field("max_side", max_side)
            .field("max_faces", &self.max_faces)
            .field("accurate", &self.accurate)
            .field("rotations", &self.rotations)
            .field("largest", &self.largest)
            .field("threads", &self.threads)
            .field("isa", isa)
            .finish_non_exhaustive()
    }
}
