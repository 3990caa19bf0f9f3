//! The program as a user meets it at a shell: outputs, streams, exit codes, and every kind of bad input.
#![cfg(feature = "cli")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const PORTRAIT: &str = "testdata/astronaut.png";
const SMALL: &str = "testdata/decode/rgb.png";

/// The exit code, stdout and stderr of a run.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let run = Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!run.err.contains("panicked"), "{}", run.err);
        run
    }

    fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// The only line, which says why the only picture could not be read; stderr says it too.
    fn error(&self) -> String {
        assert_eq!(self.code, 1, "{}", self.err);
        let [line] = &self.lines()[..] else { panic!("one line: {}", self.out) };
        assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), ["error", "image"]);
        let reason = line["error"].as_str().unwrap().to_string();
        let image = line["image"].as_str().unwrap();
        assert_eq!(self.err, format!("mtcnn-cpu: {image}: {reason}\n"));
        reason
    }
}

fn command(args: &[&str]) -> Command {
    subcommand("detect", args)
}

fn subcommand(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtcnn-cpu"));
    command.arg(name).args(args);
    command
}

fn detect(args: &[&str]) -> Run {
    Run::of(command(args).output().unwrap())
}

/// Measures for a moment only.
fn bench(args: &[&str]) -> Run {
    Run::of(subcommand("bench", args).args(["--seconds", "0.02"]).output().unwrap())
}

fn detect_stdin(args: &[&str], input: &[u8]) -> Run {
    let mut child = command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Run::of(child.wait_with_output().unwrap())
}

/// Runs on one file of those bytes.
fn detect_bytes(name: &str, bytes: &[u8]) -> Run {
    let folder = TempDir::new().unwrap();
    detect(&[&put(&folder, name, bytes)])
}

fn put(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_string()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A PNG with that size in its header and no pixels to speak of.
fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let body = [&kind[..], data].concat();
        let crc = !body.iter().fold(!0_u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
        });
        [&(data.len() as u32).to_be_bytes()[..], &body, &crc.to_be_bytes()].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let empty_zlib = [0x78, 0x9C, 3, 0, 0, 0, 0, 1];
    let chunks = [chunk(b"IHDR", &header), chunk(b"IDAT", &empty_zlib), chunk(b"IEND", &[])].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks].concat()
}

fn bmp_that_claims(width: i32, height: i32) -> Vec<u8> {
    let mut bytes = b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    bytes
}

/// With a palette of two colours, and one frame of no pixels.
fn gif_that_claims(width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    let frame = [&[0x2C, 0, 0, 0, 0][..], &size, &[0, 2, 0]].concat();
    [&b"GIF89a"[..], &size, &[0x80, 0, 0, 0, 0, 0, 255, 255, 255], &frame, b";"].concat()
}

/// A picture with pixels, all gray.
fn ppm(width: usize, height: usize) -> Vec<u8> {
    let mut bytes = format!("P6 {width} {height} 255\n").into_bytes();
    bytes.resize(bytes.len() + width * height * 3, 128);
    bytes
}

// ---- results ----

