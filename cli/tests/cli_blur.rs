//! `mtcnn-cpu blur` as a user meets it at a shell.

mod common;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use common::{Run, detect, root, subcommand};
use exif::experimental::Writer;
use exif::{Context, Field, In, Tag, Value};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageDecoder, ImageEncoder, ImageReader, RgbImage};
use serde_json::Value as Json;
use tempfile::TempDir;

fn blur(args: &[&str]) -> Run {
    Run::of(subcommand("blur", args).output().unwrap())
}

const PORTRAIT: &str = "testdata/astronaut.png";
const CROWD: &str = "testdata/crowd.jpg";

fn pixels(path: impl AsRef<Path>) -> RgbImage {
    image::open(root().join(path)).unwrap().to_rgb8()
}

fn edges(face: &Json) -> [f64; 4] {
    [0, 1, 2, 3].map(|i| face["box"][i].as_f64().unwrap())
}

#[test]
fn no_face_is_found_where_all_are_covered_and_the_rest_is_as_it_was() {
    let folder = TempDir::new().unwrap();
    for style in ["gaussian", "mosaic", "solid"] {
        let copy = folder.path().join(format!("{style}.png")).to_str().unwrap().to_owned();
        let run = blur(&[PORTRAIT, "-o", &copy, "--style", style]);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        let line = run.json();
        assert_eq!(
            (&line["image"], &line["copy"], &line["width"]),
            (&PORTRAIT.into(), &copy.as_str().into(), &512.into())
        );
        let [face] = &line["faces"].as_array().unwrap()[..] else { panic!("{line}") };
        assert_eq!(face["hidden"], true);
        let [x1, y1, x2, y2] = edges(face);
        let (before, after) = (pixels(PORTRAIT), pixels(&copy));
        let [(dx, dy), (x, y)] = [((x2 - x1) * 0.65, (y2 - y1) * 0.65), ((x1 + x2) / 2.0, (y1 + y2) / 2.0)];
        for (column, row, pixel) in before.enumerate_pixels() {
            let beyond = (f64::from(column) - x).abs() > dx + 1.0 || (f64::from(row) - y).abs() > dy + 1.0;
            assert!(!beyond || pixel == after.get_pixel(column, row), "{style} {column},{row}");
        }
        if style == "solid" {
            assert_eq!(after.get_pixel(x as u32, y as u32).0, [0; 3]);
        }
        assert_eq!(detect(&[&copy]).lines()[0]["faces"].as_array().unwrap().len(), 0, "{style}");
    }
}

#[test]
fn faces_that_are_to_stay_do() {
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("copy.png").to_str().unwrap().to_owned();
    let all = detect(&[CROWD]).lines()[0]["faces"].as_array().unwrap().clone();
    let [x1, y1, x2, y2] = edges(&all[0]);
    let part = format!("{},{},{},{}", x1 as u32, y1 as u32, (x2 - x1) as u32, (y2 - y1) as u32);
    let run = blur(&[CROWD, "-o", &copy, "--keep", &part, "--style", "solid"]);
    let faces = run.json()["faces"].as_array().unwrap().clone();
    let stays: Vec<_> = faces.iter().filter(|face| face["hidden"] == false).map(edges).collect();
    assert_eq!((faces.len(), stays), (all.len(), vec![edges(&all[0])]));
    assert_eq!(detect(&[&copy]).lines()[0]["faces"].as_array().unwrap().len(), 1);
}

#[test]
fn a_folder_keeps_its_structure_and_is_gone_on_with() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (photos, out) = (path("photos"), path("out"));
    fs::create_dir_all(path("photos/class")).unwrap();
    fs::copy(root().join(PORTRAIT), path("photos/class/a.png")).unwrap();
    RgbImage::new(40, 30).save(path("photos/class/b.jpg")).unwrap();
    fs::write(path("photos/broken.jpg"), "no image").unwrap();
    let run = blur(&[&photos, "-o", &out]);
    assert!(run.code == 1 && run.err.contains("1 of 3 inputs could not be read"), "{}", run.err);
    assert_eq!(run.lines().len(), 2);
    assert!(Path::new(&path("out/class/a.png")).exists() && Path::new(&path("out/class/b.jpg")).exists());
    let again = blur(&[&photos, "-o", &out, "--style", "solid"]);
    assert!(again.err.contains("2 of 3 inputs had their results before") && again.out.is_empty(), "{}", again.err);
    assert_eq!(blur(&[&photos, "-o", &out, "--overwrite", "--style", "solid"]).lines().len(), 2);
    // A folder of results in that of the images: they do not become inputs.
    let inside = format!("{photos}/safe");
    assert_eq!(blur(&[&photos, "-o", &inside]).lines().len(), 2);
    let again = blur(&[&photos, "-o", &inside, "--overwrite"]);
    assert_eq!(again.lines().len(), 2);
    assert!(again.err.contains(&format!("{inside} is for results: it is not searched")), "{}", again.err);
    assert_eq!(blur(&[&inside, "-o", &out, "--overwrite"]).lines().len(), 2, "but where they are asked for");
    let into_itself = blur(&[&photos, "-o", &photos]);
    assert!(
        into_itself.code == 2 && into_itself.err.contains("is an input: it is not overwritten"),
        "{}",
        into_itself.err
    );
}

