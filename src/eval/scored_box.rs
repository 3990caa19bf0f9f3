//! What a detector found, as the official evaluations take it: boxes with a score, in text files.

use std::fmt;

use crate::data::lines::{Lines, numbers, shown};
use crate::error::Result;
use crate::face::Face;
use crate::geometry::PixelBox;

/// Of an image: the evaluations' time grows with it, and no detector finds a tenth of this.
const MOST_BOXES: usize = 10_000;

/// A box with a score: a line `x y w h score` of a file of results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredBox {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Right edge less left edge.
    pub width: f64,
    /// Lower edge less upper edge.
    pub height: f64,
    /// The higher, the surer; of any range.
    pub score: f64,
}

impl ScoredBox {
    /// `[x1, y1, x2, y2]`.
    #[must_use]
    pub fn corners(&self) -> PixelBox {
        PixelBox([self.x, self.y, self.x + self.width, self.y + self.height])
    }
}

impl From<&Face> for ScoredBox {
    fn from(face: &Face) -> Self {
        let [x1, y1, x2, y2] = face.bbox.to_array().map(f64::from);
        Self { x: x1, y: y1, width: x2 - x1, height: y2 - y1, score: face.score.into() }
    }
}

/// The line, with as many digits as it takes to read the same numbers.
impl fmt::Display for ScoredBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { x, y, width, height, score } = self;
        write!(f, "{x} {y} {width} {height} {score}")
    }
}

/// The boxes of an image as files of results have them: their number and that many lines, after the image's name.
/// Both evaluations have this form.
#[must_use]
pub fn image_of_results(name: &str, faces: &[Face]) -> String {
    let lines = faces.iter().map(|face| format!("{}\n", ScoredBox::from(face)));
    format!("{name}\n{}\n", faces.len()) + &lines.collect::<String>()
}

/// Reads a number of boxes and that many lines.
pub(super) fn read_boxes(lines: &mut Lines) -> Result<Vec<ScoredBox>> {
    let Some(line) = lines.next()? else {
        return Err(lines.error("it ends after an image's name, without the number of boxes"));
    };
    // Some tools write it as they do other numbers.
    let count = numbers(line.split_whitespace()).map(|[count]: [f64; 1]| count);
    let Some(count) = count.filter(|count| *count >= 0.0 && count.fract() == 0.0) else {
        return Err(lines.error(&format!("the number of boxes is missing: \"{}\"", shown(&line))));
    };
    if count > MOST_BOXES as f64 {
        return Err(lines.error(&format!("{count} boxes in an image: there can't be more than {MOST_BOXES}")));
    }
    let mut boxes = Vec::new();
    while (boxes.len() as f64) < count {
        let Some(line) = lines.next()? else {
            return Err(lines.error(&format!("it ends after {} of {count} boxes of an image", boxes.len())));
        };
        let Some([x, y, width, height, score]) = numbers(line.split_whitespace()) else {
            return Err(lines.error(&format!("a box is not \"x y w h score\": \"{}\"", shown(&line))));
        };
        boxes.push(ScoredBox { x, y, width, height, score });
    }
    Ok(boxes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BBox;

    #[test]
    fn what_is_written_is_read_again_to_the_bit() {
        let bbox = BBox { x1: 0.1, y1: -2.7, x2: 33.3, y2: 1e-7 };
        let faces = [Face { bbox, score: 0.123_456_79, ..Face::default() }, Face::default()];
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, image_of_results("a/b", &faces)).unwrap();
        let mut lines = Lines::open(file.path().into()).unwrap();
        assert_eq!(lines.next().unwrap().as_deref(), Some("a/b"));
        assert_eq!(read_boxes(&mut lines).unwrap(), faces.each_ref().map(ScoredBox::from));
        assert_eq!(lines.next().unwrap(), None);
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, line, reason) in [
            ("", 0, "without the number"),
            ("x\n", 1, "the number of boxes is missing"),
            ("-1\n", 1, "the number of boxes is missing"),
            ("99999999999\n", 1, "can't be more than 10000"),
            ("2\n1 2 3 4 .5\n", 2, "it ends after 1 of 2 boxes"),
            ("1\n1 2 3 4\n", 2, "not \"x y w h score\""),
            ("1\n1 2 3 4 NaN\n", 2, "not \"x y w h score\""),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(&file, text).unwrap();
            let error = read_boxes(&mut Lines::open(file.path().into()).unwrap()).unwrap_err().to_string();
            assert!(error.contains(&format!(", line {line}: ")) && error.contains(reason), "{error}");
        }
    }
}
