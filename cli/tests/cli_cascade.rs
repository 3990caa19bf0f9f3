//! `mtcnn-cpu train cascade` as a user meets it at a shell: three nets from small images that are made here, from nothing and from given
//! nets, killed and gone on with.

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::sources::Sources;
use common::training::{TINY, finish, portrait};
use common::{program, root};

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

    // Killed while a net's curves were drawn, of which nothing else is missing.
    let (curves, begun) = (sources.path("killed/pnet/curves.png"), sources.path("killed/pnet/.mtcnn-cpu-left.tmp"));
    fs::rename(&curves, &begun).unwrap();
    let resumed = finish(command("killed"));
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert!(curves.exists() && !begun.exists());

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
