//! The samples of a batch: drawn by somebody else, made here, on all threads of the pool.

use mtcnn_kernels::Isa;
use rayon::prelude::*;

use super::batch::Batch;
use super::jitter::{Colours, jitter};
use crate::data::{Class, DataSet, Sample, mirror};

/// A sample to be made: which of a set, and what is done to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Draw {
    pub(super) class: Class,
    /// Its targets are mirrored, if it is to be.
    pub(super) sample: Sample,
    /// Whether its box is to be learned.
    pub(super) boxed: bool,
    /// Whether its pixels are to be mirrored.
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
    points: Vec<f32>,
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

    /// Makes all that were drawn of a set instead of those that were here.
    ///
    /// # Panics
    /// If one is of a set with images of another side, or of faces with another number of points.
    pub fn make(&mut self, isa: Isa, set: &DataSet, draws: &[Draw]) {
        let (side, numbers) = (set.side(), 2 * set.manifest().points.len());
        let size = side * side * 3;
        let Self { crops, classes, offsets, boxed, points } = self;
        boxed.clear();
        boxed.extend(draws.iter().map(|draw| draw.boxed));
        classes.clear();
        classes.extend(draws.iter().map(|draw| draw.class));
        offsets.clear();
        offsets.extend(draws.iter().map(|draw| draw.sample.offsets));
        points.clear();
        points.resize(draws.len() * numbers, 0.0);
        for (i, draw) in draws.iter().enumerate().filter(|(_, draw)| draw.class == Class::Landmark) {
            points[i * numbers..][..numbers].copy_from_slice(&draw.sample.points);
        }
        crops.resize(draws.len() * size, 0);
        draws.par_chunks(AT_A_TIME).zip(crops.par_chunks_mut(AT_A_TIME * size)).for_each(|(draws, crops)| {
            for (draw, crop) in draws.iter().zip(crops.chunks_exact_mut(size)) {
                if draw.mirrored {
                    mirror::mirror_pixels(&draw.sample.pixels, side, crop);
                } else {
                    crop.copy_from_slice(&draw.sample.pixels);
                }
                if let Some(colours) = &draw.colours {
                    jitter(isa, crop, colours);
                }
            }
        });
    }
}
