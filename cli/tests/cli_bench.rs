//! `mtcnn-cpu bench` as a user meets it at a shell.

mod common;

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use common::{Run, detect, root, subcommand};

const PORTRAIT: &str = "testdata/astronaut.png";
const SMALL: &str = "testdata/decode/rgb.png";

/// Measures for a moment only.
fn bench(args: &[&str]) -> Run {
    Run::of(subcommand("bench", args).args(["--seconds", "0.02"]).output().unwrap())
}

/// A crate's package has nothing from outside of its folder, so there are two files.
#[test]
fn the_built_in_image_is_that_of_testdata() {
    let read = |name: &str| fs::read(root().join(name)).unwrap();
    assert!(read("cli/src/bench/crowd.jpg") == read("testdata/crowd.jpg"));
}

#[test]
fn bench_gives_json_away_from_a_terminal() {
    let run = bench(&[PORTRAIT, "--threads", "1"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let [report] = &run.lines()[..] else { panic!("one line: {}", run.out) };
    let faces = detect(&[PORTRAIT]).lines()[0]["faces"].as_array().unwrap().len();
    for (key, value) in [("width", 512), ("height", 512), ("faces", faces), ("threads", 1)] {
        assert_eq!(report[key], value, "{key}");
    }
    assert_eq!(report["picture"], PORTRAIT);
    assert!(report["runs"].as_u64().unwrap() >= 1);
    for stage in ["total", "pyramid", "pnet", "crops", "rnet", "onet", "nms"] {
        let [median, min] = ["median", "min"].map(|key| report["ms"][stage][key].as_f64().unwrap());
        assert!(0.0 < min && min <= median, "{stage}: {report}");
    }
    let number = |key: &str| report[key].as_f64().unwrap();
    for net in ["pnet", "rnet", "onet"] {
        let rate = report["gflops"][net]["median"].as_f64().unwrap();
        assert!((number(&format!("{net}_of_peak")) * number("peak_gflops") / rate - 1.0).abs() < 1e-6, "{report}");
        assert!(report["candidates"][net]["in"].as_u64().unwrap() > 0, "{report}");
    }
    assert_eq!(report["candidates"]["onet"]["out"], faces);
    assert_eq!(report["levels"].as_array().unwrap().len(), 11);
    for key in ["scale", "width", "height", "candidates", "kept"] {
        assert!(report["levels"][0][key].is_number(), "{key}");
    }
}

#[test]
fn bench_as_the_comparison_with_other_systems_calls_it() {
    let args = ["bench", SMALL, "--threads", "2", "--min-face", "20", "--profile", "facenet-pytorch"];
    let mut command = subcommand(args[0], &args[1..]);
    command.args(["--seconds", "0.02", "--format", "json"]).env("MTCNN_CPU_ISA", "portable");
    let run = Run::of(command.output().unwrap());
    let report = &run.lines()[0];
    assert_eq!((&report["threads"], &report["isa"]), (&Value::from(2), &Value::from("portable")));
}

#[test]
fn bench_has_an_image_inside_and_a_table() {
    let folder = TempDir::new().unwrap();
    let mut command = subcommand("bench", &["--format", "table", "--seconds", "0.02"]);
    let run = Run::of(command.current_dir(&folder).output().unwrap());
    // Where other work takes the cores, it is said.
    assert!(run.code == 0 && (run.err.is_empty() || run.err.starts_with("mtcnn-cpu: note: ")), "{}", run.err);
    assert!(run.out.starts_with("crowd.jpg (built in): 1280x720, 51 faces\n"), "{}", run.out);
    for part in ["FMA peak", "of peak", "\npyramid ", "\nonet ", "\nnms ", "\ntotal ", "\nlevel ", "\n10 "] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
}

#[test]
fn bench_of_nothing_has_no_rates() {
    let run = bench(&[SMALL, "--min-face", "1000"]);
    let report = &run.lines()[0];
    assert_eq!((run.code, &report["faces"], &report["levels"]), (0, &Value::from(0), &Value::Array(vec![])));
    for net in ["pnet", "rnet", "onet"] {
        assert_eq!(report[format!("{net}_of_peak")], Value::Null);
        assert_eq!(report["ms"][net]["median"], 0.0);
    }
}

#[test]
fn bench_says_what_is_wrong() {
    let cases: &[(&[&str], i32, &str)] = &[
        (&["nowhere.jpg"], 1, "mtcnn-cpu: nowhere.jpg: No such file"),
        (&["testdata"], 1, "mtcnn-cpu: testdata: Is a directory"),
        (&["Cargo.toml"], 1, "mtcnn-cpu: Cargo.toml: not an image"),
        (&[SMALL, "--weights", "nowhere.safetensors"], 1, "mtcnn-cpu: nowhere.safetensors: "),
        (&[SMALL, SMALL], 2, "unexpected argument"),
        (&[SMALL, "--draw", "faces.png"], 2, "unexpected argument"),
        (&[SMALL, "--format", "csv"], 2, "invalid value 'csv'"),
        (&[SMALL, "--min-face", "0"], 2, "smallest face is 0 pixels"),
        (&[SMALL, "--factor", "1"], 2, "factor is 1:"),
        (&[SMALL, "--thresholds", "0.6,0.7,1.5"], 2, "threshold of ONet is 1.5"),
        (&[SMALL, "--profile", "nobody"], 2, "kpzhang"),
        (&[SMALL, "--threads", "-1"], 2, "-1"),
    ];
    for (args, code, reason) in cases {
        let run = bench(args);
        assert_eq!((run.code, run.out.as_str()), (*code, ""), "{args:?}: {}", run.err);
        assert!(run.err.contains(reason), "{args:?}: {}", run.err);
    }
    for seconds in ["0", "-1", "NaN", "1e9", "soon"] {
        let run = Run::of(subcommand("bench", &[SMALL, "--seconds", seconds]).output().unwrap());
        assert_eq!(run.code, 2, "{seconds}");
        assert!(run.err.contains("a number of seconds"), "{}", run.err);
    }
}
