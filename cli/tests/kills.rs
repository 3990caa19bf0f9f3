//! `prepare`, `train` and `train cascade` killed at random moments, as `kill -9` and the out-of-memory killer do, and run
//! again until they are done: what they leave is, byte for byte, what a run without a kill leaves.
//!
//! A few kills by default; `MTCNN_CPU_KILLS=100 cargo test --test kills -- --nocapture` does more, and says how many.
//! `MTCNN_CPU_KILLS_SEED` repeats the moments of a run that failed, as far as a machine can.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::program;
use common::sources::Sources;
use serde_json::Value;

/// Without a number in the environment.
const KILLS: u64 = 9;

const RECIPE: &str = "
base = \"quick\"
[pnet.samples.random]
negatives = 20
[pnet.training]
steps = 200
batch = { positives = 8, negatives = 16, parts = 8, landmarks = 8 }
[rnet.mining]
thresholds = [0.05, 0.05]
[rnet.training]
steps = 60
batch = { positives = 8, negatives = 16, parts = 8, landmarks = 8 }
[onet.mining]
thresholds = [0.05, 0.05]
[onet.training]
steps = 30
batch = { positives = 8, negatives = 16, parts = 8, landmarks = 8 }
";

/// Uniform from 0 to 1: a linear congruential generator, Knuth's MMIX.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: a number is needed")))
}

/// All files below a folder; lines of JSON without what a clock says, and no curves, which are drawn from those lines.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, below: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{below}/{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                walk(&path, &name, found);
            } else if !name.ends_with(".png") && !name.ends_with("/lock") {
                let bytes = fs::read(&path).unwrap();
                found.insert(
                    name,
                    if path.extension().is_some_and(|it| it == "jsonl") { timeless(&bytes) } else { bytes },
                );
            }
        }
    }
    fn timeless(lines: &[u8]) -> Vec<u8> {
        let line = |line: &str| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove("speed");
            line.to_string() + "\n"
        };
        std::str::from_utf8(lines).unwrap().lines().map(line).collect::<String>().into_bytes()
    }
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    // Seconds are in them.
    found.retain(|name, _| name != "/report.json" && name != "/times.json");
    found
}

/// Runs a command into folders until it was killed so often, each time anew from where the kill left it.
fn kill(what: &str, kills: u64, moments: &mut Moments, folder: &Path, command: &dyn Fn(&str) -> Command) {
    let errors = folder.join("errors");
    let said = || fs::read_to_string(&errors).unwrap();
    let start = |out: &str| {
        let mut command = command(folder.join(out).to_str().unwrap());
        command.stdout(Stdio::null()).stderr(fs::File::create(&errors).unwrap()).spawn().unwrap()
    };
    let began = Instant::now();
    assert!(start("whole").wait().unwrap().success(), "{what}: {}", said());
    let (time, whole) = (began.elapsed(), files(&folder.join("whole")));
    let (mut killed, mut runs) = (0, 0);
    while killed < kills {
        runs += 1;
        let out = format!("{what}-{runs}");
        let mut here = 0;
        loop {
            let mut child = start(&out);
            if killed < kills {
                std::thread::sleep(time.mul_f64(moments.next()) + Duration::from_millis(1));
            } else {
                child.wait().unwrap();
            }
            if let Some(status) = child.try_wait().unwrap() {
                // A set that got its name just before the kill is complete, and not made again.
                let is_done = status.success() || (what == "prepare" && here > 0 && folder.join(&out).exists());
                assert!(is_done, "{what} after {here} kills: {status}: {}", said());
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            (killed, here) = (killed + 1, here + 1);
        }
        let left = files(&folder.join(&out));
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&left), names(&whole), "{what} after {here} kills");
        let other: Vec<_> = left.iter().filter(|(name, bytes)| whole[*name] != **bytes).map(|(name, _)| name).collect();
        assert!(other.is_empty(), "{what} after {here} kills: {other:?} have other bytes");
        assert!(!folder.join(format!("{out}.partial")).exists(), "{what} after {here} kills");
        fs::remove_dir_all(folder.join(&out)).unwrap();
    }
    println!("{what}: {killed} kills in {runs} runs of {:.2} s, each resumed to equal bytes", time.as_secs_f64());
}

#[test]
fn killed_at_random_moments_they_leave_the_same_bytes() {
    let kills = number("MTCNN_CPU_KILLS").unwrap_or(KILLS);
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = number("MTCNN_CPU_KILLS_SEED").unwrap_or_else(clock);
    println!("MTCNN_CPU_KILLS_SEED={seed}");
    let mut moments = Moments(seed);
    let sources = Sources::new();
    sources.put("recipe.toml", RECIPE);
    let text = |name: &str| sources.path(name).to_str().unwrap().to_owned();
    let (wider, points, recipe, set) = (text(""), text("points"), text("recipe.toml"), text("set"));
    let prepare = |out: &str| {
        let negatives = ["--random-negatives", "4000"];
        let args = ["prepare", "pnet", "--wider", &wider, "--landmarks", &points, "--out", out];
        program(&[&args[..], &negatives].concat())
    };
    assert!(prepare(&set).stdout(Stdio::null()).status().unwrap().success());
    let train = |out: &str| {
        let args = ["train", "pnet", "--data", &set, "--out", out, "--batch", "8,16,8,8", "--resume"];
        program(&[&args[..], &["--steps", "1000", "--checkpoint-every", "100", "--metrics-every", "50"]].concat())
    };
    let cascade = |out: &str| {
        program(&["train", "cascade", "--wider", &wider, "--landmarks", &points, "--recipe", &recipe, "--out", out])
    };
    let third = kills / 3;
    for (what, kills, command) in [
        ("prepare", third, &prepare as &dyn Fn(&str) -> Command),
        ("train", third, &train),
        ("cascade", kills - 2 * third, &cascade),
    ] {
        let folder = sources.path(&format!("of-{what}"));
        fs::create_dir(&folder).unwrap();
        kill(what, kills, &mut moments, &folder, command);
    }
}
