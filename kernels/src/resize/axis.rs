//! The filters, each as a table: the source positions and weights of every output position.

use std::ops::Range;

/// One axis of a resize.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    source: usize,
    taps: Vec<Taps>,
    /// [`Axis::most_taps`] for each output position, the last of them 0.
    weights: Vec<f32>,
    most_taps: usize,
    has_gaps: bool,
    /// From the first source position that an output position is made of to the last.
    reach: Range<usize>,
}

/// The source positions of one output position: `count` of them from `start` on, none if it is made of
/// nothing.
#[derive(Clone, Copy, Debug)]
struct Taps {
    start: usize,
    count: usize,
}

impl Axis {
    /// Positions of the source.
    #[must_use]
    pub fn source(&self) -> usize {
        self.source
    }

    /// Positions of the output.
    #[must_use]
    pub fn target(&self) -> usize {
        self.taps.len()
    }

    /// The first source position of output position `i`, and the weights from it on.
    #[inline(always)]
    #[must_use]
    pub fn taps(&self, i: usize) -> (usize, &[f32]) {
        let taps = self.taps[i];
        (taps.start, &self.weights[i * self.most_taps..][..taps.count])
    }

    /// A number of weights that no output position has more of.
    pub(super) fn most_taps(&self) -> usize {
        self.most_taps
    }

    /// As [`Axis::taps`], with [`Axis::most_taps`] weights, those beyond the last being 0. The source
    /// positions that belong to those may lie behind the source.
    ///
    /// # Safety
    /// `i` must be less than [`Axis::target`].
    #[inline(always)]
    pub(super) unsafe fn padded_taps(&self, i: usize) -> (usize, *const f32) {
        // SAFETY: there is an entry, and `most_taps` weights, for each output position.
        unsafe { (self.taps.get_unchecked(i).start, self.weights.as_ptr().add(i * self.most_taps)) }
    }

    /// Whether an output position is made of nothing.
    pub(super) fn has_gaps(&self) -> bool {
        self.has_gaps
    }

    /// The source positions from the first that an output position is made of to the last.
    pub(super) fn reach(&self) -> Range<usize> {
        if self.reach.is_empty() { 0..0 } else { self.reach.clone() }
    }

    /// Makes room for another table, of `target` output positions with at most `most_taps` taps; what was allocated is
    /// kept.
    fn clear(&mut self, source: usize, target: usize, most_taps: usize) {
        assert!(source > 0, "a source of 1 position or more");
        self.source = source;
        self.most_taps = most_taps;
        self.has_gaps = false;
        self.reach = source..0;
        self.taps.clear();
        self.weights.clear();
        self.weights.resize(target * most_taps, 0.0);
    }

    fn push(&mut self, start: usize, weights: impl IntoIterator<Item = f32>) {
        let (mut count, slots) = (0, &mut self.weights[self.taps.len() * self.most_taps..][..self.most_taps]);
        for weight in weights {
            slots[count] = weight;
            count += 1;
        }
        assert!(start + count <= self.source, "taps inside of the source");
        self.has_gaps |= count == 0;
        if count > 0 {
            self.reach = self.reach.start.min(start)..self.reach.end.max(start + count);
        }
        self.taps.push(Taps { start, count });
    }

    /// Adaptive average pooling, PyTorch's `interpolate(mode="area")`: output `i` is the plain mean of
    /// the whole source positions from `floor(i·source/target)` to `ceil((i+1)·source/target)`.
    pub fn area_bins(&mut self, source: usize, target: usize) {
        let (whole, rest) = (source / target.max(1), source % target.max(1));
        // A bin cuts no position, or one where the rests of some bins fill up another exactly, or two.
        let cut = if rest == 0 { 0 } else { 1 + usize::from(!target.is_multiple_of(rest)) };
        self.clear(source, target, whole + cut);
        // Without a division for each: bin `i` begins at `from` and `part` of `target` parts of a position.
        let (mut from, mut part) = (0, 0);
        for _ in 0..target {
            let carry = usize::from(part + rest >= target);
            let end = from + whole + carry;
            part = part + rest - carry * target;
            let count = end + usize::from(part > 0) - from;
            self.push(from, std::iter::repeat_n(1.0 / count as f32, count));
            from = end;
        }
    }

