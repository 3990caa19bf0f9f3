//! Non-maximum suppression: of boxes that overlap much, only the best stays.

use super::candidate::{Candidate, Corners};
use crate::profile::{Overlap, Rule};

/// Suppresses; it keeps its memory from one time to the next.
///
/// A box is compared only with better ones that may overlap it: those that begin near it, in grids of one
/// a size class. So the time grows with the boxes, not with their square.
#[derive(Default)]
pub(crate) struct Suppressor {
    /// Numbers of the boxes, best first.
    order: Vec<u32>,
    /// The boxes that suppress, best first.
    better: Vec<Better>,
    classes: [Class; CLASSES],
    /// The last of them that begins in a cell, for all cells of all classes.
    last: Vec<u32>,
}

/// Classes of boxes whose longer sides are from one power of two to the next; the last has all beyond.
const CLASSES: usize = 16;

/// No box.
const NONE: u32 = u32::MAX;

struct Better {
    corners: Corners,
    area: f64,
    /// The one before it in its cell.
    before: u32,
}

/// The grid of a size class.
#[derive(Default)]
struct Class {
    boxes: usize,
    longest_side: f64,
    /// Of those that suppress.
    areas: Option<(f64, f64)>,
    /// The side of a cell.
    cell: f64,
    columns: usize,
    rows: usize,
    first_cell: usize,
}

/// The upper left corners of all boxes lie from here to there.
#[derive(Clone, Copy)]
struct Extent {
    from: [f64; 2],
    to: [f64; 2],
}

impl Suppressor {
    /// Keeps those of `things[first..]` that no better one overlaps too much by the rule, best first. `dropped` is
    /// called for each other one, with a better one that it overlaps.
    pub(crate) fn suppress<T: Copy>(
        &mut self,
        things: &mut Vec<T>,
        first: usize,
        candidate: impl Fn(&T) -> &Candidate,
        rule: Rule,
        mut dropped: impl FnMut(&T, &T),
    ) {
        let count = things.len() - first;
        let score = |i: u32| candidate(&things[first + i as usize]).score;
        self.order.clear();
        self.order.extend(0..count as u32);
        let ties = |a: u32, b: u32| if rule.last_wins { b.cmp(&a) } else { a.cmp(&b) };
        self.order.sort_unstable_by(|&a, &b| score(b).total_cmp(&score(a)).then(ties(a, b)));
        let extent = self.lay_out(things[first..].iter().map(|thing| candidate(thing).corners));
        for place in 0..count {
            let thing = things[first + self.order[place] as usize];
            match self.keep(candidate(&thing).corners, extent, rule) {
                None => things.push(thing),
                // Those that suppress are those that stay, or all so far.
                Some(by) if rule.greedy => dropped(&thing, &things[first + count + by]),
                Some(by) => dropped(&thing, &things[first + self.order[by] as usize]),
            }
        }
        things.drain(first..first + count);
    }

    /// Empty grids for such boxes.
    fn lay_out(&mut self, boxes: impl ExactSizeIterator<Item = Corners>) -> Extent {
        // Cells as many as boxes at most, along both axes alike.
        let most = (boxes.len() as f64).sqrt().ceil().max(1.0);
        self.better.clear();
        self.classes = Default::default();
        let mut extent = Extent { from: [f64::INFINITY; 2], to: [f64::NEG_INFINITY; 2] };
        for corners in boxes {
            let class = &mut self.classes[class_of(corners)];
            class.boxes += 1;
            class.longest_side = class.longest_side.max(corners.longer_side());
            for axis in 0..2 {
                extent.from[axis] = extent.from[axis].min(corners.0[axis]);
                extent.to[axis] = extent.to[axis].max(corners.0[axis]);
            }
        }
        let mut cells = 0;
        for class in self.classes.iter_mut().filter(|class| class.boxes > 0) {
            let lengths = [extent.to[0] - extent.from[0], extent.to[1] - extent.from[1]];
            class.cell = class.longest_side.max(lengths[0].max(lengths[1]) / most).max(1.0);
            // One cell where a number is beyond all measure: every box is compared then.
            let along = |length: f64| ((length / class.cell) as usize).min(most as usize) + 1;
            (class.columns, class.rows) = (along(lengths[0]), along(lengths[1]));
            class.first_cell = cells;
            cells += class.columns * class.rows;
        }
        self.last.clear();
        self.last.resize(cells, NONE);
        extent
    }

    /// The place in `better` of a box that overlaps this one too much. If there is none, or if the rule is not
    /// greedy, the box suppresses from now on.
    fn keep(&mut self, corners: Corners, extent: Extent, rule: Rule) -> Option<usize> {
        let ([x1, y1, ..], area) = (corners.0, area(corners, rule));
        let by = self.suppressed_by(corners, area, extent, rule);
        if by.is_none() || !rule.greedy {
            let class = &mut self.classes[class_of(corners)];
            let (least, most) = class.areas.unwrap_or((area, area));
            class.areas = Some((least.min(area), most.max(area)));
            let cell = class.first_cell + class.row(y1, extent) * class.columns + class.column(x1, extent);
            let before = std::mem::replace(&mut self.last[cell], self.better.len() as u32);
            self.better.push(Better { corners, area, before });
        }
        by
    }

