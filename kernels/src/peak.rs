//! The machine's own limit: how many multiply-adds a core does a second when nothing else is asked.

use std::time::{Duration, Instant};

use crate::simd::{Kernel, Simd, dispatch};
use crate::{Isa, tile};

/// Chains of multiply-adds that depend on nothing but themselves: enough to hide the latency.
const CHAINS: usize = 12;
/// Links of a chain in one round.
const LINKS: usize = 4096;

/// One round: [`flops`] floating-point operations. The result is of no use, but must be
/// looked at, or the compiler leaves the work out.
#[must_use]
pub fn round(isa: Isa) -> f32 {
    let mut result = 0.0;
    dispatch(isa, Round(&mut result));
    result
}

/// Floating-point operations of one [`round`] on an instruction set: two a multiply-add.
#[must_use]
pub fn flops(isa: Isa) -> u64 {
    (2 * CHAINS * LINKS * tile::widths(isa).0) as u64
}

/// The best GFLOP/s of one core in several rounds over `time`.
#[must_use]
pub fn gflops(isa: Isa, time: Duration) -> f64 {
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while begin.elapsed() < time {
        let start = Instant::now();
        std::hint::black_box(round(isa));
        best = best.min(start.elapsed().as_secs_f64());
    }
    flops(isa) as f64 / best / 1e9
}

struct Round<'a>(&'a mut f32);

impl Kernel for Round<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut sums = [s.splat(0.0); CHAINS];
        let (a, b) = (s.splat(std::hint::black_box(0.999)), s.splat(std::hint::black_box(0.001)));
        for _ in 0..LINKS {
            for sum in &mut sums {
                *sum = s.mul_add(*sum, a, b);
            }
        }
        let mut total = sums[0];
        for sum in &sums[1..] {
            total = s.add(total, *sum);
        }
        let mut lanes = [0.0_f32; 16];
        // SAFETY: no vector has more than 16 lanes.
        unsafe { s.store(lanes.as_mut_ptr(), total) };
        *self.0 = lanes.iter().sum();
    }
}
