//! Small trainings: sets of samples, a recipe, and what a net of theirs finds.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::sources::Sources;
use super::{Run, program, run};

pub(crate) fn finish(mut command: Command) -> Run {
    Run::of(command.output().unwrap())
}

/// Sources, and a set of them for each net.
pub(crate) struct Sets {
    pub(crate) sources: Sources,
}

impl Sets {
    pub(crate) fn new(stages: &[&str]) -> Self {
        let sets = Self { sources: Sources::new() };
        for stage in stages {
            let (wider, points, out) = (sets.text(""), sets.text("points"), sets.text(stage));
            let mut args = vec!["prepare", stage, "--wider", &wider, "--landmarks", &points, "--out", &out];
            if *stage != "pnet" {
                args.push("--random-crops");
            }
            let run = run(&args);
            assert_eq!(run.code, 0, "{}", run.err);
        }
        sets
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.sources.path(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn command(&self, stage: &str, out: &str, more: &[&str]) -> Command {
        let (data, out) = (self.text(stage), self.text(out));
        let mut args = vec!["train", stage, "--out", &out];
        let defaults = [
            ("--data", &data[..]),
            ("--batch", "8,16,8,8"),
            ("--steps", "40"),
            ("--checkpoint-every", "10"),
            ("--metrics-every", "5"),
        ];
        for (option, value) in defaults {
            if !more.contains(&option) {
                args.extend([option, value]);
            }
        }
        args.extend(more);
        program(&args)
    }

    pub(crate) fn train(&self, stage: &str, out: &str, more: &[&str]) -> Run {
        finish(self.command(stage, out, more))
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

pub(crate) const TINY: &str = "
base = \"quick\"
seed = 3
[evaluation]
made_up = []
[pnet.training]
steps = 150
batch = { positives = 8, negatives = 16, parts = 8, landmarks = 8 }
folders = {}
[rnet.mining]
thresholds = [0.05, 0.05]
[rnet.training]
steps = 60
rate = 0.02
batch = { positives = 8, negatives = 16, parts = 8, landmarks = 8 }
folders = {}
[onet.mining]
thresholds = [0.05, 0.05]
[onet.training]
steps = 30
rate = 0.01
batch = { positives = 8, negatives = 16, parts = 8, landmarks = 8 }
folders = {}
";

/// The best face of the portrait, found with a model, in a profile that moves the boxes of all models alike: what is as it was
/// finds it where it was.
pub(crate) fn portrait(model: Option<&str>) -> Option<[f64; 5]> {
    let weights = model.map(|model| ["--weights", model]);
    let args = [
        &["detect", "testdata/astronaut.png", "--profile", "facenet-pytorch"][..],
        weights.as_ref().map_or(&[], |it| &it[..]),
    ]
    .concat();
    let face = run(&args).json()["faces"][0].clone();
    let edge = |at: usize| face["box"][at].as_f64();
    Some([face["score"].as_f64()?, edge(0)?, edge(1)?, edge(2)?, edge(3)?])
}
