//! `mtcnn-cpu train` as a user meets it at a shell: a net and a whole cascade from small images that are made here,
//! killed and gone on with, and every kind of bad input.

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::sources::Sources;
use common::{Run, program, root, run};

fn finish(mut command: Command) -> Run {
    Run::of(command.output().unwrap())
}

/// Sources, and a set of them for each net.
struct Sets {
    sources: Sources,
}

impl Sets {
    fn new(stages: &[&str]) -> Self {
        let sets = Self { sources: Sources::new() };
        for stage in stages {
            let (wider, points, out) = (sets.text(""), sets.text("points"), sets.text(stage));
            let mut args = vec!["prepare", stage, "--wider", &wider, "--landmarks", &points, "--out", &out];
            if *stage != "pnet" {
                args.push("--random-crops");
            }
            let run = run(&args);
            assert_eq!(run.code, 0, "{}", run.err);
        }
        sets
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sources.path(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn command(&self, stage: &str, out: &str, more: &[&str]) -> Command {
        let (data, out) = (self.text(stage), self.text(out));
        let mut args = vec!["train", stage, "--out", &out];
        let defaults = [
            ("--data", &data[..]),
            ("--batch", "8,16,8,8"),
            ("--steps", "40"),
            ("--checkpoint-every", "10"),
            ("--metrics-every", "5"),
        ];
        for (option, value) in defaults {
            if !more.contains(&option) {
                args.extend([option, value]);
            }
        }
        args.extend(more);
        program(&args)
    }

    fn train(&self, stage: &str, out: &str, more: &[&str]) -> Run {
        finish(self.command(stage, out, more))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// Waits until a file is there, and the process has not ended.
fn wait_for(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_net_is_trained_to_the_same_bytes_on_any_number_of_threads() {
    let sets = Sets::new(&["pnet", "rnet", "onet"]);
    for stage in ["pnet", "rnet", "onet"] {
        for threads in ["1", "2"] {
            let run = sets.train(stage, &format!("{stage}-{threads}"), &["--threads", threads]);
            assert_eq!(run.code, 0, "{}", run.err);
            assert!(run.out.contains("40 steps") && run.out.contains("accuracy"), "{}", run.out);
        }
        for file in ["model.safetensors", "checkpoint.safetensors"] {
            let [one, two] = ["1", "2"].map(|threads| sets.bytes(&format!("{stage}-{threads}/{file}")));
            assert!(one == two, "{stage} {file}");
        }
        let metrics = String::from_utf8(sets.bytes(&format!("{stage}-1/metrics.jsonl"))).unwrap();
        let steps: Vec<u64> = metrics
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["step"].as_u64().unwrap())
            .collect();
        assert_eq!(steps, [5, 10, 15, 20, 25, 30, 35, 40]);
        assert!(sets.bytes(&format!("{stage}-1/curves.png")).starts_with(b"\x89PNG"));
        // The result is a model for detection.
        let model = sets.text(&format!("{stage}-1/model.safetensors"));
        let run = run(&["detect", "--weights", &model, &sets.text("WIDER_train/images/0--A/one.png")]);
        assert_eq!(run.code, 0, "{}", run.err);
    }
    let other = sets.train("pnet", "other", &["--seed", "5"]);
    assert_eq!(other.code, 0, "{}", other.err);
    assert!(sets.bytes("other/model.safetensors") != sets.bytes("pnet-1/model.safetensors"));
}

/// The lines of a metrics file without the speed.
fn metrics(text: &[u8]) -> Vec<serde_json::Value> {
    let line = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("speed");
        line
    };
    std::str::from_utf8(text).unwrap().lines().map(line).collect()
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_bytes() {
    let sets = Sets::new(&["pnet"]);
    let length = ["--steps", "3000", "--checkpoint-every", "100"];
    assert_eq!(sets.train("pnet", "whole", &length).code, 0);
    let resume = [&length[..], &["--resume"]].concat();
    let mut kills = 0;
    for wait in 0..20 {
        let mut child =
            sets.command("pnet", "killed", &resume).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if wait == 0 {
            wait_for(&sets.path("killed/checkpoint.safetensors"));
        } else {
            std::thread::sleep(Duration::from_millis(40 + 17 * wait));
        }
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        kills += u32::from(!ended);
        if ended {
            break;
        }
    }
    assert!(kills > 0);
    let run = sets.train("pnet", "killed", &resume);
    assert_eq!(run.code, 0, "{}", run.err);
    for file in ["model.safetensors", "checkpoint.safetensors"] {
        assert!(
            sets.bytes(&format!("whole/{file}")) == sets.bytes(&format!("killed/{file}")),
            "{file} after {kills} kills"
        );
    }
    assert_eq!(metrics(&sets.bytes("whole/metrics.jsonl")), metrics(&sets.bytes("killed/metrics.jsonl")));
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_its_like_save_and_say_so() {
    let sets = Sets::new(&["pnet"]);
    let long = ["--steps", "1000000", "--checkpoint-every", "1000000", "--metrics-every", "10"];
    for signal in ["-INT", "-TERM", "-HUP"] {
        let out = format!("out{signal}");
        let child = sets.command("pnet", &out, &long).stderr(Stdio::piped()).spawn().unwrap();
        let metrics = format!("{out}/metrics.jsonl");
        wait_for(&sets.path(&metrics));
        let began = Instant::now();
        while sets.bytes(&metrics).is_empty() && began.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        let err = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(130), "{signal}: {err}");
        assert!(err.contains("--resume goes on from there"), "{signal}: {err}");
        let exists = |name: &str| sets.path(&format!("{out}/{name}")).exists();
        assert!(exists("checkpoint.safetensors") && !exists("model.safetensors"), "{signal}");
    }
    let run = sets.train("pnet", "out-INT", &["--steps", "1000000"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("there is a training already"), "{}", run.err);
}

#[test]
fn a_rate_that_explodes_is_stopped() {
    let sets = Sets::new(&["rnet"]);
    let run = sets.train("rnet", "out", &["--rate", "50", "--steps", "1000"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("the loss is no longer a number") && run.err.contains("50"), "{}", run.err);
    assert!(!sets.path("out/model.safetensors").exists());
}

#[test]
fn another_or_a_damaged_checkpoint_is_refused() {
    let sets = Sets::new(&["pnet"]);
    assert_eq!(sets.train("pnet", "out", &[]).code, 0);
    let path = sets.path("out/checkpoint.safetensors");
    let whole = fs::read(&path).unwrap();
    let refused = |bytes: &[u8], more: &[&str], reason: &str| {
        fs::write(&path, bytes).unwrap();
        let run = sets.train("pnet", "out", &[&["--resume"], more].concat());
        assert_eq!(run.code, 1, "{reason}");
        assert!(run.err.contains(reason) && run.err.contains("checkpoint.safetensors"), "{reason}: {}", run.err);
    };
    refused(&whole, &["--rate", "0.5"], "the rate (--rate) is 0.001 in the checkpoint and 0.5 now");
    refused(&whole, &["--seed", "9"], "the seed (--seed) is 0");
    refused(&whole, &["--batch", "8,16,8,9"], "the landmarks (--batch) is 8 in the checkpoint and 9 now");
    refused(&whole, &["--steps", "39"], "40 steps are done, and 39 (--steps) are asked for");
    refused(&whole, &["--weights", &sets.text("out/model.safetensors")], "another model file (--weights or --from)");
    refused(&whole[..whole.len() - 1], &[], "damaged");
    refused(&whole[..100], &[], "damaged");
    refused(b"", &[], "damaged");
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    refused(&flipped, &[], "its checksum is wrong");
    let key = b"version\\\":2";
    let version = whole.windows(key.len()).position(|bytes| bytes == key).expect("a version") + key.len() - 1;
    let mut later = whole.clone();
    later[version] = b'3';
    refused(&later, &[], "version 3");
    refused(&sets.bytes("out/model.safetensors"), &[], "not a checkpoint");
    // Other samples under the same name.
    fs::remove_dir_all(sets.path("pnet")).unwrap();
    let (wider, out) = (sets.text(""), sets.text("pnet"));
    assert_eq!(crate::run(&["prepare", "pnet", "--wider", &wider, "--out", &out]).code, 0);
    refused(&whole, &[], "with other samples");
}

#[test]
fn more_steps_lengthen_a_training() {
    let sets = Sets::new(&["pnet"]);
    sets.sources.put("cosine.toml", "base = \"quick\"\n[pnet.training]\nwarm_up = 0\n");
    for (kind, recipe) in [("step", "mtcnn-caffe"), ("cosine", &sets.text("cosine.toml"))] {
        let out = |name: &str| format!("{kind}-{name}");
        let train = |name: &str, more: &[&str]| {
            let run = sets.train("pnet", &out(name), &[&["--recipe", recipe], more].concat());
            assert_eq!(run.code, 0, "{}", run.err);
        };
        train("whole", &["--steps", "60"]);
        train("longer", &["--steps", "40"]);
        train("longer", &["--steps", "60", "--resume"]);
        let model = |name: &str| sets.bytes(&format!("{}/model.safetensors", out(name)));
        // A rate that stays the same until then makes it the same training; a cosine ends later than it would have.
        assert_eq!(model("whole") == model("longer"), kind == "step");
        let metrics = metrics(&sets.bytes(&format!("{}/metrics.jsonl", out("longer"))));
        assert_eq!(metrics.last().unwrap()["step"], 60);
    }
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_and_files_that_never_end_do_not_stop_a_training() {
    let sets = Sets::new(&["pnet"]);
    assert_eq!(sets.train("pnet", "out", &[]).code, 0);
    let whole = sets.bytes("out/metrics.jsonl");
    let broken = [&whole[..], b"\xff\xfe{\"step\n\0\0\0\n"].concat();
    fs::write(sets.path("out/metrics.jsonl"), broken).unwrap();
    let run = sets.train("pnet", "out", &["--resume"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(sets.bytes("out/metrics.jsonl") == whole);
    for (name, option) in [("out/checkpoint.safetensors", None), ("endless.toml", Some("--recipe"))] {
        let _ = fs::remove_file(sets.path(name));
        std::os::unix::fs::symlink("/dev/zero", sets.path(name)).unwrap();
        let recipe = sets.text(name);
        let more: Vec<&str> = option.into_iter().flat_map(|option| [option, &recipe]).chain(["--resume"]).collect();
        let run = sets.train("pnet", "out", &more);
        assert_eq!(run.code, 1);
        assert!(run.err.contains(name) && run.err.contains("not a regular file"), "{}", run.err);
    }
}

#[test]
fn damaged_samples_are_found_and_named() {
    let sets = Sets::new(&["pnet", "rnet"]);
    let run = sets.train("pnet", "none", &["--data", &sets.text("nowhere")]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("nowhere: not a data set"), "{}", run.err);
    // A set for another net.
    fs::rename(sets.path("pnet"), sets.path("kept")).unwrap();
    fs::rename(sets.path("rnet"), sets.path("pnet")).unwrap();
    let run = sets.train("pnet", "out", &[]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("samples for rnet: pnet is to be trained"), "{}", run.err);
    fs::rename(sets.path("pnet"), sets.path("rnet")).unwrap();
    fs::rename(sets.path("kept"), sets.path("pnet")).unwrap();

    let shard = sets.path("pnet/positives-000.shard");
    let whole = fs::read(&shard).unwrap();
    let mut flipped = whole.clone();
    flipped[5] ^= 1;
    fs::write(&shard, &flipped).unwrap();
    let run = sets.train("pnet", "out", &[]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("positives-000.shard: damaged"), "{}", run.err);
    fs::write(&shard, &whole[..whole.len() - 10]).unwrap();
    let run = sets.train("pnet", "out2", &[]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("positives-000.shard: cut short"), "{}", run.err);
    assert!(!sets.path("out2").exists());
}

#[test]
fn without_landmarks_it_trains_with_a_warning() {
    let sets = Sets::new(&[]);
    let (wider, out) = (sets.text(""), sets.text("pnet"));
    assert_eq!(run(&["prepare", "pnet", "--wider", &wider, "--out", &out]).code, 0);
    let run = sets.train("pnet", "out", &[]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("warning: there are NO landmarks"), "{}", run.err);
}

/// A file that would grow beyond its limit: the error is another than that of a full disk, its way is the same.
#[cfg(target_os = "linux")]
#[test]
fn what_can_not_be_written_is_an_error_and_leaves_the_old_checkpoint() {
    let sets = Sets::new(&["rnet"]);
    assert_eq!(sets.train("rnet", "out", &[]).code, 0);
    let before = sets.bytes("out/checkpoint.safetensors");
    fs::remove_file(sets.path("out/model.safetensors")).unwrap();
    let train = sets.command("rnet", "out", &["--resume"]);
    let line = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
    let mut limited = Command::new("sh");
    limited.args(["-c", line, "sh"]).arg(train.get_program()).args(train.get_args());
    let run = finish(limited);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("model.safetensors"), "{}", run.err);
    assert!(sets.bytes("out/checkpoint.safetensors") == before);
    let left: Vec<_> = fs::read_dir(sets.path("out")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".partial")), "{left:?}");
}

const TINY: &str = "
base = \"quick\"
seed = 3
[evaluation]
made_up = []
[pnet.training]
steps = 150
batch = { positives = 8, negatives = 16, parts = 8, landmarks = 8 }
folders = {}
[rnet.mining]
thresholds = [0.05, 0.05]
[rnet.training]
steps = 60
rate = 0.02
batch = { positives = 8, negatives = 16, parts = 8, landmarks = 8 }
folders = {}
[onet.mining]
thresholds = [0.05, 0.05]
[onet.training]
steps = 30
rate = 0.01
batch = { positives = 8, negatives = 16, parts = 8, landmarks = 8 }
folders = {}
";

#[test]
fn a_tiny_cascade_from_nothing_killed_and_gone_on_with() {
    let sources = Sources::new();
    sources.put("tiny.toml", TINY);
    let text = |name: &str| sources.path(name).to_str().unwrap().to_owned();
    let command = |out: &str| {
        let (wider, points, recipe, out) = (text(""), text("points"), text("tiny.toml"), text(out));
        program(&["train", "cascade", "--wider", &wider, "--landmarks", &points, "--recipe", &recipe, "--out", &out])
    };
    let whole = finish(command("whole"));
    assert_eq!(whole.code, 0, "{}", whole.err);
    for net in ["pnet", "rnet", "onet"] {
        assert!(whole.out.contains(net), "{}", whole.out);
        assert!(sources.path(&format!("whole/{net}/curves.png")).exists());
    }
    // Warned of a set too small.
    assert!(whole.err.contains("rnet: warning: there are only"), "{}", whole.err);

    for moment in [
        "killed/pnet-samples.partial",
        "killed/pnet/checkpoint.safetensors",
        "killed/rnet/metrics.jsonl",
        "killed/onet-samples",
    ] {
        let mut child = command("killed").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while !sources.path(moment).exists()
            && child.try_wait().unwrap().is_none()
            && began.elapsed() < Duration::from_secs(60)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let resumed = finish(command("killed"));
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    let read = |name: &str| fs::read(sources.path(name)).unwrap();
    assert!(read("whole/model.safetensors") == read("killed/model.safetensors"));

    // Other data, or less of them.
    let without = |what: &str| {
        let (wider, recipe, out) = (text(""), text("tiny.toml"), text("whole"));
        let run = finish(program(&["train", "cascade", "--wider", &wider, "--recipe", &recipe, "--out", &out]));
        assert_eq!(run.code, 1, "{what}");
        assert!(run.err.contains("a training from other data") && run.err.contains(what), "{}", run.err);
    };
    without("trainImageList.txt is missing");
    let list = sources.path("wider_face_split/wider_face_train_bbx_gt.txt");
    let before = fs::read_to_string(&list).unwrap();
    fs::write(&list, before.replace("20 40 50 60", "21 40 50 60")).unwrap();
    without("wider_face_train_bbx_gt.txt is new or another");
    fs::write(&list, before).unwrap();
    // Images turned that were not.
    let mut turned = command("whole");
    turned.args(["--orientation", "upright"]);
    let run = finish(turned);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("pnet-samples: its samples are of images in another orientation"), "{}", run.err);
    // Another model under a later net's samples.
    let pnet = sources.path("whole/pnet/model.safetensors");
    let before = fs::read(&pnet).unwrap();
    fs::write(&pnet, read("whole/model.safetensors")).unwrap();
    let run = finish(command("whole"));
    assert_eq!(run.code, 1);
    assert!(run.err.contains("rnet-samples") && run.err.contains("mined by another model"), "{}", run.err);
    fs::write(&pnet, before).unwrap();

    // Another recipe into the same folder.
    let mut recipe = fs::File::options().append(true).open(sources.path("tiny.toml")).unwrap();
    writeln!(recipe, "dropout = 0.1").unwrap();
    let run = finish(command("whole"));
    assert_eq!(run.code, 1);
    assert!(run.err.contains("by another recipe"), "{}", run.err);
}

/// The best face of the portrait, found with a model, in a profile that moves the boxes of all models alike: what is as it was
/// finds it where it was.
fn portrait(model: Option<&str>) -> Option<[f64; 5]> {
    let weights = model.map(|model| ["--weights", model]);
    let args = [
        &["detect", "testdata/astronaut.png", "--profile", "facenet-pytorch"][..],
        weights.as_ref().map_or(&[], |it| &it[..]),
    ]
    .concat();
    let face = run(&args).json()["faces"][0].clone();
    let edge = |at: usize| face["box"][at].as_f64();
    Some([face["score"].as_f64()?, edge(0)?, edge(1)?, edge(2)?, edge(3)?])
}

#[test]
fn given_nets_are_trained_on_from_where_they_are() {
    let sets = Sets::new(&["pnet", "onet"]);
    let embedded = portrait(None).unwrap();
    // A rate of nearly nothing changes nearly nothing.
    let (few, slow) = (["--steps", "5"], ["--rate", "1e-9"]);
    let one = sets.train("pnet", "one", &[&few[..], &slow, &["--from", "embedded"]].concat());
    assert_eq!(one.code, 0, "{}", one.err);
    let two = sets.train("onet", "two", &[&few[..], &slow, &["--from", &sets.text("one/model.safetensors")]].concat());
    assert_eq!(two.code, 0, "{}", two.err);
    let tuned = portrait(Some(&sets.text("two/model.safetensors"))).unwrap();
    assert!(tuned.iter().zip(embedded).all(|(a, b)| (a - b).abs() < 0.01), "{tuned:?}, {embedded:?}");
    assert!(sets.bytes("two/model.safetensors") != sets.bytes("one/model.safetensors"));
    // Of a mean with what was given, none of it learned is what was given.
    sets.sources.put("given.toml", "[onet.training]\nblend = 0.0");
    let given =
        sets.train("onet", "given", &["--from", "embedded", "--recipe", &sets.text("given.toml"), "--steps", "5"]);
    assert_eq!(given.code, 0, "{}", given.err);
    assert_eq!(portrait(Some(&sets.text("given/model.safetensors"))), Some(embedded));
    sets.sources.put("half.toml", "[onet.training]\nblend = 0.5");
    let half = sets.train("onet", "half", &["--from", "embedded", "--recipe", &sets.text("half.toml"), "--steps", "5"]);
    assert_eq!(half.code, 0, "{}", half.err);
    assert_ne!(portrait(Some(&sets.text("half/model.safetensors"))), Some(embedded));
    // Nor is it gone on with as what it is not.
    let other = sets.train("pnet", "one", &["--steps", "9", "--rate", "1e-9", "--resume"]);
    assert!(other.code == 1 && other.err.contains("its net began with given weights (--from)"), "{}", other.err);
    let missing = sets.train("pnet", "three", &["--from", "no/model"]);
    assert!(missing.code == 1 && missing.err.contains("no/model"), "{}", missing.err);
    let both = sets.train("pnet", "three", &["--from", "embedded", "--weights", "x"]);
    assert_eq!(both.code, 2);
}

#[test]
fn folders_of_several_sets_have_weights_and_may_teach_no_boxes() {
    let sets = Sets::new(&[]);
    let (wider, mine, out) = (sets.text(""), sets.sources.mine(60, 70), sets.text("pnet"));
    let run = run(&["prepare", "pnet", "--wider", &wider, "--wider", mine.to_str().unwrap(), "--out", &out]);
    assert_eq!(run.code, 0, "{}", run.err);
    let last = |name: &str, folders: &str| {
        sets.sources.put("mine.toml", &format!("[pnet.training]\n{folders}"));
        let run = sets.train("pnet", name, &["--recipe", &sets.text("mine.toml")]);
        assert_eq!(run.code, 0, "{}", run.err);
        let line = metrics(&sets.bytes(&format!("{name}/metrics.jsonl"))).pop().unwrap();
        (line["box"].as_f64().unwrap(), run.err)
    };
    let (boxes, err) = last("all", "");
    assert!(boxes > 0.0 && !err.contains("no such folder"), "{err}");
    assert_eq!(last("none", "without_boxes = [\"*\"]").0, 0.0);
    assert_eq!(
        last("mine", "folders = { \"*\" = 0.0, \"mine/*\" = 1.0 }\nwithout_boxes = [\"mine/0--A\", \"1--B\"]").0,
        0.0
    );
    let (some, err) = last("other", "without_boxes = [\"mine/*\", \"yours/*\"]");
    assert!(some > 0.0 && some != boxes && err.contains("yours/*") && !err.contains("mine/* "), "{err}");
}

#[test]
fn a_cascade_goes_on_from_given_nets() {
    let sources = Sources::new();
    let slow = TINY
        .replace("rate = 0.02", "rate = 1e-9")
        .replace("rate = 0.01", "rate = 1e-9")
        .replace("steps = 150", "rate = 1e-9\nsteps = 150")
        .replace("0.05, 0.05", "0.6, 0.7");
    sources.put("slow.toml", &slow);
    let text = |name: &str| sources.path(name).to_str().unwrap().to_owned();
    let mine = sources.mine(60, 70).to_str().unwrap().to_owned();
    fs::create_dir_all(sources.path("mine/WIDER_val/images/a")).unwrap();
    fs::copy(root().join("testdata/crowd.jpg"), sources.path("mine/WIDER_val/images/a/crowd.jpg")).unwrap();
    sources.put("mine/wider_face_split/wider_face_val_bbx_gt.txt", "a/crowd.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n");
    let train = |out: &str, more: &[&str]| {
        let (wider, points, recipe, out) = (text(""), text("points"), text("slow.toml"), text(out));
        let args = ["train", "cascade", "--wider", &wider, "--wider", &mine, "--landmarks", &points];
        finish(program(&[&args[..], &["--recipe", &recipe, "--out", &out], more].concat()))
    };
    let tuned = train("tuned", &["--from", "embedded"]);
    assert_eq!(tuned.code, 0, "{}", tuned.err);
    // The one set with a validation part has an image of 51 faces in it, and says that there is none.
    let wrong = "0 of 0 faces found, 51 wrong boxes in 1 images, 51.00 in each";
    for name in ["all images", "mine"] {
        let line = format!("{name}: average precision 0.0000; {wrong}");
        assert!(tuned.out.contains(&line), "{line}: {}", tuned.out);
    }
    assert!(tuned.err.contains("51.0 wrong boxes in an image are many"), "{}", tuned.err);
    let (found, embedded) = (portrait(Some(&text("tuned/model.safetensors"))).unwrap(), portrait(None).unwrap());
    assert!(found.iter().zip(embedded).all(|(a, b)| (a - b).abs() < 0.01), "{found:?}, {embedded:?}");
    // A net without steps is left as it was given, and the others learn from what it lets pass.
    let only_onet = ["[pnet.training]", "[rnet.training]"].iter().fold(TINY.to_owned(), |text, net| {
        let (before, after) = text.split_once(net).unwrap();
        let (_, rest) = after.split_once("steps = ").unwrap();
        format!("{before}{net}\nsteps = 0\n{}", rest.split_once('\n').unwrap().1)
    });
    sources.put("slow.toml", &only_onet);
    let kept = train("kept", &["--from", "embedded"]);
    assert_eq!(kept.code, 0, "{}", kept.err);
    assert!(!sources.path("kept/rnet").exists() && kept.out.contains("after rnet: "), "{}", kept.out);
    let tensors = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let data = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..data]).unwrap();
        ["pnet.conv1.weight", "rnet.fc.weight", "onet.fc.weight"].map(|name| {
            let [from, to] = [0, 1].map(|end| header[name]["data_offsets"][end].as_u64().unwrap() as usize);
            bytes[data + from..data + to].to_vec()
        })
    };
    let [given, made] = [root().join("src/weights/default/mtcnn.safetensors"), sources.path("kept/model.safetensors")]
        .map(|path| tensors(&path));
    assert_eq!([0, 1, 2].map(|net| given[net] == made[net]), [true, true, false]);
    sources.put("slow.toml", &only_onet.replace("steps = 30", "steps = 0"));
    let none = train("none", &["--from", "embedded"]);
    assert!(none.code == 1 && none.err.contains("0 steps leave a net as it is given"), "{}", none.err);
    sources.put("slow.toml", &slow);
    let anew = train("tuned", &[]);
    assert!(
        anew.code == 1 && anew.err.contains("a training from other data: the model to begin with is missing"),
        "{}",
        anew.err
    );
}

#[test]
fn a_cascade_says_what_it_leaves_out_and_stops_where_that_is_too_much() {
    let sources = Sources::new();
    sources.put("tiny.toml", TINY);
    let text = |name: &str| sources.path(name).to_str().unwrap().to_owned();
    let train = |out: &str, more: &[&str]| {
        let (wider, points, recipe, out) = (text(""), text("points"), text("tiny.toml"), text(out));
        let args = ["train", "cascade", "--wider", &wider, "--landmarks", &points, "--recipe", &recipe, "--out", &out];
        finish(program(&[&args[..], more].concat()))
    };
    fs::remove_file(sources.path("WIDER_train/images/1--B/no_face.png")).unwrap();
    let run = train("out", &[]);
    assert_eq!(run.code, 1);
    let reason = "1 of 6 images can't be read, and no more than 1% may be";
    assert!(run.err.contains(reason) && run.err.contains("no_face.png"), "{}", run.err);
    let run = train("out", &["--max-skipped", "20"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("no_face.png") && run.err.contains("1 image was left out"), "{}", run.err);
    assert!(run.err.contains("there is no") && run.err.contains("wider_face_val_bbx_gt.txt"), "{}", run.err);
    // Only a list that is not there is forgiven.
    fs::create_dir(sources.path("wider_face_split/wider_face_val_bbx_gt.txt")).unwrap();
    let run = train("other", &["--max-skipped", "20"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("wider_face_val_bbx_gt.txt") && run.err.contains("not a regular file"), "{}", run.err);
}

#[test]
fn recipes_are_printed_and_mistakes_in_them_named() {
    let sets = Sets::new(&["pnet"]);
    for name in ["mtcnn-caffe", "quick", "fine-tune"] {
        let run = run(&["train", "recipe", name]);
        assert_eq!(run.code, 0);
        sets.sources.put("printed.toml", &run.out);
        let run = sets.train("pnet", name, &["--recipe", &sets.text("printed.toml")]);
        assert_eq!(run.code, 0, "{}", run.err);
    }
    assert_eq!(run(&["train", "recipe", "slow"]).code, 2);
    sets.sources.put("wrong.toml", "[pnet.training]\nstep = 1\n");
    for (recipe, reason) in [("wrong.toml", "unknown field `step`"), ("none.toml", "none.toml")] {
        let run = sets.train("pnet", "out", &["--recipe", &sets.text(recipe)]);
        assert_eq!(run.code, 1, "{recipe}");
        assert!(run.err.contains(reason) && run.err.contains(recipe), "{}", run.err);
    }
    for (option, value, code, reason) in [
        ("--rate", "-1", 2, "must be from 0 to 1000"),
        ("--steps", "0", 1, "0 steps leave a net as it is given"),
        ("--batch", "1,2,3", 2, "four numbers are needed"),
        ("--batch", "1,2,3,18446744073709551615", 2, "must be from 0 to 65536"),
        ("--batch", "0,0,0,0", 1, "the sum of a batch is 0: it must be from 1 to 65536"),
    ] {
        let run = sets.train("pnet", "out", &[option, value]);
        assert!(run.code == code && run.err.contains(reason), "{option} {value}: {} {}", run.code, run.err);
    }
}

/// Nine points of the faces of a list, in pixels.
const NINE: [(&str, [u32; 2]); 9] = [
    ("left_brow", [58, 54]),
    ("right_brow", [87, 55]),
    ("left_eye", [60, 60]),
    ("right_eye", [85, 61]),
    ("nose", [72, 75]),
    ("mouth_left", [62, 90]),
    ("mouth_right", [84, 89]),
    // Below the box.
    ("chin", [72, 104]),
    ("forehead", [73, 48]),
];

/// A list of them in a folder.
fn nine(sources: &Sources) {
    let header: String = NINE.map(|(name, _)| format!(",{name}_x,{name}_y")).concat();
    let places: String = NINE.map(|(_, [x, y])| format!(",{x},{y}")).concat();
    let mut list = format!("image,x1,y1,x2,y2{header}\n");
    for name in ["a.png", "b.png"] {
        sources.image(&format!("nine/{name}"), 140, 150);
        list += &format!("{name},48,45,98,100{places}\n");
    }
    sources.put("nine/train.csv", &list);
    sources.put("nine/val.csv", &list);
}

#[test]
fn a_tiny_cascade_with_nine_points_and_one_without_any() {
    let sources = Sources::new();
    nine(&sources);
    let text = |name: &str| sources.path(name).to_str().unwrap().to_owned();
    let (wider, image) = (text(""), text("nine/a.png"));
    for points in [9, 0] {
        let (recipe, out) = (text(&format!("{points}.toml")), text(&format!("with-{points}")));
        sources.put(&format!("{points}.toml"), &TINY.replace("seed = 3", &format!("seed = 3\npoints = {points}")));
        let list = text("nine");
        let landmarks = if points > 0 { vec!["--landmarks", &list] } else { Vec::new() };
        let train = ["train", "cascade", "--wider", &wider, "--recipe", &recipe, "--out", &out];
        let trained = run(&[&train[..], &landmarks].concat());
        assert_eq!(trained.code, 0, "{}", trained.err);
        // Nothing is missed of what nobody asked for.
        assert!(!trained.err.contains("landmarks") || points > 0, "{}", trained.err);
        assert!(!trained.err.contains("NO landmarks") && !trained.err.contains("not mirrored"), "{}", trained.err);

        let model = format!("{out}/model.safetensors");
        let info: serde_json::Value =
            serde_json::from_str(&run(&["weights", "info", &model, "--format", "json"]).out).unwrap();
        let names = &NINE.map(|it| it.0)[..points];
        assert_eq!(info["points"], serde_json::json!(names));
        for net in info["nets"].as_array().unwrap() {
            let heads: Vec<_> = net["tensors"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|it| it["name"].as_str().unwrap().ends_with("lm.weight"))
                .map(|it| it["shape"][0].as_u64().unwrap() as usize)
                .collect();
            assert_eq!(heads, vec![2 * points; usize::from(points > 0)]);
        }

        // Noise trained on noise: with no thresholds there is something.
        let detect = ["detect", &image, "--weights", &model, "--thresholds", "0,0,0", "--min-face", "40", "--format"];
        let drawn = text(&format!("drawn-{points}.png"));
        let found = run(&[&detect[..], &["jsonl", "--draw", &drawn]].concat());
        assert_eq!(found.code, 0, "{}", found.err);
        let line: serde_json::Value = serde_json::from_str(&found.out).unwrap();
        let faces = line["faces"].as_array().unwrap();
        assert!(!faces.is_empty());
        for face in faces {
            let given = face.get("landmarks").map(|it| it.as_object().unwrap());
            assert_eq!(given.map_or(0, |it| it.len()), points);
            assert!(given.into_iter().all(|it| names.iter().all(|name| it[*name][1].is_number())));
        }
        let csv = run(&[&detect[..], &["csv"]].concat()).out;
        let header = csv.lines().next().unwrap();
        let columns: String = names.iter().map(|name| format!(",{name}_x,{name}_y")).collect();
        assert_eq!(header, format!("image,width,height,face,score,x1,y1,x2,y2{columns},error"));

        let crops = text(&format!("crops-{points}"));
        let crop = |align: &str| {
            run(&[
                "crop",
                &image,
                "-o",
                &crops,
                "--weights",
                &model,
                "--thresholds",
                "0,0,0",
                "--largest",
                "--align",
                align,
            ])
        };
        let plain = crop("none");
        assert_eq!((plain.code, plain.out.lines().count()), (0, 1), "{}", plain.err);
        let aligned = crop("arcface");
        match points {
            // The five are among the nine.
            9 => assert_eq!(aligned.code, 0, "{}", aligned.err),
            _ => {
                let reason = "--align needs the points left_eye, right_eye, nose, mouth_left, mouth_right; of the model's points: none";
                assert!(aligned.code == 2 && aligned.err.contains(reason), "{}", aligned.err);
            }
        }
        let measured = run(&["eval", "landmarks", "--landmarks", &list, "--weights", &model, "--thresholds", "0,0,0"]);
        match points {
            9 => assert!(measured.code == 0 && measured.out.contains("  chin "), "{}\n{}", measured.out, measured.err),
            _ => assert!(measured.code == 1 && measured.err.contains("gives no point left_brow"), "{}", measured.err),
        }
        let (caffe, again) = (text(&format!("caffe-{points}")), text(&format!("again-{points}.safetensors")));
        assert_eq!(run(&["weights", "export", &model, "--to", "caffe", "-o", &caffe]).code, 0);
        let files = ["pnet", "rnet", "onet"].map(|net| format!("{caffe}/{net}.caffemodel"));
        let imported = run(&["weights", "import", &files[0], &files[1], &files[2], "-o", &again]);
        assert_eq!(imported.code, 0, "{}", imported.err);
        assert!(fs::read(again).unwrap() == fs::read(&model).unwrap());
    }
}

#[test]
fn another_number_of_points_than_the_recipes_is_refused_and_both_are_named() {
    let sets = Sets::new(&["pnet"]);
    nine(&sets.sources);
    let (wider, points, nine, out) = (sets.text(""), sets.text("points"), sets.text("nine"), sets.text("out"));
    sets.sources.put("nine.toml", "base = \"quick\"\npoints = 9\n");
    let recipe = sets.text("nine.toml");
    for (args, list, reason) in [
        (["prepare", "pnet"], &nine, "train.csv: it has 9 points of each face, and the recipe asks for 5 (points = 5)"),
        (
            ["train", "cascade"],
            &nine,
            "train.csv: it has 9 points of each face, and the recipe asks for 5 (points = 5)",
        ),
    ] {
        let run = run(&[&args[..], &["--wider", &wider, "--landmarks", list, "--out", &out]].concat());
        assert!(run.code == 1 && run.err.contains(reason), "{}", run.err);
        assert!(!sets.path("out").exists());
    }
    let args = ["prepare", "pnet", "--wider", &wider, "--landmarks", &points, "--out", &out, "--recipe", &recipe];
    let refused = run(&args);
    let reason = "trainImageList.txt: it has 5 points of each face, and the recipe asks for 9 (points = 9)";
    assert!(refused.code == 1 && refused.err.contains(reason), "{}", refused.err);
    let refused = sets.train("pnet", "out", &["--recipe", &recipe]);
    let reason = "samples with 5 points of a face: the recipe asks for 9 (points = 9)";
    assert!(refused.code == 1 && refused.err.contains(reason), "{}", refused.err);

    // A mean with a net of other points has neither.
    sets.sources.put("mean.toml", "base = \"fine-tune\"\npoints = 9\n");
    let args = ["train", "cascade", "--from", "embedded", "--wider", &wider, "--landmarks", &nine, "--out", &out];
    let refused = run(&[&args[..], &["--recipe", &sets.text("mean.toml")]].concat());
    let reason = "a mean of both (blend = 0.5) has neither; blend = 1.0 in the recipe's onet.training learns them";
    assert!(refused.code == 1 && refused.err.contains(reason), "{}", refused.err);
    assert!(!sets.path("out").exists());

    // The doctor looks at such a list as at any other.
    let doctor = run(&["prepare", "doctor", "--landmarks", &nine]);
    assert!(doctor.code == 0 && doctor.out.contains("CSV of points: "), "{}{}", doctor.out, doctor.err);
    assert!(doctor.out.contains("a point outside of the face's box: 2"), "{}", doctor.out);

    // Nameless points are trained, and not mirrored.
    let places = NINE.map(|(_, [x, y])| format!("{x} {y}")).join(" ");
    sets.sources.put("nine/trainImageList.txt", &format!("a.png 48 98 45 100 {places}\nb.png 48 98 45 100 {places}\n"));
    let made = run(&["prepare", "pnet", "--wider", &wider, "--landmarks", &nine, "--out", &out, "--recipe", &recipe]);
    let warning =
        "warning: landmarks are not mirrored: the names of the points do not tell left from right: point_1, point_2";
    assert!(made.code == 0 && made.err.contains(warning), "{}", made.err);
    let set = mtcnn_cpu::data::DataSet::open(&out).unwrap();
    assert_eq!(set.manifest().points[8], "point_9");
    assert_eq!(set.sample(mtcnn_cpu::data::Class::Landmark, 0).unwrap().points.len(), 18);
}
