//! The filters, each as a table: the source positions and weights of every output position.

/// One axis of a resize.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    source: usize,
    taps: Vec<Taps>,
    weights: Vec<f32>,
}

/// The source positions of one output position: `count` of them from `start` on.
#[derive(Clone, Copy, Debug)]
struct Taps {
    start: usize,
    count: usize,
    weights: usize,
}

impl Axis {
    /// Positions of the source.
    pub fn source(&self) -> usize {
        self.source
    }

    /// Positions of the output.
    pub fn target(&self) -> usize {
        self.taps.len()
    }

    /// The first source position of output position `i`, and the weights from it on.
    #[inline(always)]
    pub fn taps(&self, i: usize) -> (usize, &[f32]) {
        let taps = self.taps[i];
        (taps.start, &self.weights[taps.weights..][..taps.count])
    }

    /// Makes room for another table; what was allocated is kept.
    fn clear(&mut self, source: usize) {
        assert!(source > 0, "a source of 1 position or more");
        self.source = source;
        self.taps.clear();
        self.weights.clear();
    }

    fn push(&mut self, start: usize, weights: impl IntoIterator<Item = f32>) {
        let first = self.weights.len();
        self.weights.extend(weights);
        let count = self.weights.len() - first;
        assert!(start + count <= self.source, "taps inside of the source");
        self.taps.push(Taps { start, count, weights: first });
    }

    /// Adaptive average pooling, PyTorch's `interpolate(mode="area")`: output `i` is the plain mean of
    /// the whole source positions from `floor(i·source/target)` to `ceil((i+1)·source/target)`.
    pub fn area_bins(&mut self, source: usize, target: usize) {
        self.clear(source);
        for i in 0..target {
            let (from, to) = (i * source / target, ((i + 1) * source).div_ceil(target));
            self.push(from, std::iter::repeat_n(1.0 / (to - from) as f32, to - from));
        }
    }

    /// Area coverage: output `i` is the mean of the source between `i·source/target` and
    /// `(i+1)·source/target`, positions that are cut counting in part. TensorFlow's AREA, and
    /// OpenCV's INTER_AREA where the target is not larger; as there, parts below 0.001 are left out.
    pub fn area_coverage(&mut self, source: usize, target: usize) {
        self.clear(source);
        let scale = source as f64 / target as f64;
        for i in 0..target {
            let from = i as f64 * scale;
            let to = from + scale;
            let length = scale.min(source as f64 - from);
            let last = (to.floor() as usize).min(source - 1);
            let first = (from.ceil() as usize).min(last);
            let before = first as f64 - from;
            let behind = to - last as f64;
            let mut start = first;
            let mut weights = Vec::with_capacity(last - first + 2);
            if before > 1e-3 {
                start -= 1;
                weights.push((before / length) as f32);
            }
            weights.extend(std::iter::repeat_n((1.0 / length) as f32, last - first));
            if behind > 1e-3 {
                weights.push((behind.min(1.0).min(length) / length) as f32);
            }
            self.push(start, weights);
        }
    }

    /// Bilinear between the centres of pixels, the border repeated: OpenCV's INTER_LINEAR.
    pub fn linear(&mut self, source: usize, target: usize) {
        self.clear(source);
        for i in 0..target {
            let (at, part) = linear_position(i, source, target);
            self.push_between(at, part);
        }
    }

    /// What OpenCV's INTER_AREA does where it enlarges along either axis: bilinear, but a source pixel
    /// keeps its value over its whole area and blends only where an output pixel lies across an edge.
    pub fn linear_area(&mut self, source: usize, target: usize) {
        self.clear(source);
        for i in 0..target {
            let (at, part) = linear_area_position(i, source, target);
            self.push_between(at, part);
        }
    }

    /// Bilinear samples at `count` positions from `first` to `last`, ends included, of which those
    /// outside of the source are made of nothing: TensorFlow's `crop_and_resize`.
    pub fn sampled(&mut self, source: usize, first: f32, last: f32, count: usize) {
        self.clear(source);
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
