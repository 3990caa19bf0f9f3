//! Lists of faces whose points are known: CNN_FacePoint (Sun et al.) as it is published, in `trainImageList.txt` and
//! `testImageList.txt`, or with another number of points; or a CSV file, whose header says the names of the points.

use std::io;
use std::path::{Path, PathBuf};

use super::lines::{Lines, finite, shown};
use super::split::Split;
use crate::error::{Error, Result};
use crate::geometry::PixelBox;
use crate::points::{MOST_POINTS, PointNames};

/// The columns of a CSV file before those of the points.
const COLUMNS: [&str; 5] = ["image", "x1", "y1", "x2", "y2"];

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
    /// The names of the points: those of a CSV file, or those of as many points ([`PointNames::of_count`]).
    pub names: PointNames,
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
    /// `[x1, y1, x2, y2]`, both ends inside; a list like CNN_FacePoint's has them in another order.
    pub corners: PixelBox,
    /// As many as there are names, each x and y. Of CNN_FacePoint: left eye, right eye, nose, left and right corner of the
    /// mouth; left is the image's.
    pub points: Vec<[f64; 2]>,
}

impl FacePoint {
    /// Reads the list of a split, which is in the folder or in `train` in it: `trainImageList.txt`, or else `train.csv`; to
    /// validate with what is published as `testImageList.txt`, or else `val.csv`. The images are not looked at.
    ///
    /// The first is like CNN_FacePoint's: a line `path left right top bottom x1 y1 x2 y2 …` for each image, all of as many
    /// points as the first. The second has a header, `image,x1,y1,x2,y2,NAME_x,NAME_y,…` with a name for each point, and
    /// paths with slashes. The five of CNN_FacePoint, in whatever order it has them, come in theirs.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] if there is no list, [`crate::ErrorKind::Unreadable`] if it can't be read,
    /// [`crate::ErrorKind::Data`] with the line that is bad.
    pub fn read(folder: &Path, split: Split) -> Result<Self> {
        let names = match split {
            Split::Train => ["trainImageList.txt", "train.csv"],
            Split::Val => ["testImageList.txt", "val.csv"],
        };
        let below = folder.join("train");
        let lists = names.map(|name| [folder, &below].map(|root| (root, root.join(name))));
        let found = lists.as_flattened().iter().find(|(_, list)| list.exists());
        let (root, list) = found.ok_or_else(|| {
            let reason = format!("neither {} nor {} is there, nor in its folder train", names[0], names[1]);
            Error::read(folder, io::Error::new(io::ErrorKind::NotFound, reason))
        })?;
        let mut lines = Lines::open(list.clone())?;
        let (names, images) = if is_csv(list) { read_csv(&mut lines) } else { read_list(&mut lines) }?;
        let (list, crc32) = lines.finish();
        Ok(Self { root: root.to_path_buf(), list, crc32, names, images })
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if is_csv(&self.list) { "CSV of points" } else { "CNN_FacePoint" }
    }
}

fn is_csv(list: &Path) -> bool {
    list.extension().is_some_and(|extension| extension == "csv")
}

/// Names of points, and the images.
type Content = (PointNames, Vec<FacePointImage>);

fn read_list(lines: &mut Lines) -> Result<Content> {
    let (mut names, mut images) = (None, Vec::new());
    while let Some(line) = lines.next()? {
        if line.trim().is_empty() {
            continue;
        }
        let image = image(&line, lines.number());
        let first = image.as_ref().map(|image| image.points.len());
        let points = names.as_ref().map(|names: &PointNames| names.len()).or(first).unwrap_or(5);
        let mut image = image.filter(|image| image.points.len() == points).ok_or_else(|| {
            let form = format!("path left right top bottom x1 y1 … x{points} y{points}");
            lines.error(&format!("not \"{form}\": \"{}\"", shown(&line)))
        })?;
        image.name = lines.name(&image.name)?;
        images.push(image);
        names.get_or_insert_with(|| PointNames::of_count(points));
    }
    Ok((names.unwrap_or_default(), images))
}

