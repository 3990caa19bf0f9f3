//! `mtcnn-cpu crop` as a user meets it at a shell.

mod common;

use std::fs;
use std::path::Path;

use common::{Run, root, subcommand};
use serde_json::Value;
use tempfile::TempDir;

fn crop(args: &[&str]) -> Run {
    Run::of(subcommand("crop", args).output().unwrap())
}

const PORTRAIT: &str = "testdata/astronaut.png";
const CROWD: &str = "testdata/crowd.jpg";

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn faces_are_aligned_and_named_after_their_images() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (photos, out, sheet) = (path("photos"), path("out"), path("sheet.png"));
    fs::create_dir_all(path("photos/class")).unwrap();
    fs::copy(root().join(CROWD), path("photos/class/a.jpg")).unwrap();
    fs::copy(root().join(PORTRAIT), path("photos/b.png")).unwrap();
    fs::write(path("photos/broken.jpg"), "no image").unwrap();
    let run = crop(&[&photos, "-o", &out, "--max-faces", "3", "--sheet", &sheet]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("broken.jpg: ") && run.err.contains("1 of 3 inputs"), "{}", run.err);
    assert_eq!(names(Path::new(&out)), ["b.png", "class"]);
    assert_eq!(names(&Path::new(&out).join("class")), ["a.png", "a_2.png", "a_3.png"]);
    let lines = run.lines();
    assert_eq!(lines.len(), 4);
    let portrait = lines.iter().find(|line| line["image"].as_str().unwrap().ends_with("b.png")).unwrap();
    assert_eq!(portrait["crop"], path("out/b.png"));
    // The transform brings the eyes to their places.
    let point = |name: &str| portrait["landmarks"][name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap());
    let at = |row: usize, name: &str| -> f64 {
        let row = portrait["transform"][row].as_array().unwrap().iter().map(|x| x.as_f64().unwrap());
        point(name).chain([1.0]).zip(row).map(|(x, weight)| x * weight).sum()
    };
    assert!((at(0, "left_eye") - 38.3).abs() < 3.0 && (at(1, "left_eye") - 51.7).abs() < 3.0, "{portrait}");
    let crop_of = image::open(path("out/b.png")).unwrap();
    assert_eq!((crop_of.width(), crop_of.height()), (112, 112));
    assert_eq!(image::open(&sheet).unwrap().width(), 204);

    // What is there is not made again, and what was lost is.
    fs::remove_file(path("out/class/a.png")).unwrap();
    let before = fs::metadata(path("out/b.png")).unwrap().modified().unwrap();
    let again = crop(&[&photos, "-o", &out, "--max-faces", "3"]);
    assert!(again.code == 1 && again.err.contains("1 of 3 inputs had their results before"), "{}", again.err);
    assert_eq!(again.lines().len(), 3);
    assert_eq!(fs::metadata(path("out/b.png")).unwrap().modified().unwrap(), before);
    assert!(Path::new(&path("out/class/a.png")).exists());
}

#[test]
fn boxes_are_cut_out_by_a_rule() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (out, boxes, blank) = (path("out"), path("boxes.txt"), path("blank.png"));
    image::RgbImage::new(50, 50).save(&blank).unwrap();
    let rule = ["--align", "none", "--rule", "facenet", "--size", "182", "--margin", "44"];
    let run = crop(&[&[PORTRAIT, &blank, "-o", &out, "--boxes", &boxes, "--format", "jpg"][..], &rule].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let [line] = &run.lines()[..] else { panic!("{}", run.out) };
    let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|i| line["box"][i].as_f64().unwrap());
    let region = [x1 - 22.0, y1 - 22.0, x2 + 22.0, y2 + 22.0].map(|at| Value::from(at as i64));
    assert_eq!(line["region"], Value::from(region.to_vec()));
    let region = region.map(|it| it.to_string()).join(" ");
    assert_eq!(fs::read_to_string(&boxes).unwrap(), format!("{} {region}\n{blank}\n", path("out/astronaut.jpg")));
    assert_eq!(image::open(path("out/astronaut.jpg")).unwrap().height(), 182);
    assert!(crop(&[PORTRAIT, "-o", &path("none"), "--min-score", "1"]).lines().is_empty());
    for (rule, size) in [("square", None), ("box", None), ("facenet-pytorch", Some(160))] {
        let out = path(rule);
        let run = crop(&[PORTRAIT, "-o", &out, "--align", "none", "--rule", rule]);
        let cut = image::open(format!("{out}/astronaut.png")).unwrap();
        let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|i| run.lines()[0]["region"][i].as_i64().unwrap());
        let sides = size.map_or((x2 - x1, y2 - y1), |side| (side, side));
        assert_eq!((i64::from(cut.width()), i64::from(cut.height())), sides, "{rule}");
    }
}

#[test]
fn wrong_command_lines() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let out = path("out");
    fs::create_dir(path("in")).unwrap();
    fs::copy(root().join(PORTRAIT), path("in/a.png")).unwrap();
    fs::write(path("file"), "").unwrap();
    for (args, code, reason) in [
        (&[PORTRAIT][..], 2, "--output"),
        (&[PORTRAIT, "-o", &out, "--size", "100"], 2, "a multiple of 112 or of 128"),
        (&[PORTRAIT, "-o", &out, "--size", "0"], 2, "--size"),
        (&["-", "-", "-o", &out], 2, "stdin (-) can be read only once"),
        (&[PORTRAIT, "-o", &out, "--align", "sphereface", "--size", "112"], 2, "takes no --size"),
        (&[PORTRAIT, "-o", &out, "--boxes", "b.txt"], 2, "needs --align none"),
        (&[PORTRAIT, "-o", &out, "--sheet", "s.gif"], 2, "--sheet: the extension must be"),
        (&[PORTRAIT, "-o", &out, "--min-score", "2"], 2, "from 0 to 1"),
        (
            &[PORTRAIT, "-o", &out, "--align", "none", "--rule", "facenet-pytorch", "--margin", "160"],
            2,
            "not less than the crop's 160 pixels",
        ),
        (&[&path("in"), "-o", &path("in")], 2, "is an input: it is not overwritten"),
        (&[PORTRAIT, "-o", &path("file")], 1, "file"),
    ] {
        let run = crop(args);
        assert!(
            run.code == code && run.err.contains(reason) && run.out.is_empty(),
            "{args:?}: {} {}",
            run.code,
            run.err
        );
    }
}
