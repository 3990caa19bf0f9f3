//! Results in the layout of WIDER FACE: a folder for each event, in it a text file for each picture, with the
//! picture's name, the number of boxes, and a line `x y w h score` for each.

use std::path::{Path, PathBuf};

use super::truth::Truth;
use crate::data::lines::{Lines, shown};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::scored_box::{ScoredBox, read_boxes};

/// Of all pictures together: a tenth of this is more than published results have.
const MOST_BOXES: usize = 10_000_000;

/// What a detector found in the pictures of a split.
#[derive(Clone, Debug)]
pub struct Results {
    /// For each picture of the ground truth; empty where there is no file.
    pub boxes: Vec<Vec<ScoredBox>>,
    /// The pictures without a file.
    pub missing: Vec<String>,
}

impl Results {
    /// Reads the results of all pictures of the ground truth.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] if a file is there and can't be read, [`crate::ErrorKind::Data`] with the line that is bad, or if there are
    /// none at all.
    pub fn read(folder: &Path, truth: &Truth) -> Result<Self> {
        let (mut boxes, mut missing, mut total) = (Vec::new(), Vec::new(), 0);
        for picture in &truth.pictures {
            match read(&folder.join(result_path(&picture.name)), &picture.name) {
                Ok(found) => {
                    total += found.len();
                    if total > MOST_BOXES {
                        let folder = folder.display();
                        return Err(Error::data(format!(
                            "{folder}: there can't be more than {MOST_BOXES} boxes in all"
                        )));
                    }
                    boxes.push(found);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    boxes.push(Vec::new());
                    missing.push(picture.name.clone());
                }
                Err(error) => return Err(error),
            }
        }
        match &missing[..] {
            [first, ..] if missing.len() == boxes.len() => {
                let (folder, example, total) = (folder.display(), result_path(first), boxes.len());
                let example = example.display();
                Err(Error::data(format!("{folder}: there are results of none of {total} pictures, such as {example}")))
            }
            _ => Ok(Self { boxes, missing }),
        }
    }
}

/// Where in a folder the results of a picture are: its own name, with the extension txt.
pub fn result_path(picture: impl AsRef<Path>) -> PathBuf {
    picture.as_ref().with_extension("txt")
}

fn read(path: &Path, picture: &str) -> Result<Vec<ScoredBox>> {
    let mut lines = Lines::open(path.into())?;
    let name = lines.next()?.unwrap_or_default();
    // With the event or without, with the extension or without: all of it is in use.
    let stem = |name: &str| name.rsplit('/').next().map(|file| file.trim_end_matches(".jpg").to_string());
    if stem(name.trim()) != stem(picture) {
        return Err(lines.error(&format!("these are results of \"{}\", and not of {picture}", shown(&name))));
    }
    let boxes = read_boxes(&mut lines)?;
    while let Some(line) = lines.next()? {
        if !line.trim().is_empty() {
            return Err(lines.error(&format!("more than the {} boxes that there should be", boxes.len())));
        }
    }
    Ok(boxes)
}

#[cfg(test)]
mod tests {
    use super::super::truth::TruthPicture;
    use super::*;
    use std::fs;

    fn truth() -> Truth {
        let picture = |name: &str| TruthPicture { name: name.into(), boxes: vec![], counts: vec![] };
        let pictures = vec![picture("0--A/a.jpg"), picture("0--A/b.x.jpg")];
        Truth { subsets: vec![], pictures, empty_pictures_count: false }
    }

    #[test]
    fn each_picture_has_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = Results::read(folder.path(), &truth()).unwrap_err().to_string();
        assert!(error.contains("results of none of 2 pictures"), "{error}");
        fs::create_dir(folder.path().join("0--A")).unwrap();
        fs::write(folder.path().join("0--A/b.x.txt"), "b.x\r\n1\r\n1 2 3 4 0.5 \r\n\n").unwrap();
        let results = Results::read(folder.path(), &truth()).unwrap();
        assert_eq!(results.missing, ["0--A/a.jpg"]);
        assert!(results.boxes[0].is_empty());
        let expected = ScoredBox { x: 1.0, y: 2.0, width: 3.0, height: 4.0, score: 0.5 };
        assert_eq!(results.boxes[1], [expected]);

        for (text, reason) in [("c\n0\n", "results of \"c\""), ("a\n0\n1 2 3 4 5\n", "line 3: more than the 0 boxes")] {
            fs::write(folder.path().join("0--A/a.txt"), text).unwrap();
            let error = Results::read(folder.path(), &truth()).unwrap_err().to_string();
            assert!(error.contains("a.txt") && error.contains(reason), "{error}");
        }
    }
}
