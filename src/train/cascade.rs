//! The whole training, from images and lists to a model: samples and a net, three times, each with what the nets before
//! let pass; then the result is measured.
//!
//! ```text
//! OUT/recipe.json              the recipe, and
//! OUT/sources.json             checksums of the lists, so that nobody goes on with others
//! OUT/pnet-samples, pnet       a data set, and a training; then rnet and onet alike
//! OUT/model.safetensors        the three nets
//! OUT/report.json              counts, times, and what the result is worth
//! ```
//!
//! A step is done when its last file is there, and then not done again.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mtcnn_kernels::Isa;
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use super::metrics::Metrics;
use super::recipe::{EvaluationRecipe, Recipe};
use super::run::{self, Ended, METRICS, MODEL, MOST_MODEL, NO_STEPS, Training};
use crate::arch::Stage;
use crate::data::face_point::FacePoint;
use crate::data::images::Reading;
use crate::data::wider::Wider;
use crate::data::{self, ClassInfo, DataSet, Miner, Preparation, Sources, Split, StageBoxes, Summary, prepare};
use crate::detect::Detector;
use crate::error::{Error, ErrorKind, Result};
use crate::eval::{self, Curve, Evaluation, Passed};
use crate::files;
use crate::image::{ImageView, Orientation};
use crate::profile::Thresholds;
use crate::weights::Model;

/// A whole training to do.
#[derive(Clone, Copy, Debug)]
pub struct Cascade<'a> {
    /// Its numbers.
    pub recipe: &'a Recipe,
    /// The folders of WIDER FACE, or in its layout.
    pub wider: &'a [PathBuf],
    /// The folder of CNN_FacePoint.
    pub landmarks: Option<&'a Path>,
    /// A model file that `fine_tune` begins with, or none for the embedded weights.
    pub base: Option<&'a Path>,
    /// Whether the nets begin with their parameters in `base`, and not with random ones.
    pub fine_tune: bool,
    /// The folder for everything.
    pub out: &'a Path,
    /// Where the work is done.
    pub pool: &'a ThreadPool,
    /// How images are read.
    pub reading: Reading,
    /// The part of the images that may be unreadable, from 0 to 1; more are an error.
    pub most_skipped: f64,
    /// The instruction set.
    pub isa: Isa,
}

/// What happens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CascadeEvent<'a> {
    /// There is no such list: nothing of it is validated with.
    NoList(&'a Path),
    /// Samples are made for a net.
    Preparing(Stage, data::Progress),
    /// A set of them is complete; the summary says what was left out and what will be missed.
    Prepared(Stage, Split, &'a Summary),
    /// A net is trained.
    Training(Stage, run::TrainingProgress<'a>),
    /// It is complete, in this folder: now, or since an earlier run.
    Trained(Stage, &'a Path),
    /// The result is measured.
    Evaluating(data::Progress),
}

/// What a whole training came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CascadeReport {
    /// The nets that were trained, in their order.
    pub stages: Vec<StageReport>,
    /// The cascade on all images of the validation part, on those of them that are not made up, if some are, and on each set,
    /// if there are several. Empty if there is no such part.
    pub measured: Vec<Measured>,
    /// Of the whole, in seconds; runs that were interrupted included, as far as their steps were completed.
    pub seconds: f64,
}

/// What the cascade is worth on images that were not learned from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Measured {
    /// Which images.
    pub name: String,
    /// How many.
    pub images: usize,
    /// What was found in them.
    pub curve: Curve,
    /// What each net lets pass.
    pub passed: [Passed; 3],
}

impl Measured {
    fn new(name: &str, evaluation: &Evaluation, chosen: impl Fn(&str) -> bool) -> Self {
        Self {
            name: name.into(),
            images: evaluation.count(&chosen),
            curve: evaluation.curve(&chosen),
            passed: evaluation.stages(&chosen),
        }
    }

    /// Boxes that are no face, in an image on average.
    #[must_use]
    pub fn wrong_per_image(&self) -> f64 {
        self.curve.wrong as f64 / self.images.max(1) as f64
    }
}

/// What one net came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StageReport {
    /// Which.
    pub stage: Stage,
    /// The samples of each class.
    pub samples: Vec<ClassInfo>,
    /// For the samples, and for the training.
    pub seconds: [f64; 2],
    /// The last means of the training.
    pub trained: Option<Metrics>,
    /// The last look at samples that were not learned from.
    pub validation: Option<Metrics>,
}

