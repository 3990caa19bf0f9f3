//! A recipe: every number of a whole training, in a small TOML file.
//!
//! The presets are such files. A recipe of one's own names one as its `base`, or means the preset `mtcnn-caffe`, which has
//! every number with a comment; it has only what is to be different.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::init::Initialisation;
use super::loss::{Convention, Loss};
use super::options::TrainerOptions;
use super::plan::Plan;
use super::sampler::{ClassCounts, Mixture};
use super::schedule::{Decay, Schedule};
use crate::arch::Stage;
use crate::data::{Mining, SampleOptions, ranges};
use crate::error::{Error, Result};
use crate::files;

/// The recipes that the program has in it: names and texts.
pub const PRESETS: [(&str, &str); 3] = [
    ("mtcnn-caffe", include_str!("recipes/mtcnn-caffe.toml")),
    ("quick", include_str!("recipes/quick.toml")),
    ("fine-tune", include_str!("recipes/fine-tune.toml")),
];

/// A recipe is larger than this only by mistake.
const MOST_BYTES: u64 = 1 << 20;

/// Every number of a whole training, as a small TOML file has it; what a file leaves out is its base's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The seed of every random choice.
    pub seed: u64,
    /// The points of a face that the nets learn: as many as the list of faces with points has.
    #[serde(default = "TrainerOptions::five")]
    pub points: usize,
    /// How the result is measured.
    pub evaluation: EvaluationRecipe,
    /// Of the first net.
    pub pnet: StageRecipe,
    /// Of the second net.
    pub rnet: StageRecipe,
    /// Of the third net.
    pub onet: StageRecipe,
}

/// What is done for one net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRecipe {
    /// Which samples.
    pub samples: SampleOptions,
    /// How they are mined.
    pub mining: Option<Mining>,
    /// How the net is trained with them.
    pub training: TrainingRecipe,
}

/// How a net is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecipe {
    /// Steps. With none a cascade leaves a given net as it is.
    pub steps: u64,
    /// Samples of a step.
    pub batch: ClassCounts,
    /// As [`Mixture::mirror`].
    pub mirror: bool,
    /// As [`Mixture::jitter`].
    pub jitter: f64,
    /// As [`Mixture::folders`].
    pub folders: BTreeMap<String, f64>,
    /// As [`Mixture::without_boxes`].
    pub without_boxes: Vec<String>,
    /// Whose conventions are followed where implementations differ.
    pub convention: Convention,
    /// The first parameters.
    pub initialisation: Initialisation,
    /// How much each task counts: face or not, box, landmarks.
    pub weights: [f64; 3],
    /// The part of negatives and positives that counts.
    pub hard_ratio: f64,
    /// The part of the features before the heads that is dropped.
    pub dropout: f64,
    /// The highest learning rate.
    pub rate: f64,
    /// Steps in which it rises to that.
    pub warm_up: u64,
    /// How it falls then.
    pub rate_decay: Decay,
    /// As [`super::TrainerOptions::momentum`].
    pub momentum: f32,
    /// As [`super::TrainerOptions::weight_decay`].
    pub weight_decay: f32,
    /// As [`Plan::blend`].
    pub blend: f64,
    /// As [`Plan::score_shift`].
    #[serde(default)]
    pub score_shift: f64,
}

/// How the trained cascade is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationRecipe {
    /// The scores from which PNet, RNet and ONet let a face pass.
    pub thresholds: [f32; 3],
    /// The side in pixels of the smallest face that is looked for, and that counts.
    pub min_face: f64,
    /// Folders of made-up images: the rest is reported apart, too.
    pub made_up: Vec<String>,
}

impl Recipe {
    /// The recipe of a preset's name, or of a file.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Train`] with the place of what is wrong in it, [`crate::ErrorKind::Unreadable`] if it can't be read.
    pub fn read(name: &Path) -> Result<Self> {
        let (title, text) = match preset(&name.to_string_lossy()) {
            Some(text) => (format!("the preset {}", name.display()), text.to_owned()),
            None => {
                let text = String::from_utf8(files::read(name, MOST_BYTES)?);
                (name.display().to_string(), text.map_err(|_| Error::train("not UTF-8 text").at(name))?)
            }
        };
        Self::parse(&text).map_err(|reason| Error::train(format!("{title}: {reason}")))
    }