    /// The place in `better` of a box that overlaps this one too much.
    fn suppressed_by(&self, corners: Corners, area: f64, extent: Extent, rule: Rule) -> Option<usize> {
        let [x1, y1, x2, y2] = corners.0;
        for class in &self.classes {
            let Some((least, most)) = class.areas else { continue };
            // The smaller area divided by the larger one is more than the overlap can be; a little less is
            // tested, since numbers are rounded.
            if rule.overlap == Overlap::Union && most.min(area) < 0.999 * rule.threshold * least.max(area) {
                continue;
            }
            let reach = class.longest_side + rule.extra;
            let columns = class.column(x1 - reach, extent)..=class.column(x2 + rule.extra, extent);
            for row in class.row(y1 - reach, extent)..=class.row(y2 + rule.extra, extent) {
                for column in columns.clone() {
                    let mut at = self.last[class.first_cell + row * class.columns + column];
                    while at != NONE {
                        let better = &self.better[at as usize];
                        if overlaps(corners, area, better, rule) {
                            return Some(at as usize);
                        }
                        at = better.before;
                    }
                }
            }
        }
        None
    }
}

impl Class {
    /// The column of cells in which `x` lies, or the nearest.
    fn column(&self, x: f64, extent: Extent) -> usize {
        (((x - extent.from[0]) / self.cell) as usize).min(self.columns - 1)
    }

    /// The row of cells in which `y` lies, or the nearest.
    fn row(&self, y: f64, extent: Extent) -> usize {
        (((y - extent.from[1]) / self.cell) as usize).min(self.rows - 1)
    }
}

fn area(corners: Corners, rule: Rule) -> f64 {
    let [width, height] = corners.sides(rule.extra);
    width * height
}

fn class_of(corners: Corners) -> usize {
    (corners.longer_side().max(1.0).log2() as usize).min(CLASSES - 1)
}