#[test]
fn a_jsonl_line_has_the_promised_shape() {
    let run = detect(&[PORTRAIT]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(
        run.out.starts_with(r#"{"image":"testdata/astronaut.png","width":512,"height":512,"faces":["#),
        "{}",
        run.out
    );
    assert!(run.out.ends_with("]}\n") && run.out.lines().count() == 1);
    let faces = run.lines()[0]["faces"].as_array().unwrap().clone();
    assert_eq!(faces.len(), 1);
    // serde_json sorts the keys that it reads: the order is checked in the text.
    let order = [
        "\"box\":[",
        "\"score\":",
        "\"landmarks\":{\"left_eye\":[",
        "\"right_eye\":[",
        "\"nose\":[",
        "\"mouth_left\":[",
        "\"mouth_right\":[",
    ];
    let places: Vec<_> = order.iter().map(|key| run.out.find(key).unwrap_or_else(|| panic!("{key}"))).collect();
    assert!(places.is_sorted(), "{}", run.out);
    // Eyes above the nose above the mouth, left ones left, all in the box.
    let at = |name: &str, axis: usize| faces[0]["landmarks"][name][axis].as_f64().unwrap();
    let side = |index: usize| faces[0]["box"][index].as_f64().unwrap();
    assert!(at("left_eye", 0) < at("nose", 0) && at("nose", 0) < at("right_eye", 0));
    assert!(at("left_eye", 1) < at("nose", 1) && at("nose", 1) < at("mouth_left", 1));
    assert!(side(0) < at("left_eye", 0) && at("mouth_right", 0) < side(2));
    assert!(side(1) < at("left_eye", 1) && at("mouth_left", 1) < side(3));
    assert!((180.0..190.0).contains(&side(0)) && (55.0..75.0).contains(&side(1)), "{}", run.out);
}

#[test]
fn options_narrow_what_is_looked_for() {
    let faces = |args: &[&str]| {
        let run = detect(&[&["testdata/crowd.jpg"], args].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        run.lines()[0]["faces"].as_array().unwrap().clone()
    };
    let all = faces(&[]);
    assert_eq!(faces(&["--max-faces", "3"]), all[..3]);
    assert_eq!(faces(&["--largest"]).len(), 1);
    assert_eq!(faces(&["--max-side", "640"]), faces(&["--min-face", "40"]));
    let right = faces(&["--roi", "640,0,5000,5000"]);
    assert!(!right.is_empty() && right.len() < all.len());
    assert!(right.iter().all(|face| face["box"][2].as_f64().unwrap() > 640.0), "{right:?}");
    assert!(faces(&["--roi", "5000,5000,10,10"]).is_empty());
    for wrong in [["--roi", "1,2,3"], ["--max-side", "0"], ["--max-faces", "0"]] {
        assert_eq!(detect(&[&["testdata/crowd.jpg"], &wrong[..]].concat()).code, 2);
    }
}

#[test]
fn a_crowd_is_found_best_score_first_on_any_number_of_threads() {
    let one = detect(&["testdata/crowd.jpg", "--threads", "1"]);
    let faces = one.lines()[0]["faces"].as_array().unwrap().clone();
    assert!((45..=55).contains(&faces.len()), "{} of 51 faces", faces.len());
    let scores: Vec<f64> = faces.iter().map(|face| face["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert_eq!(one.out, detect(&["testdata/crowd.jpg", "--threads", "3"]).out);
}

#[test]
fn options_reach_the_detector() {
    let faces = |args: &[&str]| {
        let run = detect(&[&["testdata/crowd.jpg"], args].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        run.lines()[0]["faces"].as_array().unwrap().len()
    };
    let all = faces(&[]);
    assert!((1..30).contains(&faces(&["--min-face", "60"])));
    assert!(faces(&["--thresholds", "0.6,0.7,0.99999"]) < all);
    assert_ne!(detect(&[PORTRAIT, "--factor", "0.5"]).out, detect(&[PORTRAIT]).out);
    for profile in ["kpzhang", "ipazc", "mtcnn-caffe"] {
        assert_ne!(detect(&[PORTRAIT, "--profile", profile]).out, detect(&[PORTRAIT]).out, "{profile}");
    }
}

#[test]
fn formats_agree() {
    let args = [PORTRAIT, "missing.jpg", SMALL];
    let jsonl = detect(&args).lines();
    let json = detect(&[&args[..], &["--format", "json"]].concat());
    assert_eq!(json.code, 1);
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap(), Value::Array(jsonl));
    let csv = detect(&[&args[..], &["--format", "csv"]].concat());
    let rows: Vec<&str> = csv.out.lines().collect();
    assert!(rows[0].starts_with("image,width,height,face,score,x1,") && rows.len() == 4, "{}", csv.out);
    assert!(rows[1].starts_with("testdata/astronaut.png,512,512,1,"));
    assert!(rows[2].starts_with("missing.jpg,,,,") && rows[2].contains("No such file"));
    assert!(rows[3].starts_with("testdata/decode/rgb.png,48,36,"));
    let columns = |row: &str| row.matches(',').count();
    assert!(rows.iter().all(|row| columns(row) == columns(rows[0])));
    let table = detect(&[&args[..], &["--format", "table"]].concat());
    assert!(table.out.contains("512x512      1  ") && table.out.contains("not read"), "{}", table.out);
}

#[test]
fn stdin_is_a_picture_too() {
    let run = detect_stdin(&["-"], &fs::read(PORTRAIT).unwrap());
    assert_eq!((run.code, &run.lines()[0]["image"]), (0, &Value::from("-")));
    assert_eq!(run.lines()[0]["faces"], detect(&[PORTRAIT]).lines()[0]["faces"]);
    assert!(detect_stdin(&["-"], b"").error().contains("empty"));
}

#[test]
fn exif_orientation_is_applied_unless_told_otherwise() {
    let size = |args: &[&str]| (detect(args).lines()[0]["width"].clone(), detect(args).lines()[0]["height"].clone());
    assert_eq!(size(&["testdata/decode/exif-6.jpg"]), (48.into(), 36.into()));
    assert_eq!(size(&["testdata/decode/exif-6.jpg", "--no-exif"]), (36.into(), 48.into()));
}

#[test]
fn a_folder_is_walked_in_order_and_the_results_keep_it() {
    let folder = TempDir::new().unwrap();
    let portrait = fs::read(PORTRAIT).unwrap();
    let small = fs::read(SMALL).unwrap();
    // The slow ones come first, so that the quick ones would overtake them.
    for (name, bytes) in [("a.png", &portrait), ("b/c.PNG", &small), ("b/d.jpeg", &small), ("e.webp", &small)] {
        put(&folder, name, bytes);
    }
    put(&folder, "notes.txt", b"not a picture");
    put(&folder, ".hidden.png", b"not a picture");
    put(&folder, ".thumbnails/f.png", b"not a picture");
    let root = folder.path().to_str().unwrap();
    let run = detect(&[root, SMALL]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let images: Vec<_> = run.lines().iter().map(|line| line["image"].as_str().unwrap().replace(root, "")).collect();
    assert_eq!(images, ["/a.png", "/b/c.PNG", "/b/d.jpeg", "/e.webp", SMALL]);
    assert_eq!(run.out, detect(&[root, SMALL, "--threads", "1"]).out);
}

#[test]
fn unreadable_pictures_take_their_turn_and_the_rest_goes_on() {
    let run = detect(&[SMALL, "Cargo.toml", "nowhere.jpg", PORTRAIT]);
    assert_eq!(run.code, 1);
    let lines = run.lines();
    assert!(lines[0]["faces"].is_array() && lines[3]["faces"].is_array());
    assert!(lines[1]["error"].as_str().unwrap().starts_with("not a picture"));
    assert!(lines[2]["error"].as_str().unwrap().starts_with("No such file"));
    assert!(
        run.err.contains("mtcnn-cpu: Cargo.toml: not a picture")
            && run.err.ends_with("2 of 4 inputs could not be read\n")
    );
}

#[test]
fn timing_goes_to_stderr() {
    let run = detect(&[PORTRAIT, "--timing"]);
    assert_eq!(run.out, detect(&[PORTRAIT]).out);
    for part in ["GFLOP/s", "\npyramid ", "\npnet ", "\nrnet ", "\nonet ", "\nlevel ", "instruction set"] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let run = detect(&[PORTRAIT, SMALL, "--timing"]);
    assert!(run.err.contains("2 pictures in") && !run.err.contains("\nlevel "), "{}", run.err);
}

#[test]
fn the_version_names_the_instruction_set() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtcnn-cpu"));
    let run = Run::of(command.arg("--version").env("MTCNN_CPU_ISA", "portable").output().unwrap());
    assert_eq!(run.code, 0);
    assert!(
        run.out.contains(env!("CARGO_PKG_VERSION")) && run.out.contains("instruction set: portable"),
        "{}",
        run.out
    );
}

#[test]
fn help_is_complete() {
    let run = detect(&["--help"]);
    assert_eq!(run.code, 0);
    for part in [
        "--format",
        "--output",
        "--draw",
        "--min-face",
        "--factor",
        "--thresholds",
        "--profile",
        "--weights",
        "--threads",
        "--timing",
        "--no-exif",
        "Examples:",
        "Exit status:",
        "MTCNN_CPU_ISA",
    ] {
        assert!(run.out.contains(part), "{part}");
    }
}

// ---- bench ----

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
    assert_eq!(report["levels"].as_array().unwrap().len(), 10);
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
fn bench_has_a_picture_inside_and_a_table() {
    let folder = TempDir::new().unwrap();
    let mut command = subcommand("bench", &["--format", "table", "--seconds", "0.02"]);
    let run = Run::of(command.current_dir(&folder).output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
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
        (&["Cargo.toml"], 1, "mtcnn-cpu: Cargo.toml: not a picture"),
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

// ---- files that are written ----

#[test]
fn output_is_complete_and_leaves_nothing_else() {
    let folder = TempDir::new().unwrap();
    let file = put(&folder, "faces.jsonl", b"old");
    let run = detect(&[PORTRAIT, "--output", &file]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
    assert_eq!(fs::read_to_string(&file).unwrap(), detect(&[PORTRAIT]).out);
    assert_eq!(names(folder.path()), ["faces.jsonl"]);
}

#[test]
fn output_that_cannot_be_written_is_refused_before_the_work() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().to_str().unwrap();
    for output in [format!("{root}/no/such/folder.jsonl").as_str(), root] {
        let run = detect(&[PORTRAIT, "--output", output]);
        assert_eq!((run.code, run.out.as_str()), (1, ""));
        assert!(run.err.starts_with("mtcnn-cpu: can't write ") && run.err.contains(output), "{}", run.err);
    }
    assert_eq!(names(folder.path()).len(), 0);
}

#[test]
#[cfg(unix)]
fn devices_are_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    assert_eq!(detect(&[SMALL, "--output", "/dev/null"]).code, 0);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let run = Run::of(command(&[SMALL]).stdout(full).output().unwrap());
    assert_eq!(run.code, 1);
    assert!(run.err.contains("No space left"), "{}", run.err);
}

#[test]
fn one_picture_is_drawn_to_a_file() {
    let folder = TempDir::new().unwrap();
    for name in ["drawn.png", "drawn.jpg", "drawn.webp"] {
        let file = folder.path().join(name);
        let run = detect(&[PORTRAIT, "--draw", file.to_str().unwrap()]);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        let drawn = mtcnn_cpu::image::open(&file).unwrap();
        let original = mtcnn_cpu::image::open(PORTRAIT).unwrap();
        assert_eq!(drawn.dimensions(), original.dimensions());
        let changed =
            |x, y| drawn.get_pixel(x, y).0.iter().zip(original.get_pixel(x, y).0).any(|(a, b)| a.abs_diff(b) > 60);
        // The face is near (225, 117), 87 by 110 pixels; its box is drawn, and nothing far from it.
        assert!((170..280).any(|x| changed(x, 117)), "{name}");
        assert!((0..512).all(|x| !changed(x, 400)), "{name}");
    }
    assert_eq!(names(folder.path()), ["drawn.jpg", "drawn.png", "drawn.webp"]);
}

#[test]
fn many_pictures_are_drawn_to_a_folder_that_keeps_sub_folders() {
    let folder = TempDir::new().unwrap();
    let small = fs::read(SMALL).unwrap();
    for name in ["in/a.png", "in/sub/a.png", "in/sub/clip.gif", "other/a.png", "other/b.txt"] {
        put(&folder, name, &small);
    }
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let run = detect(&[&at("in"), &at("other/a.png"), &at("other/b.txt"), "missing.png", "--draw", &at("out")]);
    assert_eq!((run.code, run.lines().len()), (1, 6));
    assert_eq!(names(&folder.path().join("out")), ["a-2.png", "a.png", "b.txt.png", "sub"]);
    assert_eq!(names(&folder.path().join("out/sub")), ["a.png", "clip.gif.png"]);
    for name in ["out/a.png", "out/a-2.png", "out/sub/clip.gif.png"] {
        assert_eq!(mtcnn_cpu::image::open(at(name)).unwrap().dimensions(), (48, 36));
    }
}

#[test]
fn a_picture_is_never_overwritten() {
    let folder = TempDir::new().unwrap();
    let small = fs::read(SMALL).unwrap();
    let (a, root) = (put(&folder, "a.png", &small), folder.path().to_str().unwrap());
    for args in [[a.as_str(), "--draw", &a], [root, "--draw", root], [root, "--output", &a]] {
        let run = detect(&args);
        assert_eq!(run.code, 2, "{args:?}");
        assert!(run.err.contains("a.png is an input"), "{}", run.err);
    }
    assert_eq!(fs::read(&a).unwrap(), small);
}

#[test]
fn results_do_not_take_the_place_of_each_other() {
    let folder = TempDir::new().unwrap();
    let (drawn, same) = (folder.path().join("drawn"), folder.path().join("drawn").join("rgb.png"));
    let (drawn, same) = (drawn.to_str().unwrap(), same.to_str().unwrap());
    for args in [&[SMALL, "--draw", same, "-o", same][..], &[SMALL, PORTRAIT, "--draw", drawn, "-o", same]] {
        let run = detect(args);
        assert_eq!(run.code, 2, "{args:?}");
        assert!(run.err.contains("can't be the same file"), "{}", run.err);
    }
    assert!(names(folder.path()).is_empty(), "nothing was written");
}

#[test]
#[cfg(unix)]
fn a_reader_that_has_seen_enough_is_no_error() {
    let many = vec![SMALL; 3000];
    let mut child = command(&many).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
}

// ---- bad input ----

#[test]
fn wrong_usage_is_2_and_says_what_is_wrong() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "required"),
        (&[SMALL, "--no-such-option"], "unexpected argument"),
        (&[SMALL, "--format", "xml"], "invalid value 'xml'"),
        (&[SMALL, "--profile", "nobody"], "kpzhang"),
        (&[SMALL, "--thresholds", "0.6,0.7"], "three numbers"),
        (&[SMALL, "--thresholds", "a,b,c"], "three numbers"),
        (&[SMALL, "--thresholds", "0.6,0.7,1.5"], "threshold of ONet is 1.5"),
        (&[SMALL, "--thresholds", "-0.1,0.7,0.7"], "threshold of PNet is -0.1"),
        (&[SMALL, "--thresholds", "0.6,NaN,0.7"], "threshold of RNet is NaN"),
        (&[SMALL, "--factor", "0"], "factor is 0:"),
        (&[SMALL, "--factor", "1"], "factor is 1:"),
        (&[SMALL, "--factor", "1.5"], "factor is 1.5:"),
        (&[SMALL, "--factor", "-0.5"], "factor is -0.5:"),
        (&[SMALL, "--factor", "NaN"], "factor is NaN:"),
        (&[SMALL, "--min-face", "0"], "smallest face is 0 pixels"),
        (&[SMALL, "--min-face", "-20"], "smallest face is -20 pixels"),
        (&[SMALL, "--min-face", "NaN"], "smallest face is NaN pixels"),
        (&[SMALL, "--min-face", "many"], "invalid value 'many'"),
        (&[SMALL, "--threads", "100000"], "100000"),
        (&[SMALL, SMALL, "--draw", "both.png"], "need a folder"),
        (&["testdata", "--draw", "all.jpg"], "need a folder"),
        (&["testdata", "--draw", "Cargo.toml"], "need a folder"),
        (&[SMALL, "--draw", "drawn.xyz"], "extension must be png"),
        (&["-", "-"], "only once"),
    ];
    for (args, reason) in cases {
        let run = detect(args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}: {}", run.err);
        assert!(run.err.contains(reason), "{args:?}: {}", run.err);
    }
    assert!(!Path::new("both.png").exists());
}

#[test]
fn an_unknown_instruction_set_is_wrong_usage() {
    let run = Run::of(command(&[SMALL]).env("MTCNN_CPU_ISA", "mmx").output().unwrap());
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert_eq!(run.err, "mtcnn-cpu: MTCNN_CPU_ISA=mmx: it must be portable, avx2 or avx512\n");
}

#[test]
fn weights_that_cannot_be_used_are_refused() {
    for file in ["nowhere.safetensors", "Cargo.toml", "testdata"] {
        let run = detect(&[SMALL, "--weights", file]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
        assert!(run.err.starts_with(&format!("mtcnn-cpu: {file}: ")) && run.err.lines().count() == 1, "{}", run.err);
        assert!(run.err.matches("os error").count() < 2, "{}", run.err);
    }
}

#[test]
fn what_is_no_picture_gives_a_reason() {
    assert!(detect(&["nowhere.jpg"]).error().starts_with("No such file"));
    assert_eq!(detect_bytes("empty.jpg", b"").error(), "not a picture: the file is empty");
    assert!(
        detect_bytes("text.jpg", b"Dear reader, this is text.\n").error().starts_with("not a picture: it begins like")
    );
    let jpeg = fs::read("testdata/crowd.jpg").unwrap();
    assert_eq!(detect_bytes("half.jpg", &jpeg[..jpeg.len() / 2]).error(), "a damaged JPEG: the file is cut short");
    assert_eq!(detect_bytes("most.jpg", &jpeg[..jpeg.len() - 2]).error(), "a damaged JPEG: the file is cut short");
    let folder = TempDir::new().unwrap();
    put(&folder, "notes.txt", b"text");
    assert_eq!(detect(&[folder.path().to_str().unwrap()]).error(), "a folder without pictures");
}

#[test]
fn a_picture_of_no_size_gives_a_reason() {
    for bytes in [png_that_claims(0, 0), bmp_that_claims(0, 0), gif_that_claims(0, 0), b"P6 0 0 255\n".to_vec()] {
        let reason = detect_bytes("nothing", &bytes).error();
        assert!(reason.starts_with("a damaged ") || reason.contains("0x0"), "{reason}");
    }
}

#[test]
fn tiny_and_odd_pictures_have_no_faces() {
    for (width, height) in [(1, 1), (1, 2), (11, 11), (12, 12), (13, 13), (100_000, 1), (1, 70_000), (3000, 13)] {
        let run = detect_bytes("odd.ppm", &ppm(width, height));
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{width}x{height}");
        let line = &run.lines()[0];
        assert_eq!((&line["width"], &line["height"]), (&Value::from(width), &Value::from(height)));
        assert_eq!(line["faces"], Value::Array(vec![]), "{width}x{height}");
    }
    assert_eq!(detect(&[PORTRAIT, "--min-face", "5000"]).lines()[0]["faces"], Value::Array(vec![]));
    assert_eq!(detect(&[PORTRAIT, "--min-face", "1e9"]).lines()[0]["faces"], Value::Array(vec![]));
}

/// A small file that claims a huge picture is refused without asking for the memory.
#[test]
fn a_decompression_bomb_is_refused() {
    let jpeg = {
        let mut bytes = fs::read("testdata/decode/rgb.jpg").unwrap();
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        bytes[frame + 5..frame + 9].copy_from_slice(&[0xEA, 0x60, 0xEA, 0x60]);
        bytes
    };
    let bombs = [
        ("a.png", png_that_claims(60_000, 60_000)),
        ("a.bmp", bmp_that_claims(60_000, 60_000)),
        ("a.gif", gif_that_claims(60_000, 60_000)),
        ("a.ppm", b"P6 60000 60000 255\n".to_vec()),
        ("a.jpg", jpeg),
    ];
    let folder = TempDir::new().unwrap();
    for (name, bytes) in bombs {
        let file = put(&folder, name, &bytes);
        let mut limited = Command::new("sh");
        // 2 GB of address space are far less than the 10.8 GB that are claimed.
        limited.args(["-c", "ulimit -v 2000000; exec \"$0\" detect \"$1\"", env!("CARGO_BIN_EXE_mtcnn-cpu"), &file]);
        let reason = Run::of(limited.output().unwrap()).error();
        assert!(reason.contains("1 GiB"), "{name}: {reason}");
    }
}

/// Names that are not text in any encoding are shown with replacement characters.
#[test]
#[cfg(target_os = "linux")]
fn a_name_that_is_not_utf8_is_read() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"caf\xE9.png");
    fs::copy(SMALL, folder.path().join(name)).unwrap();
    let run = detect(&[folder.path().to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.lines()[0]["image"].as_str().unwrap().ends_with("caf\u{FFFD}.png"));
}