const RECIPE: &str = "recipe.json";
const SOURCES: &str = "sources.json";
const TIMES: &str = "times.json";
/// The name of the report.
pub(crate) const REPORT: &str = "report.json";

/// Samples of the validation sets: enough for a few looks.
const VALIDATION_SAMPLES: u64 = 20_000;

/// What hears of a training, and says whether to go on.
type Observer<'o> = dyn FnMut(&CascadeEvent<'_>) -> ControlFlow<()> + Send + 'o;

impl Cascade<'_> {
    /// Trains. `on` is called for whatever happens and says whether to go on.
    ///
    /// # Errors
    /// Those of the steps; [`ErrorKind::Train`] if the folder has a training by another recipe or from other data;
    /// [`ErrorKind::Cancelled`] if it was told to stop: what was done is saved, and the next run goes on.
    pub fn run(&self, on: &mut Observer<'_>) -> Result<CascadeReport> {
        let out = self.out;
        let learns = |stage: &Stage| self.recipe.stage(*stage).training.steps > 0;
        let trained = |stage: &Stage| !self.fine_tune || learns(stage);
        if !Stage::ALL.iter().any(learns) || !Stage::ALL.iter().filter(|&stage| trained(stage)).all(learns) {
            return Err(Error::train(NO_STEPS));
        }
        let sources = CascadeSources::read(self.wider, self.landmarks)?;
        sources.check_points(self.recipe.points)?;
        if self.fine_tune && self.recipe.stage(Stage::ONet).training.steps > 0 {
            let given = self.base.map_or_else(|| Ok(Model::embedded()), Model::read)?;
            run::check_blend(&given, &self.recipe.plan(Stage::ONet), &sources.train.names(self.recipe.points)?)?;
        }
        fs::create_dir_all(out).map_err(|source| Error::write(out, source))?;
        let another = || Error::train("another run trains into this folder").at(out);
        let _lock = files::lock(&out.join("lock"))?.ok_or_else(another)?;
        self.check_recipe()?;
        for missing in &sources.missing {
            on(&CascadeEvent::NoList(missing)).is_break().then(Error::cancelled).map_or(Ok(()), Err)?;
        }
        self.check_sources(&sources)?;
        let mut times: BTreeMap<String, f64> = read_json(&out.join(TIMES)).unwrap_or_default();
        let mut model: Option<PathBuf> = self.base.filter(|_| self.fine_tune).map(Path::to_path_buf);
        let mut stages = Vec::new();
        for stage in Stage::ALL.into_iter().filter(trained) {
            let folder = |what: &str| out.join(format!("{}{what}", stage.name()));
            let (samples, validation, trained) = (folder("-samples"), folder("-validation"), folder(""));
            let began = Instant::now();
            self.prepare(stage, &samples, &sources.train, model.as_deref(), on)?;
            if let Some(sources) = &sources.validation {
                self.prepare(stage, &validation, sources, model.as_deref(), on)?;
            }
            note(&mut times, out, &samples, began)?;
            let began = Instant::now();
            if !trained.join(MODEL).exists() {
                let validation = sources.validation.is_some().then_some(validation.as_path());
                self.train(stage, &samples, validation, &trained, model.as_deref(), on)?;
            }
            Error::if_cancelled(on(&CascadeEvent::Trained(stage, &trained)))?;
            note(&mut times, out, &trained, began)?;
            let metrics = Metrics::read(&trained.join(METRICS))?;
            let last = |validation| metrics.iter().rev().find(|line| line.validation == validation).cloned();
            let seconds = [&samples, &trained].map(|folder| times.get(&name(folder)).copied().unwrap_or_default());
            let classes = DataSet::open(&samples)?.manifest().classes.clone();
            stages.push(StageReport { stage, samples: classes, seconds, trained: last(false), validation: last(true) });
            model = Some(trained.join(MODEL));
        }
        let model = model.expect("a trained net");
        let bytes = fs::read(&model).map_err(|source| Error::read(model, source))?;
        files::replace(&out.join(MODEL), &bytes)?;
        let began = Instant::now();
        let lists = sources.validation.iter().flat_map(|sources| &sources.wider);
        let measured = self.measure(lists, on)?;
        note(&mut times, out, Path::new("evaluation"), began)?;
        let report = CascadeReport { stages, measured, seconds: times.values().sum() };
        write_json(&out.join(REPORT), &report)?;
        Ok(report)
    }

    /// Runs the cascade on lists.
    fn measure<'l>(&self, lists: impl Iterator<Item = &'l Wider>, on: &mut Observer<'_>) -> Result<Vec<Measured>> {
        let EvaluationRecipe { thresholds: [pnet, rnet, onet], min_face, ref made_up } = self.recipe.evaluation;
        let detector = Detector::builder()
            .weights(self.out.join(MODEL))
            .isa(self.isa)
            .threads(1)
            .min_face(min_face)
            .thresholds(Thresholds { pnet, rnet, onet })
            .build()?;
        let (mut sets, mut evaluations) = (Vec::new(), Vec::new());
        for list in lists {
            let evaluation = eval::evaluate(&detector, list, min_face, &self.reading, self.pool, &mut |progress| {
                on(&CascadeEvent::Evaluating(progress))
            })?;
            sets.extend(list.set.iter().map(|set| Measured::new(set, &evaluation, |_| true)));
            evaluations.push(evaluation);
        }
        if evaluations.is_empty() {
            return Ok(sets);
        }
        let whole: Evaluation = evaluations.into_iter().collect();
        let mut measured = vec![Measured::new("all images", &whole, |_| true)];
        if !made_up.is_empty() {
            let photograph = |folder: &str| !made_up.iter().any(|it| it == folder);
            measured.push(Measured::new("photographs", &whole, photograph));
        }
        measured.extend(sets);
        Ok(measured)
    }

    fn check_recipe(&self) -> Result<()> {
        let path = self.out.join(RECIPE);
        match read_json::<Recipe>(&path) {
            Some(there) if there == *self.recipe => Ok(()),
            Some(_) => {
                let reason = "a training by another recipe: choose another folder, or remove this one";
                Err(Error::train(reason).at(self.out))
            }
            None if path.exists() => Err(Error::train(format!("{}: not a recipe of this version", path.display()))),
            None => write_json(&path, self.recipe),
        }
    }

    /// The data must be those that the training in the folder was begun with.
    fn check_sources(&self, sources: &CascadeSources) -> Result<()> {
        let path = self.out.join(SOURCES);
        let mut now = sources.checksums();
        if self.fine_tune {
            let bytes = self.base.map(|path| files::read(path, MOST_MODEL)).transpose()?;
            // A name that no list has.
            now.insert("the model to begin with".into(), crc32fast::hash(&bytes.unwrap_or_default()));
        }
        match read_json::<Checksums>(&path) {
            Some(there) if there == now => Ok(()),
            Some(there) => {
                let differs = |(name, crc): (&String, &u32)| there.get(name) != Some(crc);
                let changed = now.iter().find(|it| differs(*it)).map(|(name, _)| format!("{name} is new or another"));
                let gone =
                    || there.keys().find(|name| !now.contains_key(*name)).map(|name| format!("{name} is missing"));
                let what = changed.or_else(gone).unwrap_or_default();
                let reason = format!("a training from other data: {what}; choose another folder, or remove this one");
                Err(Error::train(reason).at(self.out))
            }
            None if path.exists() => Err(Error::train("not the sources of a training").at(path)),
            None => write_json(&path, &now),
        }
    }

    /// Makes a set of samples, or checks that the one that is there is made with the nets before as they are.
    fn prepare(
        &self,
        stage: Stage,
        folder: &Path,
        sources: &Sources,
        model: Option<&Path>,
        on: &mut Observer<'_>,
    ) -> Result<()> {
        let recipe = self.recipe.stage(stage);
        let mut options = recipe.samples.clone();
        if sources.split == Split::Val {
            for cap in [
                &mut options.caps.negatives,
                &mut options.caps.positives,
                &mut options.caps.parts,
                &mut options.caps.landmarks,
            ] {
                *cap = Some(cap.unwrap_or(u64::MAX).min(VALIDATION_SAMPLES));
            }
        }
        let miner = recipe.mining.as_ref().map(|mining| Miner::new(mining, model, self.isa)).transpose()?;
        let detector = miner.as_ref().map_or_else(String::new, |miner| miner.about().into());
        if folder.exists() {
            let set = DataSet::open(folder)?;
            if set.manifest().upright != (self.reading.decode.orientation == Orientation::Upright) {
                let reason =
                    "its samples are of images in another orientation: choose another folder, or remove this one";
                return Err(Error::train(reason).at(folder));
            }
            if set.manifest().detector != detector {
                let reason = "its samples are mined by another model than the nets before: remove it, and what is trained with it";
                return Err(Error::train(reason).at(folder));
            }
            return Ok(());
        }
        let boxes = |view: &ImageView<'_>| miner.as_ref().map_or_else(Vec::new, |miner| miner.boxes(view));
        let how = Preparation {
            stage,
            points: self.recipe.points,
            options: &options,
            boxes: miner.is_some().then_some(&boxes as &StageBoxes<'_>),
            detector,
            pool: self.pool,
            reading: self.reading,
            most_skipped: self.most_skipped,
        };
        let summary = prepare(sources, &how, folder, &mut |progress| on(&CascadeEvent::Preparing(stage, progress)))?;
        Error::if_cancelled(on(&CascadeEvent::Prepared(stage, sources.split, &summary)))
    }

    /// Trains a net.
    fn train(
        &self,
        stage: Stage,
        samples: &Path,
        validation: Option<&Path>,
        folder: &Path,
        base: Option<&Path>,
        on: &mut Observer<'_>,
    ) -> Result<()> {
        let data = DataSet::open(samples)?;
        let validation = validation.map(DataSet::open).transpose()?;
        let plan = self.recipe.plan(stage);
        let training = Training {
            plan: &plan,
            data: &data,
            validation: validation.as_ref(),
            base,
            fine_tune: self.fine_tune,
            out: folder,
            resume: true,
            checkpoint_every: 1000,
            metrics_every: 100,
            validate_every: 1000,
            pool: self.pool,
            isa: self.isa,
        };
        match training.run(&mut |progress| on(&CascadeEvent::Training(stage, progress.clone())))? {
            Ended::Complete => Ok(()),
            Ended::Stopped(_) => Err(Error::cancelled()),
        }
    }
}

