//! What must be found in the images of WIDER FACE: by the published ground truth, or by its list.

use std::path::Path;

use super::mat::{self, Value};
use crate::data::lines::{below, shown};
use crate::data::wider::Wider;
use crate::error::{Error, Result};
use crate::geometry::PixelBox;

/// The faces of a split, and of which subsets each is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Truth {
    /// The names of the subsets, such as easy, medium and hard.
    pub subsets: Vec<String>,
    /// In the order of the list.
    pub images: Vec<TruthImage>,
    /// Whether what is found in an image without any annotated face is wrong. The official protocol leaves such
    /// images out: there are none to speak of in its lists.
    pub(super) empty_images_count: bool,
}

/// The faces of an image.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TruthImage {
    /// `<event>/<file>.jpg`.
    pub name: String,
    /// The annotated boxes, `[x1, y1, x2, y2]` with x2 = x + width.
    pub boxes: Vec<PixelBox>,
    /// For each subset, which of the boxes must be found. To find another is neither right nor wrong.
    pub counts: Vec<Vec<bool>>,
}

impl Truth {
    /// One subset: the faces of a list whose shorter side has `min_size` pixels or more, but for those that are
    /// marked as invalid.
    #[must_use]
    pub fn from_list(list: &Wider, min_size: f64) -> Self {
        let images = list.images.iter().map(|image| {
            let possible = || image.faces.iter().filter(|face| face.is_possible());
            let counts = possible().map(|face| !face.invalid && face.width.min(face.height) >= min_size);
            TruthImage {
                name: image.name.clone(),
                boxes: possible().map(|face| face.corners()).collect(),
                counts: vec![counts.collect()],
            }
        });
        let subsets = vec![format!("from {min_size} pixels")];
        Self { subsets, images: images.collect(), empty_images_count: true }
    }

    /// All of several as one; they have the same subsets.
    pub fn of_all(several: impl IntoIterator<Item = Self>) -> Option<Self> {
        several.into_iter().reduce(|mut whole, mut next| {
            whole.images.append(&mut next.images);
            whole
        })
    }

    /// The published ground truth of the split to validate with: `wider_face_val.mat`, `wider_easy_val.mat`,
    /// `wider_medium_val.mat` and `wider_hard_val.mat` in a folder, which is `eval_tools/ground_truth` of the
    /// official evaluation.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] if one can't be read, [`crate::ErrorKind::Data`] with the file and the reason if one is damaged or does
    /// not fit the others.
    pub fn read(folder: &Path) -> Result<Self> {
        let faces = folder.join("wider_face_val.mat");
        let [events, files, boxes] = mat::read(&faces, ["event_list", "file_list", "face_bbx_list"])?;
        let mut images = images(&events, &files, &boxes).map_err(|reason| Error::data(reason).at(faces))?;
        let subsets = ["easy", "medium", "hard"];
        for subset in subsets {
            let path = folder.join(format!("wider_{subset}_val.mat"));
            let [chosen] = mat::read(&path, ["gt_list"])?;
            choose(&chosen, &mut images)
                .map_err(|reason| Error::data(format!("{}: gt_list: {reason}", path.display())))?;
        }
        let images = images.into_iter().flatten().collect();
        Ok(Self { subsets: subsets.map(Into::into).into(), images, empty_images_count: false })
    }
}

/// The images of each event.
fn images(events: &Value, files: &Value, boxes: &Value) -> Result<Vec<Vec<TruthImage>>, String> {
    let [events, files, boxes] = [("event_list", events), ("file_list", files), ("face_bbx_list", boxes)]
        .map(|(name, value)| value.cells().ok_or_else(|| format!("{name} is not of cells")));
    let (events, files, boxes) = (events?, files?, boxes?);
    if files.len() != events.len() || boxes.len() != events.len() {
        return Err(format!("{} events, and files of {}, boxes of {}", events.len(), files.len(), boxes.len()));
    }
    let mut images = Vec::with_capacity(events.len());
    for ((event, files), boxes) in events.iter().zip(files).zip(boxes) {
        let event = event.text().ok_or("the name of an event is no text")?;
        let (Some(files), Some(boxes)) = (files.cells(), boxes.cells()) else {
            return Err(format!("the files or boxes of {event} are not of cells"));
        };
        if files.len() != boxes.len() {
            return Err(format!("{event} has {} files, and boxes of {}", files.len(), boxes.len()));
        }
        let of_file = |(file, boxes): (&Value, &Value)| {
            let file = file.text().ok_or_else(|| format!("the name of a file of {event} is no text"))?;
            let name = format!("{event}/{file}.jpg");
            let name = below(&name).ok_or_else(|| format!("an image outside of the folder: {}", shown(&name)))?;
            let boxes = corners(boxes).ok_or_else(|| format!("the boxes of {name} are not of four numbers each"))?;
            Ok(TruthImage { name, boxes, counts: Vec::new() })
        };
        images.push(files.iter().zip(boxes).map(of_file).collect::<Result<_, String>>()?);
    }
    Ok(images)
}

