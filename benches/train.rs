//! Training: samples a second of a batch of 384, for each net.
//!
//! `cargo bench --bench train` prints two rows for each net and number of threads: `step` is forward, loss,
//! backward and descent of one batch again and again; `loop` is [`Training::run`] as the program has it, samples
//! drawn from a set on disk, mirrored, their colours changed. Elem/s are samples a second.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use mtcnn_cpu::Stage;
use mtcnn_cpu::data::images::Reading;
use mtcnn_cpu::data::{self, DataSet, Preparation, SampleOptions, Split};
use mtcnn_cpu::train::{Ended, Loader, Plan, Recipe, Sampler, Trainer, Training};
use mtcnn_cpu::{Isa, isa};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tempfile::TempDir;

/// Steps of a loop before the clock runs: the batches that are drawn ahead are there by then.
const WARM_UP: u64 = 8;

/// A set of samples of made-up images. Nobody learns from it, but it takes as long to read.
fn prepare(stage: Stage, pool: &ThreadPool, out: &Path) -> DataSet {
    let sources = mtcnn_cpu_test_support::sources::Sources::new();
    let points = sources.path("points");
    let lists = data::Sources::read(&[sources.folder.path().into()], Some(&points), Split::Train).unwrap();
    let random = SampleOptions::new(Stage::PNet).random;
    let options = SampleOptions { random, mined: None, ..SampleOptions::new(stage) };
    let detector = "none".into();
    let preparation = Preparation {
        stage,
        points: 5,
        options: &options,
        boxes: None,
        detector,
        pool,
        reading: Reading::default(),
        most_skipped: 0.0,
    };
    data::prepare(&lists, &preparation, out, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    DataSet::open(out).unwrap()
}

/// The time that `steps` steps of a training take, data included.
fn train(plan: &Plan, set: &DataSet, pool: &ThreadPool, isa: Isa, steps: u64) -> Duration {
    let out = TempDir::new().unwrap();
    let plan = Plan { steps: WARM_UP + steps, ..plan.clone() };
    let training = Training {
        plan: &plan,
        data: set,
        validation: None,
        base: None,
        fine_tune: false,
        out: out.path(),
        resume: false,
        checkpoint_every: 1000,
        metrics_every: 100,
        validate_every: 1000,
        pool,
        isa,
    };
    let (mut began, mut took) = (Instant::now(), Duration::ZERO);
    let mut progress = |progress: &mtcnn_cpu::train::TrainingProgress<'_>| {
        if progress.step == WARM_UP {
            began = Instant::now();
        }
        took = began.elapsed();
        std::ops::ControlFlow::Continue(())
    };
    assert_eq!(training.run(&mut progress).unwrap(), Ended::Complete);
    took
}

fn main() {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let isa = isa::from_env().unwrap();
    let recipe = Recipe::read(Path::new("quick")).unwrap();
    let folder = TempDir::new().unwrap();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for stage in [Stage::PNet, Stage::RNet, Stage::ONet] {
        let all = ThreadPoolBuilder::new().build().unwrap();
        let set = prepare(stage, &all, &folder.path().join(stage.name()));
        let plan = recipe.plan(stage);
        for threads in [1, cores] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut group = criterion.benchmark_group(format!("{}_{threads}_threads", stage.name()));
            group.throughput(Throughput::Elements(plan.mixture.batch.sum() as u64));

            let mut samples = Loader::default();
            let draws = Sampler::new(&set, &plan.mixture, 0).unwrap().draw(0).unwrap();
            samples.make(isa, &set, &draws);
            let mut trainer = Trainer::new(stage, isa, plan.options.clone());
            group.bench_function("step", |bencher| {
                bencher.iter(|| pool.install(|| black_box(trainer.step(&samples.batch()))));
            });
            group.bench_function("loop", |bencher| bencher.iter_custom(|steps| train(&plan, &set, &pool, isa, steps)));
            group.finish();
        }
    }
    criterion.final_summary();
}
