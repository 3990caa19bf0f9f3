//! The samples of a batch: drawn by somebody else, made here, on all threads of the pool.

use mtcnn_kernels::Isa;
use rayon::prelude::*;

use super::batch::Batch;
use super::jitter::{Colours, jitter};
use crate::data::{Class, Sample, mirror};

/// A sample to be made: which of a set, and what is done to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Draw {
    pub(super) class: Class,
    pub(super) sample: Sample,
    /// Whether its box is to be learned.
    pub(super) boxed: bool,
    pub(super) mirrored: bool,
    pub(super) colours: Option<Colours>,
}

/// The samples of a batch.
#[derive(Debug, Default)]
pub struct Loader {
    crops: Vec<u8>,
    classes: Vec<Class>,
    offsets: Vec<[f32; 4]>,
    boxed: Vec<bool>,
    points: Vec<[f32; 10]>,
}

/// Loader that a thread makes at a time: about two microseconds of work for the smallest.
const AT_A_TIME: usize = 24;

impl Loader {
    /// As the trainer takes them.
    #[must_use]
    pub fn batch(&self) -> Batch<'_> {
        let Self { crops, classes, offsets, boxed, points } = self;
        Batch { crops, classes, offsets, boxed, points }
    }

    /// Makes all that were drawn, squares of `side` pixels, instead of those that were here.
    ///
    /// # Panics
    /// If one has another side.
    pub fn make(&mut self, isa: Isa, side: usize, draws: &[Draw]) {
        let size = side * side * 3;
        let Self { crops, classes, offsets, boxed, points } = self;
        boxed.clear();
        boxed.extend(draws.iter().map(|draw| draw.boxed));
        classes.clear();
        classes.extend(draws.iter().map(|draw| draw.class));
        crops.resize(draws.len() * size, 0);
        offsets.resize(draws.len(), [0.0; 4]);
        points.resize(draws.len(), [0.0; 10]);
        let targets = offsets.par_chunks_mut(AT_A_TIME).zip(points.par_chunks_mut(AT_A_TIME));
        let all = draws.par_chunks(AT_A_TIME).zip(crops.par_chunks_mut(AT_A_TIME * size)).zip(targets);
        all.for_each(|((draws, crops), (offsets, points))| {
            let targets = offsets.iter_mut().zip(points);
            for ((draw, crop), (offsets, points)) in draws.iter().zip(crops.chunks_exact_mut(size)).zip(targets) {
                let sample = &draw.sample;
                (*offsets, *points) = (sample.offsets, sample.points);
                if draw.mirrored {
                    mirror::mirror_pixels(&sample.pixels, side, crop);
                    mirror::mirror_offsets(offsets);
                    mirror::mirror_points(points);
                } else {
                    crop.copy_from_slice(&sample.pixels);
                }
                if let Some(colours) = &draw.colours {
                    jitter(isa, crop, colours);
                }
            }
        });
    }
}