/// Whether a better box overlaps this one by more than the rule allows.
fn overlaps(Corners([x1, y1, x2, y2]): Corners, area: f64, better: &Better, rule: Rule) -> bool {
    let Corners([bx1, by1, bx2, by2]) = better.corners;
    let width = (x2.min(bx2) - x1.max(bx1) + rule.extra).max(0.0);
    let height = (y2.min(by2) - y1.max(by1) + rule.extra).max(0.0);
    let common = width * height;
    let whole = match rule.overlap {
        Overlap::Union => area + better.area - common,
        Overlap::Smaller => area.min(better.area),
    };
    // Boxes without an area do not overlap, whatever 0/0 is.
    !(common <= 0.0 || common / whole <= rule.threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(corners: [f64; 4], score: f32) -> Candidate {
        Candidate { corners: Corners(corners), score, offsets: [0.0; 4], origin: 0 }
    }

    fn suppress(candidates: &mut Vec<Candidate>, rule: Rule) {
        Suppressor::default().suppress(candidates, 0, |candidate| candidate, rule, |_, _| {});
    }

    fn kept(mut candidates: Vec<Candidate>, rule: Rule) -> Vec<f32> {
        suppress(&mut candidates, rule);
        candidates.iter().map(|candidate| candidate.score).collect()
    }

    #[test]
    fn the_best_of_an_overlap_stays() {
        let boxes = vec![
            candidate([0.0, 0.0, 10.0, 10.0], 0.7),
            candidate([1.0, 0.0, 11.0, 10.0], 0.9),
            candidate([100.0, 0.0, 110.0, 10.0], 0.8),
        ];
        assert_eq!(kept(boxes, Rule::union(0.5, 0.0)), [0.9, 0.8]);
    }

    #[test]
    fn an_overlap_of_just_the_threshold_stays() {
        // 50 of 100 + 50 - 50.
        let boxes = || vec![candidate([0.0, 0.0, 10.0, 10.0], 0.9), candidate([0.0, 0.0, 10.0, 5.0], 0.8)];
        assert_eq!(kept(boxes(), Rule::union(0.5, 0.0)), [0.9, 0.8]);
        // 66 of 121: more than half, as soon as a side counts one more.
        assert_eq!(kept(boxes(), Rule::union(0.5, 1.0)), [0.9]);
    }

    #[test]
    fn a_box_inside_another_is_all_overlap_by_the_smaller() {
        let boxes = || vec![candidate([0.0, 0.0, 100.0, 100.0], 0.9), candidate([10.0, 10.0, 20.0, 20.0], 0.8)];
        assert_eq!(kept(boxes(), Rule::union(0.7, 0.0)), [0.9, 0.8]);
        assert_eq!(kept(boxes(), Rule::smaller(0.7, 0.0)), [0.9]);
    }

    #[test]
    fn a_suppressed_box_suppresses_nothing() {
        // Each overlaps the next by 6 of 14, but not the one after it.
        let boxes = vec![
            candidate([0.0, 0.0, 10.0, 1.0], 0.9),
            candidate([4.0, 0.0, 14.0, 1.0], 0.8),
            candidate([8.0, 0.0, 18.0, 1.0], 0.7),
        ];
        assert_eq!(kept(boxes.clone(), Rule::union(0.4, 0.0)), [0.9, 0.7]);
        // … unless the rule says so.
        assert_eq!(kept(boxes, Rule::union(0.4, 0.0).not_greedy()), [0.9]);
    }

    #[test]
    fn equal_scores_keep_the_first_or_the_last() {
        let boxes = [candidate([0.0, 0.0, 10.0, 10.0], 0.9), candidate([0.0, 1.0, 10.0, 10.0], 0.9)];
        for (rule, kept) in [(Rule::union(0.5, 0.0), boxes[0]), (Rule::union(0.5, 0.0).last_wins(), boxes[1])] {
            let mut boxes = boxes.to_vec();
            suppress(&mut boxes, rule);
            assert_eq!(boxes, [kept]);
        }
    }

    #[test]
    fn no_boxes_and_boxes_without_area() {
        assert!(kept(vec![], Rule::union(0.5, 0.0)).is_empty());
        let point = || vec![candidate([5.0; 4], 0.9), candidate([5.0; 4], 0.8)];
        assert_eq!(kept(point(), Rule::union(0.5, 0.0)), [0.9, 0.8]);
    }

    /// Every box against every better one.
    fn naive(mut candidates: Vec<Candidate>, rule: Rule) -> Vec<Candidate> {
        if rule.last_wins {
            candidates.reverse();
        }
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut all: Vec<Better> = Vec::new();
        candidates.retain(|&Candidate { corners, .. }| {
            let area = area(corners, rule);
            let free = !all.iter().any(|better| overlaps(corners, area, better, rule));
            if free || !rule.greedy {
                all.push(Better { corners, area, before: NONE });
            }
            free
        });
        candidates
    }

    #[test]
    fn equals_every_box_against_every_other() {
        let mut state = 1_u32;
        let mut next = |most: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from((state >> 8) % most)
        };
        let mut suppressor = Suppressor::default();
        for round in 0..200 {
            let count = [0, 1, 7, 60, 400][round % 5];
            let mut candidates = vec![candidate([1e9; 4], 2.0); round % 3];
            for _ in 0..count {
                let side = [12.0 + next(3), 20.0 + next(100), 5.0 + next(2000)][round % 3];
                let (x, y) = (next(700) - 50.0, next(500) - 50.0);
                let corners = match next(50) as u32 {
                    0 => [x, y, x - 5.0, y + side],
                    1 => [x, y, x, y],
                    2 if round % 4 == 0 => [f64::NEG_INFINITY, y, f64::INFINITY, y + side],
                    _ => [x, y, x + side, y + side * (0.8 + next(40) / 100.0)],
                };
                // Few scores, so that many are equal.
                candidates.push(candidate(corners, next(50) as f32 / 50.0));
            }
            for rule in [
                Rule::union(0.5, 0.0),
                Rule::union(0.7, 1.0),
                Rule::smaller(0.7, 1.0),
                Rule::union(0.0, 0.0),
                Rule::union(0.6, 0.0).last_wins(),
                Rule::union(0.6, 0.0).not_greedy(),
                Rule::smaller(0.7, 0.0).not_greedy(),
            ] {
                let before = [candidate([0.0; 4], 0.5); 3];
                let mut got = [&before[..], &candidates].concat();
                let mut dropped = 0;
                suppressor.suppress(
                    &mut got,
                    3,
                    |candidate| candidate,
                    rule,
                    |gone, by| {
                        let [gone_area, by_area] = [gone, by].map(|it| area(it.corners, rule));
                        let better = Better { corners: by.corners, area: by_area, before: NONE };
                        assert!(by.score >= gone.score && overlaps(gone.corners, gone_area, &better, rule));
                        dropped += 1;
                    },
                );
                assert_eq!(got.len() + dropped, 3 + candidates.len());
                let scores = |boxes: &[Candidate]| {
                    boxes.iter().map(|c| (c.score.to_bits(), c.corners.0.map(f64::to_bits))).collect::<Vec<_>>()
                };
                assert_eq!(scores(&got[..3]), scores(&before), "what stands before is left alone");
                let expected = naive(candidates.clone(), rule);
                assert_eq!(scores(&got[3..]), scores(&expected), "round {round}, {rule:?}");
            }
        }
    }
}
