//! CNN_FacePoint (Sun et al.) as it is published: photographs of one face each, with its box and five
//! points, in `trainImageList.txt` and `testImageList.txt`.

use std::path::{Path, PathBuf};

use super::lines::{Lines, numbers, shown};
use super::split::Split;
use crate::error::Result;
use crate::geometry::PixelBox;

/// The list of one split.
#[derive(Debug)]
#[non_exhaustive]
pub struct FacePoint {
    /// The folder that the images' names begin at.
    pub root: PathBuf,
    /// The list's file.
    pub list: PathBuf,
    /// Its CRC-32.
    pub crc32: u32,
    /// In the list's order.
    pub images: Vec<FacePointImage>,
}

/// An image and the face in it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FacePointImage {
    /// As the list has it, with slashes for its backslashes.
    pub name: String,
    /// Its line in the list, from 1.
    pub line: usize,
    /// `[x1, y1, x2, y2]`, both ends inside; the list has them in another order.
    pub corners: PixelBox,
    /// Left eye, right eye, nose, left and right corner of the mouth, each x and y; left is the image's.
    pub points: [[f64; 2]; 5],
}

impl FacePoint {
    /// Reads the list of a split, which is in the folder or in `train` in it; the split to validate with
    /// is what is published as `testImageList.txt`. The images are not looked at.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] if the list can't be read, [`crate::ErrorKind::Data`] with the line that is bad.
    pub fn read(folder: &Path, split: Split) -> Result<Self> {
        let name = match split {
            Split::Train => "trainImageList.txt",
            Split::Val => "testImageList.txt",
        };
        let below = folder.join("train");
        let root = if !folder.join(name).exists() && below.join(name).exists() { below } else { folder.into() };
        let mut lines = Lines::open(root.join(name))?;
        let mut images = Vec::new();
        while let Some(line) = lines.next()? {
            if line.trim().is_empty() {
                continue;
            }
            let mut image = image(&line, lines.number()).ok_or_else(|| {
                lines.error(&format!("not \"path left right top bottom x1 y1 … x5 y5\": \"{}\"", shown(&line)))
            })?;
            image.name = lines.name(&image.name)?;
            images.push(image);
        }
        let (list, crc32) = lines.finish();
        Ok(Self { root, list, crc32, images })
    }
}

fn image(line: &str, number: usize) -> Option<FacePointImage> {
    let (name, rest) = line.trim_start().split_once(char::is_whitespace)?;
    let [left, right, top, bottom, points @ ..]: [f64; 14] = numbers(rest.split_whitespace())?;
    let points = std::array::from_fn(|i| [points[2 * i], points[2 * i + 1]]);
    Some(FacePointImage { name: name.into(), line: number, corners: PixelBox([left, top, right, bottom]), points })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r"lfw_5590\A_0001.jpg 26 53 29 56 33.2 36.72 46.96 34.96 36.88 43.12 34.96 50.64 47.6 49.04";

    fn read(list: &str) -> Result<FacePoint, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("testImageList.txt"), list).unwrap();
        FacePoint::read(folder.path(), Split::Val).map_err(|error| error.to_string())
    }

    #[test]
    fn left_right_top_bottom_become_corners() {
        let list = read(&format!("{LINE}\r\n\n{LINE} \n")).unwrap();
        assert_eq!(list.images.len(), 2);
        let image = &list.images[1];
        assert_eq!((image.name.as_str(), image.line), ("lfw_5590/A_0001.jpg", 3));
        assert_eq!(image.corners, PixelBox([26.0, 29.0, 53.0, 56.0]));
        assert_eq!((image.points[0], image.points[4]), ([33.2, 36.72], [47.6, 49.04]));
    }

    #[test]
    fn the_list_may_be_in_a_folder_below() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("train")).unwrap();
        std::fs::write(folder.path().join("train/trainImageList.txt"), LINE).unwrap();
        let list = FacePoint::read(folder.path(), Split::Train).unwrap();
        assert!(list.root.ends_with("train") && list.images.len() == 1);
        let error = FacePoint::read(folder.path(), Split::Val).unwrap_err().to_string();
        assert!(error.contains("testImageList.txt: "), "{error}");
    }

    #[test]
    fn a_bad_line_is_named() {
        let short = LINE.rsplit_once(' ').unwrap().0;
        for bad in [short, &format!("{LINE} 1"), &LINE.replace("53", "x"), &LINE.replace("36.72", "NaN"), "alone"] {
            let error = read(&format!("{LINE}\n{bad}\n")).unwrap_err();
            assert!(error.contains("testImageList.txt, line 2: not \"path left right top"), "{error}");
        }
    }
}
