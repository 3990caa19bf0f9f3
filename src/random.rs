//! Random numbers from one seed: a generator of its own for each thing that needs some, so that none
//! depends on what the others drew, or on which thread.

use rand_xoshiro::rand_core::{Rng, SeedableRng};
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus};

/// A generator. Its algorithm is fixed by name, and the numbers that are made of its bits are made
/// here: no version of a crate changes what a seed gives.
pub(crate) struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The generator of one thing: streams of one seed are all different.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let [seed, stream] = [seed, stream].map(|number| SplitMix64::seed_from_u64(number).next_u64());
        Self(Xoshiro256PlusPlus::seed_from_u64(seed ^ stream.rotate_left(32)))
    }

    /// A number from 0 to `end - 1`, each with the same probability.
    ///
    /// # Panics
    /// If `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "a range that is not empty");
        // Lemire's way: the upper half of a product; the few draws that would favour some numbers are
        // thrown away.
        let unfair = end.wrapping_neg() % end;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(end);
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }

    /// A whole number from `low` to below `high`, parts of the bounds dropped, as numpy's `randint` has
    /// it; `None` if there is no such number, where `randint` fails.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> Option<f64> {
        let (low, high) = (low.trunc(), high.trunc());
        (high > low).then(|| low + self.below((high - low) as u64) as f64)
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True or false.
    pub(crate) fn coin(&mut self) -> bool {
        self.0.next_u64() >> 63 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_for_ever() {
        let mut random = Random::new(1, 2);
        let numbers = [(); 6].map(|()| random.below(1000));
        assert_eq!(numbers, NUMBERS);
    }

    /// Drawn once; sets and checkpoints of other days depend on them.
    const NUMBERS: [u64; 6] = [359, 279, 981, 492, 587, 798];

    #[test]
    fn streams_and_seeds_differ() {
        let first = |seed, stream| Random::new(seed, stream).below(u64::MAX);
        let all: std::collections::HashSet<_> =
            (0..100).flat_map(|seed| (0..100).map(move |stream| first(seed, stream))).collect();
        assert_eq!(all.len(), 10_000);
    }

    #[test]
    fn every_number_of_a_range_comes_up_about_as_often() {
        let mut random = Random::new(7, 0);
        let mut counts = [0; 7];
        for _ in 0..7000 {
            counts[(random.between(-3.9, 4.2).unwrap() + 3.0) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_eq!(random.between(3.0, 3.9), None);
        assert_eq!(random.between(5.0, 2.0), None);
        let heads = (0..1000).filter(|_| random.coin()).count();
        assert!((430..570).contains(&heads), "{heads}");
    }
}