fn image(line: &str, number: usize) -> Option<FacePointImage> {
    let (name, rest) = line.trim_start().split_once(char::is_whitespace)?;
    let numbers = numbers(rest.split_whitespace())?;
    let (&[left, right, top, bottom], points) = numbers.split_first_chunk()?;
    let (points, rest) = points.as_chunks();
    if !rest.is_empty() || !(1..=MOST_POINTS).contains(&points.len()) {
        return None;
    }
    let corners = PixelBox([left, top, right, bottom]);
    Some(FacePointImage { name: name.into(), line: number, corners, points: points.into() })
}

/// All of them, if they are finite.
fn numbers<'a>(words: impl Iterator<Item = &'a str>) -> Option<Vec<f64>> {
    words.map(|word| finite(word.trim())).collect()
}

fn read_csv(lines: &mut Lines) -> Result<Content> {
    let header = lines.next()?.unwrap_or_default();
    let names = names(&fields(&header)).map_err(|reason| {
        lines.error(&format!("no header \"image,x1,y1,x2,y2,NAME_x,NAME_y,…\": {reason}: \"{}\"", shown(&header)))
    })?;
    // The five have their own order.
    let (names, order) = match names.five() {
        Some(five) if names.len() == five.len() => (PointNames::default(), five.to_vec()),
        _ => (names.clone(), (0..names.len()).collect()),
    };
    let mut images = Vec::new();
    while let Some(line) = lines.next()? {
        if line.trim().is_empty() {
            continue;
        }
        let fields = fields(&line);
        let parsed =
            fields.split_first().and_then(|(name, rest)| Some((name, numbers(rest.iter().map(String::as_str))?)));
        let parsed = parsed.filter(|(_, numbers)| numbers.len() == 4 + 2 * names.len());
        let (name, numbers) = parsed.ok_or_else(|| {
            let wanted = COLUMNS.len() + 2 * names.len();
            lines.error(&format!("not a name and {} numbers, as the header has them: \"{}\"", wanted - 1, shown(&line)))
        })?;
        let (&corners, points) = numbers.split_first_chunk().expect("as many as were counted");
        let (points, _) = points.as_chunks();
        images.push(FacePointImage {
            name: lines.name(name.trim())?,
            line: lines.number(),
            corners: PixelBox(corners),
            points: order.iter().map(|&i| points[i]).collect(),
        });
    }
    Ok((names, images))
}

/// The cells of a line; none if it is damaged. A carriage return within it would begin another record.
fn fields(line: &str) -> Vec<String> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line.trim_end().as_bytes());
    let records: Vec<_> = reader.records().filter_map(Result::ok).collect();
    let [record] = &records[..] else { return Vec::new() };
    record.iter().map(str::to_owned).collect()
}

