//! The order of an epoch, without a list of it: a permutation that is computed place by place.
//!
//! A cipher of four rounds (Feistel's, each half mixed into the other) maps the numbers below a power of 4
//! onto themselves; a number beyond the last one is mapped again until it is not. So an order takes no
//! memory however many samples there are, and a checkpoint needs no more of it than how far it got.

use crate::random::Random;

/// See the [module](self).
#[derive(Clone, Copy, Debug)]
pub(super) struct Permutation {
    count: u64,
    half: u32,
    keys: [u64; 4],
}

impl Permutation {
    /// An order of the numbers below `count`; each seed and stream has its own.
    pub(super) fn new(count: u64, seed: u64, stream: u64) -> Self {
        let bits = u64::BITS - count.saturating_sub(1).leading_zeros();
        let mut random = Random::new(seed, stream);
        let keys = [(); 4].map(|()| random.below(u64::MAX));
        Self { count, half: bits.div_ceil(2).max(1), keys }
    }

    /// The number at a place.
    ///
    /// # Panics
    /// If the place is not below the count.
    pub(super) fn at(&self, place: u64) -> u64 {
        assert!(place < self.count, "place {place} of {}", self.count);
        let mut number = self.encipher(place);
        while number >= self.count {
            number = self.encipher(number);
        }
        number
    }

    fn encipher(&self, number: u64) -> u64 {
        let mask = (1 << self.half) - 1;
        let (mut left, mut right) = (number >> self.half, number & mask);
        for key in self.keys {
            (left, right) = (right, left ^ mix(right ^ key) & mask);
        }
        left << self.half | right
    }
}

/// The finalizer of SplitMix64: every bit of the result depends on every bit of the number.
fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_once() {
        for count in [1, 2, 3, 4, 5, 16, 17, 100, 1000, 4097] {
            let order = Permutation::new(count, 1, count);
            let mut all: Vec<_> = (0..count).map(|place| order.at(place)).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..count), "{count}");
        }
    }

    #[test]
    fn orders_differ_and_have_no_pattern() {
        let order = |stream| (0..1000).map(|place| Permutation::new(1000, 1, stream).at(place)).collect::<Vec<_>>();
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        // Of two neighbours, the second is larger about as often as smaller; fixed points are rare.
        let order = order(3);
        let rises = order.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((440..560).contains(&rises), "{rises}");
        assert!(order.iter().enumerate().filter(|&(place, &number)| place as u64 == number).count() < 10);
    }
}