/// The rows x, y, width and height.
fn corners(boxes: &Value) -> Option<Vec<PixelBox>> {
    let (rows, values) = boxes.numbers()?;
    if values.is_empty() {
        return Some(Vec::new());
    }
    if values.len() != rows * 4 || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let row = |row: usize| {
        let [x, y, width, height] = std::array::from_fn(|column| values[column * rows + row]);
        PixelBox([x, y, x + width, y + height])
    };
    Some((0..rows).map(row).collect())
}

/// Adds a subset: for each event and image the numbers of its boxes, from 1.
fn choose(chosen: &Value, images: &mut [Vec<TruthImage>]) -> Result<(), String> {
    let events = chosen.cells().filter(|events| events.len() == images.len());
    let events = events.ok_or("not as many events as wider_face_val.mat has")?;
    for (event, images) in events.iter().zip(images) {
        let event = event.cells().filter(|event| event.len() == images.len());
        let event = event.ok_or("not as many images as wider_face_val.mat has")?;
        for (numbers, image) in event.iter().zip(images) {
            let mut counts = vec![false; image.boxes.len()];
            let (_, numbers) = numbers.numbers().ok_or_else(|| format!("{} has no numbers", image.name))?;
            for &number in numbers {
                let index = number as usize;
                if index as f64 != number || index == 0 || index > counts.len() {
                    return Err(format!("{} has no box {number}", image.name));
                }
                counts[index - 1] = true;
            }
            image.counts.push(counts);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::mat::write::{array, compressed, file};
    use super::*;

    fn cells<T>(items: impl IntoIterator<Item = T>, make: impl Fn(T) -> Value) -> Value {
        Value::Cells(items.into_iter().map(make).collect())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn numbers(rows: usize, values: &[f64]) -> Value {
        Value::Numbers { rows, values: values.into() }
    }

    /// Two events with one and two images; the second image has no box.
    fn folder(easy: &[f64]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let boxes = [numbers(2, &[1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0]), numbers(0, &[]), numbers(1, &[5.0; 4])];
        let [one, two, three] = boxes;
        let events = array("event_list", &cells(["0--A", "1--B"], text));
        let files = array("file_list", &Value::Cells(vec![cells(["a"], text), cells(["b", "c"], text)]));
        let faces =
            array("face_bbx_list", &Value::Cells(vec![Value::Cells(vec![one]), Value::Cells(vec![two, three])]));
        std::fs::write(folder.path().join("wider_face_val.mat"), file(&compressed_all(&[&events, &files, &faces])))
            .unwrap();
        for (subset, first) in [("easy", easy), ("medium", &[1.0, 2.0]), ("hard", &[])] {
            let first = numbers(first.len(), first);
            let chosen =
                Value::Cells(vec![Value::Cells(vec![first]), Value::Cells(vec![numbers(0, &[]), numbers(1, &[1.0])])]);
            let bytes = file(&compressed_all(&[&array("gt_list", &chosen)]));
            std::fs::write(folder.path().join(format!("wider_{subset}_val.mat")), bytes).unwrap();
        }
        folder
    }

    fn compressed_all(arrays: &[&[u8]]) -> Vec<u8> {
        arrays.iter().flat_map(|array| compressed(array)).collect()
    }

    #[test]
    fn the_published_files_are_read() {
        let truth = Truth::read(folder(&[2.0]).path()).unwrap();
        assert_eq!(truth.subsets, ["easy", "medium", "hard"]);
        let names: Vec<_> = truth.images.iter().map(|image| image.name.as_str()).collect();
        assert_eq!(names, ["0--A/a.jpg", "1--B/b.jpg", "1--B/c.jpg"]);
        assert_eq!(truth.images[0].boxes, [[1.0, 2.0, 4.0, 6.0], [10.0, 20.0, 40.0, 60.0]].map(PixelBox));
        assert_eq!(truth.images[0].counts, [vec![false, true], vec![true, true], vec![false, false]]);
        assert!(truth.images[1].boxes.is_empty());
    }

    #[test]
    fn files_that_do_not_fit_are_named() {
        for bad in [3.0, 0.0, 1.5, f64::NAN, -1.0] {
            let error = Truth::read(folder(&[bad]).path()).unwrap_err().to_string();
            assert!(error.contains("wider_easy_val.mat: gt_list: 0--A/a.jpg has no box"), "{error}");
        }
        let folder = folder(&[]);
        let path = folder.path().join("wider_hard_val.mat");
        std::fs::write(&path, file(&array("gt_list", &Value::Cells(vec![])))).unwrap();
        let error = Truth::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("wider_hard_val.mat: gt_list: not as many events"), "{error}");
        std::fs::remove_file(path).unwrap();
        let error = Truth::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("wider_hard_val.mat"), "{error}");
    }
}