    /// The recipe of a text.
    ///
    /// # Errors
    /// The reason why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut recipe: Self = whole(text)?.try_into().map_err(|error| error.to_string())?;
        for stage in [&mut recipe.pnet, &mut recipe.rnet, &mut recipe.onet] {
            stage.samples.seed = recipe.seed;
        }
        recipe.check()?;
        Ok(recipe)
    }

    /// Each number by itself, and the sums of batches.
    fn check(&self) -> Result<(), String> {
        ranges::check("points", &self.points)?;
        ranges::check("evaluation", &self.evaluation)?;
        Stage::ALL.into_iter().try_for_each(|stage| {
            ranges::check(stage.name(), self.stage(stage))?;
            let StageRecipe { samples, mining, .. } = self.stage(stage);
            if mining.is_none() && (samples.mined.is_some() || samples.landmarks.mined.is_some()) {
                return Err(format!("{stage}.samples: what is mined needs [{stage}.mining]"));
            }
            self.plan(stage).check().map_err(|reason| format!("{stage}.training: {reason}"))
        })
    }

    /// What is done for a net.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> &StageRecipe {
        match stage {
            Stage::PNet => &self.pnet,
            Stage::RNet => &self.rnet,
            Stage::ONet => &self.onet,
        }
    }

    /// The plan of a net's training.
    #[must_use]
    pub fn plan(&self, stage: Stage) -> Plan {
        let TrainingRecipe {
            steps,
            batch,
            mirror,
            jitter,
            ref folders,
            ref without_boxes,
            convention,
            initialisation,
            weights,
            hard_ratio,
            dropout,
            rate,
            warm_up,
            ref rate_decay,
            momentum,
            weight_decay,
            blend,
            score_shift,
        } = self.stage(stage).training;
        let mut decay = rate_decay.clone();
        if let Decay::Cosine { until: until @ 0, .. } = &mut decay {
            *until = steps;
        }
        Plan {
            stage,
            steps,
            mixture: Mixture { batch, mirror, jitter, folders: folders.clone(), without_boxes: without_boxes.clone() },
            options: TrainerOptions {
                seed: self.seed,
                points: self.points,
                initialisation,
                dropout,
                loss: Loss { weights, hard_ratio, ..Loss::new(stage, convention) },
                schedule: Schedule { rate, warm_up, decay },
                momentum,
                weight_decay,
                convention,
            },
            blend,
            score_shift,
        }
    }
}

/// The table of a text, with what it does not say taken from its base.
fn whole(text: &str) -> Result<Table, String> {
    let parse = |text: &str| text.parse::<Table>().map_err(|error| error.to_string());
    let mut changes = parse(text)?;
    let (name, first) = PRESETS[0];
    let base = changes.remove("base").unwrap_or_else(|| name.into());
    let base = base.as_str().and_then(preset).ok_or_else(|| {
        let names: Vec<_> = PRESETS.iter().map(|(name, _)| *name).collect();
        format!("base = {}: it must be one of {}", base.as_str().unwrap_or("?"), names.join(", "))
    })?;
    let mut table = if base == first { parse(first)? } else { whole(base)? };
    merge(&mut table, changes);
    Ok(table)
}

fn preset(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|preset| preset.0 == name).map(|preset| preset.1)
}

