//! The cascade: a picture goes in, faces come out.
//!
//! PNet proposes boxes on every level of a pyramid ([`proposals`]), RNet rejects most of them, ONet
//! decides and finds the landmarks ([`refine`]). In what order boxes are moved, squared, rounded and
//! suppressed is a [`Profile`].

pub(crate) mod boxes;
mod builder;
mod crop;
mod nms;
pub(crate) mod parallel;
mod proposals;
pub(crate) mod pyramid;
mod refine;
#[cfg(feature = "train")]
mod stages;
mod timing;
pub(crate) mod watch;

use std::time::Instant;

use mtcnn_kernels::Isa;

pub use builder::DetectorBuilder;
use builder::Weights;
pub use timing::{Level, StageTimes, Timing};

use crate::arch::Stage;
use crate::error::{Error, Result};
use crate::face::{BBox, Face, Landmarks, Point};
use crate::image::{ImageView, Part};
use crate::isa;
use crate::nets::{self, Net};
use crate::profile::{Moves, Profile, Thresholds};
use crate::weights::Model;
use boxes::Candidate;
use nms::Suppressor;
use parallel::Store;
use refine::Refined;
use watch::{Nobody, Suppressing, Watch};

/// Finds faces. Made once, used from any number of threads: [`Detector::detect`] takes `&self`, and
/// its buffers are kept for the next picture.
pub struct Detector {
    min_face: f64,
    factor: f64,
    /// The longer side to which a picture is shrunk in effect.
    max_side: Option<usize>,
    max_faces: usize,
    largest: bool,
    thresholds: Thresholds,
    /// The quick form of PNet's threshold.
    pnet_logit: f32,
    profile: Profile,
    isa: Isa,
    /// How many threads a detection uses; 0 for those of the rayon pool it is called in.
    threads: usize,
    /// The detector's own threads, where it has more than one.
    pool: Option<rayon::ThreadPool>,
    pnet: Net,
    rnet: Net,
    onet: Net,
    arenas: Store<Arena>,
    workspaces: Store<Workspace>,
}

/// What a detection needs: it grows to what the largest picture asks for.
#[derive(Default)]
struct Arena {
    search: proposals::Search,
    suppressor: Suppressor,
    boxes: Vec<Candidate>,
    look: refine::Look,
    finished: Vec<(Candidate, Landmarks)>,
    levels: Vec<Level>,
}

/// What a thread at work needs: it grows to what the largest picture asks for.
#[derive(Default)]
struct Workspace {
    scratch: nets::Scratch,
    strip: proposals::StripBuffers,
    batch: refine::BatchBuffers,
}

impl Detector {
    /// A detector with the embedded weights and every option at its default.
    ///
    /// # Panics
    /// If the environment variable `MTCNN_CPU_ISA` names an instruction set that is unknown or that
    /// the machine lacks; [`DetectorBuilder::build`] returns an error instead.
    pub fn new() -> Self {
        Self::builder().build().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Options other than the defaults.
    pub fn builder() -> DetectorBuilder {
        DetectorBuilder::default()
    }

    fn from_options(options: &DetectorBuilder) -> Result<Self> {
        let thresholds = options.checked_thresholds()?;
        let (min_face, factor) = (options.checked_min_face()?, options.checked_factor()?);
        let isa = match options.isa {
            Some(isa) if !isa.is_available() => return Err(Error::option(format!("this machine lacks {isa}"))),
            Some(isa) => isa,
            None => isa::from_env()?,
        };
        let pool = if options.threads > 1 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
            Some(pool.map_err(|error| Error::option(format!("{} threads: {error}", options.threads)))?)
        } else {
            None
        };
        let model = match &options.weights {
            Weights::Embedded => Model::embedded(),
            Weights::File(path) => Model::read(path)?,
            Weights::Bytes(bytes) => Model::parse(bytes).map_err(Error::weights)?,
        };
        Ok(Self {
            min_face,
            factor,
            max_side: options.checked_max_side()?,
            max_faces: options.max_faces,
            largest: options.largest,
            thresholds,
            pnet_logit: proposals::surely_below(thresholds.pnet),
            profile: options.profile,
            isa,
            threads: options.threads,
            pool,
            pnet: Net::new(isa, Stage::PNet.arch(), &model),
            rnet: Net::new(isa, Stage::RNet.arch(), &model),
            onet: Net::new(isa, Stage::ONet.arch(), &model),
            arenas: Store::default(),
            workspaces: Store::default(),
        })
    }

