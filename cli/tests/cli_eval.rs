//! `mtcnn-cpu eval` and the results that `detect` writes for it, as a user meets them at a shell.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use mtcnn_cpu::image::RgbImage;
use serde_json::Value;
use tempfile::TempDir;

use common::{root, run, shared};

const PORTRAIT: &str = "testdata/astronaut.png";
const CROWD: &str = "testdata/crowd.jpg";

/// A folder with two images in the layouts of WIDER FACE and FDDB: what the detector finds in the first is annotated,
/// with a face more that it does not find; and one without a face.
struct Sets(TempDir);

impl Sets {
    fn new() -> Self {
        let sets = Self(TempDir::new().unwrap());
        let mut faces = Vec::new();
        for line in run(&["detect", CROWD, "--format", "fddb"]).out.lines().skip(2) {
            let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
            faces.push([numbers[0], numbers[1], numbers[2], numbers[3]]);
        }
        assert_eq!(faces.len(), 51);
        faces.push([0.0, 0.0, 60.0, 60.0]);
        let boxes: String = faces.iter().map(|[x, y, w, h]| format!("{x} {y} {w} {h} 0 0 0 0 0 0\n")).collect();
        let list = format!("0--A/crowd.jpg\n52\n{boxes}1--B/none.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n");
        sets.put("wider_face_split/wider_face_val_bbx_gt.txt", list);
        let ellipse = |[x, y, w, h]: &[f64; 4]| {
            format!("{} {} {} {} {}  1\n", h / 2.0, w / 2.0, std::f64::consts::FRAC_PI_2, x + w / 2.0, y + h / 2.0)
        };
        let ellipses: String = faces.iter().map(ellipse).collect();
        sets.put("FDDB-folds/FDDB-fold-01-ellipseList.txt", format!("a/crowd\n52\n{ellipses}b/none\n0\n"));
        for folder in ["WIDER_val/images/0--A", "originalPics/a"] {
            sets.put(&format!("{folder}/crowd.jpg"), fs::read(root().join(CROWD)).unwrap());
        }
        for folder in ["WIDER_val/images/1--B", "originalPics/b"] {
            fs::create_dir_all(sets.path(folder)).unwrap();
            RgbImage::new(100, 80).save(sets.path(&format!("{folder}/none.jpg"))).unwrap();
        }
        sets
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_string()
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = PathBuf::from(self.path(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self.path(name)
    }
}

#[test]
fn wider_from_detections_and_from_results() {
    let sets = Sets::new();
    let curves = sets.path("curves.png");
    let direct = run(&["eval", "wider", "--wider", &sets.path(""), "--format", "json", "--curves", &curves]);
    assert_eq!((direct.code, direct.err.as_str()), (0, ""));
    let measured = direct.json();
    let subset = &measured["subsets"][0];
    let counted = subset["faces"].as_u64().unwrap();
    assert_eq!((subset["found"].as_u64(), &subset["wrong"]), (Some(counted - 1), &Value::from(0)));
    let expected = (counted - 1) as f64 / counted as f64;
    assert!((subset["average_precision"].as_f64().unwrap() - expected).abs() < 1e-9);
    assert!(fs::read(&curves).unwrap().starts_with(b"\x89PNG"));

    let (images, results) = (sets.path("WIDER_val/images"), sets.path("new/results"));
    let written = run(&["detect", &images, "--format", "wider", "-o", &results]);
    assert_eq!((written.code, written.out.as_str(), written.err.as_str()), (0, "", ""));
    let text = fs::read_to_string(Path::new(&results).join("0--A/crowd.txt")).unwrap();
    assert!(text.starts_with("0--A/crowd.jpg\n51\n") && text.lines().count() == 53, "{text}");
    assert_eq!(fs::read_to_string(Path::new(&results).join("1--B/none.txt")).unwrap(), "1--B/none.jpg\n0\n");
    let again = run(&["eval", "wider", "--wider", &sets.path(""), "--results", &results, "--format", "json"]);
    assert_eq!(again.json(), measured);

    let table = run(&["eval", "wider", "--wider", &sets.path(""), "--results", &results, "--min-size", "1000"]);
    let expected =
        "SUBSET             FACES   FOUND   WRONG      AP\nfrom 1000 pixels       0       0       0  0.0000\n";
    assert_eq!(table.out, expected);
}

#[test]
fn several_sets_are_measured_each_and_together() {
    let sets = Sets::new();
    let image = fs::read(root().join(PORTRAIT)).unwrap();
    sets.put("mine/WIDER_val/images/0--A/crowd.jpg", image);
    // Of the two faces one is not there.
    let list = "0--A/crowd.jpg\n2\n175 64 107 143 0 0 0 0 0 0\n5 300 60 70 0 0 0 0 0 0\n";
    sets.put("mine/wider_face_split/wider_face_val_bbx_gt.txt", list);
    let (first, mine) = (sets.path(""), sets.path("mine"));
    let both = ["--wider", &first, "--wider", &mine, "--format", "json"];
    let measured = run(&[&["eval", "wider"][..], &both].concat());
    assert_eq!((measured.code, measured.err.as_str()), (0, ""));
    let measured = measured.json();
    let alone = run(&["eval", "wider", "--wider", &first, "--format", "json"]).json();
    let subsets = measured["subsets"].as_array().unwrap();
    let count = |subset: &Value| ["faces", "found", "wrong"].map(|key| subset[key].as_u64().unwrap());
    let names: Vec<_> = subsets.iter().skip(1).map(|subset| subset["name"].as_str().unwrap()).collect();
    assert_eq!((names, measured["pictures"].as_u64()), (vec!["mine", "all"], Some(3)));
    assert_eq!(count(&subsets[0]), count(&alone["subsets"][0]));
    assert_eq!(count(&subsets[1]), [2, 1, 0]);
    let sum: Vec<_> = count(&subsets[0]).iter().zip(count(&subsets[1])).map(|(a, b)| a + b).collect();
    assert_eq!(count(&subsets[2]).to_vec(), sum);

    let stages = run(&[&["eval", "stages"][..], &both].concat()).json();
    assert_eq!(stages["sizes"][0]["faces"].as_u64().unwrap(), sum[0]);
    let without = run(&[&["eval", "wider"][..], &both, &["--without", "1--B"]].concat()).json();
    assert_eq!(without["pictures"], 2);
    let results = run(&[&["eval", "wider"][..], &both, &["--results", "x"]].concat());
    assert_eq!(results.code, 2, "{}", results.err);
    // An image that is missing is named with its set.
    fs::remove_file(sets.path("mine/WIDER_val/images/0--A/crowd.jpg")).unwrap();
    let missed = run(&[&["eval", "wider"][..], &both].concat());
    assert_eq!((missed.code, &missed.json()["missed"]), (1, &serde_json::json!(["mine/0--A/crowd.jpg"])));
}

#[test]
fn profiles_are_put_beside_each_other() {
    let sets = Sets::new();
    let curves = sets.path("curves.png");
    let args = ["eval", "profiles", "--wider", &sets.path(""), "--profiles", "mtcnn-cpu,ipazc"];
    let measured = run(&[&args[..], &["--format", "json", "--curves", &curves]].concat());
    assert_eq!((measured.code, measured.err.as_str()), (0, ""));
    let folder = &measured.json()["wider"][0];
    let alone = run(&["eval", "wider", "--wider", &sets.path(""), "--format", "json"]).json()["subsets"][0].clone();
    let rows = folder["profiles"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["mtcnn-cpu", "mtcnn-cpu --accurate", "ipazc"]);
    // What `eval wider` says of the default; and the same faces again that the set was made of.
    for key in ["found", "wrong", "average_precision"] {
        assert_eq!(rows[0][key], alone[key], "{key}");
    }
    for row in rows {
        let number = |key: &str| row[key].as_f64().unwrap();
        assert!(number("average_precision") > 0.8 && number("found") > 25.0 && number("seconds") > 0.0, "{row}");
        assert!(number("average_precision_low") >= number("average_precision"), "{row}");
    }
    assert!(fs::read(&curves).unwrap().starts_with(b"\x89PNG"));
    let unknown = run(&["eval", "profiles", "--wider", &sets.path(""), "--profiles", "none"]);
    assert!(unknown.code == 2 && unknown.err.contains("none"), "{}", unknown.err);
}

#[test]
fn stages_say_where_faces_are_lost() {
    let sets = Sets::new();
    let args = ["eval", "stages", "--wider", &sets.path(""), "--format", "json"];
    let measured = run(&args);
    assert_eq!((measured.code, measured.err.as_str()), (0, ""));
    let measured = measured.json();
    let (all, sizes) = measured["sizes"].as_array().unwrap().split_first().unwrap();
    let faces = all["faces"].as_u64().unwrap();
    assert_eq!(sizes.iter().map(|size| size["faces"].as_u64().unwrap()).sum::<u64>(), faces);
    // All that were annotated were found, but for one; the detector has 51 faces in two images.
    let recall = |stage: &str, overlap: usize| all[stage]["recall"][overlap].as_f64().unwrap();
    let but_one = (faces - 1) as f64 / faces as f64;
    assert_eq!([recall("onet", 0), recall("onet", 1), recall("rnet", 0)], [but_one; 3]);
    assert!(recall("pnet", 0) >= recall("pnet", 1) && recall("pnet", 0) > 0.9, "{all}");
    let boxes = ["pnet", "rnet", "onet"].map(|stage| all[stage]["boxes"].as_f64().unwrap());
    assert!(boxes[0] > boxes[1] && boxes[1] >= boxes[2] && boxes[2] == 25.5, "{boxes:?}");

    // Nothing passes RNet: the recall of PNet is as before.
    let strict = run(&[&args[..], &["--thresholds", "0.6,1,0.7"]].concat()).json();
    let (pnet, rnet) = (&strict["sizes"][0]["pnet"], &strict["sizes"][0]["rnet"]);
    assert_eq!((pnet, rnet), (&all["pnet"], &serde_json::json!({"boxes": 0.0, "recall": [0.0, 0.0]})));

    let table = run(&args[..4]).out;
    assert!(
        table.starts_with("2 images; recall at an overlap of 0.50 and 0.65") && table.contains("\nall  "),
        "{table}"
    );
    let without = run(&[&args[..], &["--without", "0--A"]].concat()).json();
    assert_eq!((&without["pictures"], &without["sizes"][0]["faces"]), (&Value::from(1), &Value::from(0)));
    assert_eq!(
        run(&["eval", "wider", "--wider", &sets.path(""), "--without", "0--A", "-f", "json"]).json()["pictures"],
        1
    );

    fs::remove_file(sets.path("WIDER_val/images/1--B/none.jpg")).unwrap();
    let missed = run(&args);
    assert_eq!((missed.code, &missed.json()["missed"]), (1, &serde_json::json!(["1--B/none.jpg"])));
    assert!(
        missed.err.contains("none.jpg: ") && missed.err.contains("1 of 2 images could not be read"),
        "{}",
        missed.err
    );
}

#[test]
fn any_list_of_the_form_is_measured() {
    let sets = Sets::new();
    let wider = run(&["eval", "wider", "--wider", &sets.path(""), "-f", "json"]);
    let list = fs::read(sets.path("wider_face_split/wider_face_val_bbx_gt.txt")).unwrap();
    let (list, images) = (sets.put("photos/mine.txt", list), sets.path("WIDER_val/images"));
    let by_list = run(&["eval", "wider", "--list", &list, "--images", &images, "-f", "json"]);
    assert_eq!((by_list.code, by_list.out), (0, wider.out.clone()), "{}", by_list.err);
    let stages = run(&["eval", "stages", "--list", &list, "--images", &images]);
    assert!(stages.code == 0 && stages.out.starts_with("2 images"), "{}", stages.err);
    // Beside the list, where no folder is named.
    let missing = run(&["eval", "wider", "--list", &list]);
    assert!(missing.code == 1 && missing.err.contains("none of 2 images can be read"), "{}", missing.err);
    fs::rename(sets.path("WIDER_val"), sets.path("WIDER_test-2")).unwrap();
    let split = sets.path("wider_face_split");
    fs::rename(format!("{split}/wider_face_val_bbx_gt.txt"), format!("{split}/wider_face_test-2_bbx_gt.txt")).unwrap();
    let by_name = run(&["eval", "wider", "--wider", &sets.path(""), "--split", "test-2", "-f", "json"]);
    assert_eq!((by_name.code, by_name.out), (0, wider.out), "{}", by_name.err);
    for (args, code, reason) in [
        (&["--wider", &sets.path("")[..], "--split", "../val"][..], 2, "no name of a split"),
        (&["--wider", &sets.path(""), "--list", &list], 2, "cannot be used with"),
        (&["--images", &images], 2, "--list"),
        (&[], 2, "--wider <DIR> or --list <FILE> is needed"),
    ] {
        let run = run(&[&["eval", "wider"], args].concat());
        assert!(run.code == code && run.err.contains(reason), "{args:?}: {} {}", run.code, run.err);
    }
}

#[test]
fn results_that_are_parts_of_the_sides_get_a_hint() {
    let sets = Sets::new();
    for name in ["0--A/crowd", "1--B/none"] {
        sets.put(&format!("results/{name}.txt"), format!("{name}\n1\n0.1 0.2 0.3 0.4 0.9\n"));
    }
    let run = run(&["eval", "wider", "--wider", &sets.path(""), "--results", &sets.path("results")]);
    assert!(run.code == 0 && run.err.contains("lie within 0 to 1: pixels are needed"), "{}", run.err);
}

#[test]
fn fddb_from_detections_and_from_results() {
    let sets = Sets::new();
    let (folder, roc) = (sets.path(""), sets.path("roc"));
    let direct = run(&["eval", "fddb", "--fddb", &folder, "--format", "json", "--roc", &roc]);
    assert_eq!((direct.code, direct.err.as_str()), (0, ""));
    let measured = direct.json();
    assert_eq!([&measured["faces"], &measured["boxes"], &measured["pictures"]], [52, 51, 2]);
    let last = measured["points"].as_array().unwrap().last().unwrap();
    let value = |name: &str| last[name].as_f64().unwrap();
    // An ellipse has pi / 4 of the box about it; in small faces it is less, since radii are cut to whole pixels.
    assert_eq!(value("false_positives"), 0.0);
    assert!((value("discrete") - 51.0 / 52.0).abs() < 1e-12, "{last}");
    assert!((value("continuous") - 51.0 / 52.0 * std::f64::consts::FRAC_PI_4).abs() < 0.05, "{last}");
    let discrete = fs::read_to_string(Path::new(&roc).join("DiscROC.txt")).unwrap();
    assert!(discrete.starts_with("0.980769 0 0."), "{discrete}");
    assert!(
        fs::read_to_string(Path::new(&roc).join("ContROC.txt")).unwrap().lines().count() == discrete.lines().count()
    );

    let results = sets.path("results.txt");
    let written = run(&["detect", &sets.path("originalPics"), "--format", "fddb", "-o", &results]);
    assert_eq!((written.code, written.err.as_str()), (0, ""));
    assert!(fs::read_to_string(&results).unwrap().ends_with("\nb/none\n0\n"));
    let again = run(&["eval", "fddb", "--fddb", &folder, "--results", &results, "--format", "json"]);
    assert_eq!(again.json(), measured);
    let table = run(&["eval", "fddb", "--fddb", &folder, "--results", &results]).out;
    assert!(table.starts_with("52 faces in 2 images, 51 boxes\n") && table.lines().count() == 3, "{table}");

    // Without the images their sizes must come from a file.
    fs::remove_dir_all(sets.path("originalPics")).unwrap();
    let without = run(&["eval", "fddb", "--fddb", &folder, "--results", &results]);
    assert_eq!(without.code, 1);
    assert!(without.err.contains("a/crowd: the size of the image is not known") && without.err.contains("--sizes"));
    let [width, height] = [1024, 768];
    let sizes = sets.put("sizes.txt", format!("a/crowd {width} {height}\n"));
    let sized = run(&["eval", "fddb", "--fddb", &folder, "--results", &results, "--sizes", &sizes]);
    assert_eq!(sized.code, 0, "{}", sized.err);
}

#[test]
fn images_that_are_missed_are_named() {
    let sets = Sets::new();
    fs::remove_file(sets.path("WIDER_val/images/1--B/none.jpg")).unwrap();
    let run_wider = run(&["eval", "wider", "--wider", &sets.path(""), "--format", "json"]);
    assert_eq!((run_wider.code, &run_wider.json()["missed"]), (1, &serde_json::json!(["1--B/none.jpg"])));
    assert!(run_wider.err.contains("1--B/none.jpg: ") && run_wider.err.contains("1 of 2 images could not be read"));
    let results = sets.put("results.txt", "b/none\n0\n");
    let run_fddb = run(&["eval", "fddb", "--fddb", &sets.path(""), "--results", &results]);
    assert_eq!(run_fddb.code, 1);
    assert!(run_fddb.err.contains("1 of 2 images have no results"), "{}", run_fddb.err);
}

#[test]
fn landmarks_of_a_portrait() {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("a.png", &fs::read(root().join(PORTRAIT)).unwrap());
    let found = run(&["detect", PORTRAIT, "--format", "json"]).json();
    let face = &found[0]["faces"][0];
    let at = |value: &Value| value.as_f64().unwrap();
    let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|i| at(&face["box"][i]));
    let point = |name: &str| [at(&face["landmarks"][name][0]), at(&face["landmarks"][name][1])];
    let names = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];
    let mut points = names.map(point);
    let eyes = (points[0][0] - points[1][0]).hypot(points[0][1] - points[1][1]);
    // The nose is annotated half the distance of the eyes above where it is found.
    points[2][1] -= 0.5 * eyes;
    let words: Vec<_> = points.iter().flatten().map(f64::to_string).collect();
    put("testImageList.txt", format!("a.png {x1} {x2} {y1} {y2} {}\n", words.join(" ")).as_bytes());
    let (folder, curves) = (folder.path().to_str().unwrap(), folder.path().join("curves.png"));
    let args = ["eval", "landmarks", "--landmarks", folder, "--format", "json", "--curves", curves.to_str().unwrap()];
    let measured = run(&args);
    assert_eq!((measured.code, measured.err.as_str()), (0, ""));
    let measured = measured.json();
    assert!((at(&measured["mean"]) - 0.1).abs() < 1e-5 && (at(&measured["points"][2]) - 0.5).abs() < 1e-5);
    assert_eq!((&measured["found"], &measured["within"][0]["part"]), (&Value::from(1), &Value::from(0.0)));
    assert_eq!(measured["within"][3]["part"], 1.0);
    assert!(curves.exists());
    let table = run(&args[..4]).out;
    assert!(table.starts_with("faces found       1 of 1\nmean error        0.1000\n"), "{table}");
}

