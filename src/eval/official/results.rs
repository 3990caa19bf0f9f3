//! Results in the layout of WIDER FACE: a folder for each event, in it a text file for each image, with the
//! image's name, the number of boxes, and a line `x y w h score` for each.

use std::path::{Path, PathBuf};

use super::truth::Truth;
use crate::data::lines::{Lines, shown};
use crate::error::{Error, ErrorKind, Result};
use crate::eval::scored_box::{ScoredBox, read_boxes};

/// Of all images together: a tenth of this is more than published results have.
const MOST_BOXES: usize = 10_000_000;

/// What a detector found in the images of a split.
#[derive(Clone, Debug)]
pub struct Results {
    /// For each image of the ground truth; empty where there is no file.
    pub boxes: Vec<Vec<ScoredBox>>,
    /// The images without a file.
    pub missing: Vec<String>,
}

impl Results {
    /// Reads the results of all images of the ground truth.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] if a file is there and can't be read, [`crate::ErrorKind::Data`] with the line that is bad, or if there are
    /// none at all.
    pub fn read(folder: &Path, truth: &Truth) -> Result<Self> {
        let (mut boxes, mut missing, mut total) = (Vec::new(), Vec::new(), 0);
        for image in &truth.images {
            match read(&folder.join(result_path(&image.name)), &image.name) {
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
                    missing.push(image.name.clone());
                }
                Err(error) => return Err(error),
            }
        }
        match &missing[..] {
            [first, ..] if missing.len() == boxes.len() => {
                let (folder, example, total) = (folder.display(), result_path(first), boxes.len());
                let example = example.display();
                Err(Error::data(format!("{folder}: there are results of none of {total} images, such as {example}")))
            }
            _ => Ok(Self { boxes, missing }),
        }
    }
}

/// Where in a folder the results of an image are: its own name, with the extension txt.
pub fn result_path(image: impl AsRef<Path>) -> PathBuf {
    image.as_ref().with_extension("txt")
}

fn read(path: &Path, image: &str) -> Result<Vec<ScoredBox>> {
    let mut lines = Lines::open(path.into())?;
    let name = lines.next()?.unwrap_or_default();
    // With the event or without, with the extension or without: all of it is in use.
    let stem = |name: &str| name.rsplit('/').next().map(|file| file.trim_end_matches(".jpg").to_string());
    if stem(name.trim()) != stem(image) {
        return Err(lines.error(&format!("these are results of \"{}\", and not of {image}", shown(&name))));
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
    use super::super::truth::TruthImage;
    use super::*;
    use std::fs;

    fn truth() -> Truth {
        let image = |name: &str| TruthImage { name: name.into(), boxes: vec![], counts: vec![] };
        let images = vec![image("0--A/a.jpg"), image("0--A/b.x.jpg")];
        Truth { subsets: vec![], images, empty_images_count: false }
    }

    #[test]
    fn each_image_has_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = Results::read(folder.path(), &truth()).unwrap_err().to_string();
        assert!(error.contains("results of none of 2 images"), "{error}");
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
