//! Resizing against its f64 twins: sizes up and down, regions across the border, all pixel formats.

mod common;

use std::ops::Range;

use common::{Rng, assert_close, instruction_sets, poisoned};
use mtcnn_kernels::resize::{Affine, Axis, Order, Region, Separable, Source, opencv};
use mtcnn_kernels::{Buffer, Isa, naive};

/// Bytes a pixel, and where its channels are.
const FORMATS: [(usize, [usize; 3]); 6] =
    [(3, [0, 1, 2]), (3, [2, 1, 0]), (4, [0, 1, 2]), (4, [2, 1, 0]), (1, [0, 0, 0]), (2, [0, 0, 0])];

/// From -1 to 1; both constants are exact in f32.
const HALVES: Affine = Affine { scale: 1.0 / 128.0, offset: -127.5 / 128.0 };

type Fill = fn(&mut Axis, usize, usize);

fn resized(isa: Isa, source: &Source<'_>, region: Region, (height, width): (usize, usize), fill: Fill) -> Vec<f32> {
    let (mut down, mut across) = (Axis::default(), Axis::default());
    fill(&mut down, region.height, height);
    fill(&mut across, region.width, width);
    let (down, across, affine, order) = (&down, &across, Affine::IDENTITY, Order::Interleaved);
    let resize = Separable { source: *source, region, down, across, affine, order };
    let mut scratch = Buffer::default();
    poisoned(height * width * 3, |out| {
        // In two parts, as strips do.
        let cut = height / 3;
        let (first, second) = out.split_at_mut(cut * width * 3);
        resize.rows(isa, 0..cut, &mut scratch, first);
        resize.rows(isa, cut..height, &mut scratch, second);
    })
}

#[test]
fn resizes_equal_their_twins() {
    let mut rng = Rng::new(10);
    for isa in instruction_sets() {
        for (pixel, channels) in FORMATS {
            for (height, width) in [(23, 31), (5, 3), (1, 1), (40, 6)] {
                let stride = width * pixel + 5;
                let data = rng.bytes((height - 1) * stride + width * pixel);
                let source = Source { data: &data, width, height, stride, pixel, channels };
                let (w, h) = (width as isize, height as isize);
                for region in [
                    Region::whole(&source),
                    Region { x: -3, y: 2.min(h - 1), width: width + 1, height: 3 },
                    Region { x: 1.min(w - 1), y: -4, width: 2, height: height + 9 },
                    Region { x: w + 2, y: 0, width: 4, height: 4 },
                    Region { x: -9, y: -9, width: 5, height: 30 },
                    Region { x: -50, y: 0, width: 18, height: 4 },
                    Region { x: 0, y: -60, width: 6, height: 20 },
                ] {
                    for (th, tw) in [(24, 24), (1, 1), (7, 2), (region.height, region.width)] {
                        let what =
                            format!("{isa} {source_size:?} {region:?} -> {th}x{tw}", source_size = (height, width));
                        let got = resized(isa, &source, region, (th, tw), Axis::area_bins);
                        assert_close(&got, &naive::area(&source, region, th, tw, true), 1e-3, &format!("bins {what}"));
                        let got = resized(isa, &source, region, (th, tw), Axis::area_coverage);
                        // Parts below 0.001 of a pixel are left out.
                        assert_close(
                            &got,
                            &naive::area(&source, region, th, tw, false),
                            0.6,
                            &format!("coverage {what}"),
                        );
                        let got = resized(isa, &source, region, (th, tw), Axis::linear);
                        assert_close(&got, &naive::bilinear(&source, region, th, tw), 2e-3, &format!("linear {what}"));
                    }
                }
            }
        }
    }
}