/// Checksums of lists, by their names.
type Checksums = BTreeMap<String, u32>;

/// What is trained and validated with.
struct CascadeSources {
    train: Sources,
    /// None if there is no list to validate with.
    validation: Option<Sources>,
    /// Lists to validate with that are not there.
    missing: Vec<PathBuf>,
}

impl CascadeSources {
    /// Only a list to validate with may be missing.
    fn read(wider: &[PathBuf], landmarks: Option<&Path>) -> Result<Self> {
        let train = Sources::read(wider, landmarks, Split::Train)?;
        let mut validation = Sources { split: Split::Val, wider: Vec::new(), face_point: None };
        let mut missing = Vec::new();
        let mut forgive = |error: Error| match (error.kind(), error.path()) {
            (ErrorKind::NotFound, Some(list)) => {
                missing.push(list.into());
                Ok(())
            }
            _ => Err(error),
        };
        for list in Wider::read_each(wider, Split::Val.name()) {
            match list {
                Ok(list) => validation.wider.push(list),
                Err(error) => forgive(error)?,
            }
        }
        match landmarks.map(|folder| FacePoint::read(folder, Split::Val)).transpose() {
            Ok(list) => validation.face_point = list,
            Err(error) => forgive(error)?,
        }
        let some = !validation.wider.is_empty() || validation.face_point.is_some();
        Ok(Self { train, validation: some.then_some(validation), missing })
    }

