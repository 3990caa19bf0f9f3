//! Each net as it works in a detection, and the whole detection, in two images with faces.
//!
//! `cargo bench --bench nets` prints `pnet/image` and the like for one thread, with useful
//! GFLOP/s to be read beside `peak`, and `detect/image/threads` from decoded image to faces.
//! `MTCNN_CPU_ISA` forces an instruction set.

use std::hint::black_box;
use std::time::Duration;

use criterion::Throughput;
use mtcnn_cpu::{Detector, StageTimes, Timing, image, isa};
use mtcnn_kernels::peak;

#[path = "common/flops.rs"]
mod flops;
use flops::FlopsClock;

const IMAGES: [&str; 2] = ["crowd.jpg", "astronaut.png"];
const THREADS: [usize; 2] = [1, 2];

/// A net's part of a detection.
type Net = (&'static str, fn(&Timing) -> StageTimes);
const NETS: [Net; 3] = [("pnet", |timing| timing.pnet), ("rnet", |timing| timing.rnet), ("onet", |timing| timing.onet)];

fn main() {
    let isa = isa::from_env().unwrap_or_else(|reason| panic!("{reason}"));
    let mut criterion =
        FlopsClock::criterion().sample_size(20).measurement_time(Duration::from_secs(3)).configure_from_args();

    let mut group = criterion.benchmark_group("peak");
    group.throughput(Throughput::Elements(peak::flops(isa)));
    group.bench_function(isa.to_string(), |bencher| bencher.iter(|| peak::round(isa)));
    group.finish();

    for name in IMAGES {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata");
        let image = image::open(format!("{folder}/{name}")).expect("an image");
        for threads in THREADS {
            let detector = Detector::builder().threads(threads).isa(isa).build().expect("a detector");
            let detect = || detector.detect_timed(&image).expect("a detection");
            if threads == 1 {
                let (_, first) = detect();
                for (net, stage) in NETS {
                    let mut group = criterion.benchmark_group(net);
                    group.throughput(Throughput::Elements(stage(&first).flops));
                    // A net can't be had alone: the detections run whole, and its part is counted.
                    group.bench_function(name, |bencher| {
                        bencher.iter_custom(|rounds| (0..rounds).map(|_| stage(&detect().1).busy).sum());
                    });
                    group.finish();
                }
            }
            let mut group = criterion.benchmark_group("detect");
            group.bench_function(format!("{name}/{threads}"), |bencher| bencher.iter(|| black_box(detect())));
            group.finish();
        }
    }
    criterion.final_summary();
}
