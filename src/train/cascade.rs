//! The whole training, from pictures and lists to a model: samples and a net, three times, each with what the nets before
//! let pass; then the result is measured.
//!
//! ```text
//! OUT/recipe.json              the recipe, so that nobody goes on with another one
//! OUT/pnet-samples, pnet       a data set, and a training; then rnet and onet alike
//! OUT/model.safetensors        the three nets
//! OUT/report.json              counts, times, and what the result is worth
//! ```
//!
//! A step is done when its last file is there, and then not done again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mtcnn_kernels::Isa;
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use super::metrics::Metrics;
use super::recipe::{EvaluationRecipe, Recipe};
use super::run::{self, Ended, METRICS, MODEL, Training};
use crate::arch::Stage;
use crate::data::wider::Wider;
use crate::data::{self, ClassInfo, DataSet, Miner, Preparation, Sources, Split, StageBoxes, prepare};
use crate::detect::Detector;
use crate::error::{Error, ErrorKind, Result};
use crate::eval::{self, Curve, Passed};
use crate::files;
use crate::image::ImageView;
use crate::profile::Thresholds;

/// A whole training to do.
pub struct Cascade<'a> {
    /// Its numbers.
    pub recipe: &'a Recipe,
    /// The folder of WIDER FACE.
    pub wider: &'a Path,
    /// The folder of CNN_FacePoint.
    pub landmarks: Option<&'a Path>,
    /// The folder for everything.
    pub out: &'a Path,
    /// Where the work is done.
    pub pool: &'a ThreadPool,
    /// About how many bytes pictures and samples may take at a time.
    pub ram: usize,
    /// The instruction set.
    pub isa: Isa,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum CascadeEvent<'a> {
    /// Samples are made for a net.
    Preparing(Stage, data::Progress),
    /// They are complete; warnings say what will be missed.
    Prepared(Stage, &'a [ClassInfo], &'a [String]),
    /// A net is trained.
    Training(Stage, run::TrainingProgress<'a>),
    /// It is complete, in this folder.
    Trained(Stage, &'a Path),
    /// The result is measured.
    Evaluating(data::Progress),
}

/// What a whole training came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CascadeReport {
    /// The nets, in their order.
    pub stages: Vec<StageReport>,
    /// The cascade on all pictures of the validation part; none if there is no such part.
    pub all: Option<Curve>,
    /// On those of them that are not made up, if some are.
    pub photographs: Option<Curve>,
    /// What each net of the cascade lets pass, of all pictures and of photographs.
    pub passed: Vec<[Passed; 3]>,
    /// Of the whole, in seconds; runs that were interrupted included, as far as their steps were completed.
    pub seconds: f64,
}

/// What one net came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
const TIMES: &str = "times.json";
/// The name of the report.
pub(crate) const REPORT: &str = "report.json";

/// Samples of the validation sets: enough for a few looks.
const VALIDATION_SAMPLES: u64 = 20_000;