/// A JPEG with EXIF that has a thumbnail, a maker's note and an orientation, and with a colour profile.
fn with_metadata(path: &Path) {
    let field = |tag, value| Field { tag, ifd_num: In::PRIMARY, value };
    let fields = [
        field(Tag::Make, Value::Ascii(vec![b"Maker".to_vec()])),
        field(Tag::Orientation, Value::Short(vec![6])),
        field(Tag::MakerNote, Value::Undefined(b"a small picture in the notes".to_vec(), 0)),
        // XMP and Photoshop's resources.
        field(Tag(Context::Tiff, 700), Value::Byte(b"a picture in XMP".to_vec())),
        field(Tag(Context::Tiff, 34377), Value::Byte(b"a picture of Photoshop".to_vec())),
        field(Tag(Context::Exif, 0x9003), Value::Ascii(vec![b"2026:11:27 10:00:00".to_vec()])),
        Field { tag: Tag::Compression, ifd_num: In::THUMBNAIL, value: Value::Short(vec![6]) },
    ];
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    writer.set_jpeg(b"the thumbnail", In::THUMBNAIL);
    let mut exif = Cursor::new(Vec::new());
    writer.write(&mut exif, false).unwrap();
    let mut profile = vec![7; 200];
    profile[16..20].copy_from_slice(b"RGB ");
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif.into_inner()).unwrap();
    encoder.set_icc_profile(profile).unwrap();
    encoder.write_image(&[100; 60 * 40 * 3], 60, 40, image::ExtendedColorType::Rgb8).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn metadata_go_unless_they_are_kept_and_no_small_picture_stays() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    with_metadata(Path::new(&path("a.jpg")));
    let holds = |file: &[u8], text: &str| file.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    for format in ["jpg", "png", "webp"] {
        for (kept, has_icc, has_exif) in [("none", false, false), ("icc", true, false), ("all", true, true)] {
            let copy = path(&format!("{kept}.{format}"));
            let run = blur(&[&path("a.jpg"), "-o", &copy, "--metadata", kept]);
            assert_eq!((run.code, run.err.as_str()), (0, ""));
            let file = fs::read(&copy).unwrap();
            for gone in ["the thumbnail", "a small picture in the notes", "a picture in XMP", "a picture of Photoshop"]
            {
                assert!(!holds(&file, gone), "{copy}: {gone}");
            }
            let mut decoder = ImageReader::open(&copy).unwrap().into_decoder().unwrap();
            assert_eq!(decoder.dimensions(), (40, 60), "upright");
            assert_eq!(decoder.icc_profile().unwrap().is_some(), has_icc, "{copy}");
            let exif = decoder.exif_metadata().unwrap();
            assert_eq!(exif.is_some(), has_exif, "{copy}");
            let Some(exif) = exif else { continue };
            let exif = exif::Reader::new().read_raw(exif).unwrap();
            let number = |tag| exif.get_field(tag, In::PRIMARY).and_then(|field| field.value.get_uint(0));
            assert_eq!(number(Tag::Orientation), Some(1));
            assert!(
                exif.get_field(Tag::Make, In::PRIMARY).is_some()
                    && exif.get_field(Tag::DateTimeOriginal, In::PRIMARY).is_some()
            );
            assert!(exif.fields().all(|field| field.ifd_num == In::PRIMARY && field.tag != Tag::MakerNote));
        }
    }
    let run = blur(&[&path("a.jpg"), "-o", &path("all.bmp"), "--metadata", "all"]);
    assert!(
        run.code == 0 && run.err.contains("its format is written without its colour profile and EXIF"),
        "{}",
        run.err
    );
}
