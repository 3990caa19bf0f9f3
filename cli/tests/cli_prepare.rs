//! `mtcnn-cpu prepare` as a user meets it at a shell: sets from small images that are made here, every kind
//! of bad input, and the material beside the repository.

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::sources::Sources;
use mtcnn_cpu::data::images::Reading;
use mtcnn_cpu::data::{self, Class, DataSet, Preparation, SampleOptions, Split};
use mtcnn_cpu::{Detector, ErrorKind, Stage, eval};
use tempfile::TempDir;

use common::{Run, root, shared, subcommand};

fn command(args: &[&str]) -> Command {
    subcommand("prepare", args)
}

fn prepare(args: &[&str]) -> Run {
    Run::of(command(args).output().unwrap())
}

/// `prepare` on such sources.
trait Prepare {
    /// Makes a set from both lists.
    fn prepare(&self, stage: &str, out: &str, more: &[&str]) -> Run;
    fn doctor(&self, more: &[&str]) -> Run;
}

impl Prepare for Sources {
    fn prepare(&self, stage: &str, out: &str, more: &[&str]) -> Run {
        let (wider, points, out) = (self.folder.path(), self.path("points"), self.path(out));
        let [wider, points, out] = [wider, &points, &out].map(|path| path.to_str().unwrap());
        prepare(&[&[stage, "--wider", wider, "--landmarks", points, "--out", out], more].concat())
    }

    fn doctor(&self, more: &[&str]) -> Run {
        let (wider, points) = (self.folder.path().to_str().unwrap(), self.path("points"));
        prepare(&[&["doctor", "--wider", wider, "--landmarks", points.to_str().unwrap()], more].concat())
    }
}

/// All files of a set and their bytes.
fn files(set: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    let mut files: Vec<_> = fs::read_dir(set).unwrap().map(|entry| read(entry.unwrap())).collect();
    // A kill just after it has its name leaves the mark of the run that made it.
    files.retain(|(name, _)| name != ".mtcnn-cpu-partial");
    files.sort();
    files
}

#[test]
fn pnet_samples_of_each_class() {
    let sources = Sources::new();
    let run = sources.prepare("pnet", "set", &["--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let set = DataSet::open(sources.path("set")).unwrap();
    let counts = Class::ALL.map(|class| set.count(class));
    assert!(counts[0] >= 200 && counts[1] > 5 && counts[2] > 5 && counts[3] > 10, "{counts:?}");
    let json = run.json();
    for (class, count) in json["classes"].as_array().unwrap().iter().zip(counts) {
        assert_eq!(class["count"], count);
    }
    assert_eq!(set.folders(), ["0--A", "1--B", "lfw_5590", "net_7876"]);
    assert_eq!(set.verify(), Vec::<String>::new());
    // Noise in, noise out.
    let sample = set.sample(Class::Positive, 0).unwrap();
    assert!(sample.pixels.len() == 432 && sample.pixels.iter().any(|&value| value != sample.pixels[0]));
    assert!(run.err.contains("warning: there are only") && run.err.contains("10000 or more"), "{}", run.err);

    let run = sources.prepare("pnet", "set2", &[]);
    assert!(run.out.contains("negatives") && run.out.contains("1000000"), "{}", run.out);
}

#[test]
fn a_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let sources = Sources::new();
    for stage in ["pnet", "rnet"] {
        let caps = ["--max-negatives", "150", "--max-landmarks", "7"];
        let mining = ["--mine-thresholds", "0.05,0.05", "--random-crops"];
        let options: Vec<&str> = caps.iter().chain(mining.iter().filter(|_| stage == "rnet")).copied().collect();
        for (name, more) in
            [("a", ["--threads", "1"]), ("b", ["--threads", "3"]), ("c", ["--ram", "64M"]), ("d", ["--seed", "1"])]
        {
            let run = sources.prepare(stage, &format!("{stage}-{name}"), &[&options[..], &more].concat());
            assert_eq!(run.code, 0, "{}", run.err);
        }
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| files(&sources.path(&format!("{stage}-{name}"))));
        assert!(a == b && a == c, "{stage}: threads or memory change the bytes");
        assert!(a != d, "{stage}: the seed changes nothing");
        let set = DataSet::open(sources.path(&format!("{stage}-a"))).unwrap();
        assert_eq!((set.count(Class::Negative), set.count(Class::Landmark)), (150, 7));
    }
}

