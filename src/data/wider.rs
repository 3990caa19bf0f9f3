//! WIDER FACE as it is published: `WIDER_train/images/<event>/*.jpg` and the list
//! `wider_face_split/wider_face_train_bbx_gt.txt`, and the same for `val`.

use std::iter;
use std::path::{Path, PathBuf};

use super::lines::{Lines, numbers, shown};
use super::split::Split;
use crate::error::{Error, Result};
use crate::geometry::PixelBox;

/// The list of one split.
#[derive(Debug)]
#[non_exhaustive]
pub struct Wider {
    /// Its name among several: that of its folder. None if it is the only one.
    pub set: Option<String>,
    /// The folder that the images' names begin at.
    pub root: PathBuf,
    /// The list's file.
    pub list: PathBuf,
    /// Its CRC-32.
    pub crc32: u32,
    /// In the list's order.
    pub images: Vec<WiderImage>,
}

/// An image and the faces in it.
#[derive(Debug)]
#[non_exhaustive]
pub struct WiderImage {
    /// As the list has it: `<event>/<file>.jpg`.
    pub name: String,
    /// The line of its name, from 1.
    pub line: usize,
    /// All that the list has, small, blurred and impossible ones too. None is no mistake.
    pub faces: Vec<WiderFace>,
}

/// A face as it is annotated.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct WiderFace {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width; a few in the published list have 0.
    pub width: f64,
    /// Height; a few in the published list have 0.
    pub height: f64,
    /// 0 clear, 1 normal, 2 heavy.
    pub blur: u8,
    /// 0 typical, 1 exaggerated.
    pub expression: u8,
    /// 0 normal, 1 extreme.
    pub illumination: u8,
    /// Whether the annotators held it for too poor to count.
    pub invalid: bool,
    /// 0 none, 1 partial, 2 heavy.
    pub occlusion: u8,
    /// 0 typical, 1 atypical.
    pub pose: u8,
    /// Its line in the list, from 1.
    pub line: usize,
}

impl WiderFace {
    /// `[x1, y1, x2, y2]` with x2 = x + width, as every implementation of MTCNN reads it.
    #[must_use]
    pub fn corners(&self) -> PixelBox {
        PixelBox([self.x, self.y, self.x + self.width, self.y + self.height])
    }

    /// Whether the box has an area.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.width > 0.0 && self.height > 0.0
    }
}

impl Wider {
    /// The folder of a split's images.
    #[must_use]
    pub fn root(folder: &Path, split: &str) -> PathBuf {
        folder.join(format!("WIDER_{split}")).join("images")
    }

    /// Reads the list of a split under the folder that holds `WIDER_train` and `wider_face_split`. The
    /// images are not looked at.
    ///
    /// # Errors
    /// As [`Wider::read_list`].
    pub fn read(folder: &Path, split: Split) -> Result<Self> {
        Self::read_split(folder, split.name())
    }

    /// As [`Wider::read`], of a split of any name: `wider_face_split/wider_face_<split>_bbx_gt.txt`, of images in
    /// `WIDER_<split>/images`.
    ///
    /// # Errors
    /// As [`Wider::read_list`]; [`crate::ErrorKind::Option`] if the name is not part of a file's name.
    pub fn read_split(folder: &Path, split: &str) -> Result<Self> {
        if split.is_empty() || split.contains(['/', '\\', '\0']) {
            return Err(Error::option(format!("\"{}\" is no name of a split", shown(split))));
        }
        let list = folder.join("wider_face_split").join(format!("wider_face_{split}_bbx_gt.txt"));
        Self::read_list(list, Self::root(folder, split))
    }

    /// As [`Wider::read_split`], of each of several folders. Names of images may occur in more than one: each list knows its
    /// [set](Wider::set), which no other has.
    ///
    /// # Errors
    /// Of each list as [`Wider::read_split`].
    pub fn read_each(folders: &[PathBuf], split: &str) -> impl Iterator<Item = Result<Self>> {
        let several = folders.len() > 1;
        folders.iter().zip(set_names(folders)).map(move |(folder, name)| {
            Self::read_split(folder, split).map(|list| Self { set: several.then_some(name), ..list })
        })
    }