#[test]
fn scaling_by_a_power_of_two_is_exact() {
    let data: Vec<u8> = (0..=255).flat_map(|x| [x; 3]).collect();
    let source = Source { data: &data, width: 256, height: 1, stride: 768, pixel: 3, channels: [0, 1, 2] };
    let (mut down, mut across) = (Axis::default(), Axis::default());
    down.area_bins(1, 1);
    across.area_bins(256, 256);
    for isa in instruction_sets() {
        let got = poisoned(768, |out| {
            let (region, order) = (Region::whole(&source), Order::Interleaved);
            Separable { source, region, down: &down, across: &across, affine: HALVES, order }.rows(
                isa,
                0..1,
                &mut Buffer::default(),
                out,
            );
        });
        for (byte, pixel) in got.chunks_exact(3).enumerate() {
            assert_eq!(pixel, [(byte as f32 - 127.5) / 128.0; 3], "{isa}");
        }
    }
}

#[test]
fn rows_have_the_same_values_planar_or_alone() {
    let mut rng = Rng::new(11);
    for isa in instruction_sets() {
        for (pixel, channels) in FORMATS {
            for (height, width, target) in [(9, 30, 17), (5, 5, 4), (40, 3, 1), (6, 64, 23)] {
                let data = rng.bytes(height * width * pixel);
                let source = Source { data: &data, width, height, stride: width * pixel, pixel, channels };
                let (mut down, mut across) = (Axis::default(), Axis::default());
                down.area_bins(height, 7);
                across.area_bins(width, target);
                let resized = |order: Order, rows: Range<usize>| {
                    poisoned(rows.len() * target * 3, |out| {
                        let (region, down, across) = (Region::whole(&source), &down, &across);
                        let resize = Separable { source, region, down, across, affine: HALVES, order };
                        resize.rows(isa, rows, &mut Buffer::default(), out);
                    })
                };
                let (planar, interleaved) = (resized(Order::Planar, 0..7), resized(Order::Interleaved, 0..7));
                for (i, &value) in interleaved.iter().enumerate() {
                    let (y, x, c) = (i / 3 / target, i / 3 % target, i % 3);
                    assert_eq!(planar[(y * 3 + c) * target + x], value, "{isa} {width} -> {target}");
                }
                for rows in [0..1, 2..7, 6..7, 3..5] {
                    let part = &interleaved[rows.start * 3 * target..rows.end * 3 * target];
                    assert_eq!(resized(Order::Interleaved, rows), part, "{isa} {width} -> {target}: rows alone");
                }
            }
        }
    }
}

#[test]
fn opencv_keeps_a_flat_image_flat() {
    let data = vec![201; 50 * 37 * 3];
    let source = Source { data: &data, width: 50, height: 37, stride: 150, pixel: 3, channels: [0, 1, 2] };
    for (height, width) in [(37, 50), (20, 31), (12, 25), (60, 70), (30, 90), (1, 1)] {
        let target =
            opencv::Target { height, width, rows: 0..height, affine: Affine::IDENTITY, order: Order::Interleaved };
        let areas = instruction_sets().into_iter().map(|isa| {
            poisoned(height * width * 3, |out| {
                opencv::area(isa, &source, &target, &mut opencv::Scratch::default(), out);
            })
        });
        let linear = poisoned(height * width * 3, |out| {
            opencv::linear(&source, Region::whole(&source), &target, &mut opencv::Scratch::default(), out);
        });
        for got in areas.chain([linear]) {
            assert!(got.iter().all(|&x| x == 201.0), "{height}x{width}: {:?}", got.iter().find(|&&x| x != 201.0));
        }
    }
}

