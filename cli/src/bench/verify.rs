//! `bench --verify`: whether screening changes a face, over many images.

use std::io::{self, Write};
use std::path::Path;

use anyhow::anyhow;
use image::RgbImage;
use mtcnn_cpu::image::Orientation;
use mtcnn_cpu::ordered::for_each_within;
use mtcnn_cpu::{Detector, Face, ImageView, Profile, Screening, Timing, isa};
use serde::Serialize;

use crate::bench::args::Bench;
use crate::common::detector::{builder, pool};
use crate::common::format::ReportFormat;
use crate::common::input::find;
use crate::common::outcome::{Outcome, caught, complain};

/// What is left for decoded images.
const MEMORY: usize = 1 << 30;

/// What was seen with one profile.
#[derive(Serialize)]
struct Verified {
    profile: &'static str,
    images: usize,
    faces: usize,
    cells: Screened,
    crops: Screened,
    /// Images whose faces differ, in a bit or more.
    different: usize,
}

/// Of PNet's cells, or RNet's crops.
#[derive(Default, Serialize)]
struct Screened {
    inputs: usize,
    recomputed: usize,
    /// Boxes that the net lets pass and that were rejected before.
    lost: usize,
    /// How far one that passed was from being rejected, at least, as a difference of logits.
    nearest: Option<f32>,
}

/// What was seen in one image with one profile.
struct Seen {
    faces: usize,
    /// Of cells and crops: what screening did, and how many boxes were lost.
    screened: [(Screening, usize); 2],
    differs: bool,
}

/// Finds the faces of every image of a folder with and without screening, as every profile does.
pub(crate) fn verify(args: &Bench, folder: &Path) -> anyhow::Result<Outcome> {
    let (inputs, _) = find(&[folder.to_owned()], None, [])?;
    let (pool, isa) = (pool(args.detection.threads.threads)?, isa::from_env()?);
    let base = builder(&args.detection.search)?.threads(1);
    let pair = |profile| -> anyhow::Result<[Detector; 2]> {
        let of = |screening| base.clone().profile(profile).screening(screening).build();
        Ok([of(false)?, of(true)?])
    };
    let pairs = Profile::ALL.map(pair).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    if pairs.iter().any(|[_, screening]| !screening.screens()) {
        return Err(anyhow!("no screening with {isa}, or with these weights: nothing to verify"));
    }
    let mut rows = Profile::ALL.map(|profile| Verified {
        profile: profile.name(),
        images: 0,
        faces: 0,
        cells: Screened::default(),
        crops: Screened::default(),
        different: 0,
    });
    let mut failed = 0;
    let options = args.detection.decoding.options(Orientation::Upright);
    let look = |index: usize| {
        let image = inputs[index].decode(&options)?;
        pairs.iter().map(|pair| see(pair, &image)).collect::<Result<Vec<_>, _>>()
    };
    let cost = |index: usize| inputs[index].cost();
    for_each_within(
        &pool,
        inputs.len(),
        MEMORY,
        cost,
        |index| caught(|| look(index)),
        |index, seen| {
            let name = &inputs[index].name;
            match seen {
                Err(reason) => {
                    failed += 1;
                    complain(format_args!("{name}: {reason}"));
                }
                Ok(seen) => {
                    for (row, seen) in rows.iter_mut().zip(seen) {
                        row.add(&seen);
                        if seen.differs {
                            complain(format_args!("{name}: the faces of {} differ", row.profile));
                        }
                    }
                }
            }
            Ok::<_, anyhow::Error>(())
        },
    )?;
    args.format.unwrap_or_else(ReportFormat::of_stdout).show(&rows, |out| table(&rows, out))?;
    let worse = rows.iter().any(|row| row.different > 0 || row.cells.lost > 0 || row.crops.lost > 0);
    Ok(if worse {
        Outcome::Worse
    } else if failed > 0 {
        Outcome::Partly
    } else {
        Outcome::Done
    })
}

fn see([exact, screening]: &[Detector; 2], image: &RgbImage) -> Result<Seen, String> {
    let find = |detector: &Detector| detector.detect_timed(ImageView::from(image)).map_err(|error| error.to_string());
    let ((faces, all), (screened, some)) = (find(exact)?, find(screening)?);
    let passed = |timing: &Timing| timing.levels.iter().map(|level| level.candidates).sum::<usize>();
    let lost = |all: usize, some: usize| all.saturating_sub(some);
    let bits = |faces: &[Face]| -> Vec<u32> {
        let numbers = faces.iter().flat_map(|face| {
            let points = face.named_points().flat_map(|(_, point)| [point.x, point.y]);
            face.bbox.to_array().into_iter().chain([face.score]).chain(points)
        });
        numbers.map(f32::to_bits).collect()
    };
    Ok(Seen {
        faces: faces.len(),
        screened: [
            (some.cells, lost(passed(&all), passed(&some))),
            (some.rnet_crops, lost(all.rnet.outputs, some.rnet.outputs)),
        ],
        differs: bits(&faces) != bits(&screened),
    })
}

impl Verified {
    fn add(&mut self, seen: &Seen) {
        self.images += 1;
        self.faces += seen.faces;
        self.different += usize::from(seen.differs);
        for (sum, (screening, lost)) in [&mut self.cells, &mut self.crops].into_iter().zip(seen.screened) {
            sum.inputs += screening.inputs;
            sum.recomputed += screening.recomputed;
            sum.lost += lost;
            let nearest = screening.nearest.min(sum.nearest.unwrap_or(f32::INFINITY));
            sum.nearest = nearest.is_finite().then_some(nearest);
        }
    }
}

fn table(rows: &[Verified], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<16} {:>6} {:>6} {:>9} {:>5} {:>11} {:>10} {:>5} {:>7}",
        "profile", "images", "faces", "different", "of", "screened", "recomputed", "lost", "nearest"
    )?;
    for Verified { profile, images, faces, different, cells, crops } in rows {
        for (name, Screened { inputs, recomputed, lost, nearest }) in [("cells", cells), ("crops", crops)] {
            let part = 100.0 * *recomputed as f64 / (*inputs as f64).max(1.0);
            let nearest = nearest.map_or_else(|| "-".into(), |nearest| format!("{nearest:.3}"));
            writeln!(
                out,
                "{profile:<16} {images:>6} {faces:>6} {different:>9} {name:>5} {inputs:>11} {part:>8.2} % {lost:>5} \
                 {nearest:>7}"
            )?;
        }
    }
    Ok(())
}
