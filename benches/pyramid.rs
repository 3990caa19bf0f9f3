//! Milliseconds per image pyramid: PNet on every level of an image, with the levels made on the way,
//! and the whole detection, beside the machine's own limit.
//!
//! `cargo bench --bench pyramid` prints criterion's lines and then a table: ms per image pyramid and the
//! share of the FMA peak that PNet reaches, all measured in the same run.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Throughput;
use mtcnn_cpu::{Detector, ImageView, PixelFormat, Timing, isa};
use mtcnn_kernels::peak;

#[path = "common/flops.rs"]
mod flops;
use flops::FlopsClock;

const SIZES: [(usize, usize); 3] = [(640, 480), (1280, 720), (1920, 1080)];
const MIN_FACES: [f64; 2] = [20.0, 40.0];
const THREADS: [usize; 2] = [1, 2];

/// An image without faces but with all that a resize and a net can trip over: shades and noise.
fn image(width: usize, height: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 27) as u8
    };
    (0..width * height * 3).map(|i| ((i / 3 % width / 4 + i / 3 / width / 3) % 200) as u8 + noise()).collect()
}

/// The best of many measurements of one bench.
struct Best {
    name: String,
    pyramid: Duration,
    pnet: Duration,
    gflops: f64,
    total: Duration,
}

impl Best {
    fn new(name: &str) -> Self {
        let longest = Duration::MAX;
        Self { name: name.to_owned(), pyramid: longest, pnet: longest, gflops: 0.0, total: longest }
    }

    fn take(&mut self, timing: &Timing, threads: usize) {
        self.pyramid = self.pyramid.min((timing.pyramid.busy + timing.pnet.busy) / threads as u32);
        self.pnet = self.pnet.min(timing.pnet.busy / threads as u32);
        self.gflops = self.gflops.max(timing.pnet.gflops());
        self.total = self.total.min(timing.total);
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn main() {
    let isa = isa::from_env().unwrap_or_else(|reason| panic!("{reason}"));
    let mut criterion = FlopsClock::criterion().configure_from_args().sample_size(20);

    let mut group = criterion.benchmark_group("fma_peak");
    group.throughput(Throughput::Elements(peak::flops(isa)));
    group.bench_function(isa.to_string(), |bencher| bencher.iter(|| peak::round(isa)));
    group.finish();

    let table = RefCell::new(Vec::new());
    let mut group = criterion.benchmark_group("ms_per_image_pyramid");
    for (width, height) in SIZES {
        let pixels = image(width, height);
        let view = ImageView::new(&pixels, width, height, PixelFormat::Rgb).expect("an image");
        for min_face in MIN_FACES {
            for threads in THREADS {
                let detector =
                    Detector::builder().min_face(min_face).threads(threads).isa(isa).build().expect("a detector");
                let name = format!("{width}x{height}/min_face_{min_face}/{threads}_threads");
                let mut best = Best::new(&name);
                let (_, first) = detector.detect_timed(view).expect("a detection");
                group.throughput(Throughput::Elements(first.pnet.flops));
                group.bench_function(&name, |bencher| {
                    bencher.iter_custom(|rounds| {
                        // What a detection takes before the crops: the levels and PNet on them.
                        let begin = Instant::now();
                        let mut rest = Duration::ZERO;
                        for _ in 0..rounds {
                            let (_, timing) = black_box(detector.detect_timed(view).expect("a detection"));
                            rest += (timing.crops.busy + timing.rnet.busy + timing.onet.busy) / threads as u32;
                            best.take(&timing, threads);
                        }
                        begin.elapsed().saturating_sub(rest)
                    });
                });
                table.borrow_mut().push(best);
            }
        }
    }
    group.finish();
    criterion.final_summary();

    let table: Vec<Best> = table.into_inner().into_iter().filter(|best| best.pyramid < Duration::MAX).collect();
    if table.is_empty() {
        return;
    }
    let peak = peak::gflops(isa, Duration::from_millis(500));
    println!("\n{isa}, FMA peak {peak:.1} GFLOP/s a core; the best of each:");
    println!(
        "{:36} {:>14} {:>9} {:>14} {:>8} {:>9}",
        "", "ms per pyramid", "PNet ms", "PNet GFLOP/s", "of peak", "total ms"
    );
    for best in table {
        println!(
            "{:36} {:14.2} {:9.2} {:14.1} {:8.2} {:9.2}",
            best.name,
            ms(best.pyramid),
            ms(best.pnet),
            best.gflops,
            best.gflops / peak,
            ms(best.total)
        );
    }
}