#[test]
fn a_face_is_mined_with_the_weights_inside() {
    let sources = Sources::new();
    let portrait = fs::read(root().join("testdata/astronaut.png")).unwrap();
    fs::write(sources.path("WIDER_train/images/0--A/one.png"), portrait).unwrap();
    // Where the detector finds it.
    let list = "0--A/one.png\n1\n175 64 107 143 0 0 0 0 0 0\n";
    sources.put("wider_face_split/wider_face_train_bbx_gt.txt", list);
    for (stage, side, more) in [
        ("rnet", 24, &[][..]),
        ("onet", 48, &[]),
        ("onet", 48, &["--boxes-of", "pnet", "--mine-thresholds", "0.3,0.6"]),
    ] {
        let out = format!("{stage}{}", more.len());
        let run = sources.prepare(stage, &out, more);
        assert_eq!(run.code, 0, "{}", run.err);
        let set = DataSet::open(sources.path(&out)).unwrap();
        assert_eq!(set.side(), side);
        assert!(set.count(Class::Positive) > 0, "{}", run.out);
        assert!(set.manifest().detector.starts_with("the embedded weights; pnet from 0."));
    }
    let run = sources.prepare("rnet", "none", &["--weights", "Cargo.toml"]);
    assert!(run.code == 1 && run.err.contains("Cargo.toml"), "{}", run.err);
    assert!(!sources.path("none").exists() && !sources.path("none.partial").exists());
}

