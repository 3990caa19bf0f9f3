//! Our work beside that of other pure-Rust crates, in one run, on one thread.
//!
//! `cargo bench --manifest-path benches/peers/Cargo.toml` prints rows `work/shape/who`: `gemm` at the nets' own
//! shapes, `pyramid` of two sizes of images, `detect` in two images with faces. With `--features tract` there
//! are `pnet`, `rnet` and `onet` too, from ONNX files in the folder MTCNN_CPU_ONNX. Gelem/s are useful GFLOP/s, to
//! be read beside `peak`; in `pyramid` the bytes of the image. `-- pyramid` measures the rows of one work, and
//! MTCNN_CPU_ISA forces our instruction set; the others choose their own.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use mtcnn_cpu::{Detector, ImageView, Isa, Level, PixelFormat, image, isa};
use mtcnn_kernels::gemm::{Matrix, gemm};
use mtcnn_kernels::resize::{Affine, Axis, Order, Region, Separable, Source};
use mtcnn_kernels::{Buffer, peak};

use common::numbers;

#[path = "../common/mod.rs"]
mod common;
mod multiply;
#[cfg(feature = "tract")]
mod nets;

/// One row `work/shape/who`.
fn row(criterion: &mut Criterion, work: &str, shape: &str, who: &str, amount: u64, mut run: impl FnMut()) {
    let mut group = criterion.benchmark_group(work);
    group.throughput(Throughput::Elements(amount));
    group.bench_function(format!("{shape}/{who}"), |bencher| bencher.iter(&mut run));
    group.finish();
}

/// C += A·B as the nets have it: the dense layers of a batch of 16 crops, and each convolution as im2col would
/// put it, four crops at a time and PNet's on the largest level of 640x480. B is the weights.
const GEMMS: [(&str, usize, usize, usize); 11] = [
    ("rnet_fc", 16, 128, 576),
    ("onet_fc", 16, 256, 1152),
    ("pnet_conv2", 142 * 190, 16, 90),
    ("pnet_conv3", 140 * 188, 32, 144),
    ("rnet_conv2", 4 * 9 * 9, 48, 252),
    ("rnet_conv3", 4 * 3 * 3, 64, 192),
    ("onet_conv2", 4 * 21 * 21, 64, 288),
    ("onet_conv3", 4 * 8 * 8, 64, 576),
    ("onet_conv4", 4 * 3 * 3, 128, 256),
    ("square", 512, 512, 512),
    ("large_square", 1024, 1024, 1024),
];

/// Every one of them packs B anew, as nobody else can keep it packed.
fn gemms(criterion: &mut Criterion, isa: Isa) {
    for (name, m, n, k) in GEMMS {
        let (shape, flops) = (format!("{name}_{m}x{n}x{k}"), 2 * (m * n * k) as u64);
        let (a, b, mut c) = (numbers(m * k), numbers(k * n), vec![0.0; m * n]);
        row(criterion, "gemm", &shape, "ours", flops, || {
            gemm(isa, Matrix::new(black_box(&a), m, k), Matrix::new(&b, k, n), &mut c);
        });
        for (who, multiply) in multiply::PEERS {
            // What is compared must be the same work.
            let mut other = vec![0.0; m * n];
            let mut own = vec![0.0; m * n];
            multiply(m, n, k, &a, &b, &mut other);
            gemm(isa, Matrix::new(&a, m, k), Matrix::new(&b, k, n), &mut own);
            let far = own.iter().zip(&other).any(|(own, other)| (own - other).abs() > 1e-3);
            assert!(!far, "{who} multiplies otherwise");
            row(criterion, "gemm", &shape, who, flops, || multiply(m, n, k, black_box(&a), &b, &mut c));
        }
    }
}

