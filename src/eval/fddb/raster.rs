//! Ellipses and boxes as pixels of an image, as FDDB's evaluation has OpenCV draw them: which pixels these are decides
//! the last digits of the curves.
//!
//! OpenCV draws a filled ellipse as a polygon with a corner at each 5 degrees (fewer if it is small), in fixed-point
//! numbers with 16 bits after the point: first its sides, as lines of one pixel, and then what is between them.

use super::list::Ellipse;
use crate::eval::scored_box::ScoredBox;

const SHIFT: u32 = 16;
const ONE: i64 = 1 << SHIFT;
const HALF: i64 = ONE / 2;

/// A box of pixels, both ends inside; empty if an end is before its beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rectangle {
    x: [i64; 2],
    y: [i64; 2],
}

/// The pixels of a found box in an image of this width and height: corners are rounded, and are inside.
pub(super) fn rectangle(found: &ScoredBox, [width, height]: [u32; 2]) -> Rectangle {
    let side = |from: f64, length: f64, size: u32| {
        // Beyond the image, all places are the same.
        let pixel = |at: f64| at.round_ties_even().clamp(-1.0, size.into()) as i64;
        let (a, b) = (pixel(from), pixel(from + length));
        [a.min(b).max(0), a.max(b).min(i64::from(size) - 1)]
    };
    Rectangle { x: side(found.x, found.width, width), y: side(found.y, found.height, height) }
}

/// The pixels of an ellipse in an image: in each row from the first to the last.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Region {
    top: i64,
    rows: Vec<[i32; 2]>,
    pixels: i64,
}

/// A corner in fixed-point numbers.
type Corner = [i64; 2];

impl Region {
    /// The pixels of an ellipse in an image of this width and height.
    pub(super) fn of(ellipse: &Ellipse, [width, height]: [u32; 2]) -> Self {
        let mut drawing = Drawing { height: height.into(), top: 0, rows: Vec::new() };
        let corners = corners(ellipse);
        let before = corners.iter().cycle().skip(corners.len() - 1);
        for (&from, &to) in before.zip(&corners) {
            drawing.line(from, to);
            drawing.side(from, to);
        }
        let last = width as i32 - 1;
        let rows = drawing.rows.into_iter().map(|[from, to]| [from.max(0), to.min(last)]);
        let rows: Vec<_> = rows.collect();
        let pixels = rows.iter().map(|&[from, to]| i64::from((to - from + 1).max(0))).sum();
        Self { top: drawing.top, rows, pixels }
    }

    /// Pixels in both by pixels in either.
    pub(super) fn overlap(&self, Rectangle { x, y }: Rectangle) -> f64 {
        let length = |from: i64, to: i64| (to - from + 1).max(0);
        let area = length(x[0], x[1]) * length(y[0], y[1]);
        let row = |at: i64| (at - self.top).clamp(0, self.rows.len() as i64) as usize;
        let rows = &self.rows[row(y[0])..row(y[1] + 1).max(row(y[0]))];
        let common = |&[from, to]: &[i32; 2]| length(x[0].max(from.into()), x[1].min(to.into()));
        let both: i64 = rows.iter().map(common).sum();
        if both > 0 { both as f64 / (area + self.pixels - both) as f64 } else { 0.0 }
    }
}

/// The polygon that stands for an ellipse: its centre is rounded, its axes are cut to whole pixels, and its angle is
/// rounded to whole degrees.
fn corners(ellipse: &Ellipse) -> Vec<Corner> {
    let (major, minor) = (ellipse.major.abs().trunc(), ellipse.minor.abs().trunc());
    let degrees = match major.max(minor) {
        longer if longer < 3.0 => 90,
        longer if longer < 10.0 => 30,
        longer if longer < 15.0 => 18,
        _ => 5,
    };
    let angle = (ellipse.angle.to_degrees().round_ties_even() as i64).rem_euclid(360);
    let (sine, cosine) = sine_and_cosine(angle);
    let centre = [ellipse.x, ellipse.y].map(|at| at.round_ties_even() * ONE as f64);
    let corner = |at: i64| {
        let (y, x) = sine_and_cosine(at);
        let (x, y) = (major * ONE as f64 * x, minor * ONE as f64 * y);
        let place = [centre[0] + x * cosine - y * sine, centre[1] + x * sine + y * cosine];
        place.map(|at| at.round_ties_even() as i64)
    };
    (0..360).step_by(degrees).map(corner).collect()
}

/// With the seven digits of OpenCV's table.
fn sine_and_cosine(degrees: i64) -> (f64, f64) {
    let sine = |degrees: i64| {
        let exact = (degrees as f64).to_radians().sin();
        f64::from(((exact * 1e7).round() / 1e7) as f32)
    };
    (sine(degrees), sine(90 - degrees))
}

/// The rows that pixels were drawn in.
struct Drawing {
    height: i64,
    top: i64,
    rows: Vec<[i32; 2]>,
}

