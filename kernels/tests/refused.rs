//! Arguments that unsafe code must never see: sizes whose product wraps around to that of an empty slice,
//! pools that skip pixels, pictures larger than their bytes. Each is refused by a panic.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::instruction_sets;
use mtcnn_kernels::gemm::{Matrix, gemm};
use mtcnn_kernels::resize::{self, Affine, Axis, Order, Region, Source};
use mtcnn_kernels::rows::{self, RowLayer};
use mtcnn_kernels::{Buffer, Conv, Dense, Isa, MaxPool, Winograd};

/// Times four it is 0 again.
const HUGE: usize = 1 << 62;

fn assert_refused(what: &str, call: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "{what} is refused");
}

fn conv(isa: Isa) -> Conv {
    Conv::new(isa, 1, 4, 4, &[0.5; 16], &[0.0; 4], None)
}

#[test]
fn sizes_that_wrap_around() {
    for isa in instruction_sets() {
        assert_refused("conv", || conv(isa).forward(1, 1, HUGE, &[], &mut []));
        assert_refused("im2col", || conv(isa).forward_im2col(1, 1, HUGE, &[], &mut []));
        assert_refused("weights", || drop(Conv::new(isa, 1, HUGE, 4, &[], &[0.0; 4], None)));
        let dense = Dense::new(isa, 4, 4, &[0.5; 16], &[0.0; 4], None);
        assert_refused("dense", || dense.forward(HUGE, &[], &mut []));
        let one = Matrix { data: &[1.0], row: 0, column: 0 };
        assert_refused("gemm", || gemm(isa, HUGE, 4, 1, one, one, &mut []));
        let pool = MaxPool { size: 1, stride: 1 };
        assert_refused("max-pool", || pool.forward(isa, 1, 1, 4, HUGE, &[], &mut []));
        let winograd = Winograd::new(isa, 4, &[0.5; 144], &[0.0; 4], &[1.0; 4]);
        assert_refused("winograd", || winograd.forward(HUGE, 3, 3, &[], &mut Buffer::default(), &mut []));
        let layers = [RowLayer::Conv(conv(isa))];
        assert_refused("rows", || rows::forward(isa, &layers, 1, HUGE, 4, &[], &mut Buffer::default(), &mut []));
    }
}

#[test]
fn pools_that_skip_pixels() {
    for isa in instruction_sets() {
        for (size, stride) in [(2, 1 << 40), (2, 3), (0, 0), (2, 0), (6, 1)] {
            let layers = [RowLayer::MaxPool(MaxPool { size, stride })];
            let mut output = [0.0; 2];
            assert_refused("a pool in a net", || {
                rows::forward(isa, &layers, 2, 3, 1, &[0.0; 6], &mut Buffer::default(), &mut output);
            });
        }
    }
}

#[test]
fn pictures_larger_than_their_bytes() {
    let good = Source { data: &[7; 3 * 48], width: 16, height: 3, stride: 48, pixel: 3, channels: [0, 1, 2] };
    for isa in instruction_sets() {
        let resized = |source: Source<'_>| {
            let (mut down, mut across) = (Axis::default(), Axis::default());
            down.area_bins(3, 1);
            across.area_bins(16, 4);
            let (region, mut output) = (Region { x: 0, y: 0, width: 16, height: 3 }, [0.0; 12]);
            let (rows, mut scratch) = (0..1, Buffer::default());
            resize::forward(
                isa,
                &source,
                region,
                &down,
                &across,
                rows,
                Affine::IDENTITY,
                Order::Planar,
                &mut scratch,
                &mut output,
            );
            assert!(output.iter().all(|x| (x - 7.0).abs() < 1e-5));
        };
        resized(good);
        for (what, source) in [
            ("a stride that wraps around", Source { stride: 1 << 63, ..good }),
            ("a stride less than a row", Source { stride: 47, ..good }),
            ("a row too many", Source { height: 4, ..good }),
            ("a column too many", Source { width: 17, stride: 51, ..good }),
            ("an endless row", Source { width: usize::MAX, ..good }),
            ("a pixel of 2 bytes", Source { pixel: 2, ..good }),
            ("a channel twice", Source { channels: [0, 0, 1], ..good }),
            ("a channel outside", Source { channels: [1, 2, 3], ..good }),
        ] {
            assert_refused(what, || resized(source));
        }
    }
}
