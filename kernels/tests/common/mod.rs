//! What the kernels' tests share: random values, poison and comparison.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of this")]

use std::io::Write;

use approx::abs_diff_eq;
use mtcnn_kernels::Isa;

/// A small generator of random values (xorshift), the same on every run.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From -1 to 1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub(crate) fn floats(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.unit()).collect()
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| (self.next() >> 33) as u8).collect()
    }
}

/// Every instruction set that this machine has. The environment variable `MTCNN_KERNELS_ISA` narrows it to one, and fails
/// where that one is missing: so CI knows that each was tested.
pub(crate) fn instruction_sets() -> Vec<Isa> {
    if let Ok(name) = std::env::var("MTCNN_KERNELS_ISA") {
        let isa: Isa = name.parse().expect("the name of an instruction set");
        assert!(isa.is_available(), "this machine lacks {isa}");
        return vec![isa];
    }
    for isa in Isa::ALL {
        if !isa.is_available() {
            // Not by a macro: what those print is only shown of tests that fail.
            let _ = writeln!(std::io::stderr(), "SKIPPED: this machine lacks {isa}");
        }
    }
    Isa::available()
}

pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// What stands where nothing must be written.
const GUARD: f32 = -77.25;
const GUARDS: usize = 64;

/// Runs `f` on an output of `n` values full of NaN, with guards behind it, and returns it: a value
/// that was not written stays NaN, one written too many is found.
pub(crate) fn poisoned(n: usize, f: impl FnOnce(&mut [f32])) -> Vec<f32> {
    let mut memory = vec![f32::NAN; n + GUARDS];
    memory[n..].fill(GUARD);
    f(&mut memory[..n]);
    assert!(memory[n..].iter().all(|&x| x == GUARD), "nothing is written behind the output");
    memory.truncate(n);
    memory
}

/// Asserts that each number is within `tolerance` of its twin; NaN is never.
pub(crate) fn assert_close(got: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}: length");
    for (i, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        let close = abs_diff_eq!(f64::from(got), expected, epsilon = tolerance);
        assert!(close, "{what}: value {i} is {got}, its twin {expected}");
    }
}

/// How far an f32 sum of `terms` products of values up to 1 may be from the exact one.
pub(crate) fn tolerance(terms: usize) -> f64 {
    1e-6 + 4.0 * f64::from(f32::EPSILON) * terms as f64
}
