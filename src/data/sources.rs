//! The images that samples are made of, with what is known of each.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::face_point::{FacePoint, FacePointImage};
use super::images;
use super::options::SampleOptions;
use super::plan::{Known, Planned, landmark_crops, mined_crops, mined_landmark_crops, random_crops};
use super::split::Split;
use super::wider::{Wider, WiderFace, WiderImage};
use crate::arch::Stage;
use crate::error::{Error, Result};
use crate::geometry::PixelBox;
use crate::points::PointNames;
use crate::random::Random;

/// The lists of what a set is made of; either kind may be missing.
#[derive(Debug)]
pub struct Sources {
    /// Which part of them.
    pub split: Split,
    /// Images with boxes, of any number of sets.
    pub wider: Vec<Wider>,
    /// Images with landmarks.
    pub face_point: Option<FacePoint>,
}

impl Sources {
    /// Reads the lists under the folders.
    ///
    /// # Errors
    /// As [`Wider::read_each`] and [`FacePoint::read`].
    pub fn read(wider: &[PathBuf], landmarks: Option<&Path>, split: Split) -> Result<Self> {
        let wider = Wider::read_each(wider, split.name()).collect::<Result<_>>()?;
        let face_point = landmarks.map(|folder| FacePoint::read(folder, split)).transpose()?;
        Ok(Self { split, wider, face_point })
    }

    /// The names of a face's points where a net is to learn so many.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Data`] if the list has another number of them.
    pub(crate) fn names(&self, points: usize) -> Result<PointNames> {
        match &self.face_point {
            Some(FacePoint { names, list, .. }) if names.len() != points => {
                let there = names.len();
                let reason =
                    format!("it has {there} points of each face, and the recipe asks for {points} (points = {points})");
                Err(Error::data(reason).at(list))
            }
            Some(source) => Ok(source.names.clone()),
            None => Ok(PointNames::of_count(points)),
        }
    }

    /// All images, those with boxes first.
    pub(super) fn tasks(&self) -> Vec<Task<'_>> {
        let boxes =
            self.wider.iter().enumerate().flat_map(|(list, source)| {
                source.images.iter().map(move |image| (list, source, Annotation::Boxes(image)))
            });
        let boxes = boxes.enumerate().map(|(index, (list, Wider { root, set, .. }, image))| Task {
            root,
            set: set.as_deref(),
            list,
            index,
            image,
        });
        let landmarks = self.face_point.iter().flat_map(|source| {
            let images = source.images.iter().map(|image| Annotation::Points(image, &source.names)).enumerate();
            images.map(|(index, image)| Task { root: &source.root, set: None, list: self.wider.len(), index, image })
        });
        boxes.chain(landmarks).collect()
    }
}

/// An image of either list.
pub(super) struct Task<'a> {
    root: &'a Path,
    /// The name of its set, if there are several.
    set: Option<&'a str>,
    /// The number of its list among all.
    pub(super) list: usize,
    /// Among all images of its kind.
    index: usize,
    pub(super) image: Annotation<'a>,
}

/// An image with what is known of it.
#[derive(Clone, Copy)]
pub(super) enum Annotation<'a> {
    Boxes(&'a WiderImage),
    Points(&'a FacePointImage, &'a PointNames),
}

impl Task<'_> {
    pub(super) fn name(&self) -> &str {
        self.place().1
    }

    pub(super) fn path(&self) -> PathBuf {
        self.root.join(self.name())
    }

    /// The line in its list, and the name as it is there.
    pub(super) fn place(&self) -> (usize, &str) {
        match self.image {
            Annotation::Boxes(image) => (image.line, &image.name),
            Annotation::Points(image, _) => (image.line, &image.name),
        }
    }

    /// The first folder of the name, below that of its set if there are several.
    pub(super) fn folder(&self) -> Cow<'_, str> {
        let folder = self.name().split_once('/').map_or("", |(folder, _)| folder);
        self.set.map_or(folder.into(), |set| format!("{set}/{folder}").into())
    }

    /// A generator for this image and stage alone.
    fn random(&self, seed: u64, stage: Stage) -> Random {
        let list = match self.image {
            Annotation::Boxes(_) => 0,
            Annotation::Points(..) => 1,
        };
        Random::new(seed, (stage.side() as u64) << 48 | list << 40 | self.index as u64)
    }

    /// The crops to take of an image of that size; `found` is asked only for crops to be mined.
    pub(super) fn plan(
        &self,
        size: [usize; 2],
        stage: Stage,
        options: &SampleOptions,
        found: impl FnOnce() -> Vec<PixelBox>,
    ) -> Vec<Planned> {
        let mut random = self.random(options.seed, stage);
        match self.image {
            Annotation::Boxes(image) => {
                let possible = image.faces.iter().filter(|face| face.is_possible());
                let faces: Vec<_> = possible.map(WiderFace::corners).collect();
                let mut plan = Vec::new();
                if let Some(options) = &options.random {
                    plan = random_crops(size, &faces, options, &mut random);
                }
                if let Some(options) = &options.mined {
                    plan.append(&mut mined_crops(size, &faces, &found(), options));
                }
                plan
            }
            Annotation::Points(FacePointImage { corners, points, .. }, names) => {
                let points = Known { points, names };
                let options = &options.landmarks;
                let mut plan = landmark_crops(size, *corners, points, options, &mut random);
                if options.mined.is_some() {
                    plan.append(&mut mined_landmark_crops(size, *corners, points, &found(), options));
                }
                plan
            }
        }
    }

    /// About the most bytes that an image and its samples take.
    pub(super) fn cost(&self, stage: Stage, options: &SampleOptions) -> usize {
        let samples = match self.image {
            Annotation::Boxes(image) => {
                let random = options
                    .random
                    .map_or(0, |it| it.negatives as usize + image.faces.len() * (it.near as usize + it.face as usize));
                random + options.mined.map_or(0, |it| it.negatives as usize + image.faces.len())
            }
            Annotation::Points(..) => {
                // A net seldom has more boxes than that of one face.
                1 + 6 * options.landmarks.tries as usize + options.landmarks.mined.map_or(0, |_| 300)
            }
        };
        images::decoding_bytes(&self.path()).saturating_add(samples * stage.side().pow(2) * 3)
    }
}