impl Cascade<'_> {
    /// Trains. `on` is called for whatever happens and says whether to go on.
    ///
    /// `None` if it was told to stop: the next run goes on.
    ///
    /// # Errors
    /// Those of the steps; [`crate::ErrorKind::Train`] if the folder has a training by another recipe.
    pub fn run(&self, on: &mut (dyn FnMut(&CascadeEvent<'_>) -> bool + Send)) -> Result<Option<CascadeReport>> {
        let out = self.out;
        fs::create_dir_all(out).map_err(|source| Error::write(out, source))?;
        self.check_recipe()?;
        let mut times: BTreeMap<String, f64> = read_json(&out.join(TIMES)).unwrap_or_default();
        let mut model: Option<PathBuf> = None;
        let mut stages = Vec::new();
        for stage in [Stage::PNet, Stage::RNet, Stage::ONet] {
            let folder = |what: &str| out.join(format!("{}{what}", stage.name()));
            let (samples, validation, trained) = (folder("-samples"), folder("-validation"), folder(""));
            let began = Instant::now();
            for (folder, split) in [(&samples, Split::Train), (&validation, Split::Val)] {
                if !folder.exists() {
                    match self.prepare(stage, folder, split, model.as_deref(), on) {
                        Ok(true) => {}
                        Ok(false) => return Ok(None),
                        // There may be no validation part; training goes without.
                        Err(error) if split == Split::Val && error.kind() == ErrorKind::NotFound => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            note(&mut times, out, &samples, began)?;
            let began = Instant::now();
            if !trained.join(MODEL).exists()
                && !self.train(stage, &samples, &validation, &trained, model.as_deref(), on)?
            {
                return Ok(None);
            }
            note(&mut times, out, &trained, began)?;
            let metrics = Metrics::read(&trained.join(METRICS))?;
            let last = |validation| metrics.iter().rev().find(|line| line.validation == validation).cloned();
            let seconds = [&samples, &trained].map(|folder| times.get(&name(folder)).copied().unwrap_or_default());
            let classes = DataSet::open(&samples)?.manifest().classes.clone();
            stages.push(StageReport { stage, samples: classes, seconds, trained: last(false), validation: last(true) });
            model = Some(trained.join(MODEL));
        }
        let model = model.expect("three nets");
        let bytes = fs::read(&model).map_err(|source| Error::read(model, source))?;
        files::replace(&out.join(MODEL), &bytes)?;
        let began = Instant::now();
        let measured = match Wider::read(self.wider, Split::Val) {
            Ok(list) => self.evaluate(&list, on)?,
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        note(&mut times, out, Path::new("evaluation"), began)?;
        let made_up = |folder: &str| self.recipe.evaluation.made_up.iter().any(|it| it == folder);
        let all = measured.as_ref().map(|it| it.curve(|_| true));
        let mut passed: Vec<_> = measured.iter().map(|it| it.stages(|_| true)).collect();
        let photographs = measured.filter(|_| !self.recipe.evaluation.made_up.is_empty());
        passed.extend(photographs.iter().map(|it| it.stages(|folder| !made_up(folder))));
        let photographs = photographs.map(|it| it.curve(|folder| !made_up(folder)));
        let report = CascadeReport { stages, all, photographs, passed, seconds: times.values().sum() };
        write_json(&out.join(REPORT), &report)?;
        Ok(Some(report))
    }

    /// Runs the cascade on a list; `None` if it was told to stop.
    fn evaluate(
        &self,
        list: &Wider,
        on: &mut (dyn FnMut(&CascadeEvent<'_>) -> bool + Send),
    ) -> Result<Option<eval::Evaluation>> {
        let EvaluationRecipe { thresholds: [pnet, rnet, onet], min_face, .. } = self.recipe.evaluation;
        let detector = Detector::builder()
            .weights(self.out.join(MODEL))
            .isa(self.isa)
            .threads(1)
            .min_face(min_face)
            .thresholds(Thresholds { pnet, rnet, onet })
            .build()?;
        let mut going = true;
        let evaluation = eval::evaluate(&detector, list, min_face, self.pool, &mut |progress| {
            going = going && on(&CascadeEvent::Evaluating(progress));
            going
        });
        match evaluation {
            Err(_) if !going => Ok(None),
            evaluation => evaluation.map(Some),
        }
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

    /// Makes a set of samples; false if it was told to stop.
    fn prepare(
        &self,
        stage: Stage,
        folder: &Path,
        split: Split,
        model: Option<&Path>,
        on: &mut (dyn FnMut(&CascadeEvent<'_>) -> bool + Send),
    ) -> Result<bool> {
        let recipe = self.recipe.stage(stage);
        let mut options = recipe.samples.clone();
        if split == Split::Val {
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
        let boxes = |view: &ImageView<'_>| miner.as_ref().map_or_else(Vec::new, |miner| miner.boxes(view));
        let sources = Sources::read(Some(self.wider), self.landmarks, split)?;
        let how = Preparation {
            stage,
            options: &options,
            boxes: miner.is_some().then_some(&boxes as &StageBoxes<'_>),
            detector: miner.as_ref().map_or_else(String::new, |miner| miner.about().into()),
            pool: self.pool,
            ram: self.ram,
            strict: false,
        };
        let mut going = true;
        let summary = prepare(&sources, &how, folder, &mut |progress| {
            going = going && on(&CascadeEvent::Preparing(stage, progress));
            going
        });
        match summary {
            Ok(summary) => {
                if split == Split::Train {
                    on(&CascadeEvent::Prepared(stage, &summary.manifest.classes, &summary.warnings));
                }
                Ok(going)
            }
            Err(_) if !going => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Trains a net; false if it was told to stop.
    fn train(
        &self,
        stage: Stage,
        samples: &Path,
        validation: &Path,
        folder: &Path,
        base: Option<&Path>,
        on: &mut (dyn FnMut(&CascadeEvent<'_>) -> bool + Send),
    ) -> Result<bool> {
        // Both sets together may take what is allowed.
        let open = |folder, part| DataSet::open(folder).map(|set| set.with_resident(self.ram / 4 * part));
        let data = open(samples, 3)?;
        let validation = validation.exists().then(|| open(validation, 1)).transpose()?;
        let plan = self.recipe.plan(stage);
        let training = Training {
            plan: &plan,
            data: &data,
            validation: validation.as_ref(),
            base,
            out: folder,
            resume: true,
            checkpoint_every: 1000,
            metrics_every: 100,
            validate_every: 1000,
            pool: self.pool,
            isa: self.isa,
        };
        let ended = training.run(&mut |progress| on(&CascadeEvent::Training(stage, progress.clone())))?;
        if ended == Ended::Complete {
            on(&CascadeEvent::Trained(stage, folder));
        }
        Ok(ended == Ended::Complete)
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

/// What is in a file, if it is there and whole.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