/// The published photographs beside the repository.
#[test]
fn landmarks_of_many() {
    let Some(folder) = shared("data/CNN_FacePoint") else { return };
    let measured = run(&["eval", "landmarks", "--landmarks", folder.to_str().unwrap(), "--format", "json"]);
    assert_eq!((measured.code, measured.err.as_str()), (0, ""));
    let measured = measured.json();
    let (found, mean) = (measured["found"].as_u64().unwrap(), measured["mean"].as_f64().unwrap());
    println!("{found} of {}, mean error {mean:.4}", measured["pictures"]);
    assert_eq!(measured["pictures"], 765);
    assert!(found > 750 && mean < 0.13, "{found}, {mean}");
}

#[test]
fn tracks_have_the_numbers_of_trackeval() {
    let numbers: Value =
        serde_json::from_slice(&fs::read(root().join("testdata/tracks/trackeval.json")).unwrap()).unwrap();
    let names: Vec<_> = numbers.as_object().unwrap().keys().collect();
    let files = |kind: &str| names.iter().map(|name| format!("testdata/tracks/{name}-{kind}.txt")).collect::<Vec<_>>();
    let (truth, results) = (files("truth"), files("results"));
    let mut args = vec!["eval", "tracks", "--truth"];
    args.extend(truth.iter().map(String::as_str));
    args.push("--results");
    args.extend(results.iter().map(String::as_str));
    let measured = run(&[&args[..], &["--format", "json"]].concat()).json();
    for (i, name) in names.iter().enumerate() {
        let expected = numbers[name.as_str()].as_object().unwrap();
        assert_eq!(expected.len(), 7);
        for (field, value) in expected {
            let ours = measured["sequences"][i][field].as_f64().unwrap();
            assert!((ours - value.as_f64().unwrap()).abs() < 1e-9, "{name}, {field}: {ours} {value}");
        }
    }
    let sum = |field: &str| numbers.as_object().unwrap().values().map(|it| it[field].as_f64().unwrap()).sum::<f64>();
    assert_eq!(measured["all"]["found"].as_f64().unwrap(), sum("found"));
    assert_eq!(measured["all"]["switches"].as_f64().unwrap(), sum("switches"));
    let table = run(&args).out;
    assert_eq!(table.lines().count(), 2 + names.len());
    assert!(table.contains("  0.5303  0.7347  0.5714  testdata/tracks/ignored-results.txt\n"), "{table}");
}

