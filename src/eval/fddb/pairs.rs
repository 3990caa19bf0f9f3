//! Pairs of boxes and faces, one to one, whose overlaps have the largest sum; boxes come one by one.
//!
//! A new box changes the best pairs along one path only: it takes a face, that one's box takes another or gives up,
//! and so on (Kuhn and Munkres' method, a row at a time). A box that once has given up is never needed again.

/// Differences below this are rounding: following them could go in circles.
const NOTHING: f64 = 1e-12;

/// The pairs of the boxes so far.
pub(super) struct Pairs {
    /// For each face the overlaps of its box with all faces; empty if it has none.
    boxes: Vec<Vec<f64>>,
}

impl Pairs {
    pub(super) fn new(faces: usize) -> Self {
        Self { boxes: vec![Vec::new(); faces] }
    }

    /// Adds a box with its overlaps with all faces; 0 is no pair.
    pub(super) fn add(&mut self, overlaps: Vec<f64>) {
        let faces = self.boxes.len();
        // What is gained when this box or one that it drives away takes a face, before that face's box has another;
        // and the face that was left for it.
        let mut gains: Vec<f64> = overlaps.iter().map(|&it| if it > 0.0 { it } else { f64::NEG_INFINITY }).collect();
        let mut from: Vec<Option<usize>> = vec![None; faces];
        // A path has no face twice.
        for _ in 0..faces {
            let mut changed = false;
            for left in 0..faces {
                if self.boxes[left].is_empty() || gains[left] == f64::NEG_INFINITY {
                    continue;
                }
                for taken in 0..faces {
                    let gain = gains[left] - self.boxes[left][left] + self.boxes[left][taken];
                    if taken != left && self.boxes[left][taken] > 0.0 && gain > gains[taken] + NOTHING {
                        (gains[taken], from[taken], changed) = (gain, Some(left), true);
                    }
                }
            }
            if !changed {
                break;
            }
        }
        // The last face of the path was free, or its box gives up.
        let gain = |face: usize| gains[face] - self.boxes[face].get(face).copied().unwrap_or(0.0);
        let Some(mut face) = (0..faces).max_by(|&a, &b| gain(a).total_cmp(&gain(b))) else { return };
        if gain(face) <= NOTHING {
            return;
        }
        while let Some(left) = from[face] {
            self.boxes[face] = std::mem::take(&mut self.boxes[left]);
            face = left;
        }
        self.boxes[face] = overlaps;
    }

    /// Of each pair.
    pub(super) fn overlaps(&self) -> impl Iterator<Item = f64> {
        self.boxes.iter().enumerate().filter_map(|(face, overlaps)| overlaps.get(face).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The largest sum by trying everything.
    fn best(boxes: &[Vec<f64>], taken: u32) -> f64 {
        let Some((first, rest)) = boxes.split_first() else { return 0.0 };
        let with = |face: usize| first[face] + best(rest, taken | 1 << face);
        let free = (0..first.len()).filter(|face| taken & 1 << face == 0);
        free.map(with).fold(best(rest, taken), f64::max)
    }

    #[test]
    fn the_sum_is_the_largest_at_every_box() {
        let mut random = Random::new(5, 0);
        for round in 0..300 {
            let faces = round % 5;
            let (mut pairs, mut boxes) = (Pairs::new(faces), Vec::new());
            for _ in 0..6 {
                let overlap = |_| (random.below(10) as f64 - 3.0).max(0.0) / 7.0;
                let overlaps: Vec<f64> = (0..faces).map(overlap).collect();
                pairs.add(overlaps.clone());
                boxes.push(overlaps);
                let sum: f64 = pairs.overlaps().sum();
                approx::assert_abs_diff_eq!(sum, best(&boxes, 0), epsilon = 1e-9);
            }
        }
    }

    #[test]
    fn a_box_gives_way_where_all_gain() {
        let mut pairs = Pairs::new(2);
        pairs.add(vec![0.8, 0.7]);
        pairs.add(vec![0.6, 0.0]);
        assert_eq!(pairs.overlaps().collect::<Vec<_>>(), [0.6, 0.7]);
    }
}
