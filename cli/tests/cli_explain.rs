//! `mtcnn-cpu explain` as a user meets it at a shell: faces that are found, and faces that are lost at each stage.

mod common;

use std::fs;

use mtcnn_cpu::image::RgbImage;
use serde_json::Value;
use tempfile::TempDir;

use common::run;

const CROWD: &str = "testdata/crowd.jpg";

/// What `explain` says of a place, with more options.
fn explain(place: &str, options: &[&str]) -> Value {
    let explained = run(&[&["explain", CROWD, "--box", place, "--format", "json"], options].concat());
    // The profile of mtcnn-caffe with the built-in weights is warned of.
    let warned = options.contains(&"mtcnn-caffe") && explained.err.lines().count() == 1;
    assert!(explained.code == 0 && (explained.err.is_empty() || warned), "{}", explained.err);
    explained.json()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

/// Faces that `detect` finds in the crowd.
fn faces(options: &[&str]) -> Vec<Value> {
    let found = run(&[&["detect", CROWD, "--format", "jsonl"], options].concat());
    found.json()["faces"].as_array().unwrap().clone()
}

/// `x,y,w,h`
fn place(face: &Value) -> String {
    let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|i| number(&face["box"][i]));
    format!("{x1},{y1},{},{}", x2 - x1, y2 - y1)
}

fn side(face: &Value) -> f64 {
    let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|i| number(&face["box"][i]));
    ((x2 - x1) * (y2 - y1)).sqrt()
}

#[test]
fn a_found_face_has_the_numbers_of_detect_in_every_profile() {
    for profile in ["mtcnn-cpu", "facenet-pytorch", "kpzhang", "ipazc", "mtcnn-caffe"] {
        let options = ["--profile", profile, "--min-face", "30"];
        let face = &faces(&options)[0];
        let explained = explain(&place(face), &options);
        let outcome = &explained["outcome"];
        assert_eq!((&outcome["what"], &outcome["score"]), (&"found".into(), &face["score"]), "{profile}");
        assert!(number(&outcome["overlap"]) > 0.999, "{profile}: {outcome}");
        assert_eq!(explained["hint"], Value::Null);
        let first = &explained["candidates"][0];
        assert_eq!((&first["end"]["what"], &first["face"]["score"]), (&"face".into(), &face["score"]), "{profile}");
        for (cell, threshold) in [(&first["pnet"], 0.6), (&first["rnet"], 0.7), (&first["onet"], 0.7)] {
            assert!(number(&cell["score"]) >= threshold, "{profile}: {cell}");
        }
        // What is left of PNet's boxes goes to RNet.
        let levels = explained["levels"].as_array().unwrap();
        assert!(levels.iter().any(|level| number(&level["left"]) > 0.0), "{profile}");
        for level in levels {
            let [near, passed, kept, left] = ["near", "passed", "kept", "left"].map(|name| number(&level[name]));
            assert!(near >= passed && passed >= kept && kept >= left, "{profile}: {level}");
        }
    }
}

#[test]
fn a_face_smaller_than_the_smallest() {
    let faces = faces(&[]);
    let face = faces.iter().min_by(|a, b| side(a).total_cmp(&side(b))).unwrap();
    let too_large = (side(face) * 2.5).to_string();
    let explained = explain(&place(face), &["--min-face", &too_large]);
    assert_eq!(explained["outcome"]["what"], "not-looked-for");
    assert!(explained["verdict"].as_str().unwrap().starts_with("lost before PNet: no square"), "{explained}");
    assert_eq!(explained["candidates"], Value::Array(vec![]));
    // The hint is true.
    let hint = explained["hint"].as_str().unwrap();
    let words: Vec<_> = hint.split(' ').collect();
    let end = words.iter().position(|&word| word == "finds").unwrap();
    assert!(words[0] == "--min-face" && words[1].parse::<f64>().unwrap() <= side(face), "{hint}");
    let again = [&["--min-face", &too_large], &words[..end]].concat();
    let again: Vec<_> = again.into_iter().skip(2).collect();
    assert_eq!(explain(&place(face), &again)["outcome"]["what"], "found", "{hint}");
}

