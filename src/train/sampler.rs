//! Which samples of a data set make a batch, a fixed number of each class.
//!
//! Each class is gone through in a random order, again and again, each time in another one. Folders of
//! the set can have weights: then a class has a stratum for each weight, and each sample is of a stratum drawn by
//! weight. The batch of a step depends on the seed and on how many samples were drawn before, and on nothing
//! else: a checkpoint keeps these numbers.

use std::collections::BTreeMap;
use std::iter;

use serde::{Deserialize, Serialize};

use super::jitter::Colours;
use super::loader::Draw;
use super::permutation::Permutation;
use crate::data::{Class, DataSet, Run, mirror};
use crate::error::{Error, Result};
use crate::random::Random;

/// What batches are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// Samples of a batch.
    pub batch: ClassCounts,
    /// Whether half of the samples are mirrored, their targets with them; not those of landmarks whose names do not tell left
    /// from right.
    pub mirror: bool,
    /// How much colours are changed, from 0 (not at all) to 1: contrast and saturation by a factor of at
    /// most `1 ± jitter`, brightness by at most `±128·jitter`.
    pub jitter: f64,
    /// How many times as often a sample is drawn that comes from an image in this folder; `*` is for folders that are
    /// not here, which have 1 without it. Of several sets, `SET/FOLDER` and `SET/*` are those of one of them.
    pub folders: BTreeMap<String, f64>,
    /// Folders, by the same names, whose faces teach that they are faces, but not where their boxes are.
    #[serde(default)]
    pub without_boxes: Vec<String>,
}

/// How many samples of each class a batch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    /// Of [`Class::Positive`].
    pub positives: usize,
    /// Of [`Class::Negative`].
    pub negatives: usize,
    /// Of [`Class::Part`].
    pub parts: usize,
    /// Of [`Class::Landmark`].
    pub landmarks: usize,
}

impl Default for ClassCounts {
    /// The original's 384.
    fn default() -> Self {
        Self { positives: 64, negatives: 192, parts: 64, landmarks: 64 }
    }
}

impl ClassCounts {
    /// Those of a class.
    #[must_use]
    pub fn of(&self, class: Class) -> usize {
        match class {
            Class::Negative => self.negatives,
            Class::Positive => self.positives,
            Class::Part => self.parts,
            Class::Landmark => self.landmarks,
        }
    }

    /// All samples of a batch.
    #[must_use]
    pub fn sum(&self) -> usize {
        Class::ALL.iter().map(|&class| self.of(class)).sum()
    }
}

/// How many samples of each stratum of each class were drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursors(Vec<Vec<u64>>);

/// Draws batches.
#[derive(Clone, Debug)]
pub struct Sampler<'a> {
    set: &'a DataSet,
    mixture: &'a Mixture,
    seed: u64,
    /// Of each class.
    strata: Vec<Vec<Stratum>>,
}

/// Samples of a class whose folders have one weight, and whose boxes are all to be learned or none.
#[derive(Clone, Debug)]
struct Stratum {
    weight: f64,
    boxed: bool,
    runs: Vec<Run>,
    /// The number of samples before each run.
    before: Vec<usize>,
    count: usize,
    /// The order of the epoch that was drawn of last.
    order: (u64, Permutation),
    drawn: u64,
}

/// Stands for every folder.
const OTHERS: &str = "*";

/// The generators of batches are the streams from here on: parameters and dropout use others.
const STREAMS: u64 = 1 << 62;

impl<'a> Sampler<'a> {
    /// A sampler from the start. Of a class that the set has none of, batches have none.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Data`] if there is nothing to draw.
    pub fn new(set: &'a DataSet, mixture: &'a Mixture, seed: u64) -> Result<Self> {
        let refuse = |reason: String| Err(Error::data(reason).at(set.folder()));
        let strata: Vec<_> = Class::ALL.iter().map(|&class| strata(set, mixture, class)).collect();
        if Class::ALL.iter().zip(&strata).all(|(&class, strata)| strata.is_empty() || mixture.batch.of(class) == 0) {
            return refuse("no sample of the classes that a batch is made of".into());
        }
        Ok(Self { set, mixture, seed, strata })
    }

    /// The classes that batches should have, but the set has none of.
    #[must_use]
    pub fn missing(&self) -> Vec<Class> {
        // Nobody asked for landmarks where faces have no points.
        let is_asked = |class: Class| class != Class::Landmark || !self.set.manifest().points.is_empty();
        let is_missing = |&class: &Class| {
            self.strata[class as usize].is_empty() && self.mixture.batch.of(class) > 0 && is_asked(class)
        };
        Class::ALL.into_iter().filter(is_missing).collect()
    }

    /// The folders that the mixture names, but that the set has not.
    #[must_use]
    pub fn unknown_folders(&self) -> Vec<&str> {
        let is_known = |name: &str| self.set.folders().iter().any(|folder| names(folder).any(|known| known == name));
        let named = self.mixture.folders.keys().chain(&self.mixture.without_boxes).map(String::as_str);
        named.filter(|&name| !is_known(name)).collect()
    }

