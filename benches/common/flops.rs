//! Criterion's clock, with rates as this project reads them: elements are floating-point operations, in GFLOP/s.

use std::time::{Duration, Instant};

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput};

/// Criterion that measures time and prints GFLOP/s.
#[allow(dead_code, reason = "each bench is a crate of its own and uses a part of this")]
pub(crate) type FlopsCriterion = Criterion<FlopsClock>;

/// See the module.
pub(crate) struct FlopsClock(WallTime);

impl FlopsClock {
    /// Criterion with its own options, on this clock.
    pub(crate) fn criterion() -> FlopsCriterion {
        Criterion::default().with_measurement(Self(WallTime))
    }
}

impl Measurement for FlopsClock {
    type Intermediate = Instant;
    type Value = Duration;

    fn start(&self) -> Instant {
        self.0.start()
    }

    fn end(&self, begin: Instant) -> Duration {
        self.0.end(begin)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        self.0.add(one, other)
    }

    fn zero(&self) -> Duration {
        self.0.zero()
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        self.0.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for FlopsClock {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        self.0.formatter().scale_values(typical, values)
    }

    fn scale_throughputs(&self, typical: f64, throughput: &Throughput, values: &mut [f64]) -> &'static str {
        match throughput {
            // Operations a nanosecond.
            Throughput::Elements(operations) => {
                values.iter_mut().for_each(|value| *value = *operations as f64 / *value);
                "GFLOP/s"
            }
            other => self.0.formatter().scale_throughputs(typical, other, values),
        }
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        self.0.formatter().scale_for_machines(values)
    }
}