#[test]
fn bad_files_of_tracks_are_refused_with_file_and_line() {
    let sets = TempDir::new().unwrap();
    let path = |name: &str| sets.path().join(name).to_str().unwrap().to_string();
    let (good, bad) = (path("good.txt"), path("bad.txt"));
    fs::write(&good, "1,1,10,10,20,20,1,-1,-1,-1\n").unwrap();
    for (text, reason) in [
        ("1,1,10,10,20,20,1\n1,1,10,10,20,20,1\n", "bad.txt, line 2: the id 1 is there a second time in frame 1"),
        ("1,1,10,10,20,20,1\n2,1,\u{1b}[2J\n", "bad.txt, line 2: not \"frame,id,x,y,width,height,confidence\""),
    ] {
        fs::write(&bad, text).unwrap();
        for [truth, results] in [[&good, &bad], [&bad, &good]] {
            let run = run(&["eval", "tracks", "--truth", truth, "--results", results]);
            assert_eq!((run.code, run.out.as_str()), (1, ""));
            assert!(run.err.contains(reason) && !run.err.contains('\u{1b}'), "{}", run.err);
        }
    }
    let missing = run(&["eval", "tracks", "--truth", &good, "--results", &path("none.txt")]);
    assert!(missing.code == 1 && missing.err.contains("none.txt: not found"), "{}", missing.err);
    let uneven = run(&["eval", "tracks", "--truth", &good, "--results", &good, &good]);
    assert!(uneven.code == 2 && uneven.err.contains("--truth has 1 files and --results 2"), "{}", uneven.err);
    assert_eq!(run(&["eval", "tracks", "--truth", &good]).code, 2);
}