    /// How far it is.
    #[must_use]
    pub fn cursors(&self) -> Cursors {
        Cursors(self.strata.iter().map(|strata| strata.iter().map(|stratum| stratum.drawn).collect()).collect())
    }

    /// Goes on from where another sampler was; whether it fits this one.
    pub fn seek(&mut self, cursors: &Cursors) -> bool {
        let fits =
            cursors.0.len() == self.strata.len() && cursors.0.iter().zip(&self.strata).all(|(a, b)| a.len() == b.len());
        if fits {
            let drawn = cursors.0.iter().flatten();
            for (stratum, &drawn) in self.strata.iter_mut().flatten().zip(drawn) {
                stratum.drawn = drawn;
            }
        }
        fits
    }

    /// Draws the batch of a step, and reads its samples.
    ///
    /// # Errors
    /// As [`DataSet::sample`].
    pub fn draw(&mut self, step: u64) -> Result<Vec<Draw>> {
        let mut random = Random::new(self.seed, STREAMS | step);
        let mut draws = Vec::with_capacity(self.mixture.batch.sum());
        for class in Class::ALL {
            if self.strata[class as usize].is_empty() {
                continue;
            }
            for _ in 0..self.mixture.batch.of(class) {
                let (index, boxed) = self.next(class, &mut random);
                let mut sample = self.set.sample(class, index)?;
                let mut mirrored = self.mixture.mirror && random.coin();
                if class == Class::Landmark {
                    // Points whose names do not tell what becomes of them stay as they are.
                    let pairs = self.set.manifest().points.mirror_pairs().filter(|_| mirrored);
                    pairs.inspect(|pairs| mirror::mirror_points(&mut sample.points, pairs));
                    mirrored = pairs.is_some();
                } else if mirrored {
                    mirror::mirror_offsets(&mut sample.offsets);
                }
                let colours = (self.mixture.jitter > 0.0).then(|| Colours::random(self.mixture.jitter, &mut random));
                draws.push(Draw { class, sample, boxed, mirrored, colours });
            }
        }
        Ok(draws)
    }

    /// The place in the set of the next sample of a class, and whether its box is to be learned.
    fn next(&mut self, class: Class, random: &mut Random) -> (usize, bool) {
        let strata = &mut self.strata[class as usize];
        let mut stratum = 0;
        if strata.len() > 1 {
            let weight = |stratum: &Stratum| stratum.weight * stratum.count as f64;
            let mut at = random.unit() * strata.iter().map(weight).sum::<f64>();
            stratum = strata
                .iter()
                .position(|stratum| {
                    (at < weight(stratum)) || {
                        at -= weight(stratum);
                        false
                    }
                })
                .unwrap_or(strata.len() - 1);
        }
        let stream = (class as u64) << 56 | (stratum as u64) << 40;
        (strata[stratum].next(self.seed, STREAMS | 1 << 61 | stream), strata[stratum].boxed)
    }
}

impl Stratum {
    fn next(&mut self, seed: u64, stream: u64) -> usize {
        let count = self.count as u64;
        let (epoch, place) = (self.drawn / count, self.drawn % count);
        if self.order.0 != epoch {
            self.order = (epoch, Permutation::new(count, seed, stream.wrapping_add(epoch)));
        }
        self.drawn += 1;
        let number = self.order.1.at(place) as usize;
        let run = self.before.partition_point(|&before| before <= number) - 1;
        self.runs[run].samples.start + number - self.before[run]
    }
}

/// The names that mean a folder, the most exact first: `SET/FOLDER` is also `SET/*` and `FOLDER`, and each is `*`.
fn names(folder: &str) -> impl Iterator<Item = String> {
    let of_set = folder.split_once('/').map(|(set, folder)| [format!("{set}/*"), folder.to_owned()]);
    iter::once(folder.to_owned()).chain(of_set.into_iter().flatten()).chain([OTHERS.to_owned()])
}

/// The strata of a class: its runs by the weight of their folder, and by whether it teaches boxes. Those of which nothing is
/// learned are left out.
fn strata(set: &DataSet, mixture: &Mixture, class: Class) -> Vec<Stratum> {
    let mut strata: Vec<Stratum> = Vec::new();
    for run in set.runs(class) {
        let folder = &set.folders()[run.folder];
        let weight = names(folder).find_map(|name| mixture.folders.get(&name).copied()).unwrap_or(1.0);
        let boxed = !names(folder).any(|name| mixture.without_boxes.contains(&name));
        if weight == 0.0 || class == Class::Part && !boxed {
            continue;
        }
        let at = strata.iter().position(|it| (it.weight, it.boxed) == (weight, boxed)).unwrap_or_else(|| {
            let order = (u64::MAX, Permutation::new(1, 0, 0));
            strata.push(Stratum { weight, boxed, runs: Vec::new(), before: Vec::new(), count: 0, order, drawn: 0 });
            strata.len() - 1
        });
        let stratum = &mut strata[at];
        stratum.before.push(stratum.count);
        stratum.count += run.samples.len();
        stratum.runs.push(run);
    }
    strata
}