    /// As many points of a face as the recipe asks for, the same to train and to validate with.
    fn check_points(&self, points: usize) -> Result<()> {
        let names = self.train.names(points)?;
        match self.validation.iter().find_map(|it| it.face_point.as_ref()).filter(|list| list.names != names) {
            None => Ok(()),
            Some(list) => {
                let there = &list.names;
                let reason = format!("the points of its faces are {there}, those of the list to train with {names}");
                Err(Error::train(reason).at(&list.list))
            }
        }
    }

    /// They are of the names of all images, too.
    fn checksums(&self) -> Checksums {
        let all = || [&self.train].into_iter().chain(&self.validation);
        // Without the folder: the same data elsewhere are the same.
        let in_set = |it: &Wider| it.set.as_ref().map_or(name(&it.list), |set| format!("{set}/{}", name(&it.list)));
        let wider = all().flat_map(|it| &it.wider).map(|it| (in_set(it), it.crc32));
        let points = all().filter_map(|it| it.face_point.as_ref()).map(|it| (name(&it.list), it.crc32));
        wider.chain(points).collect()
    }
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Remembers how long a step took; one that was skipped keeps its time.
fn note(times: &mut BTreeMap<String, f64>, out: &Path, step: &Path, began: Instant) -> Result<()> {
    *times.entry(name(step)).or_default() += began.elapsed().as_secs_f64();
    write_json(&out.join(TIMES), times)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    files::replace(path, &serde_json::to_vec_pretty(value).expect("plain values"))
}

/// The JSON files of a training are small.
const MOST_JSON: u64 = 16 << 20;

/// What is in a file, if it is there and whole.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&files::read(path, MOST_JSON).ok()?).ok()
}