    /// Reads any list of this form, of images whose names begin at the folder `root`. The images are not looked at.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] if the list can't be read, [`crate::ErrorKind::Data`] with the line that is bad.
    pub fn read_list(list: PathBuf, root: PathBuf) -> Result<Self> {
        let mut lines = Lines::open(list)?;
        let mut images = Vec::new();
        while let Some(line) = lines.next()? {
            let name = line.trim();
            if name.is_empty() {
                continue;
            }
            if name.split_whitespace().all(|word| word.parse::<f64>().is_ok()) {
                return Err(lines.error(&format!("the name of an image is missing: \"{}\"", shown(name))));
            }
            let line = lines.number();
            let name = lines.name(name)?;
            images.push(WiderImage { name, line, faces: faces(&mut lines)? });
        }
        let (list, crc32) = lines.finish();
        Ok(Self { set: None, root, list, crc32, images })
    }
}

/// The last names of folders; one that occurs again gets a number.
fn set_names(folders: &[PathBuf]) -> Vec<String> {
    let mut names = Vec::new();
    for folder in folders {
        // `.` has no name of its own.
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let last = whole.file_name().map_or("set".into(), |name| name.to_string_lossy().into_owned());
        let numbered = (2..).map(|number| format!("{last}-{number}"));
        let name = iter::once(last.clone()).chain(numbered).find(|name| !names.contains(name));
        names.extend(name);
    }
    names
}

/// The count and that many lines.
fn faces(lines: &mut Lines) -> Result<Vec<WiderFace>> {
    let Some(line) = lines.next()? else {
        return Err(lines.error("the list ends after an image's name, without the number of its faces"));
    };
    let Ok(count) = line.trim().parse::<usize>() else {
        return Err(lines.error(&format!("the number of faces is missing: \"{}\"", shown(&line))));
    };
    if count == 0 {
        // A line of zeros stands for none; some tools leave it out.
        if lines.peek()?.and_then(|line| numbers(line.split_whitespace())) == Some([0.0; 10]) {
            lines.next()?;
        }
        return Ok(Vec::new());
    }
    // Not reserved: a broken count may be of any size.
    let mut faces = Vec::new();
    for i in 0..count {
        let Some(line) = lines.next()? else {
            return Err(lines.error(&format!("the list ends after {i} of {count} faces of an image")));
        };
        let face = face(&line, lines.number()).ok_or_else(|| {
            let expected = "x y w h blur expression illumination invalid occlusion pose";
            lines.error(&format!("face {} of {count} is not \"{expected}\": \"{}\"", i + 1, shown(&line)))
        })?;
        faces.push(face);
    }
    Ok(faces)
}