/// The mean of areas as OpenCV sums it up: along the row first, tap by tap, in f32 without fused operations.
fn area_by_hand(source: &Source<'_>, target: &opencv::Target) -> Vec<f32> {
    let (mut down, mut across) = (Axis::default(), Axis::default());
    down.area_coverage(source.height, target.height);
    across.area_coverage(source.width, target.width);
    let mut output = Vec::new();
    for y in target.rows.clone() {
        let (y0, weights) = down.taps(y);
        for i in 0..target.width * 3 {
            let (x, c) = match target.order {
                Order::Interleaved => (i / 3, i % 3),
                Order::Planar => (i % target.width, i / target.width),
            };
            let mut sum = 0.0;
            for (j, &down_weight) in weights.iter().enumerate() {
                let (x0, weights) = across.taps(x);
                let mut part = 0.0;
                for (k, &weight) in weights.iter().enumerate() {
                    let at = (y0 + j) * source.stride + (x0 + k) * source.pixel + source.channels[c];
                    part += f32::from(source.data[at]) * weight;
                }
                sum += down_weight * part;
            }
            output.push(sum.round_ties_even().clamp(0.0, 255.0) * target.affine.scale + target.affine.offset);
        }
    }
    output
}

#[test]
fn the_area_of_opencv_has_the_bits_of_its_plain_sums() {
    let (width, height) = (61, 37);
    for (pixel, channels) in [(1, [0; 3]), (2, [0; 3]), (3, [0, 1, 2]), (3, [2, 1, 0]), (4, [0, 1, 2]), (4, [2, 1, 0])]
    {
        let stride = width * pixel + 5;
        let data: Vec<u8> = (0..stride * height).map(|i| (i * i * 31 % 251) as u8).collect();
        let source = Source { data: &data, width, height, stride, pixel, channels };
        for (rows, columns) in [(37, 60), (36, 61), (22, 43), (12, 25), (5, 9), (3, 4), (2, 3), (1, 2)] {
            for (order, part) in [(Order::Interleaved, 0..rows), (Order::Planar, rows / 2..rows)] {
                let affine = Affine { scale: 0.5, offset: -1.0 };
                let target = opencv::Target { height: rows, width: columns, rows: part.clone(), affine, order };
                let expected = area_by_hand(&source, &target);
                for isa in instruction_sets() {
                    let got = poisoned(part.len() * columns * 3, |out| {
                        opencv::area(isa, &source, &target, &mut opencv::Scratch::default(), out);
                    });
                    assert!(got == expected, "{isa}: {pixel} bytes to {rows}x{columns}, {order:?}");
                }
            }
        }
    }
}

/// A region that reaches beyond the image is resized as if the image had a black border there.
#[test]
fn opencv_sees_black_beyond_the_image() {
    let (width, height) = (23_usize, 17_usize);
    let data: Vec<u8> = (0..width * height * 3).map(|i| (i * 7 + i / 5 * 31) as u8 | 1).collect();
    let source = Source { data: &data, width, height, stride: width * 3, pixel: 3, channels: [2, 1, 0] };
    for (x, y, side) in [(0, 0, 10), (-4, 3, 12), (15, -6, 12), (-5, -5, 40), (20, 14, 9), (30, 2, 6), (-9, -9, 9)] {
        let region = Region { x, y, width: side, height: side };
        let mut bordered = vec![0; side * side * 3];
        for (i, pixel) in bordered.chunks_exact_mut(3).enumerate() {
            let (px, py) = (x + (i % side) as isize, y + (i / side) as isize);
            if (0..width as isize).contains(&px) && (0..height as isize).contains(&py) {
                let at = (py as usize * width + px as usize) * 3;
                pixel.copy_from_slice(&data[at..at + 3]);
            }
        }
        let bordered = Source { data: &bordered, width: side, height: side, stride: side * 3, ..source };
        for target in [side / 2, side - 1, side, 24] {
            let resized = |source: &Source<'_>, region| {
                let rows = 0..target;
                let to = opencv::Target {
                    height: target,
                    width: target,
                    rows,
                    affine: Affine::IDENTITY,
                    order: Order::Interleaved,
                };
                poisoned(target * target * 3, |out| {
                    opencv::linear(source, region, &to, &mut opencv::Scratch::default(), out);
                })
            };
            let expected = resized(&bordered, Region::whole(&bordered));
            assert_eq!(resized(&source, region), expected, "{side} from {x}, {y} to {target}");
        }
    }
}
