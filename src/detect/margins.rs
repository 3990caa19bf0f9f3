//! The maker of `src/weights/default/screening.txt`: what screening must know of the embedded weights, measured.
//!
//! ```text
//! SCREENING_IMAGES=FOLDER[:FOLDER] SCREENING_TO=FILE cargo test --workspace --lib -- --ignored --nocapture detect::margins
//! ```
//!
//! The ranges of activations are those seen on the pyramid levels and crops of every image of the folders. What passes a
//! threshold in f32 may score less in low precision: the margin is [`RESERVE`] times the largest such loss, for whatever
//! threshold of a range. Other images confirm it (`mtcnn-cpu bench --verify`).

use std::path::{Path, PathBuf};

use mtcnn_kernels::low::Backend;
use mtcnn_kernels::{Buffer, Conv, ConvParams, Isa, Shape};

use super::candidate::Candidate;
use super::crop::{self, CropScratch};
use super::detector::Detector;
use super::halves;
use super::pyramid::{self, LevelMaker, LevelScratch};
use crate::arch::{Arch, Layer, Stage};
use crate::image::ImageView;
use crate::nets::{Net, Scratch, low};
use crate::profile::Profile;
use crate::weights::{Model, NetScreening, Range};

/// Probabilities: from each to the next, thresholds have a margin of their own.
const THRESHOLDS: [f32; 12] = [0.03, 0.1, 0.2, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.93, 0.97, 0.99];

/// What the largest loss is multiplied by.
const RESERVE: f32 = 1.5;

fn logit(probability: f32) -> f32 {
    (probability / (1.0 - probability)).ln()
}

/// The images of folders and their sub-folders.
fn images() -> Vec<PathBuf> {
    fn walk(path: &Path, files: &mut Vec<PathBuf>) {
        if path.is_file() {
            files.push(path.into());
        } else {
            std::fs::read_dir(path).unwrap().for_each(|entry| walk(&entry.unwrap().path(), files));
        }
    }
    let mut files = Vec::new();
    let folders = std::env::var("SCREENING_IMAGES").expect("SCREENING_IMAGES names folders");
    folders.split(':').for_each(|folder| walk(Path::new(folder), &mut files));
    files.sort();
    files
}

/// What a net is shown of an image, `[image][row][column][3]`.
fn shown(detector: &Detector, stage: Stage, view: &ImageView<'_>, mut show: impl FnMut(Shape, &[f32])) {
    let cascade = &detector.cascade;
    let (isa, resize, mut halved) = (cascade.isa, cascade.profile.resize, halves::Pixels::default());
    let halves = cascade.halves(view, 1, &mut halved);
    if stage == Stage::PNet {
        let mut shapes = Vec::new();
        let min_face = cascade.min_face_in(view);
        pyramid::levels(
            view.height(),
            view.width(),
            stage.side(),
            min_face,
            cascade.factor,
            &cascade.profile,
            &mut shapes,
        );
        let (mut maker, mut scratch) = (LevelMaker::default(), LevelScratch::default());
        for shape in shapes {
            maker.prepare(&halves, shape, resize);
            let mut planes = vec![0.0; shape.height * shape.width * 3];
            maker.make(isa, &halves, resize, 0..shape.height, &mut scratch, &mut planes);
            let width = shape.width;
            let pixels = (0..planes.len()).map(|i| planes[(i / (3 * width) * 3 + i % 3) * width + i / 3 % width]);
            show(Shape::image(shape.height, width, 3), &pixels.collect::<Vec<_>>());
        }
        return;
    }
    let mut boxes: Vec<Candidate> = detector.arenas.lend(|arena| arena.boxes_after(1, cascade, view, 1).to_vec());
    let (side, mut scratch, mut pixels) = (stage.side(), CropScratch::default(), Vec::new());
    for (cut, half) in boxes.iter_mut().filter_map(|candidate| cascade.cut(candidate, side, &halves)) {
        let mut square = vec![0.0; side * side * 3];
        crop::make(isa, halves.view(half), cut, side, resize, &mut scratch, &mut square);
        pixels.extend(square);
    }
    if !pixels.is_empty() {
        show(Shape::new(pixels.len() / (side * side * 3), side, side, 3), &pixels);
    }
}

/// Adds what the layers give, each behind its pool, to the ranges and the counts of their sums.
fn look(isa: Isa, model: &Model, arch: &Arch, shape: Shape, pixels: &[f32], ranges: &mut Vec<Vec<(Range, f64, u64)>>) {
    let tensor = |layer: &str, part: &str| model.tensor(&format!("{}.{layer}.{part}", arch.name()));
    let (mut shape, mut values, mut done) = (shape, pixels.to_vec(), 0);
    let layers = arch.layers.iter().take_while(|layer| !matches!(layer, Layer::Dense { .. }));
    for (k, layer) in layers.enumerate() {
        let after;
        let mut made;
        match *layer {
            Layer::Conv { name, prelu, size, inputs, .. } => {
                let [weights, bias] = ["weight", "bias"].map(|part| tensor(name, part));
                let slopes = Some(tensor(prelu, "slope"));
                let conv = Conv::new(isa, ConvParams { size, inputs, weights, bias, slopes });
                after = conv.output(shape).unwrap();
                made = vec![0.0; after.values()];
                conv.forward(shape, &values, &mut made);
            }
            Layer::MaxPool(pool) => {
                after = pool.output(shape).unwrap();
                made = vec![0.0; after.values()];
                pool.forward(isa, shape, &values, &mut made);
            }
            Layer::Dense { .. } => unreachable!("left out"),
        }
        (shape, values) = (after, made);
        if matches!(arch.layers.get(k + 1), Some(Layer::MaxPool(_))) {
            continue;
        }
        let start = Range { least: f32::INFINITY, most: f32::NEG_INFINITY, mean: 0.0 };
        ranges.resize(ranges.len().max(done + 1), vec![(start, 0.0, 0); shape.channels]);
        for pixel in values.chunks_exact(shape.channels) {
            for ((range, sum, count), &value) in ranges[done].iter_mut().zip(pixel) {
                (range.least, range.most) = (range.least.min(value), range.most.max(value));
                (*sum, *count) = (*sum + f64::from(value), *count + 1);
            }
        }
        done += 1;
    }
}