/// Puts what `changes` has over what is there. A table with a `kind` is one of several forms, and replaced as a whole.
fn merge(whole: &mut Table, changes: Table) {
    for (key, change) in changes {
        match (whole.get_mut(&key), change) {
            (Some(Value::Table(there)), Value::Table(change)) if !change.contains_key("kind") => merge(there, change),
            (_, change) => drop(whole.insert(key, change)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_recipes() {
        for (name, text) in PRESETS {
            let recipe = Recipe::parse(text).unwrap_or_else(|reason| panic!("{name}: {reason}"));
            assert!(recipe.pnet.mining.is_none() && recipe.rnet.mining.is_some() && recipe.onet.mining.is_some());
        }
    }

    #[test]
    fn every_number_of_a_preset_has_a_range() {
        fn numbers(key: &str, value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Table(table) => {
                    table.iter().for_each(|(name, value)| numbers(&format!("{key}.{name}"), value, found))
                }
                Value::Array(values) => values.iter().for_each(|value| numbers(key, value, found)),
                Value::Integer(_) | Value::Float(_) => found.push(key.into()),
                _ => {}
            }
        }
        for (name, text) in PRESETS {
            let mut table = whole(text).unwrap();
            table.remove("seed");
            assert_eq!(table.remove("points"), Some(5.into()), "{name}");
            for (net, part) in table {
                let mut found = Vec::new();
                numbers("", &part, &mut found);
                let key = |key: String| if net == "evaluation" { net.clone() + &key } else { key[1..].into() };
                for key in found.into_iter().map(key) {
                    let least = if key == "training.score_shift" { -10.0 } else { 0.0 };
                    assert!(ranges::range(&key).least >= least, "{name}: {key}");
                }
            }
        }
    }

    #[test]
    fn given_nets_are_not_shifted_as_quick_shifts_its_own() {
        let shifts = |name: &str| {
            let recipe = Recipe::read(Path::new(name)).unwrap();
            Stage::ALL.map(|stage| recipe.plan(stage).score_shift)
        };
        assert_eq!(shifts("fine-tune"), [0.0; 3]);
        assert_eq!(shifts("quick"), [0.0, 1.25, -0.8]);
        assert_eq!(shifts("mtcnn-caffe"), [0.0; 3]);
    }

    #[test]
    fn the_seeds_numbers_are_the_defaults_of_sets() {
        let recipe = Recipe::read(Path::new("mtcnn-caffe")).unwrap();
        for stage in [Stage::PNet, Stage::RNet, Stage::ONet] {
            let defaults = SampleOptions { seed: recipe.seed, ..SampleOptions::new(stage) };
            assert_eq!(recipe.stage(stage).samples, defaults, "{stage:?}");
            let (plan, options) = (recipe.plan(stage), TrainerOptions::new(stage, Convention::MtcnnCaffe));
            assert_eq!(plan.options.loss, options.loss, "{stage:?}");
            assert_eq!((plan.options.momentum, plan.options.weight_decay), (options.momentum, options.weight_decay));
            assert_eq!(plan.options.dropout, options.dropout, "{stage:?}");
            assert_eq!(plan.mixture.batch, ClassCounts::default());
        }
    }

    #[test]
    fn a_recipe_changes_what_it_names() {
        let text = "base = \"quick\"\nseed = 7\n[onet.training]\nsteps = 10\nrate_decay = { kind = \"constant\" }";
        let (base, changed) = (Recipe::read(Path::new("quick")).unwrap(), Recipe::parse(text).unwrap());
        assert_eq!((changed.seed, changed.onet.training.steps, changed.onet.samples.seed), (7, 10, 7));
        assert_eq!(changed.onet.training.rate_decay, Decay::Constant);
        assert_eq!(changed.onet.training.rate, base.onet.training.rate);
        assert_eq!(changed.pnet.training, base.pnet.training);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, reason) in [
            ("base = \"slow\"", "one of mtcnn-caffe, quick"),
            ("base = \"quick\"\n[onet.training]\nstep = 10", "unknown field `step`"),
            ("base = \"quick\"\n[onet.training]\nsteps = \"ten\"", "invalid type"),
            ("base = \"quick\"\n[onet.samples.random]\nnegativs = 1", "unknown field `negativs`"),
            ("seed = -1", "invalid value"),
            ("seed = ", "line 1"),
            ("points = 257", "points is 257: it must be from 0 to 256"),
            (
                "[pnet.samples.random]\nnegatives = 4294967295",
                "pnet.samples.random.negatives is 4294967295: it must be from 0",
            ),
            ("[pnet.samples.random]\nmin_face = 1e308", "pnet.samples.random.min_face is 1e308 pixels"),
            ("[rnet.mining]\nthresholds = [0.6, nan]", "rnet.mining.thresholds is NaN: it must be from 0 to 1"),
            (
                "[onet.training.folders]\n\"a.b\" = -1.0",
                "onet.training.folders.a.b is -1: it must be from 0 to 1000000",
            ),
            ("[onet.training.batch]\nnegatives = 65536", "onet.training: the sum of a batch is 65728"),
            (
                "[onet.training.batch]\nnegatives = 9223372036854775807",
                "onet.training.batch.negatives is 9223372036854776000: it must be from 0 to 65536",
            ),
            ("[pnet.samples.landmarks]\nmined = 0.4", "pnet.samples: what is mined needs [pnet.mining]"),
            ("[evaluation]\nmin_face = inf", "evaluation.min_face is inf pixels"),
        ] {
            let error = Recipe::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
