//! The evaluations against what the public evaluators say of the same detections.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs `eval` with JSON as the result.
fn eval(args: &[&str]) -> Value {
    let output = common::subcommand("eval", args).args(["--format", "json"]).output();
    let Output { status, stdout, stderr } = output.expect("the program runs");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).expect("JSON")
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// The evaluator of Pytorch_Retinaface on detections of all images of the split.
#[test]
fn wider() {
    let Some(reference) = common::shared("reference/wider") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut tar = Command::new("tar");
    tar.args(["xzf", shown(&reference.join("detections_shared.tar.gz"))]);
    assert!(tar.current_dir(&folder).status().expect("tar").success());
    let measured = eval(&["wider", "--ground-truth", shown(&reference), "--results", shown(folder.path())]);
    let expected: Value =
        serde_json::from_slice(&fs::read(reference.join("ap_shared.json")).expect("the APs")).expect("JSON");
    assert_eq!(measured["pictures"], expected["images"]);
    for subset in measured["subsets"].as_array().expect("subsets") {
        let name = subset["name"].as_str().expect("a name");
        let (ours, theirs) = (&subset["average_precision"], &expected["ap"][name]);
        println!("{name}: {ours}, {theirs}");
        assert!((ours.as_f64().expect("a number") - theirs.as_f64().expect("a number")).abs() < 1e-9, "{name}");
        assert_eq!(subset["faces"], expected["count_face"][name]);
        // At their thresholds the same boxes are right, and as many are counted.
        for point in expected["pr_points"][name].as_array().expect("points") {
            let (proposals, right) = (point["proposals"].as_f64().unwrap(), point["true_positives"].as_f64().unwrap());
            let threshold = point["threshold"].as_f64().unwrap();
            let points = subset["points"].as_array().unwrap();
            let ours = points.iter().find(|ours| (ours["score"].as_f64().unwrap() - threshold).abs() < 1e-6).unwrap();
            assert!((ours["precision"].as_f64().unwrap() - right / proposals).abs() < 1e-12, "{name} {threshold}");
            let recall = right / subset["faces"].as_f64().unwrap();
            assert!((ours["recall"].as_f64().unwrap() - recall).abs() < 1e-12, "{name} {threshold}");
        }
    }
}

/// A published curve: the numbers of each line, from the lowest score on.
fn rows(file: &Path) -> Vec<Vec<f64>> {
    let text = fs::read_to_string(file).expect("a curve");
    text.lines().map(|line| line.split_whitespace().map(|word| word.parse().expect("a number")).collect()).collect()
}

/// Whether a number is what was printed with six digits, as C++ does.
fn is_printed(ours: f64, printed: f64) -> bool {
    let digits = 10_f64.powi(5 - printed.abs().max(1e-300).log10().floor() as i32);
    (ours - printed).abs() <= 0.5001 / digits
}

/// The evaluator of lippman1125/fddb_evaluation, on that repository's detections and on those of hualitlc.
#[test]
fn fddb() {
    let Some(reference) = common::shared("reference/fddb") else { return };
    for (results, curves, count) in [
        ("fddb_mtcnn_lqy_result.txt", ["fddb_mtcnn_lqy_DiscROC.txt", "fddb_mtcnn_lqy_ContROC.txt"], 4028),
        ("hualitlc_predict.txt", ["hualitlc_tempDiscROC.txt", "hualitlc_tempContROC.txt"], 2831),
    ] {
        let at = |name: &str| reference.join(name);
        let (results, sizes) = (at(results), at("image_sizes.txt"));
        let measured =
            eval(&["fddb", "--fddb", shown(&reference), "--results", shown(&results), "--sizes", shown(&sizes)]);
        assert_eq!((&measured["faces"], &measured["pictures"]), (&Value::from(5171), &Value::from(2845)));
        let mut ours = measured["points"].as_array().expect("points").clone();
        ours.reverse();
        let [discrete, continuous] = curves.map(|name| rows(&at(name)));
        assert_eq!(ours.len(), count);
        // With images in which nothing was found there is a last row for no box at all.
        assert!(discrete[count..].iter().all(|row| row[..2] == [0.0, 0.0]) && discrete.len() <= count + 1);
        let mut worst = 0.0_f64;
        for ((ours, discrete), continuous) in ours.iter().zip(&discrete).zip(&continuous) {
            let value = |name: &str| ours[name].as_f64().expect("a number");
            assert!(is_printed(value("discrete"), discrete[0]), "{ours} {discrete:?}");
            assert_eq!([value("false_positives"); 2], [discrete[1], continuous[1]], "{ours}");
            assert!(is_printed(value("score"), discrete[2]), "{ours} {discrete:?}");
            worst = worst.max((value("continuous") - continuous[0]).abs());
        }
        println!("{}: {count} rows, continuous score within {worst:.1e}", results.display());
        // Half of it is the rounding of what was printed.
        assert!(worst < 2e-6);
    }
}
