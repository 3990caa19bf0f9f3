//! FDDB as it is published: `FDDB-fold-01-ellipseList.txt` to `10`, and files of results.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::data::lines::{Lines, numbers, shown};
use crate::error::{Error, Result};
use crate::eval::scored_box::{ScoredBox, read_boxes};

const FOLDS: usize = 10;
/// In an image; the most in the published lists are some tens. Pairing takes time with its square.
const MOST_FACES: usize = 100;
/// Of all images together: no detector finds a tenth of this.
const MOST_BOXES: usize = 1_000_000;
/// Coordinates of an ellipse, and sides of an image; the published images have 450 pixels at most.
const FURTHEST: f64 = 10_000.0;

/// The lists.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fddb {
    /// The folder that the images' names begin at.
    pub root: PathBuf,
    /// In the order of the lists.
    pub images: Vec<FddbImage>,
}

/// An image and the faces in it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FddbImage {
    /// As the list has it, without the extension: `2002/08/11/big/img_591`.
    pub name: String,
    /// The faces.
    pub ellipses: Vec<Ellipse>,
}

/// A face as it is annotated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipse {
    /// Half of the one axis, in pixels.
    pub major: f64,
    /// Half of the other axis.
    pub minor: f64,
    /// Radians from the horizontal to the first axis, clockwise as it is seen.
    pub angle: f64,
    /// The centre's column.
    pub x: f64,
    /// The centre's row.
    pub y: f64,
}

impl Fddb {
    /// Reads the lists in a folder, or in `FDDB-folds` in it, of the ten folds or of those that are there. Images
    /// are expected in `originalPics` in the folder, or in the folder itself; they are not looked at.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] if a list can't be read, [`crate::ErrorKind::Data`] with the line that is bad, or if there is no list.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = |fold: usize| format!("FDDB-fold-{fold:02}-ellipseList.txt");
        let lists = [folder.to_path_buf(), folder.join("FDDB-folds")];
        let found = lists.iter().map(|lists| (1..=FOLDS).map(|fold| lists.join(file(fold))));
        let Some(files) =
            found.map(|files| files.filter(|file| file.exists()).collect()).find(|it: &Vec<_>| !it.is_empty())
        else {
            let folder = folder.display();
            return Err(Error::data(format!("{folder}: there is no {}, and none in FDDB-folds", file(1))));
        };
        let mut images = Vec::new();
        for file in files {
            read_ellipses(file, &mut images)?;
        }
        let below = folder.join("originalPics");
        Ok(Self { root: if below.exists() { below } else { folder.into() }, images })
    }

    /// The file of an image.
    #[must_use]
    pub fn file(&self, image: &FddbImage) -> PathBuf {
        self.root.join(format!("{}.jpg", image.name))
    }
}

fn read_ellipses(file: PathBuf, images: &mut Vec<FddbImage>) -> Result<()> {
    let mut lines = Lines::open(file)?;
    while let Some(name) = name(&mut lines)? {
        let count = lines.next()?.and_then(|line| line.trim().parse().ok());
        let Some(count) = count.filter(|&count| count <= MOST_FACES) else {
            return Err(lines.error(&format!("this is not a number of faces from 0 to {MOST_FACES}")));
        };
        let mut ellipses = Vec::new();
        while ellipses.len() < count {
            let Some(line) = lines.next()? else {
                return Err(lines.error(&format!("the list ends after {} of {count} faces", ellipses.len())));
            };
            let ellipse = numbers(line.split_whitespace()).map(|[major, minor, angle, x, y, _]: [f64; 6]| Ellipse {
                major,
                minor,
                angle,
                x,
                y,
            });
            let possible =
                |it: &Ellipse| [it.major, it.minor, it.angle, it.x, it.y].iter().all(|at| at.abs() <= FURTHEST);
            ellipses.push(ellipse.filter(possible).ok_or_else(|| {
                lines.error(&format!(
                    "not \"major_radius minor_radius angle center_x center_y 1\": \"{}\"",
                    shown(&line)
                ))
            })?);
        }
        images.push(FddbImage { name, ellipses });
    }
    Ok(())
}

/// The next line that is not empty: an image's name.
fn name(lines: &mut Lines) -> Result<Option<String>> {
    while let Some(line) = lines.next()? {
        let name = line.trim();
        if !name.is_empty() {
            return match name.split_whitespace().all(|word| word.parse::<f64>().is_ok()) {
                true => Err(lines.error(&format!("the name of an image is missing: \"{}\"", shown(name)))),
                false => lines.name(name).map(Some),
            };
        }
    }
    Ok(None)
}

/// What a detector found in the images.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FddbResults {
    /// For each image; empty where there are no results.
    pub boxes: Vec<Vec<ScoredBox>>,
    /// The images without results.
    pub missing: Vec<String>,
}

