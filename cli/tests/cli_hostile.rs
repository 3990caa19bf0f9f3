//! The program among signals, other people's names, and files that must not be lost.
#![cfg(unix)]

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use common::{Run, command, detect, root, shared, subcommand};

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
        until_written(folder.path());
        sleep(Duration::from_millis(400));
        kill(&format!("-{signal}"), &child);
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

/// Waits until a run has begun to write in a folder.
fn until_written(folder: &Path) {
    while names(folder).is_empty() {
        sleep(Duration::from_millis(5));
    }
}

fn kill(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// nohup lets a run outlive its terminal: what is ignored when it begins stays so.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_was_ignored_stays_ignored() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("faces.jsonl");
    let mut run = Command::new("sh");
    run.args(["-c", "trap '' HUP INT; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_mtcnn-cpu"), "detect"]);
    run.args(["testdata/crowd.jpg"; 40]).args(["--threads", "1", "--output"]).arg(&out).current_dir(root());
    let child = run.stderr(Stdio::piped()).spawn().unwrap();
    until_written(folder.path());
    for signal in ["-HUP", "-INT"] {
        sleep(Duration::from_millis(100));
        kill(signal, &child);
    }
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 40);
}

#[test]
fn a_limit_on_the_size_of_files_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let program = env!("CARGO_BIN_EXE_mtcnn-cpu");
    // A block has 512 or 1024 bytes; the results of a crowd have 15 KB, and a drawn crowd and a model more.
    for args in [
        &["detect", "testdata/crowd.jpg", "--format", "json", "-o", "OUT"][..],
        &["detect", "testdata/crowd.jpg", "-d", "OUT.png"],
        &["detect", "testdata/crowd.jpg", "--format", "wider", "-o", "OUT"],
        &["weights", "convert", "--dtype", "f16", "-o", "OUT"],
    ] {
        let folder = TempDir::new_in(folder.path()).unwrap();
        let out = folder.path().join("faces").to_str().unwrap().to_owned();
        let args = args.iter().map(|arg| arg.replace("OUT", &out));
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -f 2; exec \"$@\"", "sh", program]).args(args.clone()).current_dir(root());
        let run = Run::of(limited.output().unwrap());
        assert!(run.code == 1 && run.err.contains("File too large"), "{args:?}: {} {}", run.code, run.err);
        let left: Vec<_> = walk(folder.path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn lines_that_a_limit_on_the_size_of_files_cut_are_mended() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("faces.jsonl").to_str().unwrap().to_owned();
    let args = ["testdata/astronaut.png", "testdata/crowd.jpg", "-o", &out];
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 2; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_mtcnn-cpu"), "detect"]).args(args);
    let run = Run::of(limited.current_dir(root()).output().unwrap());
    assert!(run.code == 1 && run.err.contains("File too large"), "{} {}", run.code, run.err);
    let run = detect(&args);
    assert!(run.code == 0 && run.err.contains("1 of 2 inputs had their results before"), "{}", run.err);
    assert_eq!(fs::read_to_string(&out).unwrap(), detect(&args[..2]).out);
}

/// The files below a folder.
fn walk(folder: &Path) -> Box<dyn Iterator<Item = PathBuf>> {
    let entries: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    Box::new(
        entries.into_iter().flat_map(|path| if path.is_dir() { walk(&path) } else { Box::new([path].into_iter()) }),
    )
}

#[test]
fn of_two_runs_that_write_one_file_the_second_is_told_and_the_first_is_complete() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("faces.jsonl");
    let run = |images: usize, out: &Path| {
        let mut run = command(&vec!["testdata/crowd.jpg"; images]);
        run.args(["--threads", "1", "--output"]).arg(out).stderr(Stdio::piped());
        run
    };
    let mut first = run(400, &out).spawn().unwrap();
    until_written(folder.path());
    sleep(Duration::from_millis(100));
    let second = Run::of(run(1, &out).output().unwrap());
    assert_eq!((second.code, second.err), (1, format!("mtcnn-cpu: another run is writing {}\n", out.display())));
    // Another file in the folder is nobody's business.
    assert_eq!(Run::of(run(1, &folder.path().join("others.jsonl")).output().unwrap()).code, 0);
    assert!(first.try_wait().unwrap().is_none(), "it goes on");
    kill("-TERM", &first);
    assert_eq!(Run::of(first.wait_with_output().unwrap()).code, 130);
    assert_eq!(names(folder.path()), ["faces.jsonl", "others.jsonl"]);
    // When it has ended the file may be written anew.
    assert_eq!(Run::of(run(1, &out).arg("--overwrite").output().unwrap()).code, 0);
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 1);
}

/// Runs on parts of a set may share a folder: each file in it is whole, and of the run that ends last.
#[test]
fn two_runs_that_write_into_one_folder_leave_whole_files() {
    let folder = TempDir::new().unwrap();
    for i in 0..12 {
        copy(folder.path(), format!("{i}.png").as_bytes());
    }
    let (images, out) = (folder.path().to_str().unwrap().to_owned(), folder.path().join("drawn"));
    let begin = || {
        let mut run = Command::new(env!("CARGO_BIN_EXE_mtcnn-cpu"));
        run.args(["detect", "--draw"]).arg(&out).args((0..12).map(|i| format!("{images}/{i}.png")));
        run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let runs = [begin(), begin()].map(|run| Run::of(run.wait_with_output().unwrap()));
    assert!(runs.iter().all(|run| run.code == 0 && run.err.is_empty()) && runs[0].out == runs[1].out);
    assert_eq!(names(&out).len(), 12);
    assert!(names(&out).iter().all(|name| ::image::open(out.join(name)).unwrap().width() == 48));
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
    // On libjpeg's pixels, by the default profile.
    assert!((area(largest) - 3828.1).abs() < 1.0, "{}", area(largest));
}