/// The names of the points of a header.
fn names(header: &[String]) -> Result<PointNames, String> {
    let cells: Vec<_> = header.iter().map(|cell| cell.trim()).collect();
    let points = cells.strip_prefix(&COLUMNS).ok_or("other columns come first")?;
    let (pairs, rest) = points.as_chunks();
    if pairs.is_empty() || !rest.is_empty() {
        return Err("no two columns for each of one or more points".into());
    }
    let name = |&[x, y]: &[&str; 2]| {
        let name = x.strip_suffix("_x").filter(|&name| y.strip_suffix("_y") == Some(name));
        name.map(str::to_owned).ok_or_else(|| format!("{} and {} are no pair", shown(x), shown(y)))
    };
    PointNames::new(pairs.iter().take(MOST_POINTS + 1).map(name).collect::<Result<_, _>>()?)
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
        let error = FacePoint::read(folder.path(), Split::Val).unwrap_err();
        let reason = std::error::Error::source(&error).expect("a reason").to_string();
        assert!(reason.contains("neither testImageList.txt nor val.csv is there"), "{reason}");
    }

    #[test]
    fn a_bad_line_is_named() {
        let short = LINE.rsplit_once(' ').unwrap().0;
        for bad in [short, &format!("{LINE} 1"), &LINE.replace("53", "x"), &LINE.replace("36.72", "NaN"), "alone"] {
            let error = read(&format!("{LINE}\n{bad}\n")).unwrap_err();
            assert!(error.contains("testImageList.txt, line 2: not \"path left right top"), "{error}");
        }
    }

    #[test]
    fn another_number_of_points_is_that_of_the_first_line() {
        let list = read("a.jpg 1 20 3 40 5 6 7 8\nb.jpg 1 20 3 40 9 10 11 12\n").unwrap();
        assert_eq!((list.names[..].join(" "), list.kind()), ("point_1 point_2".into(), "CNN_FacePoint"));
        assert_eq!(list.images[1].points, [[9.0, 10.0], [11.0, 12.0]]);
        for bad in ["b.jpg 1 20 3 40 9 10", "b.jpg 1 20 3 40 9 10 11", "b.jpg 1 20 3 40 9 10 11 12 13 14"] {
            let error = read(&format!("a.jpg 1 20 3 40 5 6 7 8\n{bad}\n")).unwrap_err();
            assert!(error.contains("line 2: not \"path left right top bottom x1 y1 … x2 y2\": "), "{error}");
        }
        let error = read("a.jpg 1 20 3 40\n").unwrap_err();
        assert!(error.contains("line 1: not \"path left right top"), "{error}");
        assert!(read(&format!("a.jpg 1 20 3 40{}\n", " 5".repeat(514))).is_err());
    }

    fn read_csv_text(text: &str) -> Result<FacePoint, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("val.csv"), text).unwrap();
        FacePoint::read(folder.path(), Split::Val).map_err(|error| error.to_string())
    }

    #[test]
    fn a_csv_file_says_the_names_of_its_points() {
        let header = "image,x1,y1,x2,y2,chin_x,chin_y,left_ear_x,left_ear_y";
        let list = read_csv_text(&format!("\u{feff}{header}\r\n\"a, b.jpg\",1,2,30,40,5,6.5,-7,8\r\n\n")).unwrap();
        assert_eq!((list.names[..].join(" "), list.kind()), ("chin left_ear".into(), "CSV of points"));
        let [image] = &list.images[..] else { panic!("{list:?}") };
        assert_eq!((image.name.as_str(), image.line, image.corners), ("a, b.jpg", 2, PixelBox([1.0, 2.0, 30.0, 40.0])));
        assert_eq!(image.points, [[5.0, 6.5], [-7.0, 8.0]]);
        for (text, reason) in [
            (String::new(), "line 0: no header"),
            ("image,x1,y1,x2,y2\n".into(), "line 1: no header \"image,x1,y1,x2,y2,NAME_x,NAME_y,…\": no two columns"),
            ("x1,y1,x2,y2,a_x,a_y\n".into(), "other columns come first"),
            ("image,x1,y1,x2,y2,a_x,b_y\n".into(), "a_x and b_y are no pair"),
            ("image,x1,y1,x2,y2,a_x,a_y,a_x,a_y\n".into(), "two points are called a"),
            (format!("{header}\ra.jpg,1,2,3,4,5,6,7,8\r"), "line 1: no header"),
            (format!("{header}\na.jpg,1,2,3,4,5,6,7,8\rb.jpg,1,2,3,4,5,6,7,8\n"), "line 2: not a name and 8 numbers"),
            (format!("{header}\na.jpg,1,2,3,4,5,6,7\n"), "line 2: not a name and 8 numbers"),
            (format!("{header}\na.jpg,1,2,3,4,5,6,7,inf\n"), "line 2: not a name and 8 numbers"),
            (format!("{header}\n../a.jpg,1,2,3,4,5,6,7,8\n"), "line 2: an image outside of the list's folder"),
        ] {
            let error = read_csv_text(&text).unwrap_err();
            assert!(error.contains("val.csv") && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn the_five_of_a_csv_file_come_in_their_order() {
        let names = ["nose", "mouth_right", "mouth_left", "right_eye", "left_eye"];
        let header: String = names.map(|name| format!(",{name}_x,{name}_y")).concat();
        let list = read_csv_text(&format!("image,x1,y1,x2,y2{header}\na,0,0,9,9,1,1,2,2,3,3,4,4,5,5\n")).unwrap();
        assert!(list.names.are_the_five());
        assert_eq!(list.images[0].points.iter().map(|it| it[0]).collect::<Vec<_>>(), [5.0, 4.0, 1.0, 3.0, 2.0]);
    }
}
