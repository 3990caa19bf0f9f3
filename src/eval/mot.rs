//! Files of MOT15: a line for each box of each frame, `frame,id,x,y,width,height,confidence,-1,-1,-1`.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use crate::data::lines::{Lines, shown};
use crate::error::Result;

/// Boxes of a frame: pairing takes time with the cube of what overlaps.
const MOST_BOXES: usize = 1000;
/// Ids of a file, for the same reason.
const MOST_IDS: usize = 5000;
/// Lines: days of a crowded video.
const MOST_LINES: usize = 50_000_000;
/// Coordinates in pixels.
const FURTHEST: f64 = 1e9;

/// A box of a track in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MotBox {
    /// The same for one person in all frames.
    pub id: i64,
    /// The left and upper edge, the width and the height in pixels; parts are allowed.
    pub sides: [f64; 4],
    /// Of the truth, 0 if it does not count, else 1.
    pub confidence: f64,
}

impl MotBox {
    /// A box from its parts.
    #[must_use]
    pub const fn new(id: i64, sides: [f64; 4], confidence: f64) -> Self {
        Self { id, sides, confidence }
    }
}

/// The boxes of a sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MotFile {
    /// By the number of the frame, from 1; frames without boxes are left out.
    pub frames: BTreeMap<u64, Vec<MotBox>>,
}

impl MotFile {
    /// Reads a file. What follows the confidence is not looked at, and a confidence that is missing is 1.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] or [`crate::ErrorKind::Unreadable`] if the file can't be read,
    /// [`crate::ErrorKind::Data`] with the line that is bad: no box, or an id a second time in a frame.
    pub fn read(file: &Path) -> Result<Self> {
        let mut lines = Lines::open(file.into())?;
        let mut frames: BTreeMap<u64, Vec<MotBox>> = BTreeMap::new();
        let mut ids = HashSet::new();
        while let Some(line) = lines.next()? {
            if line.trim().is_empty() {
                continue;
            }
            let Some((frame, new)) = parse(&line) else {
                let form = "not \"frame,id,x,y,width,height,confidence\" with whole numbers from 1 for frames";
                return Err(lines.error(&format!("{form}: \"{}\"", shown(&line))));
            };
            let boxes = frames.entry(frame).or_default();
            if boxes.iter().any(|it| it.id == new.id) {
                return Err(lines.error(&format!("the id {} is there a second time in frame {frame}", new.id)));
            }
            boxes.push(new);
            ids.insert(new.id);
            for (number, most, what) in [
                (boxes.len(), MOST_BOXES, "boxes in a frame"),
                (ids.len(), MOST_IDS, "ids"),
                (lines.number(), MOST_LINES, "lines"),
            ] {
                if number > most {
                    return Err(lines.error(&format!("there can't be more than {most} {what}")));
                }
            }
        }
        Ok(Self { frames })
    }
}

/// The frame and the box of a line.
fn parse(line: &str) -> Option<(u64, MotBox)> {
    let mut words = line.split(',').map(str::trim);
    let mut number = || words.next()?.parse().ok().filter(|number: &f64| number.abs() <= FURTHEST);
    let mut first = [0.0; 6];
    for it in &mut first {
        *it = number()?;
    }
    let confidence = match words.next() {
        Some(word) => word.parse().ok().filter(|it: &f64| it.is_finite())?,
        None => 1.0,
    };
    let [frame, id, sides @ ..] = first;
    let whole = frame.fract() == 0.0 && frame >= 1.0 && id.fract() == 0.0;
    let possible = sides[2] >= 0.0 && sides[3] >= 0.0;
    (whole && possible).then_some((frame as u64, MotBox { id: id as i64, sides, confidence }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<MotFile, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        MotFile::read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_are_read_in_any_order() {
        let file = read("2,7,1.5,-2,30,40,0.5,-1,-1,-1\n\n1, 3, 1,2,3,4\r\n2,3,1,2,3,4,0\n").unwrap();
        let frames: Vec<_> = file.frames.iter().map(|(frame, boxes)| (*frame, boxes.len())).collect();
        assert_eq!(frames, [(1, 1), (2, 2)]);
        let expected = MotBox { id: 7, sides: [1.5, -2.0, 30.0, 40.0], confidence: 0.5 };
        assert_eq!((file.frames[&2][0], file.frames[&1][0].confidence), (expected, 1.0));
    }

    #[test]
    fn bad_lines_are_named() {
        let good = "1,1,1,2,3,4,1\n";
        for bad in [
            "1,2,3,4,5",
            "0,2,1,2,3,4,1",
            "1.5,2,1,2,3,4,1",
            "-1,2,1,2,3,4,1",
            "1,2.5,1,2,3,4,1",
            "1,2,1,2,-3,4,1",
            "1,2,1,2,3,1e10,1",
            "1,2,NaN,2,3,4,1",
            "1,2,1,2,inf,4,1",
            "1,2,1,2,3,4,x",
            "frame,id,x,y,w,h",
            "1 2 1 2 3 4 1",
        ] {
            let error = read(&format!("{good}{bad}\n")).unwrap_err();
            assert!(error.contains(", line 2: not \"frame,id") && error.contains(bad), "{error}");
        }
        let error = read(&format!("{good}2,1,1,2,3,4,1\n{good}")).unwrap_err();
        assert!(error.ends_with(", line 3: the id 1 is there a second time in frame 1"), "{error}");
        let many: String = (0..1001).map(|id| format!("1,{id},1,2,3,4,1\n")).collect();
        assert!(read(&many).unwrap_err().ends_with("line 1001: there can't be more than 1000 boxes in a frame"));
        let many: String = (0..5001).map(|id| format!("{},{id},1,2,3,4,1\n", id + 1)).collect();
        assert!(read(&many).unwrap_err().ends_with("line 5001: there can't be more than 5000 ids"));
    }
}