#[test]
fn images_that_cannot_be_read_are_named_and_left_out() {
    let sources = Sources::new();
    let one = sources.path("WIDER_train/images/0--A/one.png");
    let bytes = fs::read(&one).unwrap();
    fs::write(&one, &bytes[..bytes.len() / 2]).unwrap();
    fs::remove_file(sources.path("points/train/lfw_5590/a.png")).unwrap();
    let run = sources.prepare("pnet", "set", &["--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("one.png: a damaged PNG: the file is cut short"), "{}", run.err);
    assert!(run.err.contains("a.png: No such file") && run.err.contains("2 images were left out"), "{}", run.err);
    assert_eq!(run.json()["skipped"].as_array().unwrap().len(), 2);
    let set = DataSet::open(sources.path("set")).unwrap();
    assert_eq!(set.manifest().sources.iter().map(|source| source.skipped).collect::<Vec<_>>(), [1, 1]);

    let run = sources.prepare("pnet", "strict", &["--strict"]);
    assert!(run.code == 1 && run.err.contains("one.png: a damaged PNG"), "{}", run.err);
    assert!(!sources.path("strict").exists() && !sources.path("strict.partial").exists());

    let run = sources.doctor(&[]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("unreadable images: 1") && run.out.contains("one.png"), "{}", run.out);
}

#[test]
fn without_a_single_image_there_is_no_set() {
    let sources = Sources::new();
    fs::remove_dir_all(sources.path("WIDER_train")).unwrap();
    let wider = sources.folder.path().to_str().unwrap();
    let out = sources.path("set");
    let run = prepare(&["pnet", "--wider", wider, "--out", out.to_str().unwrap()]);
    assert!(run.code == 1 && run.err.contains("none of 4 images can be read"), "{}", run.err);
    assert!(!out.exists());
}

#[test]
fn sets_without_faces_or_landmarks_are_made_with_a_warning() {
    let sources = Sources::new();
    sources.put("wider_face_split/wider_face_train_bbx_gt.txt", "1--B/no_face.png\n0\n");
    let (wider, out) = (sources.folder.path().to_str().unwrap(), sources.path("set"));
    let run = prepare(&["pnet", "--wider", wider, "--out", out.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    for warning in ["NO positives", "NO parts", "NO landmarks", "only 50 negatives"] {
        assert!(run.err.contains(warning), "{}", run.err);
    }
    assert_eq!(DataSet::open(&out).unwrap().count(Class::Negative), 50);

    let (points, out) = (sources.path("points"), sources.path("points-only"));
    let run = prepare(&["onet", "--landmarks", points.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(run.code == 0 && run.err.contains("NO negatives"), "{}", run.err);
    assert!(DataSet::open(&out).unwrap().count(Class::Landmark) > 10);

    let more = ["--min-landmark-face", "100"];
    let run = sources.prepare("pnet", "small-faces", &more);
    assert!(run.err.contains("2 images with landmarks gave no sample") && run.err.contains("100"), "{}", run.err);
}

#[test]
fn impossible_boxes_and_crowds_are_no_trouble() {
    let sources = Sources::new();
    let crowd: String = (0..900)
        .map(|i| format!("{} {} {} {} 0 0 0 0 0 0\n", i % 30 * 6, i / 30 * 5, 20 + i % 3 * 40, 20 + i % 3 * 40))
        .collect();
    let odd = "5 5 0 9 0 0 0 1 0 0\n5 5 -3 9 0 0 0 0 0 0\n-9 -9 5 5 0 0 0 0 0 0\n190 150 90 90 0 0 0 0 0 0\n900 900 9 9 0 0 0 0 0 0\n";
    let list = format!("0--A/one.png\n900\n{crowd}0--A/two.png\n5\n{odd}");
    sources.put("wider_face_split/wider_face_train_bbx_gt.txt", &list);
    let run = sources.prepare("pnet", "set", &[]);
    assert_eq!(run.code, 0, "{}", run.err);

    let run = sources.doctor(&["--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let json = run.json();
    let findings = json["sources"][0]["findings"].as_array().unwrap();
    let lines = |what: &str| {
        let of_kind = findings.iter().filter(|finding| finding["what"].as_str().unwrap().contains(what));
        of_kind.map(|finding| finding["line"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(lines("without an area"), [905]);
    assert_eq!(lines("negative side"), [906]);
    assert_eq!(lines("outside of its image"), [907, 909]);
    assert!(lines("ends beyond").contains(&908));
    assert_eq!(json["sources"][0]["faces"], 905);
}

#[test]
fn the_doctor_says_how_small_faces_with_landmarks_are_used() {
    let sources = Sources::new();
    let small = "lfw_5590\\a.png 48 78 45 75 55 55 70 55 62 62 56 70 69 70\n";
    sources.put("points/train/trainImageList.txt", small);
    let hint = "most faces with landmarks are too small to be used; --min-landmark-face 20 takes them";
    let run = sources.doctor(&[]);
    assert!(run.code == 0 && run.out.contains(hint), "{}", run.out);
    let run = sources.doctor(&["--min-landmark-face", "20"]);
    assert!(run.code == 0 && !run.out.contains("hint"), "{}", run.out);
}

#[test]
fn several_sets_are_one_and_what_they_name_alike_stays_apart() {
    let sources = Sources::new();
    let mine = sources.mine(60, 70);
    let mine = mine.to_str().unwrap();
    let run = sources.prepare("pnet", "both", &["--wider", mine]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(sources.prepare("pnet", "first", &[]).code, 0);
    let [both, first] = ["both", "first"].map(|name| DataSet::open(sources.path(name)).unwrap());
    let own = sources.folder.path().file_name().unwrap().to_str().unwrap();
    let folders = [&format!("{own}/0--A"), &format!("{own}/1--B"), "mine/0--A", "mine/1--B", "lfw_5590", "net_7876"];
    assert_eq!(both.folders(), folders);
    let counts = |set: &DataSet, of: &[usize]| -> usize {
        set.runs(Class::Positive).iter().filter(|run| of.contains(&run.folder)).map(|run| run.samples.len()).sum()
    };
    // A second set takes nothing of the first, and adds its own.
    assert_eq!(counts(&both, &[0, 1]), first.count(Class::Positive));
    assert!(counts(&both, &[2]) > 0 && counts(&both, &[3]) > 0);
    let lists: Vec<_> = both.manifest().sources.iter().map(|it| (it.images, it.skipped)).collect();
    assert_eq!(lists, [(4, 0), (2, 0), (2, 0)]);
    assert_eq!(both.verify(), Vec::<String>::new());

    let doctor = sources.doctor(&["--wider", mine, "--format", "json"]).json();
    let images = |at: usize| doctor["sources"][at]["pictures"].as_u64().unwrap();
    assert_eq!([images(0), images(1), images(2)], [4, 2, 2]);
    assert_eq!(doctor["sources"][1]["findings"], serde_json::json!([]), "the same name elsewhere is another image");
}

#[test]
fn the_doctor_sees_boxes_of_two_kinds() {
    let sources = Sources::new();
    let list = |width: u32, height: u32| {
        let faces = format!("20 30 {width} {height} 0 0 0 0 0 0\n").repeat(100);
        format!("0--A/one.png\n100\n{faces}")
    };
    let mine = sources.mine(40, 40);
    sources.put("mine/wider_face_split/wider_face_train_bbx_gt.txt", &list(40, 40));
    for (height, alike) in [(50, false), (45, true)] {
        sources.put("wider_face_split/wider_face_train_bbx_gt.txt", &list(40, height));
        let run = sources.doctor(&["--wider", mine.to_str().unwrap()]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.out.contains("mine/0--A          100 1.00"), "{}", run.out);
        let hint = "boxes of two kinds: 1.00 times as high as wide in mine/0--A, 1.25 times in ";
        assert_eq!(run.out.contains(hint), !alike, "{}", run.out);
        assert_eq!(run.out.contains("without_boxes = [\"mine/0--A\"]"), !alike, "{}", run.out);
    }
}

#[test]
fn the_doctor_finds_swapped_landmarks_and_counts() {
    let sources = Sources::new();
    let list = "lfw_5590\\a.png 48 98 45 100 85 61 60 60 72 75 62 90 84 89\n\
                net_7876\\b.png 50 96 44 99 60 60 85 61 72 75 84 89 62 90\n\
                net_7876\\b.png 50 50 44 99 60 95 85 61 72 175 62 90 84 89\n";
    sources.put("points/train/trainImageList.txt", list);
    let run = sources.doctor(&[]);
    assert_eq!(run.code, 0, "{}", run.err);
    for line in [
        "swapped: the left eye is right of the right eye: 1",
        "swapped: the mouth's left corner is right of its right corner: 1",
        "an eye below a corner of the mouth: 1",
        "a box without an area: no sample is made of it: 1",
        "a point outside of the image: 1",
        "an image listed before: 1",
        "line 3: net_7876/b.png",
        "without faces        1",
        "40 to 80",
    ] {
        assert!(run.out.contains(line), "{line}: {}", run.out);
    }
}

#[test]
fn the_doctor_checks_a_set() {
    let sources = Sources::new();
    assert_eq!(sources.prepare("pnet", "set", &[]).code, 0);
    let set = sources.path("set");
    let data = ["doctor", "--data", set.to_str().unwrap()];
    let run = prepare(&data);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("samples of pnet") && run.out.contains("lfw_5590"), "{}", run.out);
    assert!(!run.out.contains("damaged"), "{}", run.out);

    let shard = set.join("positives-000.shard");
    let mut bytes = fs::read(&shard).unwrap();
    bytes[17] ^= 1;
    fs::write(&shard, &bytes).unwrap();
    let run = prepare(&data);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("damaged blocks: 1") && run.out.contains("positives-000.shard: damaged"), "{}", run.out);

    fs::write(&shard, &bytes[..1000]).unwrap();
    let run = prepare(&data);
    assert!(run.code == 1 && run.err.contains("positives-000.shard: cut short"), "{}", run.err);
    let run = prepare(&["check", "--data", "src"]);
    assert!(run.code == 1 && run.err.contains("src: not a data set"), "{}", run.err);
}

#[test]
fn bad_lines_name_the_list_and_the_line() {
    let sources = Sources::new();
    sources.put("wider_face_split/wider_face_train_bbx_gt.txt", "0--A/one.png\n1\n1 2 3\n");
    for run in [sources.prepare("pnet", "set", &[]), sources.doctor(&[])] {
        assert_eq!(run.code, 1);
        assert!(run.err.contains("wider_face_train_bbx_gt.txt, line 3: face 1 of 1 is not"), "{}", run.err);
    }
    assert!(!sources.path("set").exists());
}

#[test]
fn a_recipe_says_which_samples_and_what_is_typed_goes_before_it() {
    let sources = Sources::new();
    let recipe = "seed = 3\n[pnet.samples.random]\nnegatives = 2\nface = 3\n[pnet.samples.caps]\nparts = 5\n";
    sources.put("recipe.toml", recipe);
    let recipe = sources.path("recipe.toml");
    let options = |name: &str, more: &[&str]| {
        let run = sources.prepare("pnet", name, more);
        assert_eq!(run.code, 0, "{}", run.err);
        DataSet::open(sources.path(name)).unwrap().manifest().options.clone()
    };
    let by_recipe = options("by_recipe", &["--recipe", recipe.to_str().unwrap()]);
    let random = by_recipe.random.unwrap();
    assert_eq!((random.negatives, random.face, random.near), (2, 3, 5));
    assert_eq!((by_recipe.seed, by_recipe.caps.parts), (3, Some(5)));
    let typed = ["--recipe", recipe.to_str().unwrap(), "--face-tries", "7", "--seed", "0", "--max-parts", "all"];
    let typed = options("typed", &typed);
    let random = typed.random.unwrap();
    assert_eq!((random.negatives, random.face), (2, 7));
    assert_eq!((typed.seed, typed.caps.parts), (0, None));
    let run = sources.prepare("rnet", "mined", &["--recipe", "none.toml"]);
    assert!(run.code == 1 && run.err.contains("none.toml"), "{}", run.err);
}

#[test]
fn wrong_command_lines() {
    let sources = Sources::new();
    let out = sources.path("set");
    let out = out.to_str().unwrap();
    for (args, reason) in [
        (&["pnet", "--out", out][..], "--wider or --landmarks is needed"),
        (&["doctor"], "--wider, --landmarks or --data is needed"),
        (&["pnet", "--wider", ".", "--out", out, "--ram", "1M"], "at least 64M"),
        (&["pnet", "--wider", ".", "--out", out, "--max-parts", "few"], "a whole number is needed, or all"),
        (&["rnet", "--wider", ".", "--out", out, "--mine-thresholds", "0.6"], "two numbers"),
        (&["rnet", "--wider", ".", "--out", out, "--mine-thresholds", "0.6,2"], "must be from 0 to 1"),
        (&["onet", "--wider", ".", "--out", out, "--mine-factor", "1"], "must be from 0.1 to 0.99"),
        (&["pnet", "--wider", ".", "--out", out, "--weights", "x"], "unexpected argument"),
        (&["pnet", "--wider", ".", "--out", out, "--random-negatives", "4294967295"], "must be from 0 to 100000"),
        (&["pnet", "--wider", ".", "--out", out, "--min-face", "1e308"], "must be from 0 to 1e9 pixels"),
    ] {
        let run = prepare(args);
        assert!(run.code == 2 && run.err.contains(reason), "{args:?}: {} {}", run.code, run.err);
    }
    assert_eq!(sources.prepare("pnet", "set", &[]).code, 0);
    let run = sources.prepare("pnet", "set", &[]);
    assert!(run.code == 1 && run.err.contains("is there already: it is not overwritten"), "{}", run.err);
}

/// Killed whenever it is, there is a whole set or none, and the next run makes the same bytes.
#[test]
fn killed_at_any_moment_there_is_a_whole_set_or_none() {
    let sources = Sources::new();
    let more = ["--random-negatives", "3000", "--max-negatives", "5000"];
    assert_eq!(sources.prepare("pnet", "expected", &more).code, 0);
    let expected = files(&sources.path("expected"));
    let (wider, points, out) = (sources.folder.path(), sources.path("points"), sources.path("set"));
    let [wider, points, set] = [wider, &points, &out].map(|path| path.to_str().unwrap());
    let args = [&["pnet", "--wider", wider, "--landmarks", points, "--out", set], &more[..]].concat();
    for milliseconds in [1, 5, 10, 20, 40, 80] {
        let mut child = command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        if out.exists() {
            assert!(files(&out) == expected, "after {milliseconds} ms");
            fs::remove_dir_all(&out).unwrap();
        }
    }
    assert_eq!(sources.prepare("pnet", "set", &more).code, 0);
    assert!(files(&out) == expected);
    assert!(!sources.path("set.partial").exists());
}

/// A thread of the pool that waits for work of the pool must do it itself.
#[test]
fn a_thread_of_the_pool_may_make_a_set_and_evaluate_a_detector() {
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let sources = Sources::new();
        let folder = sources.folder.path();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let lists = data::Sources::read(&[folder.into()], None, Split::Train).unwrap();
            let options = SampleOptions::new(Stage::PNet);
            let (boxes, detector, options) = (None, String::new(), &options);
            let (reading, most_skipped) = (Reading { ram: 1 << 26, ..Reading::default() }, 0.0);
            let how = Preparation {
                stage: Stage::PNet,
                points: 5,
                options,
                boxes,
                detector,
                pool: &pool,
                reading,
                most_skipped,
            };
            let out = folder.join(format!("set-{threads}"));
            let set = pool.install(|| data::prepare(&lists, &how, &out, &mut |_| ControlFlow::Continue(())));
            assert!(set.unwrap().manifest.class(Class::Negative).count > 0);
            let detector = Detector::builder().threads(1).build().unwrap();
            let list = &lists.wider[0];
            let evaluate =
                || eval::evaluate(&detector, list, 20.0, &reading, &pool, &mut |_| ControlFlow::Continue(()));
            assert_eq!(pool.install(evaluate).unwrap().images.len(), 4);
            // Told to stop, both say so.
            let stopped = pool.install(|| {
                data::prepare(&lists_of(folder), &how, &folder.join("none"), &mut |_| ControlFlow::Break(()))
            });
            assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
            let evaluate = || eval::evaluate(&detector, list, 20.0, &reading, &pool, &mut |_| ControlFlow::Break(()));
            assert_eq!(pool.install(evaluate).unwrap_err().kind(), ErrorKind::Cancelled);
        }
        done.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(300)).expect("it ends");
}

fn lists_of(folder: &Path) -> data::Sources {
    data::Sources::read(&[folder.into()], None, Split::Train).unwrap()
}

#[cfg(unix)]
#[test]
fn a_list_is_a_file_and_its_images_are_below_its_folder() {
    let sources = Sources::new();
    let (name, list) =
        ("wider_face_split/wider_face_train_bbx_gt.txt", sources.path("wider_face_split/wider_face_train_bbx_gt.txt"));
    let whole = fs::read_to_string(&list).unwrap();
    assert_eq!(sources.prepare("pnet", "plain", &[]).code, 0);
    // A byte-order mark and backslashes are read over.
    sources.put(name, &format!("\u{feff}{}", whole.replace("0--A/", "0--A\\")));
    let run = sources.prepare("pnet", "marked", &["--strict"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let shards = |set: &str| {
        files(&sources.path(set)).into_iter().filter(|(name, _)| name.ends_with("shard")).collect::<Vec<_>>()
    };
    assert!(shards("plain") == shards("marked"));
    for outside in ["../../secret.png", "/etc/secret.png", "..\\secret.png"] {
        sources.put(name, &whole.replace("0--A/two.png", outside));
        let run = sources.prepare("pnet", "set", &[]);
        assert!(run.code == 1 && run.err.contains("an image outside of the list's folder"), "{outside}: {}", run.err);
        assert!(run.err.contains("line 5"), "{}", run.err);
    }
    fs::remove_file(&list).unwrap();
    assert!(Command::new("mkfifo").arg(&list).status().unwrap().success());
    let run = sources.prepare("pnet", "set", &[]);
    assert!(run.code == 1 && run.err.contains("not a regular file"), "{}", run.err);
    fs::remove_file(&list).unwrap();
    fs::write(&list, &whole).unwrap();
    // And so are the images.
    let image = sources.path("WIDER_train/images/0--A/one.png");
    fs::remove_file(&image).unwrap();
    assert!(Command::new("mkfifo").arg(&image).status().unwrap().success());
    let run = sources.prepare("pnet", "set", &[]);
    assert!(run.code == 0 && run.err.contains("one.png: not a regular file"), "{}", run.err);
}

/// The material beside the repository: real images in the official layouts.
#[test]
fn the_shared_data_can_be_read() {
    let Some(data) = shared("data") else { return };
    let folder = TempDir::new().unwrap();
    let (set, points) = (folder.path().join("set"), data.join("CNN_FacePoint"));
    let [data, set, points] = [&data, &set, &points].map(|path| path.to_str().unwrap());
    let run = prepare(&["pnet", "--wider", data, "--landmarks", points, "--split", "val", "--out", set]);
    assert_eq!(run.code, 0, "{}", run.err);
    let set = DataSet::open(set).unwrap();
    let sources: Vec<_> = set.manifest().sources.iter().map(|it| (it.images, it.skipped)).collect();
    assert_eq!(sources, [(82, 0), (765, 0)]);
    assert!(set.count(Class::Negative) > 4000 && set.count(Class::Positive) > 1000 && set.count(Class::Part) > 1000);
    assert_eq!(set.verify(), Vec::<String>::new());
}
