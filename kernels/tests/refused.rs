//! Arguments that unsafe code must never see: sizes whose product wraps around to that of an empty slice,
//! pools that skip pixels, images larger than their bytes. Each is refused by a panic.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::instruction_sets;
use mtcnn_kernels::gemm::{Matrix, gemm};
use mtcnn_kernels::resize::{Affine, Axis, Order, Region, Separable, Source};
use mtcnn_kernels::rows::{self, RowLayer};
use mtcnn_kernels::{Buffer, Conv, ConvParams, Dense, MaxPool, Shape, Winograd};

/// Times four it is 0 again.
const HUGE: usize = 1 << 62;

fn assert_refused(what: &str, call: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "{what} is refused");
}

const PARAMS: ConvParams<'_> = ConvParams { size: 1, inputs: 4, weights: &[0.5; 16], bias: &[0.0; 4], slopes: None };

#[test]
fn sizes_that_wrap_around() {
    for isa in instruction_sets() {
        let conv = Conv::new(isa, PARAMS);
        assert_refused("conv", || conv.forward(Shape::image(1, HUGE, 4), &[], &mut []));
        assert_refused("im2col", || conv.forward_im2col(Shape::image(1, HUGE, 4), &[], &mut []));
        assert_refused("weights", || drop(Conv::new(isa, ConvParams { inputs: HUGE, weights: &[], ..PARAMS })));
        let dense = Dense::new(isa, 4, &[0.5; 16], &[0.0; 4], None);
        assert_refused("dense", || dense.forward(HUGE, &[], &mut []));
        let (one, huge) =
            (Matrix::new(&[1.0], 1, 1), Matrix { rows: HUGE, row_stride: 0, ..Matrix::new(&[1.0], 1, 1) });
        assert_refused("gemm", || gemm(isa, huge, Matrix { columns: 4, column_stride: 0, ..one }, &mut []));
        let pool = MaxPool { size: 1, stride: 1 };
        assert_refused("max-pool", || pool.forward(isa, Shape::image(1, 4, HUGE), &[], &mut []));
        let winograd = Winograd::new(isa, ConvParams { size: 3, weights: &[0.5; 144], ..PARAMS });
        let batch = Shape::new(HUGE, 3, 3, 4);
        assert_refused("winograd", || winograd.forward(batch, &[], &mut Buffer::default(), &mut []));
        let layers = [RowLayer::conv(isa, PARAMS)];
        let image = Shape::image(1, HUGE, 4);
        assert_refused("rows", || rows::forward(isa, &layers, image, &[], &mut Buffer::default(), &mut []));
    }
}

#[test]
fn pools_that_skip_pixels() {
    for isa in instruction_sets() {
        for (size, stride) in [(2, 1 << 40), (2, 3), (0, 0), (2, 0), (6, 1)] {
            let layers = [RowLayer::max_pool(MaxPool { size, stride })];
            let mut output = [0.0; 2];
            assert_refused("a pool in a net", || {
                rows::forward(isa, &layers, Shape::image(2, 3, 1), &[0.0; 6], &mut Buffer::default(), &mut output);
            });
        }
    }
}

#[test]
fn images_larger_than_their_bytes() {
    let good = Source { data: &[7; 3 * 48], width: 16, height: 3, stride: 48, pixel: 3, channels: [0, 1, 2] };
    for isa in instruction_sets() {
        let resized = |source: Source<'_>| {
            let (mut down, mut across) = (Axis::default(), Axis::default());
            down.area_bins(3, 1);
            across.area_bins(16, 4);
            let (region, mut output) = (Region { x: 0, y: 0, width: 16, height: 3 }, [0.0; 12]);
            let (down, across, affine, order) = (&down, &across, Affine::IDENTITY, Order::Planar);
            let resize = Separable { source, region, down, across, affine, order };
            resize.rows(isa, 0..1, &mut Buffer::default(), &mut output);
            assert!(output.iter().all(|x| (x - 7.0).abs() < 1e-5));
        };
        resized(good);
        for (what, source) in [
            ("a stride that wraps around", Source { stride: 1 << 63, ..good }),
            ("a stride less than a row", Source { stride: 47, ..good }),
            ("a row too many", Source { height: 4, ..good }),
            ("a column too many", Source { width: 17, stride: 51, ..good }),
            ("an endless row", Source { width: usize::MAX, ..good }),
            ("a pixel of 5 bytes", Source { pixel: 5, ..good }),
            ("three channels in a pixel of 2 bytes", Source { pixel: 2, ..good }),
            ("a channel twice", Source { channels: [0, 0, 1], ..good }),
            ("a channel outside", Source { channels: [1, 2, 3], ..good }),
        ] {
            assert_refused(what, || resized(source));
        }
    }
}