#[test]
fn a_face_lost_by_a_threshold_is_lost_at_that_net() {
    let face = &faces(&[])[0];
    for (thresholds, net, name) in [("0.6,1,0.7", "RNet", "rnet"), ("0.6,0.7,1", "ONet", "onet")] {
        let explained = explain(&place(face), &["--thresholds", thresholds]);
        let outcome = &explained["outcome"];
        assert_eq!((&outcome["what"], &outcome["stage"]), (&"score".into(), &net.into()));
        let verdict = explained["verdict"].as_str().unwrap();
        assert!(verdict.starts_with(&format!("lost at {net}: best score ")), "{verdict}");
        assert!(verdict.contains("of threshold 1.000 at scale"), "{verdict}");
        let candidates = explained["candidates"].as_array().unwrap();
        let scores =
            candidates.iter().filter(|track| !track[name].is_null()).map(|track| number(&track[name]["score"]));
        assert_eq!(number(&outcome["score"]), scores.fold(0.0, f64::max));
        assert!(candidates.iter().all(|track| track["face"].is_null()));
        assert!(explained["hint"].as_str().unwrap().starts_with("--thresholds 0.6,"), "{}", explained["hint"]);
    }
    // The box of a weaker face does not reach RNet if PNet asks for more.
    let faces = faces(&[]);
    let weakest = faces.iter().rev().take(8).map(|face| (face, explain(&place(face), &[])));
    let pnet = |explained: &Value| {
        let scores = explained["levels"].as_array().unwrap().iter().filter_map(|level| level["best"]["score"].as_f64());
        scores.fold(0.0, f64::max)
    };
    let (face, best) = weakest.map(|(face, it)| (face, pnet(&it))).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let above = format!("{},0.7,0.7", (best + 1.0) / 2.0);
    let explained = explain(&place(face), &["--thresholds", &above]);
    let outcome = &explained["outcome"];
    assert_eq!((&outcome["what"], &outcome["stage"]), (&"score".into(), &"PNet".into()), "{above}: {explained}");
    assert_eq!(number(&outcome["score"]), best);
}

#[test]
fn a_table_and_a_drawing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("why.png");
    let drawing = file.to_str().unwrap();
    let face = &faces(&[])[0];
    let explained = run(&["explain", CROWD, "--box", &place(face), "--draw", drawing]);
    assert_eq!((explained.code, explained.err.as_str()), (0, ""));
    let mut lines = explained.out.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("testdata/crowd.jpg, box ") && first.contains(": found with "), "{first}");
    assert!(explained.out.contains("\nSCALE  ") || explained.out.contains(" SCALE  "), "{}", explained.out);
    let drawn = mtcnn_cpu::image::open(&file).unwrap();
    let green = drawn.pixels().filter(|pixel| pixel.0 == [57, 231, 145]).count();
    let yellow = drawn.pixels().filter(|pixel| pixel.0 == [255, 214, 10]).count();
    assert!(drawn.width() > drawn.height() && green > 500 && yellow > 500, "{green}, {yellow}");

    // Nobody is in the dark.
    let dark = folder.path().join("dark.png");
    RgbImage::new(200, 150).save(&dark).unwrap();
    let explained = run(&["explain", dark.to_str().unwrap(), "--box", "50,40,60,60", "--draw", drawing]);
    assert_eq!((explained.code, explained.err.as_str()), (0, ""));
    let mut lines = explained.out.lines();
    assert!(lines.next().unwrap().contains("lost at PNet: best score 0."), "{}", explained.out);
    assert_eq!(lines.next(), Some("neither a smaller --min-face nor lower --thresholds find it"));
    assert!(explained.out.ends_with("\nNo box near it passes PNet.\n"), "{}", explained.out);
}

#[test]
fn what_can_not_be_explained_is_refused() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (text, image) = (at("text.jpg"), at("image.png"));
    fs::write(&text, "not an image").unwrap();
    RgbImage::new(60, 50).save(&image).unwrap();
    for (args, code, reason) in [
        (&[image.as_str(), "--box", "60,0,20,20"][..], 2, "is not in the image"),
        (&[&image, "--box", "-30,0,30,20"], 2, "image.png, which has 60x50 pixels"),
        (&[&image, "--box", "0,0,20"], 2, "four numbers are needed"),
        (&[&image, "--box", "0,0,20,0"], 2, "four numbers are needed"),
        (&[&image], 2, "--box <X,Y,W,H>"),
        (&[&image, "--box", "0,0,20,20", "--draw", &image], 2, "is an input: it is not overwritten"),
        (&[&image, "--box", "0,0,20,20", "--draw", "why.txt"], 2, "the extension must be"),
        (&[&image, "--box", "0,0,20,20", "--thresholds", "2,1,1"], 2, "threshold of PNet is 2"),
        (&[&text, "--box", "0,0,20,20", "--draw", &at("why.png")], 1, "text.jpg: "),
        (&[&at("none.jpg"), "--box", "0,0,20,20"], 1, "none.jpg: "),
        (&[&image, "--box", "0,0,20,20", "--draw", &at("no/folder/why.png")], 1, "why.png"),
    ] {
        let refused = run(&[&["explain"], args].concat());
        assert_eq!((refused.code, refused.out.as_str()), (code, ""), "{args:?}: {}", refused.err);
        assert!(refused.err.contains(reason), "{args:?}: {}", refused.err);
    }
    assert!(!folder.path().join("why.png").exists());
    // A box that reaches beyond the image is well, and so is an image too small for any face.
    let beyond = run(&["explain", &image, "--box", "-10,-10,40,40"]);
    assert_eq!((beyond.code, beyond.err.as_str()), (0, ""));
    let tiny = run(&["explain", &image, "--box", "0,0,20,20", "--min-face", "100"]);
    assert!(tiny.code == 0 && tiny.out.contains("lost before PNet: the image is too small"), "{}", tiny.out);
}