    /// The instruction set that the kernels use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The faces in a picture, best score first. A picture too small for a face has none.
    ///
    /// # Errors
    /// None yet: an [`ImageView`] is sound by its making. The `Result` leaves room.
    pub fn detect<'a>(&self, image: impl Into<ImageView<'a>>) -> Result<Vec<Face>> {
        let mut faces = Vec::new();
        self.detect_into(image, &mut faces)?;
        Ok(faces)
    }

    /// As [`Detector::detect`], the faces taking the place of what is in `faces`: after the first picture
    /// of a size, a detection on one thread allocates no memory.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_into<'a>(&self, image: impl Into<ImageView<'a>>, faces: &mut Vec<Face>) -> Result<()> {
        let view = image.into();
        self.on_threads(|threads| self.arenas.lend(|arena| self.find(&view, threads, arena, faces, &mut Nobody)));
        Ok(())
    }

    /// The faces in a part of a picture, which is looked at as if it were all. Boxes and landmarks are in
    /// pixels of the whole picture. The time goes with the size of the part.
    ///
    /// # Errors
    /// [`crate::ErrorKind::View`] if the part is not in the picture.
    pub fn detect_part<'a>(&self, image: impl Into<ImageView<'a>>, part: Part) -> Result<Vec<Face>> {
        let mut faces = self.detect(image.into().part(part)?)?;
        for face in &mut faces {
            *face = face.moved(part.x as f32, part.y as f32);
        }
        Ok(faces)
    }

    /// The faces in each of many pictures, as [`Detector::detect`] gives them, of whatever sizes. All
    /// threads are at work to the end: each takes pictures of its own, but for those so large that the
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
                self.arenas.lend(|arena| self.find(view, threads, arena, faces, &mut Nobody));
            }
            parallel::run(threads, &self.arenas, &mut slots[large..], |arena, _, (view, faces)| {
                self.find(view, 1, arena, faces, &mut Nobody);
            });
        });
        Ok(results)
    }

    /// The faces in a picture, best score first, and where the time went.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_timed<'a>(&self, image: impl Into<ImageView<'a>>) -> Result<(Vec<Face>, Timing)> {
        let view = image.into();
        let mut faces = Vec::new();
        let timing = self.on_threads(|threads| {
            self.arenas.lend(|arena| {
                let timing = self.find(&view, threads, arena, &mut faces, &mut Nobody);
                Timing { levels: arena.levels.clone(), ..timing }
            })
        });
        Ok((faces, timing))
    }

    /// Calls `work` on the detector's threads, with their number.
    fn on_threads<R: Send>(&self, work: impl FnOnce(usize) -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(|| work(self.threads)),
            None if self.threads == 1 => work(1),
            None => work(rayon::current_num_threads()),
        }
    }

    /// The faces in a picture by the detector's options. The levels of the timing are left in the arena.
    fn find(
        &self,
        view: &ImageView<'_>,
        threads: usize,
        arena: &mut Arena,
        faces: &mut Vec<Face>,
        watch: &mut impl Watch,
    ) -> Timing {
        let begin = Instant::now();
        let mut timing = Timing::new(self.isa, threads);
        timing.levels = std::mem::take(&mut arena.levels);
        timing.levels.clear();
        let longer = view.width().max(view.height()) as f64;
        let min_face = self.min_face * self.max_side.map_or(1.0, |side| (longer / side as f64).max(1.0));
        if self.largest {
            // From the largest faces down, until there is one: two levels more at a time, which have four
            // times the cells of all before them.
            let mut least = min_face;
            let step = self.factor * self.factor;
            while least / step <= view.width().min(view.height()) as f64 {
                least /= step;
            }
            loop {
                self.cascade(view, least.max(min_face), arena, faces, &mut timing, watch);
                if !faces.is_empty() || least <= min_face {
                    break;
                }
                least *= step;
            }
            let area = |face: &Face| face.bbox.width() * face.bbox.height();
            let largest = faces.iter().copied().max_by(|a, b| area(a).total_cmp(&area(b)));
            faces.clear();
            faces.extend(largest);
        } else {
            self.cascade(view, min_face, arena, faces, &mut timing, watch);
        }
        faces.truncate(self.max_faces);
        arena.levels = std::mem::take(&mut timing.levels);
        timing.total = begin.elapsed();
        timing
    }

    /// The three stages.
    fn cascade(
        &self,
        view: &ImageView<'_>,
        min_face: f64,
        arena: &mut Arena,
        faces: &mut Vec<Face>,
        timing: &mut Timing,
        watch: &mut impl Watch,
    ) {
        let Arena { search, suppressor, boxes, look, finished, .. } = arena;
        self.propose(view, min_face, search, suppressor, boxes, timing, watch);
        self.reject(view, boxes, suppressor, look, timing, watch);
        self.square(boxes);
        let stage = self.look_again(Stage::ONet, view, boxes, look, timing, watch);
        let suppressing = Instant::now();
        finished.clear();
        finished.extend(look.passed.iter().map(finish));
        suppressor.suppress(
            finished,
            0,
            |face| &face.0,
            self.profile.suppression.onet,
            |gone, by| watch.suppressed(Suppressing::ONet, &gone.0, &by.0),
        );
        timing.suppression += suppressing.elapsed();
        timing.onet.add(StageTimes { outputs: finished.len(), ..stage });

        faces.clear();
        for (candidate, landmarks) in &mut *finished {
            if self.profile.clips_faces {
                candidate.clip(view, self.profile.first_pixel);
            }
            faces.push(face(candidate, *landmarks));
        }
        watch.passed(Stage::ONet, finished.iter().map(|(candidate, _)| candidate));
    }

    /// The second stage: the boxes that RNet lets pass, after suppression and moved by its offsets, take the
    /// place of PNet's.
    fn reject(
        &self,
        view: &ImageView<'_>,
        boxes: &mut Vec<Candidate>,
        suppressor: &mut Suppressor,
        look: &mut refine::Look,
        timing: &mut Timing,
        watch: &mut impl Watch,
    ) {
        self.square(boxes);
        let stage = self.look_again(Stage::RNet, view, boxes, look, timing, watch);
        let suppressing = Instant::now();
        let moves = |boxes: &mut [Candidate], when: Moves| {
            if self.profile.moves == when {
                boxes.iter_mut().for_each(|candidate| candidate.regress(1.0));
            }
        };
        boxes.clear();
        boxes.extend(look.passed.iter().map(|refined| refined.candidate));
        moves(boxes, Moves::BeforeSuppression);
        suppressor.suppress(
            boxes,
            0,
            |candidate| candidate,
            self.profile.suppression.rnet,
            |gone, by| watch.suppressed(Suppressing::RNet, gone, by),
        );
        moves(boxes, Moves::AfterSuppression);
        timing.suppression += suppressing.elapsed();
        timing.rnet.add(StageTimes { outputs: boxes.len(), ..stage });
        watch.passed(Stage::RNet, boxes.iter());
    }

    /// Makes boxes ready for the next net.
    fn square(&self, boxes: &mut [Candidate]) {
        for candidate in boxes {
            candidate.square(self.profile.side_extra);
            candidate.round(self.profile.rounding);
        }
    }
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

/// The last box of a face, and its points: ONet gives them as parts of the sides of the box that it
/// saw, which count both ends.
fn finish(&Refined { mut candidate, landmarks }: &Refined) -> (Candidate, Landmarks) {
    let [x1, y1, x2, y2] = candidate.corners;
    let (width, height) = (x2 - x1 + 1.0, y2 - y1 + 1.0);
    let point = |i: usize| Point {
        x: (f64::from(landmarks[2 * i]) * width + x1 - 1.0) as f32,
        y: (f64::from(landmarks[2 * i + 1]) * height + y1 - 1.0) as f32,
    };
    candidate.regress(1.0);
    (candidate, Landmarks::from_array([point(0), point(1), point(2), point(3), point(4)]))
}

/// A candidate that has come through.
fn face(candidate: &Candidate, landmarks: Landmarks) -> Face {
    let [x1, y1, x2, y2] = candidate.corners.map(|corner| corner as f32);
    Face { bbox: BBox { x1, y1, x2, y2 }, score: candidate.score, landmarks }
}