#[test]
fn bad_files_are_refused_with_their_names() {
    let sets = Sets::new();
    let truth = |name: &str, bytes: &[u8]| sets.put(&format!("truth/{name}"), bytes);
    let eval_truth = || run(&["eval", "wider", "--wider", &sets.path(""), "--ground-truth", &sets.path("truth")]);
    for bytes in [&b""[..], b"MATLAB 5.0 MAT-file", &[0; 300]] {
        truth("wider_face_val.mat", bytes);
        let refused = eval_truth();
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("wider_face_val.mat: not a MAT file"), "{}", refused.err);
    }
    let endless = sets.put("endless.txt", vec![b'1'; 1 << 20]);
    let counts = sets.put("counts.txt", "a/crowd\n99999999999999\n1 2 3 4 5\n");
    for (file, reason) in [(&endless, "line 1: the line has 65536 bytes"), (&counts, "line 2: ")] {
        let refused = run(&["eval", "fddb", "--fddb", &sets.path(""), "--results", file]);
        assert_eq!((refused.code, refused.out.as_str()), (1, ""));
        assert!(refused.err.contains(file.as_str()) && refused.err.contains(reason), "{}", refused.err);
    }
    sets.put("results/0--A/crowd.txt", "0--A/crowd.jpg\n1\n1 2 3 x 5\n");
    let refused = run(&["eval", "wider", "--wider", &sets.path(""), "--results", &sets.path("results")]);
    assert!(refused.code == 1 && refused.err.contains("crowd.txt, line 3: a box is not"), "{}", refused.err);
}

