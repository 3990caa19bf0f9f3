//! Dropout of the features before the heads.

use crate::random::Random;

/// Which features are dropped while training.
#[derive(Clone, Copy, Debug)]
pub enum Dropout<'a> {
    /// Each with the probability `ratio`, by a generator of its own for each step and sample.
    Drawn {
        /// Of all training.
        seed: u64,
        /// Of the step.
        step: u64,
        /// The part that is dropped.
        ratio: f64,
    },
    /// By a factor for each feature, `[sample][features]`: 0, or 1 divided by the part that is kept.
    Given(&'a [f32]),
}

/// The generators of dropout are the streams from here on: others must use streams below.
const DROPOUT_STREAMS: u64 = 1 << 63;

impl Dropout<'_> {
    /// The factors of one sample's features.
    pub(super) fn factors(&self, sample: usize, factors: &mut [f32]) {
        match *self {
            Dropout::Drawn { seed, step, ratio } => {
                let mut random = Random::new(seed, DROPOUT_STREAMS | step << 24 | sample as u64);
                let kept = (1.0 / (1.0 - ratio)) as f32;
                factors.fill_with(|| if random.unit() < ratio { 0.0 } else { kept });
            }
            Dropout::Given(all) => factors.copy_from_slice(&all[sample * factors.len()..][..factors.len()]),
        }
    }
}
