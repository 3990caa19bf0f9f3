//! `mtcnn-cpu train pnet`, `rnet` and `onet` as a user meets them at a shell: nets from small samples that are made here,
//! killed and gone on with, and every kind of bad input.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::run;
use common::training::{Sets, finish, portrait};

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
    // All that a shift of scores changes is the bias of one logit.
    sets.sources.put("shifted.toml", "[onet.training]\nblend = 0.0\nscore_shift = -1.5");
    let recipe = sets.text("shifted.toml");
    let run = sets.train("onet", "shifted", &["--from", "embedded", "--recipe", &recipe, "--steps", "5"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let [given, shifted] = ["given", "shifted"].map(|name| sets.bytes(&format!("{name}/model.safetensors")));
    let header = 8 + u64::from_le_bytes(given[..8].try_into().unwrap()) as usize;
    let description: serde_json::Value = serde_json::from_slice(&given[8..header]).unwrap();
    let face = header + description["onet.cls.bias"]["data_offsets"][1].as_u64().unwrap() as usize - 4;
    let logit = |model: &[u8]| f32::from_le_bytes(model[face..face + 4].try_into().unwrap());
    assert!((logit(&shifted) - logit(&given) + 1.5).abs() < 1e-6);
    assert!(shifted[..face] == given[..face] && shifted[face + 4..] == given[face + 4..]);
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