fn face(line: &str, number: usize) -> Option<WiderFace> {
    let [x, y, width, height, attributes @ ..]: [f64; 10] = numbers(line.split_whitespace())?;
    if attributes.iter().any(|&value| value != f64::from(value as u8)) {
        return None;
    }
    let [blur, expression, illumination, invalid, occlusion, pose] = attributes.map(|value| value as u8);
    let invalid = invalid != 0;
    Some(WiderFace { x, y, width, height, blur, expression, illumination, invalid, occlusion, pose, line: number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Result<Wider, String> {
        let folder = tempfile::tempdir().unwrap();
        let split = folder.path().join("wider_face_split");
        std::fs::create_dir(&split).unwrap();
        std::fs::write(split.join("wider_face_val_bbx_gt.txt"), list).unwrap();
        Wider::read(folder.path(), Split::Val).map_err(|error| error.to_string())
    }

    #[test]
    fn images_with_and_without_faces() {
        let list = "a/1.jpg\n2\n1 2 30 40 0 1 0 1 2 0 \r\n-5 6 7.5 0 2 0 0 0 0 0\n\
                    b/no faces.jpg\n0\n0 0 0 0 0 0 0 0 0 0\nb/none, and no zeros.jpg\n0\nb/4.jpg\n1\n0 0 9 9 0 0 0 0 0 0\n\n";
        let wider = read(list).unwrap();
        let counts: Vec<_> = wider.images.iter().map(|it| (it.name.as_str(), it.line, it.faces.len())).collect();
        let expected = [("a/1.jpg", 1, 2), ("b/no faces.jpg", 5, 0), ("b/none, and no zeros.jpg", 8, 0)];
        assert_eq!(counts, [&expected[..], &[("b/4.jpg", 10, 1)]].concat());
        let [first, second] = wider.images[0].faces[..] else { panic!() };
        assert_eq!(first.corners(), PixelBox([1.0, 2.0, 31.0, 42.0]));
        assert_eq!((first.expression, first.invalid, first.occlusion, first.line), (1, true, 2, 3));
        assert!(first.is_possible() && !second.is_possible());
        assert_eq!(second.corners(), PixelBox([-5.0, 6.0, 2.5, 6.0]));
        assert!(wider.root.ends_with("WIDER_val/images"));
    }

    #[test]
    fn an_empty_list_has_no_images() {
        assert!(read("").unwrap().images.is_empty());
    }

    #[test]
    fn a_bad_line_is_named_with_the_reason() {
        let face = "0 0 9 9 0 0 0 0 0 0\n";
        for (list, line, reason) in [
            ("a.jpg".to_string(), 1, "without the number of its faces"),
            ("a.jpg\nmany\n".into(), 2, "number of faces is missing: \"many\""),
            ("a.jpg\n-1\n".into(), 2, "number of faces is missing"),
            (format!("a.jpg\n2\n{face}"), 3, "ends after 1 of 2 faces"),
            (format!("a.jpg\n2\n{face}b.jpg\n1\n{face}"), 4, "face 2 of 2 is not \"x y w h"),
            (format!("a.jpg\n1\n{face}{face}"), 4, "name of an image is missing: \"0 0 9 9"),
            ("a.jpg\n1\n0 0 9 9 0 0 0 0 0\n".into(), 3, "face 1 of 1"),
            ("a.jpg\n1\n0 0 9 9 0 0 0 0 0 0 0\n".into(), 3, "face 1 of 1"),
            ("a.jpg\n1\n0 0 NaN 9 0 0 0 0 0 0\n".into(), 3, "face 1 of 1"),
            ("a.jpg\n1\n0 0 inf 9 0 0 0 0 0 0\n".into(), 3, "face 1 of 1"),
            ("a.jpg\n1\n0 0 9 9 -1 0 0 0 0 0\n".into(), 3, "face 1 of 1"),
            ("a.jpg\n1\n0 0 9 x 0 0 0 0 0 0\n".into(), 3, "face 1 of 1"),
            ("a.jpg\n0\n0 0 9 9 0 0 0 0 0 0\n".into(), 3, "name of an image is missing"),
            (format!("a.jpg\n99999999999999\n{face}"), 3, "ends after 1 of 99999999999999"),
        ] {
            let error = read(&list).unwrap_err();
            assert!(error.contains(&format!("wider_face_val_bbx_gt.txt, line {line}: ")), "{list:?}: {error}");
            assert!(error.contains(reason), "{list:?}: {error}");
        }
    }

    #[test]
    fn sets_of_several_folders_have_names_of_their_own() {
        let names = |folders: &[&str]| set_names(&folders.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(names(&["a/mine", "b/mine", "c/mine-2/", "d/mine"]), ["mine", "mine-2", "mine-2-2", "mine-3"]);
        assert_eq!(names(&["/"]), ["set"]);
        assert_eq!(names(&["."]), [std::env::current_dir().unwrap().file_name().unwrap().to_str().unwrap()]);
    }

    #[test]
    fn a_missing_list_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Wider::read(folder.path(), Split::Train).unwrap_err().to_string();
        assert!(error.contains("wider_face_train_bbx_gt.txt: "), "{error}");
    }
}
