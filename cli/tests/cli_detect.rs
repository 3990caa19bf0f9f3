//! `mtcnn-cpu detect` as a user meets it at a shell: results, streams, exit codes, and the files that it writes.

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use common::{Run, command, detect, program, put, root};

const PORTRAIT: &str = "testdata/astronaut.png";
const SMALL: &str = "testdata/decode/rgb.png";

fn detect_stdin(args: &[&str], input: &[u8]) -> Run {
    let mut child = command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Run::of(child.wait_with_output().unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

// ---- looks ----

#[test]
fn a_second_look_finds_the_same_portrait_a_little_elsewhere() {
    let [once, twice] = [&[PORTRAIT][..], &[PORTRAIT, "--accurate"]].map(detect);
    assert_eq!((twice.code, twice.err.as_str()), (0, ""));
    let [once, twice] = [once, twice].map(|run| run.lines()[0]["faces"].as_array().unwrap().clone());
    assert_eq!((once.len(), twice.len()), (1, 1));
    let edges = |face: &Value| [0, 1, 2, 3].map(|i| face["box"][i].as_f64().unwrap());
    let far = edges(&once[0]).iter().zip(edges(&twice[0])).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(0.0 < far && far < 6.0, "{far}");
}

#[test]
fn a_portrait_that_lies_is_found_where_it_lies() {
    let folder = TempDir::new().unwrap();
    let upright = detect(&[PORTRAIT]).lines()[0]["faces"][0].clone();
    let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|i| upright["box"][i].as_f64().unwrap());
    let image = image::open(root().join(PORTRAIT)).unwrap();
    let side = f64::from(image.width());
    // As it lies, and what the box becomes.
    for (name, turned, expected) in [
        ("left.png", image.rotate270(), [y1, side - x2, y2, side - x1]),
        ("over.png", image.rotate180(), [side - x2, side - y2, side - x1, side - y1]),
    ] {
        let path = folder.path().join(name).to_str().unwrap().to_owned();
        turned.save(&path).unwrap();
        assert_eq!(detect(&[&path]).lines()[0]["faces"].as_array().unwrap().len(), 0, "{name}");
        let run = detect(&[&path, "--rotations", "90,180,270"]);
        let faces = run.lines()[0]["faces"].as_array().unwrap().clone();
        let [face] = &faces[..] else { panic!("{name}: {}", run.out) };
        for (i, expected) in expected.into_iter().enumerate() {
            let at = face["box"][i].as_f64().unwrap();
            assert!((at - expected).abs() < 1.0, "{name}: {at} for {expected}");
        }
    }
    let wrong = detect(&[PORTRAIT, "--rotations", "45"]);
    assert!(wrong.code == 2 && wrong.err.contains("90, 180, 270"), "{}", wrong.err);
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
    // 5 % of 720 rows, or of 360.
    assert_eq!(faces(&["--min-face", "5%"]), faces(&["--min-face", "36"]));
    let half = ["--roi", "0,100,900,360", "--min-face"];
    assert_eq!(faces(&[&half[..], &["5%"]].concat()), faces(&[&half[..], &["18"]].concat()));
    let right = faces(&["--roi", "640,0,5000,5000"]);
    assert!(!right.is_empty() && right.len() < all.len());
    assert!(right.iter().all(|face| face["box"][2].as_f64().unwrap() > 640.0), "{right:?}");
    let outside = detect(&["testdata/crowd.jpg", "--roi", "5000,5000,10,10"]).error();
    assert!(outside.starts_with("--roi 5000,5000,10,10 is not in the image, which has "), "{outside}");
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
fn screening_is_on_where_it_can_be_and_exact_switches_it_off_for_the_same_results() {
    let run = |isa: &str, more: &[&str]| {
        let mut command = command(&[&["testdata/crowd.jpg", "--timing"], more].concat());
        if !isa.is_empty() {
            command.env("MTCNN_CPU_ISA", isa);
        }
        let run = Run::of(command.output().unwrap());
        assert_eq!(run.code, 0, "{}", run.err);
        let line = run.err.lines().find_map(|line| line.strip_prefix("screening: ")).map(str::to_owned);
        (run.out, line.unwrap())
    };
    let (usual, exact) = (run("", &[]), run("", &["--exact"]));
    assert_eq!((&usual.0, exact.1.as_str()), (&exact.0, "none, switched off"));
    let (none, portable) = ("none, this instruction set gains nothing by it", run("portable", &[]));
    assert_eq!(portable.1, none);
    assert!(usual.1 == none || usual.1.starts_with("f32 looked at "), "{}", usual.1);
    let file = run("", &["--weights", "src/weights/default/mtcnn.safetensors"]);
    assert_eq!(file, usual, "the same weights in a file");
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
fn stdin_is_an_image_too() {
    let run = detect_stdin(&["-"], &fs::read(root().join(PORTRAIT)).unwrap());
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
    let portrait = fs::read(root().join(PORTRAIT)).unwrap();
    let small = fs::read(root().join(SMALL)).unwrap();
    // The slow ones come first, so that the quick ones would overtake them.
    for (name, bytes) in [("a.png", &portrait), ("b/c.PNG", &small), ("b/d.jpeg", &small), ("e.webp", &small)] {
        put(&folder, name, bytes);
    }
    put(&folder, "notes.txt", b"not an image");
    put(&folder, ".hidden.png", b"not an image");
    put(&folder, ".thumbnails/f.png", b"not an image");
    let root = folder.path().to_str().unwrap();
    let run = detect(&[root, SMALL]);
    let left_out = "mtcnn-cpu: 1 file of a folder was left out: 1 without an image's extension\n";
    assert_eq!((run.code, run.err.as_str()), (0, left_out));
    let images: Vec<_> = run.lines().iter().map(|line| line["image"].as_str().unwrap().replace(root, "")).collect();
    assert_eq!(images, ["/a.png", "/b/c.PNG", "/b/d.jpeg", "/e.webp", SMALL]);
    assert_eq!(run.out, detect(&[root, SMALL, "--threads", "1"]).out);
}

#[test]
fn unreadable_images_take_their_turn_and_the_rest_goes_on() {
    let run = detect(&[SMALL, "Cargo.toml", "nowhere.jpg", PORTRAIT]);
    assert_eq!(run.code, 1);
    let lines = run.lines();
    assert!(lines[0]["faces"].is_array() && lines[3]["faces"].is_array());
    assert!(lines[1]["error"].as_str().unwrap().starts_with("not an image"));
    assert!(lines[2]["error"].as_str().unwrap().starts_with("No such file"));
    assert!(
        run.err.contains("mtcnn-cpu: Cargo.toml: not an image")
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
    assert!(run.err.contains("2 images in") && !run.err.contains("\nlevel "), "{}", run.err);
}

#[test]
fn the_version_names_the_instruction_set() {
    let mut command = program(&[]);
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
        "--orientation",
        "Examples:",
        "Exit status:",
        "MTCNN_CPU_ISA",
    ] {
        assert!(run.out.contains(part), "{part}");
    }
}

// ---- files that are written ----

#[test]
fn output_is_complete_and_leaves_nothing_else() {
    let folder = TempDir::new().unwrap();
    for (name, format, more) in [("faces.csv", "csv", &[][..]), ("faces.jsonl", "jsonl", &["--overwrite"])] {
        let file = put(&folder, name, b"old");
        let run = detect(&[&[PORTRAIT, "--format", format, "--output", &file], more].concat());
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
        assert_eq!(fs::read_to_string(&file).unwrap(), detect(&[PORTRAIT, "--format", format]).out);
    }
    assert_eq!(names(folder.path()), ["faces.csv", "faces.jsonl"]);
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
fn one_image_is_drawn_to_a_file() {
    let folder = TempDir::new().unwrap();
    for name in ["drawn.png", "drawn.jpg", "drawn.webp"] {
        let file = folder.path().join(name);
        let run = detect(&[PORTRAIT, "--draw", file.to_str().unwrap()]);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        let drawn = mtcnn_cpu::image::open(&file).unwrap();
        let original = mtcnn_cpu::image::open(root().join(PORTRAIT)).unwrap();
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
fn many_images_are_drawn_to_a_folder_that_keeps_sub_folders() {
    let folder = TempDir::new().unwrap();
    let small = fs::read(root().join(SMALL)).unwrap();
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
fn an_image_is_never_overwritten() {
    let folder = TempDir::new().unwrap();
    let small = fs::read(root().join(SMALL)).unwrap();
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
