//! The program among signals, other people's names, and files that must not be lost.
#![cfg(unix)]

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use common::{Run, command, root, shared, subcommand};

const SMALL: &str = "testdata/decode/rgb.png";

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn copy(folder: &Path, name: &[u8]) {
    fs::copy(root().join(SMALL), folder.join(OsStr::from_bytes(name))).unwrap();
}

#[test]
fn a_signal_keeps_what_is_complete_and_leaves_no_temporary_file() {
    for (signal, format) in [("INT", "jsonl"), ("TERM", "json"), ("HUP", "jsonl")] {
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("faces");
        let inputs = vec!["testdata/crowd.jpg"; 2000];
        let mut run = command(&inputs);
        run.args(["--threads", "1", "--format", format, "--output"]).arg(&out).stderr(Stdio::piped());
        let child = run.spawn().unwrap();
        while names(folder.path()).is_empty() {
            sleep(Duration::from_millis(5));
        }
        sleep(Duration::from_millis(400));
        assert!(
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success()
        );
        let Run { code, err, .. } = Run::of(child.wait_with_output().unwrap());
        assert_eq!(code, 130, "{signal}: {err}");
        assert_eq!(names(folder.path()), ["faces"], "{signal}");
        let text = fs::read_to_string(&out).unwrap();
        let images: Vec<Value> = match format {
            "json" => serde_json::from_str(&text).unwrap(),
            _ => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        };
        let said = format!("mtcnn-cpu: stopped: {} of 2000 inputs are done", images.len());
        assert!(images.len() < 2000 && err.starts_with(&said), "{signal}: {err}");
    }
}

#[test]
fn no_byte_of_a_name_reaches_a_terminal_that_it_obeys() {
    let folder = TempDir::new().unwrap();
    let evil = "a\u{1b}]0;owned\u{7}\u{9b}31m\u{202E}.png";
    copy(folder.path(), evil.as_bytes());
    fs::write(folder.path().join("b\u{1b}[2J.png"), "none").unwrap();
    let path = folder.path().to_str().unwrap();
    let drawn = format!("{path}/x\u{1b}[2J.gif");
    for args in [
        &["detect", path, "--format", "table"][..],
        &["detect", SMALL, "--draw", &drawn],
        &["detect", SMALL, "--\u{1b}[2J"],
        &["bench", &format!("{path}/{evil}"), "--seconds", "0.01", "--format", "table"],
        &["explain", &format!("{path}/{evil}"), "--box", "1,1,9,9"],
        &["weights", "info", &format!("{path}/b\u{1b}[2J.png")],
        &["train", "recipe", "a\u{1b}[2J"],
    ] {
        let Run { out, err, .. } = Run::of(subcommand(args[0], &args[1..]).output().unwrap());
        for text in [&out, &err] {
            let obeyed = text.chars().find(|&it| it.is_control() && it != '\n' || it == '\u{202E}');
            assert_eq!(obeyed, None, "{args:?}: {text:?}");
        }
    }
}

#[test]
fn names_that_are_no_utf8_are_told_apart() {
    let folder = TempDir::new().unwrap();
    for name in [&b"a\xfe.png"[..], b"a\xff.png", b"b.png"] {
        copy(folder.path(), name);
    }
    let run = Run::of(command(&[folder.path().to_str().unwrap()]).output().unwrap());
    let lines = run.lines();
    let [first, second, third] = &lines[..] else { panic!("three lines: {}", run.out) };
    assert_eq!(first["image"], second["image"]);
    assert!(first["raw"].as_str().unwrap().ends_with("2f61fe2e706e67"), "{first}");
    assert!(second["raw"].as_str().unwrap().ends_with("2f61ff2e706e67"), "{second}");
    assert_eq!(third.get("raw"), None);
}

#[test]
fn names_that_fddb_can_not_hold_are_refused() {
    for (names, reason) in
        [(&["a.png", "a.bmp"][..], "the same name"), (&["a\n1\n0 0 9 9 1.png"], "a line break in a\\n1")]
    {
        let folder = TempDir::new().unwrap();
        names.iter().for_each(|name| copy(folder.path(), name.as_bytes()));
        let run = Run::of(command(&[folder.path().to_str().unwrap(), "--format", "fddb"]).output().unwrap());
        assert!(run.code == 2 && run.out.is_empty() && run.err.contains(reason), "{}", run.err);
    }
}

#[test]
fn a_cell_that_begins_as_a_formula_is_made_text_on_request() {
    let folder = TempDir::new().unwrap();
    for name in ["=1+1.png", "@a.png", "b.png"] {
        copy(folder.path(), name.as_bytes());
    }
    let cells = |args: &[&str]| -> Vec<String> {
        let mut run = command(&["=1+1.png", "@a.png", "b.png", "--format", "csv"]);
        let run = Run::of(run.args(args).current_dir(folder.path()).output().unwrap());
        run.out.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    assert_eq!(cells(&[]), ["=1+1.png", "@a.png", "b.png"]);
    assert_eq!(cells(&["--csv-safe"]), ["'=1+1.png", "'@a.png", "b.png"]);
}

#[test]
fn no_model_is_overwritten_by_what_is_made_of_it() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.safetensors");
    let weights = |args: &[&str], output: &Path| {
        let mut run = subcommand("weights", args);
        Run::of(run.arg("-o").arg(output).output().unwrap())
    };
    assert_eq!(weights(&["convert", "--dtype", "f32"], &model).code, 0);
    let before = fs::read(&model).unwrap();
    let path = model.to_str().unwrap();
    for args in [&["convert", "--dtype", "f16", path][..], &["import", path]] {
        let run = weights(args, &model);
        assert!(run.code == 2 && run.err.contains("is an input: it is not overwritten"), "{args:?}: {}", run.err);
        assert!(fs::read(&model).unwrap() == before, "{args:?}");
    }
}

#[test]
fn copies_of_images_of_one_name_are_told_apart() {
    let folder = TempDir::new().unwrap();
    for part in ["A", "B"] {
        fs::create_dir(folder.path().join(part)).unwrap();
        copy(&folder.path().join(part), b"a.png");
    }
    let mut run = command(&["A", "B", "-d", "out"]);
    let run = Run::of(run.current_dir(folder.path()).output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (0, "mtcnn-cpu: B/a.png is drawn as out/a-2.png\n"));
    assert_eq!(names(&folder.path().join("out")), ["a-2.png", "a.png"]);
}

#[test]
fn the_largest_face_is_the_largest_of_the_full_search() {
    let name = "2_Demonstration_Political_Rally_2_816.jpg";
    let Some(image) = shared(&format!("data/WIDER_val/images/2--Demonstration/{name}")) else { return };
    let faces = |args: &[&str]| {
        let run = Run::of(command(&[image.to_str().unwrap()]).args(args).output().unwrap());
        run.lines()[0]["faces"].as_array().unwrap().clone()
    };
    let area = |face: &Value| {
        let side = |i: usize| face["box"][i + 2].as_f64().unwrap() - face["box"][i].as_f64().unwrap();
        side(0) * side(1)
    };
    let all = faces(&[]);
    let [largest] = &faces(&["--largest"])[..] else { panic!("one face") };
    assert!(all.contains(largest) && all.iter().all(|face| area(face) <= area(largest)), "{largest}");
    // On libjpeg's pixels; the decoder before gave 3,760.9.
    assert!((area(largest) - 3764.2).abs() < 1.0, "{}", area(largest));
}