impl FddbResults {
    /// Reads a file of results: for each image its name, the number of boxes, and a line `x y w h score` for each;
    /// images in any order. Those that are not in the list are left out.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] if the file can't be read, [`crate::ErrorKind::Data`] with the line that is bad, or if no image is in the list.
    pub fn read(file: &Path, images: &[FddbImage]) -> Result<Self> {
        let mut places: HashMap<_, _> =
            images.iter().enumerate().map(|(at, it)| (it.name.as_str(), (at, false))).collect();
        let mut lines = Lines::open(file.into())?;
        let (mut boxes, mut total) = (vec![Vec::new(); images.len()], 0);
        while let Some(name) = name(&mut lines)? {
            let number = lines.number();
            let found = read_boxes(&mut lines)?;
            total += found.len();
            if total > MOST_BOXES {
                return Err(lines.error(&format!("there can't be more than {MOST_BOXES} boxes in all")));
            }
            match places.get_mut(name.trim_end_matches(".jpg")) {
                Some((_, true)) => {
                    let reason = format!("line {number}: there are results of {} already", shown(&name));
                    return Err(Error::data(format!("{}, {reason}", file.display())));
                }
                Some((place, seen)) => (boxes[*place], *seen) = (found, true),
                None => {}
            }
        }
        let missing = images.iter().filter(|image| !places[image.name.as_str()].1);
        let missing: Vec<_> = missing.map(|image| image.name.clone()).collect();
        if missing.len() == images.len() {
            let total = images.len();
            return Err(Error::data(format!("{}: results of none of the list's {total} images", file.display())));
        }
        Ok(Self { boxes, missing })
    }
}

/// Reads a file with a line `name width height` for each image, in any order: the sizes of the list's images, where
/// the file has them.
///
/// # Errors
/// [`crate::ErrorKind::Unreadable`] if the file can't be read, [`crate::ErrorKind::Data`] with the line that is bad.
pub fn read_sizes(file: &Path, images: &[FddbImage]) -> Result<Vec<Option<[u32; 2]>>> {
    let places: HashMap<_, _> = images.iter().enumerate().map(|(at, it)| (it.name.as_str(), at)).collect();
    let mut lines = Lines::open(file.into())?;
    let mut sizes = vec![None; images.len()];
    while let Some(line) = lines.next()? {
        if line.trim().is_empty() {
            continue;
        }
        let size = line.trim().split_once(char::is_whitespace).and_then(|(name, size)| {
            let size: [f64; 2] = numbers(size.split_whitespace())?;
            let possible = size.iter().all(|&side| (1.0..=FURTHEST).contains(&side) && side.fract() == 0.0);
            possible.then_some((name, size.map(|side| side as u32)))
        });
        let Some((name, size)) = size else {
            return Err(lines.error(&format!("not \"name width height\": \"{}\"", shown(&line))));
        };
        if let Some(&place) = places.get(name.trim_end_matches(".jpg")) {
            sizes[place] = Some(size);
        }
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LIST: &str = "a/b/img_1\n2\n20.5 10.25 -1.5 30 40  1\n1 2 3 4 5 1\r\na/b/img_2\n0\n";

    fn read(list: &str) -> Result<Fddb, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("FDDB-folds")).unwrap();
        fs::create_dir_all(folder.path().join("originalPics")).unwrap();
        fs::write(folder.path().join("FDDB-folds/FDDB-fold-03-ellipseList.txt"), list).unwrap();
        Fddb::read(folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_are_read() {
        let fddb = read(LIST).unwrap();
        let first = Ellipse { major: 20.5, minor: 10.25, angle: -1.5, x: 30.0, y: 40.0 };
        assert_eq!((fddb.images.len(), fddb.images[0].ellipses[0]), (2, first));
        assert!(fddb.file(&fddb.images[1]).ends_with("originalPics/a/b/img_2.jpg"));
        assert!(fddb.images[1].ellipses.is_empty());
        for (bad, reason) in [
            ("img_1\n", "line 1: this is not a number of faces"),
            ("img_1\n-1\n", "line 2: this is not a number of faces"),
            ("img_1\n101\n", "line 2: this is not a number of faces"),
            ("img_1\n2\n1 2 3 4 5 1\n", "line 3: the list ends after 1 of 2 faces"),
            ("img_1\n1\n1 2 3 4 5\n", "line 3: not \"major_radius"),
            ("img_1\n1\n1 2 3 4 1e6 1\n", "line 3: not \"major_radius"),
            ("1\n1 2 3 4 5 1\n", "line 1: the name of an image is missing"),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.contains("FDDB-fold-03-ellipseList.txt, ") && error.contains(reason), "{error}");
        }
        let error = Fddb::read(Path::new("nowhere")).unwrap_err().to_string();
        assert!(error.contains("nowhere: there is no FDDB-fold-01-ellipseList.txt"), "{error}");
    }

    #[test]
    fn results_and_sizes_are_found_by_name() {
        let images = read(LIST).unwrap().images;
        let file = tempfile::NamedTempFile::new().unwrap();
        let results = |text: &str| {
            fs::write(&file, text).unwrap();
            FddbResults::read(file.path(), &images).map_err(|error| error.to_string())
        };
        let found = results("other\n0\na/b/img_2\n1\n1 2 3 4 0.5\n").unwrap();
        assert_eq!((found.boxes[0].len(), found.boxes[1].len(), found.missing), (0, 1, vec!["a/b/img_1".to_string()]));
        assert!(results("other\n0\n").unwrap_err().contains("none of the list's 2 images"));
        assert!(results("a/b/img_1\n0\na/b/img_1\n0\n").unwrap_err().contains("line 3: there are results"));
        let sizes = |text: &str| {
            fs::write(&file, text).unwrap();
            read_sizes(file.path(), &images).map_err(|error| error.to_string())
        };
        assert_eq!(sizes("x 1 2\na/b/img_2.jpg 3 4\n").unwrap(), [None, Some([3, 4])]);
        for bad in ["a/b/img_2 3\n", "a/b/img_2 0 3\n", "a/b/img_2 3 1e9\n", "a/b/img_2 3.5 4\n"] {
            assert!(sizes(bad).unwrap_err().contains(", line 1: not \"name width height\""));
        }
    }
}
