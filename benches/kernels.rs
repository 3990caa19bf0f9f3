//! Each kernel at the nets' own shapes, beside the machine's own limit.
//!
//! `cargo bench --bench kernels` prints a line `kernel/shape` for each, and `-- winograd` those of one
//! kernel. GFLOP/s are useful operations of one thread, to be read beside `peak`; rows of max-pools and resizes,
//! which do few, have the bytes that go in. `MTCNN_CPU_ISA` forces an instruction set.

use std::hint::black_box;
use std::time::Duration;

use criterion::Throughput;
use mtcnn_cpu::isa;
use mtcnn_kernels::gemm::{Matrix, gemm};
use mtcnn_kernels::resize::{Affine, Axis, Order, Region, Separable, Source, opencv};
use mtcnn_kernels::rows::{self, RowLayer};
use mtcnn_kernels::{Buffer, Conv, ConvParams, Dense, Isa, MaxPool, Shape, Winograd, peak};

#[path = "common/flops.rs"]
mod flops;

mod common;
use common::numbers;
use flops::{FlopsClock, FlopsCriterion};

/// A convolution of the nets: size of the kernel, channels in and out, and the input's rows and columns.
type Convolution = (&'static str, usize, usize, usize, usize, usize);

/// PNet's after its first layer, on the largest level of a 640x480 image.
const PNET: [Convolution; 3] =
    [("pnet_conv2", 3, 10, 16, 144, 192), ("pnet_conv3", 3, 16, 32, 142, 190), ("pnet_heads", 1, 32, 6, 140, 188)];

/// RNet's and ONet's.
const CROPS: [Convolution; 7] = [
    ("rnet_conv1", 3, 3, 28, 24, 24),
    ("rnet_conv2", 3, 28, 48, 11, 11),
    ("rnet_conv3", 2, 48, 64, 4, 4),
    ("onet_conv1", 3, 3, 32, 48, 48),
    ("onet_conv2", 3, 32, 64, 23, 23),
    ("onet_conv3", 3, 64, 64, 10, 10),
    ("onet_conv4", 2, 64, 128, 4, 4),
];

/// Crops that run through the convolutions at a time, and through the dense layers.
const CROPS_AT_A_TIME: usize = 4;
const BATCH: usize = 16;

/// From how many channels on the nets run a 3x3 convolution by Winograd's way.
const WINOGRAD_FROM: usize = 28;

/// What a row's rate counts: operations, or the bytes that go in where there are few.
struct Work(Throughput);

impl From<u64> for Work {
    fn from(operations: u64) -> Self {
        Self(Throughput::Elements(operations))
    }
}

fn bytes_in(bytes: usize) -> Work {
    Work(Throughput::Bytes(bytes as u64))
}

/// One row `kernel/shape`.
fn row(criterion: &mut FlopsCriterion, kernel: &str, shape: &str, work: impl Into<Work>, mut run: impl FnMut()) {
    let mut group = criterion.benchmark_group(kernel);
    group.throughput(work.into().0);
    group.bench_function(shape, |bencher| bencher.iter(&mut run));
    group.finish();
}

fn convolution(criterion: &mut FlopsCriterion, isa: Isa, images: usize, of: Convolution) {
    let (name, size, inputs, outputs, height, width) = of;
    let name = format!("{name}_{images}x{height}x{width}x{inputs}_{outputs}");
    let (weights, bias) = (numbers(outputs * inputs * size * size), numbers(outputs));
    let slopes = vec![0.25; outputs];
    let params = ConvParams { size, inputs, weights: &weights, bias: &bias, slopes: Some(&slopes) };
    let shape = Shape::new(images, height, width, inputs);

    let conv = Conv::new(isa, params);
    let (input, flops) = (numbers(shape.values()), conv.flops(shape));
    let mut output = vec![0.0; conv.output(shape).expect("an input larger than the kernel").values()];
    row(criterion, "direct", &name, flops, || conv.forward(shape, black_box(&input), &mut output));
    row(criterion, "im2col", &name, flops, || conv.forward_im2col(shape, black_box(&input), &mut output));
    if size == 3 && inputs >= WINOGRAD_FROM {
        let (conv, mut scratch) = (Winograd::new(isa, params), Buffer::default());
        row(criterion, "winograd", &name, flops, || {
            conv.forward(shape, black_box(&input), &mut scratch, &mut output);
        });
    }
}

/// Row by row: PNet's planar first layer with the least that can follow it, the layers that run by
/// Winograd's way along the row, and the whole of PNet.
fn row_by_row(criterion: &mut FlopsCriterion, isa: Isa) {
    let conv = |(_, size, inputs, outputs, ..): Convolution| {
        let (weights, bias, slopes) = (numbers(outputs * inputs * size * size), numbers(outputs), vec![0.25; outputs]);
        let params = ConvParams { size, inputs, weights: &weights, bias: &bias, slopes: Some(&slopes) };
        // PNet's first layer takes planar rows, and what follows, which takes its ten channels.
        match (inputs, size) {
            (3, _) if outputs == 10 => RowLayer::planar_conv_pool(params),
            (10, _) => RowLayer::conv_of_planar_rows(isa, params),
            (_, 3) => RowLayer::winograd(isa, params),
            _ => RowLayer::conv(isa, params),
        }
    };
    let first = || conv(("", 3, 3, 10, 0, 0));
    let [_, conv3, _] = PNET;
    let [rnet_conv1, .., onet_conv1, _, _, _] = CROPS;
    for (name, layers, (height, width, inputs)) in [
        ("pnet_conv1_pool", vec![first(), conv(("", 1, 10, 1, 0, 0))], (289, 385, 3)),
        ("pnet_conv3", vec![conv(conv3)], (142, 190, 16)),
        ("pnet", std::iter::once(first()).chain(PNET.map(conv)).collect(), (289, 385, 3)),
        ("rnet_conv1", vec![conv(rnet_conv1)], (24, 24, 3)),
        ("onet_conv1", vec![conv(onet_conv1)], (48, 48, 3)),
    ] {
        let shape = Shape::image(height, width, inputs);
        let (mut output_shape, mut flops) = (shape, 0);
        for layer in &layers {
            flops += layer.flops(output_shape);
            output_shape = layer.output(output_shape).expect("a level of a face's size");
        }
        let (input, mut scratch, mut output) =
            (numbers(shape.values()), Buffer::default(), vec![0.0; output_shape.values()]);
        row(criterion, "rows", &format!("{name}_{height}x{width}x{inputs}"), flops, || {
            rows::forward(isa, &layers, shape, black_box(&input), &mut scratch, &mut output);
        });
    }
}

fn dense(criterion: &mut FlopsCriterion, isa: Isa) {
    for (name, inputs, outputs) in
        [("rnet_fc", 576, 128), ("rnet_heads", 128, 6), ("onet_fc", 1152, 256), ("onet_heads", 256, 16)]
    {
        let dense = Dense::new(isa, inputs, &numbers(inputs * outputs), &numbers(outputs), None);
        let (input, mut output) = (numbers(BATCH * inputs), vec![0.0; BATCH * outputs]);
        row(criterion, "dense", &format!("{name}_{BATCH}x{inputs}_{outputs}"), dense.flops(BATCH), || {
            dense.forward(BATCH, black_box(&input), &mut output);
        });
    }
}

fn max_pool(criterion: &mut FlopsCriterion, isa: Isa) {
    for (name, size, side, channels) in [
        ("rnet_pool1", 3, 22, 28),
        ("rnet_pool2", 3, 9, 48),
        ("onet_pool1", 3, 46, 32),
        ("onet_pool2", 3, 21, 64),
        ("onet_pool3", 2, 8, 64),
    ] {
        let pool = MaxPool { size, stride: 2 };
        let shape = Shape::new(CROPS_AT_A_TIME, side, side, channels);
        let (input, output) = (numbers(shape.values()), pool.output(shape).expect("a map larger than the window"));
        let mut output = vec![0.0; output.values()];
        let what = format!("{name}_{CROPS_AT_A_TIME}x{side}x{side}x{channels}");
        row(criterion, "max_pool", &what, bytes_in(size_of_val(&input[..])), || {
            pool.forward(isa, shape, black_box(&input), &mut output);
        });
    }
}

/// Levels of the two sizes of images, planar, and crops with their tables.
fn resizes(criterion: &mut FlopsCriterion, isa: Isa) {
    let affine = Affine { scale: 1.0 / 128.0, offset: -127.5 / 128.0 };
    let (mut down, mut across, mut scratch) = (Axis::default(), Axis::default(), Buffer::default());
    let mut opencv_scratch = opencv::Scratch::default();
    for (width, height) in [(640, 480), (1920, 1080)] {
        let bytes: Vec<u8> = numbers(width * height * 3).iter().map(|x| (x * 127.0 + 128.0) as u8).collect();
        let source = Source { data: &bytes, width, height, stride: width * 3, pixel: 3, channels: [0, 1, 2] };
        let whole = Region::whole(&source);
        for level in [0, 1, 2, 4, 8] {
            let scale = 0.6 * 0.709_f64.powi(level);
            let [rows, columns] = [height, width].map(|length| (length as f64 * scale + 1.0) as usize);
            down.area_bins(height, rows);
            across.area_bins(width, columns);
            let mut output = vec![0.0; rows * columns * 3];
            let shape = format!("{width}x{height}_{columns}x{rows}");
            row(criterion, "resize_level", &shape, bytes_in(bytes.len()), || {
                let (source, order) = (*black_box(&source), Order::Planar);
                Separable { source, region: whole, down: &down, across: &across, affine, order }.rows(
                    isa,
                    0..rows,
                    &mut scratch,
                    &mut output,
                );
            });
            if level == 0 {
                row(criterion, "resize_level_opencv", &shape, bytes_in(bytes.len()), || {
                    let target = opencv::Target {
                        height: rows,
                        width: columns,
                        rows: 0..rows,
                        affine,
                        order: Order::Interleaved,
                    };
                    opencv::area(isa, black_box(&source), &target, &mut opencv_scratch, &mut output);
                });
            }
        }
        if width > 640 {
            continue;
        }
        for (region, side) in [(20, 24), (60, 24), (200, 24), (60, 48), (200, 48)] {
            let mut output = vec![0.0; side * side * 3];
            row(criterion, "resize_crop", &format!("{region}_{side}"), bytes_in(region * region * 3), || {
                down.area_bins(region, side);
                across.area_bins(region, side);
                let region = Region { x: 100, y: 50, width: region, height: region };
                let (source, order) = (*black_box(&source), Order::Interleaved);
                Separable { source, region, down: &down, across: &across, affine, order }.rows(
                    isa,
                    0..side,
                    &mut scratch,
                    &mut output,
                );
            });
        }
    }
}

fn gemms(criterion: &mut FlopsCriterion, isa: Isa) {
    for (m, n, k) in [(BATCH, 128, 576), (BATCH, 256, 1152), (504, 512, 512)] {
        let (a, b, mut c) = (numbers(m * k), numbers(k * n), vec![0.0; m * n]);
        row(criterion, "gemm", &format!("{m}x{n}x{k}"), 2 * (m * n * k) as u64, || {
            gemm(isa, Matrix::new(black_box(&a), m, k), Matrix::new(&b, k, n), &mut c);
        });
    }
}

fn main() {
    let isa = isa::from_env().unwrap_or_else(|reason| panic!("{reason}"));
    let mut criterion = FlopsClock::criterion()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();

    row(&mut criterion, "peak", &isa.to_string(), peak::flops(isa), || {
        black_box(peak::round(isa));
    });
    for shape in PNET {
        convolution(&mut criterion, isa, 1, shape);
    }
    for shape in CROPS {
        convolution(&mut criterion, isa, CROPS_AT_A_TIME, shape);
    }
    row_by_row(&mut criterion, isa);
    dense(&mut criterion, isa);
    max_pool(&mut criterion, isa);
    gemms(&mut criterion, isa);
    resizes(&mut criterion, isa);
    criterion.final_summary();
}