    /// Area coverage: output `i` is the mean of the source between `i·source/target` and
    /// `(i+1)·source/target`, positions that are cut counting in part. TensorFlow's AREA, and
    /// OpenCV's INTER_AREA where the target is not larger; as there, parts below 0.001 are left out.
    pub fn area_coverage(&mut self, source: usize, target: usize) {
        self.clear(source, target, source / target.max(1) + 2);
        let scale = source as f64 / target as f64;
        for i in 0..target {
            let from = i as f64 * scale;
            let to = from + scale;
            let length = scale.min(source as f64 - from);
            let last = (to.floor() as usize).min(source - 1);
            let first = (from.ceil() as usize).min(last);
            let before = first as f64 - from;
            let behind = to - last as f64;
            let cut_before = (before > 1e-3).then(|| (before / length) as f32);
            let cut_behind = (behind > 1e-3).then(|| (behind.min(1.0).min(length) / length) as f32);
            let start = first - usize::from(cut_before.is_some());
            let whole = std::iter::repeat_n((1.0 / length) as f32, last - first);
            self.push(start, cut_before.into_iter().chain(whole).chain(cut_behind));
        }
    }

    /// Bilinear between the centres of pixels, the border repeated: OpenCV's INTER_LINEAR.
    pub fn linear(&mut self, source: usize, target: usize) {
        self.clear(source, target, 2);
        for i in 0..target {
            let (at, part) = linear_position(i, source, target);
            self.push_between(at, part);
        }
    }

    /// What OpenCV's INTER_AREA does where it enlarges along either axis: bilinear, but a source pixel
    /// keeps its value over its whole area and blends only where an output pixel lies across an edge.
    pub fn linear_area(&mut self, source: usize, target: usize) {
        self.clear(source, target, 2);
        for i in 0..target {
            let (at, part) = linear_area_position(i, source, target);
            self.push_between(at, part);
        }
    }

    /// Bilinear samples at `count` positions from `first` to `last`, ends included, of which those
    /// outside of the source are made of nothing: TensorFlow's `crop_and_resize`.
    pub fn sampled(&mut self, source: usize, first: f32, last: f32, count: usize) {
        self.clear(source, count, 2);
        let step = if count > 1 { (last - first) / (count - 1) as f32 } else { 0.0 };
        for i in 0..count {
            let at = if count > 1 { first + i as f32 * step } else { 0.5 * (first + last) };
            if at < 0.0 || at > (source - 1) as f32 || at.is_nan() {
                self.push(0, []);
            } else {
                self.push_between(at.floor() as isize, at - at.floor());
            }
        }
    }

    /// Between position `at` and the next, the part `part` of the way; positions outside of the source
    /// are its border.
    fn push_between(&mut self, at: isize, part: f32) {
        if at < 0 {
            self.push(0, [1.0]);
        } else if at as usize >= self.source - 1 {
            self.push(self.source - 1, [1.0]);
        } else {
            self.push(at as usize, [1.0 - part, part]);
        }
    }

    /// OpenCV's INTER_AREA along the axis `source -> target`, in a resize that shrinks along both axes
    /// or not (`shrinks`).
    pub fn area_opencv(&mut self, source: usize, target: usize, shrinks: bool) {
        if shrinks { self.area_coverage(source, target) } else { self.linear_area(source, target) }
    }
}

/// Between which source positions output position `i` lies for [`Axis::linear`]: the first, and the
/// part of the way to the next. It may lie outside of the source.
pub(super) fn linear_position(i: usize, source: usize, target: usize) -> (isize, f32) {
    // In f32, as OpenCV has it.
    let at = ((i as f64 + 0.5) * (source as f64 / target as f64) - 0.5) as f32;
    (at.floor() as isize, at - at.floor())
}

/// The same for [`Axis::linear_area`].
pub(super) fn linear_area_position(i: usize, source: usize, target: usize) -> (isize, f32) {
    let at = (i as f64 * (source as f64 / target as f64)).floor();
    let part = ((i + 1) as f64 - (at + 1.0) * (target as f64 / source as f64)) as f32;
    (at as isize, if part <= 0.0 { 0.0 } else { part - part.floor() })
}