impl Drawing {
    /// Makes the row reach to a pixel. The shape is convex: what is between two of its pixels is inside.
    fn reach(&mut self, x: i64, y: i64) {
        if !(0..self.height).contains(&y) {
            return;
        }
        if self.rows.is_empty() {
            self.top = y;
        }
        const EMPTY: [i32; 2] = [i32::MAX, i32::MIN];
        if y < self.top {
            let more = (self.top - y) as usize;
            self.rows.splice(..0, std::iter::repeat_n(EMPTY, more));
            self.top = y;
        }
        let row = (y - self.top) as usize;
        if row >= self.rows.len() {
            self.rows.resize(row + 1, EMPTY);
        }
        let [from, to] = &mut self.rows[row];
        (*from, *to) = ((*from).min(x as i32), (*to).max(x as i32));
    }

    /// A side as a line: a pixel for each column or row, whichever are more.
    fn line(&mut self, from: Corner, to: Corner) {
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let along = usize::from(dx.abs() <= dy.abs());
        let (first, last) = if [dx, dy][along] < 0 { (to, from) } else { (from, to) };
        let length = last[along] - first[along];
        let slope = ((last[1 - along] - first[1 - along]) << SHIFT) / (length | 1);
        let mut pixel = |at: [i64; 2]| self.reach(at[0], at[1]);
        pixel(last.map(|at| (at + HALF) >> SHIFT));
        for step in 0..=length >> SHIFT {
            let mut at = [0; 2];
            at[along] = ((first[along] + HALF) >> SHIFT) + step;
            at[1 - along] = (first[1 - along] + HALF + step * slope) >> SHIFT;
            pixel(at);
        }
    }

    /// A side as the border of what is inside: a pixel for each row.
    fn side(&mut self, from: Corner, to: Corner) {
        let (upper, lower) = if from[1] <= to[1] { (from, to) } else { (to, from) };
        let [first, last] = [upper, lower].map(|corner| (corner[1] + HALF) >> SHIFT);
        let rows = last - first;
        if rows == 0 {
            return;
        }
        let slope = ((lower[0] - upper[0]) * 2 + rows) / (2 * rows);
        for row in 0..=rows {
            self.reach((upper[0] + row * slope + HALF) >> SHIFT, first + row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(x: f64, y: f64, width: f64, height: f64) -> ScoredBox {
        ScoredBox { x, y, width, height, score: 0.0 }
    }

    fn region(major: f64, minor: f64, angle: f64, x: f64, y: f64) -> Region {
        Region::of(&Ellipse { major, minor, angle, x, y }, [100, 80])
    }

    #[test]
    fn boxes_are_rounded_and_cut() {
        let at = |box_: ScoredBox| rectangle(&box_, [100, 80]);
        assert_eq!(at(found(0.5, 1.5, 2.0, 2.0)), Rectangle { x: [0, 2], y: [2, 4] });
        assert_eq!(at(found(-1e300, 70.0, 1e308, 1e308)), Rectangle { x: [0, 99], y: [70, 79] });
        assert_eq!(region(9.0, 9.0, 0.0, 5.0, 5.0).overlap(at(found(-50.0, -50.0, 20.0, 20.0))), 0.0);
        assert_eq!(region(9.0, 9.0, 0.0, 5.0, 5.0).overlap(at(found(500.0, 5.0, 20.0, 20.0))), 0.0);
    }

    #[test]
    fn a_small_ellipse_is_a_diamond() {
        // 2 pixels either way, four corners: rows of 1, 3, 5, 3 and 1.
        let diamond = region(2.9, 2.0, 0.0, 50.4, 40.0);
        assert_eq!((diamond.top, diamond.pixels), (38, 13));
        assert_eq!(diamond.rows, [[50, 50], [49, 51], [48, 52], [49, 51], [50, 50]]);
        // Turned by a quarter it is the same, and cut by the border it has three rows.
        assert_eq!(region(2.0, 2.0, std::f64::consts::FRAC_PI_2, 50.0, 40.0), diamond);
        assert_eq!(region(2.0, 2.0, 0.0, 50.0, 0.0).rows, diamond.rows[2..]);
        // Of its row in the middle, and as many outside.
        let overlap = diamond.overlap(rectangle(&found(48.0, 40.0, 9.0, 0.0), [100, 80]));
        assert_eq!(overlap, 5.0 / (10.0 + 13.0 - 5.0));
    }

    #[test]
    fn a_large_ellipse_has_its_area() {
        for angle in [0.0, 0.3, 1.2, -2.0, 9.0] {
            let pixels = region(30.0, 20.0, angle, 50.0, 40.0).pixels as f64;
            // Half a pixel more all around than pi a b.
            let expected = std::f64::consts::PI * 30.5 * 20.5;
            assert!((pixels / expected - 1.0).abs() < 0.01, "{pixels}, {expected}");
        }
        assert_eq!(region(0.0, 0.0, 0.0, 50.0, 40.0).rows, [[50, 50]]);
        assert_eq!(region(20.0, 10.0, 0.0, 500.0, 40.0).pixels, 0);
        assert_eq!(region(20.0, 10.0, 0.0, 50.0, 400.0).pixels, 0);
    }
}
