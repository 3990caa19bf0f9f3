//! The nets in tract, read from ONNX files, beside ours: PNet on all levels of an image, RNet on 256 crops and
//! ONet on 64.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use mtcnn_cpu::{Detector, Isa, StageTimes, Timing, image};
use tract_onnx::prelude::*;

use crate::common::numbers;
use crate::row;

/// Names the folder of `pnet.onnx`, `rnet.onnx` and `onet.onnx`: one input, normalised RGB `[image][3][row][column]`,
/// of which the number of images, and in PNet the rows and columns, are free.
const FOLDER: &str = "MTCNN_CPU_ONNX";

/// Many faces: enough crops to time the nets for crops by.
const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/crowd.jpg");

/// A net for crops: its part of a detection, the side of a crop, and the crops in a batch.
type CropNet = (&'static str, fn(&Timing) -> StageTimes, usize, usize);
const CROP_NETS: [CropNet; 2] = [("rnet", |timing| timing.rnet, 24, 256), ("onet", |timing| timing.onet, 48, 64)];

pub(crate) fn run(criterion: &mut Criterion, isa: Isa) {
    let image = image::open(IMAGE).expect("an image");
    let detector = Detector::builder().threads(1).isa(isa).build().expect("a detector");
    let detect = || detector.detect_timed(&image).expect("a detection").1;
    let first = detect();
    let folder = std::env::var_os(FOLDER);
    if folder.is_none() {
        eprintln!("SKIPPED: the nets in tract; {FOLDER} names no folder of pnet.onnx, rnet.onnx and onet.onnx");
    }

    let size = format!("{}x{}", image.width(), image.height());
    ours(criterion, "pnet", &size, first.pnet.flops, || detect().pnet.busy);
    if let Some(folder) = &folder {
        // Planned for each level's size alone: the best that it can do.
        let levels: Vec<_> =
            first.levels.iter().map(|level| Planned::new(folder, "pnet", [1, 3, level.height, level.width])).collect();
        row(criterion, "pnet", &size, "tract", first.pnet.flops, || levels.iter().for_each(Planned::run));
    }
    for (net, stage, side, crops) in CROP_NETS {
        let (shape, there) = (format!("{crops}x{side}x{side}"), stage(&first).inputs);
        // A net can't be had alone: the time of the crops that a detection has is taken for as many.
        let share = |whole: f64| whole * crops as f64 / there as f64;
        let flops = share(stage(&first).flops as f64) as u64;
        ours(criterion, net, &shape, flops, || Duration::from_secs_f64(share(stage(&detect()).busy.as_secs_f64())));
        if let Some(folder) = &folder {
            let planned = Planned::new(folder, net, [crops, 3, side, side]);
            row(criterion, net, &shape, "tract", flops, || planned.run());
        }
    }
}

/// A row of a part of our detection.
fn ours(criterion: &mut Criterion, net: &str, shape: &str, flops: u64, time: impl Fn() -> Duration) {
    let mut group = criterion.benchmark_group(net);
    group.throughput(Throughput::Elements(flops));
    group.bench_function(format!("{shape}/ours"), |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| time()).sum());
    });
    group.finish();
}

/// A net planned for inputs of one size, with such an input.
struct Planned {
    net: Arc<TypedRunnableModel>,
    input: TValue,
}

impl Planned {
    /// # Panics
    /// If the file can't be read, or isn't a net that takes such an input.
    fn new(folder: impl AsRef<Path>, name: &str, shape: [usize; 4]) -> Self {
        let path = folder.as_ref().join(name).with_extension("onnx");
        let plan = || {
            tract_onnx::onnx()
                .model_for_path(&path)?
                .with_input_fact(0, f32::fact(shape).into())?
                .into_optimized()?
                .into_runnable()
        };
        let net = plan().unwrap_or_else(|reason| panic!("{}: {reason:?}", path.display()));
        let input = Tensor::from_shape(&shape, &numbers(shape.iter().product())).expect("as many numbers").into();
        Self { net, input }
    }

    fn run(&self) {
        black_box(self.net.run(tvec!(black_box(&self.input).clone())).expect("the net runs"));
    }
}