#[test]
fn wrong_command_lines() {
    let sets = Sets::new();
    let (folder, file) = (sets.path(""), sets.put("file", "x"));
    for (args, reason) in [
        (&["eval", "wider"][..], "--wider <DIR>"),
        (&["eval", "wider", "--results", "x"], "--wider <DIR>"),
        (&["eval", "wider", "--wider", &folder, "--split", "train", "--ground-truth", "x"], "--split val"),
        (&["eval", "wider", "--wider", &folder, "--thresholds", "0.6,0.7,2"], "threshold of ONet is 2"),
        (&["eval", "stages"], "--wider <DIR>"),
        (&["eval", "stages", "--wider", &folder, "--without", "0--A,x"], "--without x: no image is of this event"),
        (&["eval", "wider", "--wider", &folder, "--without", "0--A,1--B"], "leaves no images"),
        (&["eval", "fddb"], "--fddb <DIR>"),
        (&["eval", "landmarks"], "--landmarks <DIR>"),
        (&["detect", PORTRAIT, "--format", "wider"], "needs --output"),
        (&["detect", PORTRAIT, "--format", "wider", "-o", &file], "needs a folder"),
        (&["detect", PORTRAIT, PORTRAIT, "--format", "wider", "-o", &folder], "two images have the same results"),
    ] {
        let refused = run(args);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{args:?}: {}", refused.err);
        assert!(refused.err.contains(reason), "{args:?}: {}", refused.err);
    }
    let nowhere = sets.path("no/such/folder/curves.png");
    let refused = run(&["eval", "wider", "--wider", &folder, "--curves", &nowhere]);
    assert!(refused.code == 1 && refused.err.contains("curves.png"), "{}", refused.err);
    let help = run(&["eval", "wider", "--help"]).out;
    assert!(help.contains("--ground-truth") && help.contains("Exit status:"), "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 120));
}
