//! What the evaluations share: faces looked for in many images, images that are missed, results shown.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use mtcnn_cpu::data::wider::Wider;
use mtcnn_cpu::eval::{Detections, ScoredBox, detect_all};
use mtcnn_cpu::{Detector, Face};
use serde::Serialize;

use crate::common::chart::{Panel, write_panels};
use crate::common::detector::{detector, pool};
use crate::common::outcome::{Outcome, Usage, complain};
use crate::common::progress::{advance, progress_bar};
use crate::common::save::Save;
use crate::eval::args;

/// Images that stderr names.
pub(crate) const MOST_NAMED: usize = 20;

/// Looks for faces in images, with a progress bar.
pub(crate) fn look_for_faces(args: &args::Detector, files: &[PathBuf]) -> anyhow::Result<Vec<Detections>> {
    look_with(&args.build()?, args, files)
}

/// The same with the detector that `args` build.
pub(crate) fn look_with(
    detector: &Detector,
    args: &args::Detector,
    files: &[PathBuf],
) -> anyhow::Result<Vec<Detections>> {
    let pool = pool(args.threads.threads)?;
    let reading = args.decoding.reading(&args.memory);
    let bar = progress_bar("images");
    let looks = detect_all(detector, files, &reading, &pool, &mut |progress| {
        advance(&bar, progress);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    Ok(looks?)
}

/// The faces in images that were looked at, and the names of those that could not be read; stderr says why.
pub(crate) fn readable(names: &[impl AsRef<str>], looks: Vec<Detections>) -> (Vec<Vec<Face>>, Vec<String>) {
    let mut missed = Vec::new();
    let mut faces = |(name, look): (&str, Detections)| {
        look.unwrap_or_else(|reason| {
            if missed.len() < MOST_NAMED {
                complain(format_args!("{name}: {reason}"));
            }
            missed.push(name.to_string());
            Vec::new()
        })
    };
    (names.iter().map(AsRef::as_ref).zip(looks).map(&mut faces).collect(), missed)
}

/// [`readable`], as the evaluations take boxes.
pub(crate) fn boxes(names: &[impl AsRef<str>], looks: Vec<Detections>) -> (Vec<Vec<ScoredBox>>, Vec<String>) {
    let (faces, missed) = readable(names, looks);
    (faces.iter().map(|faces| faces.iter().map(ScoredBox::from).collect()).collect(), missed)
}

/// Says how many images are missed, and `why`.
pub(crate) fn outcome(missed: &[String], total: usize, why: &str) -> Outcome {
    if missed.is_empty() {
        return Outcome::Done;
    }
    complain(format_args!("{} of {total} images {why}: their faces are counted as missed", missed.len()));
    Outcome::Partly
}

impl args::Detector {
    /// The images are worked on side by side, each by one thread.
    pub(crate) fn build(&self) -> anyhow::Result<Detector> {
        detector(&self.search, &self.looks, 1)
    }
}

impl args::Shown {
    /// Writes what was measured: first the curves, so that nothing is printed if they can't be.
    pub(crate) fn show(
        &self,
        panels: &[Panel<'_>],
        result: &impl Serialize,
        table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        if let Some(path) = &self.curves {
            write_panels(path, panels, panels.len() as u32)?;
        }
        self.format.show(result, table)
    }

    /// Fails before hours of work if the curves can't be written.
    pub(crate) fn probe(&self) -> anyhow::Result<()> {
        self.curves.as_deref().map_or(Ok(()), |path| Save::begin(path).map(drop))
    }
}

impl args::List {
    /// The lists, one at least.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<Wider>> {
        let Some(list) = &self.list else {
            let lists: Vec<_> = Wider::read_each(&self.wider, &self.split).collect::<Result<_, _>>()?;
            return if lists.is_empty() { Err(Self::missing().into()) } else { Ok(lists) };
        };
        let beside = || list.parent().unwrap_or(Path::new("")).to_path_buf();
        Ok(vec![Wider::read_list(list.clone(), self.images.clone().unwrap_or_else(beside))?])
    }

    /// Why there is nothing to measure with.
    pub(crate) fn missing() -> Usage {
        Usage("--wider <DIR> or --list <FILE> is needed".into())
    }
}

/// The name of an image among all that are measured: below that of its set, if there are several.
pub(crate) fn name_in(set: Option<&str>, image: &str) -> String {
    set.map_or(image.into(), |set| format!("{set}/{image}"))
}

/// Results that are parts of an image's sides overlap no face, and nothing else says why.
pub(crate) fn warn_of_fractions(results: &[Vec<ScoredBox>]) {
    let mut boxes = results.iter().flatten().peekable();
    let is_part = |it: &ScoredBox| [it.x, it.y, it.width, it.height].iter().all(|side| (0.0..=1.0).contains(side));
    if boxes.peek().is_some() && boxes.all(is_part) {
        complain(
            "warning: all boxes of the results lie within 0 to 1: pixels are needed, not parts of the image's sides",
        );
    }
}

impl args::Chosen {
    /// Leaves out the images of events that are not to be measured. A name that is none would change nothing, and
    /// nobody would see it.
    pub(crate) fn keep<T>(&self, lists: &mut [&mut Vec<T>], name: impl Fn(&T) -> &str) -> Result<(), Usage> {
        let event = |image: &T| name(image).split('/').next().unwrap_or_default().to_string();
        for without in &self.without {
            if !lists.iter().any(|images| images.iter().any(|image| event(image) == *without)) {
                return Err(Usage(format!("--without {without}: no image is of this event")));
            }
        }
        for images in &mut *lists {
            images.retain(|image| !self.without.contains(&event(image)));
        }
        if lists.iter().all(|images| images.is_empty()) && !self.without.is_empty() {
            return Err(Usage("--without leaves no images".into()));
        }
        Ok(())
    }
}