/// All levels of an image, from its bytes. Ours are normalised floats in planes, as PNet takes them;
/// `fast_image_resize` stays in bytes, which is less work.
fn pyramids(criterion: &mut Criterion, isa: Isa) {
    for (width, height) in [(640, 480), (1920, 1080)] {
        let pixels: Vec<u8> = numbers(width * height * 3).iter().map(|x| (x * 127.0 + 128.0) as u8).collect();
        let (shape, bytes) = (format!("{width}x{height}"), pixels.len() as u64);
        let levels = levels(&pixels, width, height);

        let source = Source { data: &pixels, width, height, stride: width * 3, pixel: 3, channels: [0, 1, 2] };
        let (mut down, mut across, mut scratch) = (Axis::default(), Axis::default(), Buffer::default());
        let mut output = vec![0.0; levels[0].width * levels[0].height * 3];
        row(criterion, "pyramid", &shape, "ours", bytes, || {
            for &Level { width: columns, height: rows, .. } in &levels {
                down.area_bins(height, rows);
                across.area_bins(width, columns);
                let (source, region) = (*black_box(&source), Region::whole(&source));
                let (affine, order) = (Affine { scale: 1.0 / 128.0, offset: -127.5 / 128.0 }, Order::Planar);
                let output = &mut output[..rows * columns * 3];
                Separable { source, region, down: &down, across: &across, affine, order }
                    .rows(isa, 0..rows, &mut scratch, output);
            }
        });

        let source = ImageRef::new(width as u32, height as u32, &pixels, PixelType::U8x3).expect("an image");
        let mut outputs: Vec<Image<'_>> =
            levels.iter().map(|level| Image::new(level.width as u32, level.height as u32, PixelType::U8x3)).collect();
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Box));
        let mut resizer = Resizer::new();
        row(criterion, "pyramid", &shape, "fast_image_resize", bytes, || {
            for output in &mut outputs {
                resizer.resize(black_box(&source), output, &options).expect("a level");
            }
        });
    }
}

/// The pyramid of an image, as a detection has it.
fn levels(pixels: &[u8], width: usize, height: usize) -> Vec<Level> {
    let view = ImageView::new(pixels, width, height, PixelFormat::Rgb).expect("an image");
    let detector = Detector::builder().threads(1).build().expect("a detector");
    detector.detect_timed(view).expect("a detection").1.levels
}

/// From decoded image to faces of 20 pixels and more. The other one works in shades of grey, which are made
/// before the clock runs, gives no landmarks, and finds fewer faces: how many is said.
fn detections(criterion: &mut Criterion, isa: Isa) {
    let model = model();
    if model.is_none() {
        eprintln!("SKIPPED: cargo doesn't say where the crate rustface is, and its model with it");
    }
    for name in ["crowd.jpg", "astronaut.png"] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata");
        let image = image::open(format!("{folder}/{name}")).expect("an image");
        let detector = Detector::builder().threads(1).isa(isa).build().expect("a detector");
        let detect = || detector.detect(&image).expect("a detection");
        eprintln!("\n{name}: mtcnn-cpu finds {} faces", detect().len());
        row(criterion, "detect", name, "ours", 1, || drop(black_box(detect())));

        let Some(model) = &model else { continue };
        let mut detector = rustface::create_detector(model.to_str().expect("a path in UTF-8")).expect("a model");
        // As its README has it.
        detector.set_min_face_size(20);
        detector.set_score_thresh(2.0);
        detector.set_pyramid_scale_factor(0.8);
        detector.set_slide_window_step(4, 4);
        let grey: Vec<u8> = image.pixels().map(|pixel| luma(pixel.0)).collect();
        let view = rustface::ImageData::new(&grey, image.width(), image.height());
        eprintln!("{name}: rustface finds {} faces", detector.detect(&view).len());
        row(criterion, "detect", name, "rustface", 1, || drop(black_box(detector.detect(&view))));
    }
}

/// Brightness by BT.601.
fn luma([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114 + 500) / 1000) as u8
}

/// The model that comes with the source of the crate rustface, which only cargo knows the place of.
fn model() -> Option<PathBuf> {
    let metadata = Command::new(std::env::var_os("CARGO")?)
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).ok()?;
    let packages = metadata["packages"].as_array()?;
    let package = packages.iter().find(|package| package["name"] == "rustface")?;
    let model = Path::new(package["manifest_path"].as_str()?).with_file_name("model/seeta_fd_frontal_v1.0.bin");
    model.is_file().then_some(model)
}

fn main() {
    let isa = isa::from_env().unwrap_or_else(|reason| panic!("{reason}"));
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    row(&mut criterion, "peak", &isa.to_string(), "ours", peak::flops(isa), || {
        black_box(peak::round(isa));
    });
    pyramids(&mut criterion, isa);
    gemms(&mut criterion, isa);
    #[cfg(feature = "tract")]
    nets::run(&mut criterion, isa);
    #[cfg(not(feature = "tract"))]
    eprintln!("SKIPPED: the nets in tract, which take --features tract");
    detections(&mut criterion, isa);
    criterion.final_summary();
}
