//! `bench --record` and `bench --compare` as a user meets them: what is kept, what is compared, and what is wrong.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use common::{Run, subcommand};

const SMALL: &str = "testdata/decode/rgb.png";

/// The exit code, stdout and stderr of a short bench with those options, and with the folder behind each of
/// `folders`.
fn bench(folder: &Path, folders: &[&str], args: &[&str]) -> (i32, String, String) {
    let mut command = subcommand("bench", &["--seconds", "0.02", "--threads", "1"]);
    command.args(args);
    for option in folders {
        command.arg(option).arg(folder);
    }
    let Run { code, out, err } = Run::of(command.output().unwrap());
    (code, out, err)
}

/// The one file of a folder.
fn file(folder: &Path) -> PathBuf {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("one file: {files:?}") };
    assert_eq!(file.extension().unwrap(), "jsonl");
    file.clone()
}

fn lines(file: &Path) -> Vec<Value> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn runs_are_recorded_a_line_each() {
    let temporary = TempDir::new().unwrap();
    let folder = temporary.path().join("new/records");
    let (code, out, err) = bench(&folder, &["--record"], &[SMALL, "--note", "the first"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(bench(&folder, &["--record"], &[SMALL, "--min-face", "40", "--max-faces", "2"]).0, 0);

    let lines = lines(&file(&folder));
    let [first, second] = &lines[..] else { panic!("two lines: {lines:?}") };
    for key in ["ms", "peak_gflops", "pnet_of_peak", "isa", "threads", "version", "width", "height", "candidates"] {
        assert_eq!(first[key], report[key], "{key}");
    }
    assert_eq!((&first["note"], &second["note"]), (&"the first".into(), &Value::Null));
    assert_eq!(first["options"], "--profile mtcnn-cpu --min-face 20");
    assert_eq!(second["options"], "--profile mtcnn-cpu --min-face 40 --max-faces 2");
    assert_eq!(first["picture"], "rgb.png", "the name, not where it lies");
    assert_eq!(first["pixels"], second["pixels"]);
    let date = first["date"].as_str().unwrap();
    assert!(date.len() == 20 && date.starts_with("20") && date.ends_with('Z'), "{date}");
    assert!(!first["cpu"].as_str().unwrap().is_empty());
}

#[test]
fn a_run_is_compared_with_the_last_of_the_same() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let (code, _, err) = bench(folder, &["--record", "--compare"], &[SMALL]);
    assert_eq!(code, 0, "the first to be recorded: {err}");
    assert!(err.contains("no record of the same"), "{err}");
    // Whatever the machine does meanwhile: a hundred times as slow is the most that is allowed.
    let (code, out, err) = bench(folder, &["--compare"], &[SMALL, "--tolerance", "100"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    let compared = &report["compared"];
    let few = compared["runs"].as_array().unwrap().iter().any(|runs| runs.as_u64().unwrap() < 10);
    let warned = err.starts_with("mtcnn-cpu: warning: a comparison of ") && err.lines().count() == 1;
    assert!(code == 0 && if few { warned } else { err.is_empty() }, "{code} {few} {err}");
    assert_eq!(compared["date"], lines(&file(folder))[0]["date"]);
    assert_eq!(compared["worse"], false);
    assert!(compared["slower"].as_array().unwrap().iter().any(|stage| stage["stage"] == "total"), "{compared}");

    for other in [&["--min-face", "21"][..], &["--no-exif", "--roi", "0,0,20,20"], &["--largest"]] {
        let (code, out, err) = bench(folder, &["--compare"], &[&[SMALL], other].concat());
        assert!(code == 1 && err.contains("no record of the same") && !out.contains("compared"), "{other:?}: {err}");
    }
    assert_eq!(bench(folder, &["--compare"], &[]).0, 1, "another image");
    assert_eq!(lines(&file(folder)).len(), 1, "a comparison records nothing");
}

#[test]
fn what_has_become_slower_is_said_and_is_the_exit_status() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    assert_eq!(bench(folder, &["--record"], &[SMALL]).0, 0);
    let file = file(folder);
    let [mut record] = <[Value; 1]>::try_from(lines(&file)).unwrap();
    for stage in record["ms"].as_object_mut().unwrap().values_mut() {
        for time in stage.as_object_mut().unwrap().values_mut() {
            *time = (time.as_f64().unwrap() / 1000.0).into();
        }
    }
    fs::write(&file, format!("{record}\n")).unwrap();
    let (code, out, err) = bench(folder, &["--compare"], &[SMALL]);
    assert_eq!(code, 1);
    assert!(err.contains("mtcnn-cpu: slower than on ") && err.ends_with(" by more than 0.1\n"), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["compared"]["worse"], true);

    let (code, out, _) = bench(folder, &["--compare", "--record"], &[SMALL, "--format", "table"]);
    assert_eq!(code, 1);
    let total = out.lines().rfind(|line| line.starts_with("total ")).unwrap();
    assert!(total.ends_with("worse than +10.0 %"), "{out}");
    assert_eq!(lines(&file).len(), 2, "what is slow is recorded too");
}

#[test]
fn damaged_records_are_named_and_stay_as_they_are() {
    let temporary = TempDir::new().unwrap();
    let folder = temporary.path();
    assert_eq!(bench(folder, &["--record"], &[SMALL]).0, 0);
    let file = file(folder);
    let whole = fs::read(&file).unwrap();
    let cut = [&whole[..], &whole[..whole.len() / 2]].concat();
    for (bytes, reason) in [(&cut[..], "line 2 is no record of a bench"), (b"\xff\xfe", "UTF-8")] {
        fs::write(&file, bytes).unwrap();
        for option in ["--record", "--compare"] {
            let (code, out, err) = bench(folder, &[option], &[SMALL]);
            assert_eq!((code, out.as_str()), (1, ""));
            assert!(err.contains(reason) && err.contains(file.to_str().unwrap()), "{err}");
        }
        assert_eq!(fs::read(&file).unwrap(), bytes);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
    }
    let (code, out, err) = bench(&file, &["--record"], &[SMALL]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains(file.to_str().unwrap()), "{err}");
}

#[test]
fn options_of_records_are_checked() {
    let folder = TempDir::new().unwrap();
    for (folders, args, reason) in [
        (&["--compare"][..], &["--tolerance", "-1"][..], "a part is needed"),
        (&["--compare"], &["--tolerance", "NaN"], "a part is needed"),
        (&["--record"], &["--tolerance", "0.2"], "--compare"),
        (&["--compare"], &["--note", "x"], "--record"),
    ] {
        let (code, out, err) = bench(folder.path(), folders, &[&[SMALL], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(reason), "{args:?}: {err}");
    }
}