#[test]
#[ignore = "makes what comes with the embedded weights, from many images"]
fn margins() {
    let (model, isa) = (Model::embedded(), Isa::best());
    // They resize and cut out in different ways.
    let of = |profile| Detector::builder().threads(1).profile(profile).screening(false).build().unwrap();
    let detectors = Profile::ALL.map(of);
    let backend = Backend::best(isa).expect("a machine that can screen");
    let files = images();
    let mut text = format!(
        "# Measured on {} images by src/detect/margins.rs: net, layer, and of a channel the least, the most and the mean.\n",
        files.len()
    );
    for stage in [Stage::PNet, Stage::RNet] {
        let arch = model.arch(stage);
        let mut ranges = Vec::new();
        let each = |show: &mut dyn FnMut(Shape, &[f32])| {
            for file in &files {
                match crate::image::open(file) {
                    Ok(image) => detectors
                        .iter()
                        .for_each(|detector| shown(detector, stage, &ImageView::from(&image), &mut *show)),
                    Err(error) => eprintln!("left out: {error:#}"),
                }
            }
        };
        each(&mut |shape, pixels| look(isa, &model, &arch, shape, pixels, &mut ranges));
        if stage == Stage::PNet {
            // Of the last one no bytes are made.
            ranges.pop();
        }
        let mean = |&(range, sum, count): &(Range, f64, u64)| Range { mean: (sum / count as f64) as f32, ..range };
        let layers: Vec<Vec<Range>> = ranges.iter().map(|layer| layer.iter().map(mean).collect()).collect();
        let thresholds = THRESHOLDS.map(logit);
        let mut screening = NetScreening { layers, margins: Vec::new() };

        let net = Net::new(isa, arch, &model);
        let (mut scratch, mut low_scratch) = (Scratch::default(), Buffer::default());
        let mut losses = vec![Vec::new(); thresholds.len() - 1];
        let (mut count, mut squares) = (0, 0.0);
        let (cells, crops) = match stage {
            Stage::PNet => (Some(low::pnet(&model, &screening)), None),
            _ => (None, Some(low::rnet(&model, &screening))),
        };
        each(&mut |shape, pixels| {
            let mut exact;
            let mut scores;
            if let Some(cells) = &cells {
                let (rows, columns, _) = net.map(shape.height, shape.width).unwrap();
                let width = shape.width;
                let planes =
                    (0..pixels.len()).map(|i| pixels[(i / (3 * width) * width + i % width) * 3 + i / width % 3]);
                let planes: Vec<f32> = planes.collect();
                exact = vec![0.0; rows * columns * net.outputs()];
                net.forward_map(shape.height, width, &planes, &mut scratch, &mut exact);
                scores = vec![0.0; rows * columns];
                cells.forward(backend, shape.height, width, &planes, &mut low_scratch, &mut scores);
            } else {
                exact = vec![0.0; shape.images * net.outputs()];
                net.forward_crops(shape.images, pixels, &mut scratch, &mut exact);
                scores = vec![0.0; shape.images];
                crops.as_ref().unwrap().forward(backend, pixels, &mut low_scratch, &mut scores);
            }
            for (answer, score) in exact.chunks_exact(net.outputs()).zip(&scores) {
                let logit = answer[1] - answer[0];
                count += 1;
                squares += f64::from(logit - score).powi(2);
                for (range, losses) in thresholds.windows(2).zip(&mut losses) {
                    if logit >= range[0] && logit.min(range[1]) > *score {
                        losses.push(logit.min(range[1]) - score);
                    }
                }
            }
        });
        eprintln!("{stage}: {count} answers, error rms {:.3}", (squares / f64::from(count)).sqrt());
        for (range, losses) in thresholds.windows(2).zip(&mut losses) {
            losses.sort_by(|a, b| b.total_cmp(a));
            let margin = (losses[0] * RESERVE * 100.0).ceil() / 100.0;
            eprintln!("logits {range:.2?}: largest losses {:.3?}; margin {margin}", &losses[..losses.len().min(8)]);
            screening.margins.push([range[0], range[1], margin]);
            text += &format!("{stage} margin {} {} {margin}\n", range[0], range[1]);
        }
        for (k, layer) in screening.layers.iter().enumerate() {
            for Range { least, most, mean } in layer {
                text += &format!("{stage} {} {least} {most} {mean}\n", k + 1);
            }
        }
    }
    std::fs::write(std::env::var("SCREENING_TO").expect("SCREENING_TO names a file"), text).unwrap();
}
