//! What `bench` measured, kept by CPU and date, and compared with what was measured last.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use mtcnn_cpu::Rotation;
use serde::{Deserialize, Serialize};

use crate::bench::comparison::{Compared, Slower};
use crate::bench::report::{Report, STAGES, Times};
use crate::common::detection_args::{Detection, Search};
use crate::common::save::Save;

/// A stage is judged if it takes at least this part of the total, now or then: the times of lesser ones are
/// noise.
const JUDGED_FROM: f64 = 0.1;

/// What a run is of: only runs of the same are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subject {
    cpu: String,
    /// A checksum: the same image may have another name elsewhere, and the same name another image.
    pixels: String,
    options: String,
    isa: String,
    threads: usize,
}

/// What a comparison needs of a line of a file of records.
#[derive(Debug, Deserialize)]
struct Record {
    date: String,
    #[serde(flatten)]
    subject: Subject,
    ms: HashMap<String, Times>,
    peak_gflops: f64,
    #[serde(default)]
    runs: usize,
    #[serde(default)]
    note: Option<String>,
}

/// A line as it is written: all that was measured too.
#[derive(Serialize)]
struct Line<'a> {
    date: String,
    cpu: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    options: &'a str,
    pixels: &'a str,
    #[serde(flatten)]
    report: &'a Report,
}

/// The records of one CPU in a folder.
pub(crate) struct Records {
    path: PathBuf,
    text: String,
    records: Vec<Record>,
}

impl Subject {
    pub(crate) fn new(detection: &Detection, pixels: &[u8], isa: &str, threads: usize) -> Self {
        Self {
            cpu: cpu(),
            pixels: format!("{:08x}", crc32fast::hash(pixels)),
            options: options(detection),
            isa: isa.into(),
            threads,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, pixels, options, isa, threads } = self;
        write!(f, "{cpu}, {isa}, --threads {threads} {options}, image {pixels}")
    }
}

/// The options that decide what work is done, as they are typed. Of a model file the name alone: records are
/// made to be shown, and where somebody's files lie is nobody's concern.
fn options(detection: &Detection) -> String {
    let Detection { search, looks, largest, max_faces, roi, decoding: _, threads: _ } = detection;
    let Search { min_face, factor, max_side, thresholds, profile, exact, weights } = search;
    let mut words = vec![format!("--profile {}", profile.name()), format!("--min-face {min_face}")];
    words.extend(factor.map(|factor| format!("--factor {factor}")));
    words.extend(max_side.map(|side| format!("--max-side {side}")));
    words.extend(thresholds.map(|all| format!("--thresholds {},{},{}", all.pnet, all.rnet, all.onet)));
    words.extend(exact.then(|| "--exact".into()));
    words.extend(weights.as_deref().and_then(Path::file_name).map(|name| format!("--weights {}", name.display())));
    words.extend(looks.accurate.then(|| "--accurate".into()));
    let turned = Rotation::ALL.iter().filter(|rotation| looks.rotations.contains(rotation));
    words.extend(turned.map(|degrees| format!("--rotations {degrees}")));
    words.extend(largest.then(|| "--largest".into()));
    words.extend(max_faces.map(|faces| format!("--max-faces {faces}")));
    words.extend(roi.map(|part| format!("--roi {},{},{},{}", part.x, part.y, part.width, part.height)));
    words.join(" ")
}

impl Records {
    /// Reads those of this machine's CPU. If there is no file, there are none.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(slug(&cpu()) + ".jsonl");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.with_context(|| path.display().to_string())?,
        };
        Self::parse(path, text)
    }

    fn parse(path: PathBuf, text: String) -> anyhow::Result<Self> {
        let parse = |(number, line)| {
            let record: Result<Record, _> = serde_json::from_str(line);
            let reason = match record {
                Ok(record) if record.peak_gflops > 0.0 => return Ok(record),
                Ok(_) => "its peak_gflops is not more than 0".to_owned(),
                Err(reason) => reason.to_string(),
            };
            Err(anyhow!("{}: line {number} is no record of a bench: {reason}", path.display()))
        };
        let records = (1_usize..).zip(text.lines()).map(parse).collect::<anyhow::Result<_>>()?;
        Ok(Self { path, text, records })
    }

    /// Begins to write them again, with one more to come: an error of the folder is told before anything
    /// is measured.
    pub(crate) fn begin(&self) -> anyhow::Result<Save> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
        }
        Save::begin(&self.path)
    }

    /// Writes them, and this run as the last, with no more of the image's path than its name.
    pub(crate) fn append(
        &self,
        mut save: Save,
        subject: &Subject,
        note: Option<&str>,
        mut report: Report,
    ) -> anyhow::Result<()> {
        if let Some(name) = Path::new(&report.image).file_name() {
            report.image = name.to_string_lossy().into_owned();
        }
        let Subject { cpu, pixels, options, .. } = subject;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let line = Line { date: date(seconds), cpu, note, options, pixels, report: &report };
        let mut text = self.text.clone();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
        save.write_all(text.as_bytes())?;
        save.finish()
    }

    /// Beside the last run of the same; `None` if there is none.
    pub(crate) fn compare(&self, subject: &Subject, report: &Report, tolerance: f64) -> Option<Compared> {
        let last = self.records.iter().rfind(|record| record.subject == *subject)?;
        let now: HashMap<&str, Times> = STAGES.into_iter().zip(report.ms.0).collect();
        let mut slower = Vec::new();
        for stage in STAGES {
            let (Some(then), now, total) = (last.ms.get(stage), now[stage], now["total"]) else { continue };
            // Times the peak: the operations that the core could have done in that time. A clock that wanders, or a
            // busy neighbour, changes both.
            let change = |now: f64, then: f64| (now * report.peak_gflops) / (then * last.peak_gflops) - 1.0;
            if !(now.min > 0.0 && then.min > 0.0) {
                continue;
            }
            let (median, min) = (change(now.median, then.median), change(now.min, then.min));
            let part = |stage: Times, total: Times| stage.median / total.median;
            let judged = part(now, total).max(last.ms.get("total").map_or(0.0, |total| part(*then, *total)));
            // Who is disturbed has a higher median, and who is slow a higher minimum too.
            let worse = judged >= JUDGED_FROM && median.min(min) > tolerance;
            slower.push(Slower { stage, median, min, spread: [now.spread, then.spread], worse });
        }
        let worse = slower.iter().any(|stage| stage.worse);
        let (date, note) = (last.date.clone(), last.note.clone());
        Some(Compared { date, note, tolerance, runs: [report.runs, last.runs], slower, worse })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// What the system calls this machine's CPU.
fn cpu() -> String {
    let linux = || cpu_of(&fs::read_to_string("/proc/cpuinfo").ok()?);
    let macos = || {
        let output = std::process::Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output().ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    let windows = || std::env::var("PROCESSOR_IDENTIFIER").ok();
    let named = |name: Option<String>| name.filter(|name| !name.is_empty());
    let found = named(linux()).or_else(|| named(if cfg!(target_os = "macos") { macos() } else { windows() }));
    found.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// From /proc/cpuinfo. Family and model as well: in a virtual machine the name may be no more than a brand.
fn cpu_of(cpuinfo: &str) -> Option<String> {
    let value = |key: &str| {
        let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
    };
    let name = value("model name")?;
    match (value("cpu family"), value("model")) {
        (Some(family), Some(model)) => Some(format!("{name}, family {family} model {model}")),
        _ => Some(name),
    }
}

/// A name for a file.
fn slug(name: &str) -> String {
    let words = name.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    if slug.is_empty() { "unknown".into() } else { slug }
}

/// Seconds since 1970 as date and time of day, UTC.
fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's days_from_civil backwards: years begin in March, so that the leap day is the last.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::bench::report::tests::report;

    fn subject(threads: usize) -> Subject {
        let text = |text: &str| text.to_owned();
        Subject { cpu: text("a"), pixels: text("0"), options: text(""), isa: text("portable"), threads }
    }

    /// A line of [`subject`] whose stages take these multiples of what [`report`] has.
    fn line(threads: usize, peak: f64, pnet: [f64; 2], total: f64) -> Value {
        let times = |[median, min]: [f64; 2]| json!({"median": median, "min": min});
        json!({
            "date": "then", "cpu": "a", "pixels": "0", "options": "", "isa": "portable", "threads": threads,
            "peak_gflops": peak,
            "ms": {"pnet": times([20.0 * pnet[0], 10.0 * pnet[1]]), "total": times([20.0 * total; 2])},
        })
    }

    fn records(lines: &[Value]) -> Records {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        Records::parse("a.jsonl".into(), text).unwrap()
    }

    #[test]
    fn a_stage_is_worse_if_median_and_minimum_are() {
        for (pnet, total, worse) in [
            ([1.0, 1.0], 1.0, vec![]),
            ([0.8, 0.8], 1.0, vec!["pnet"]),
            ([0.8, 1.0], 1.0, vec![]),
            ([1.0, 0.8], 1.0, vec![]),
            ([0.95, 0.95], 0.8, vec!["total"]),
            ([2.0, 2.0], 2.0, vec![]),
        ] {
            let records = records(&[line(1, 100.0, pnet, total)]);
            let compared = records.compare(&subject(1), &report(1), 0.1).unwrap();
            let stages: Vec<_> = compared.slower.iter().filter(|stage| stage.worse).map(|stage| stage.stage).collect();
            assert_eq!((compared.worse, stages), (!worse.is_empty(), worse), "{pnet:?} {total}");
            let [first, ..] = &compared.slower[..] else { panic!("stages") };
            assert!((first.median - (1.0 / pnet[0] - 1.0)).abs() < 1e-12 && first.stage == "pnet");
        }
    }

    #[test]
    fn a_clock_half_as_fast_changes_nothing() {
        let records = records(&[line(1, 50.0, [2.0; 2], 2.0)]);
        for stage in records.compare(&subject(1), &report(1), 0.0).unwrap().slower {
            assert!(stage.median.abs() < 1e-12 && stage.min.abs() < 1e-12 && !stage.worse, "{stage:?}");
        }
    }

    #[test]
    fn a_small_stage_is_not_judged() {
        let records = records(&[line(1, 100.0, [0.01; 2], 1.0)]);
        assert!(records.compare(&subject(1), &report(1), 0.1).unwrap().worse, "it has become a large one");
        let mut small = line(1, 100.0, [1.0; 2], 1.0);
        small["ms"]["nms"] = json!({"median": 1e-6, "min": 1e-6});
        let mut report = report(1);
        report.ms.0[5] = Times { median: 1.0, min: 1.0, spread: 0.0 };
        let compared = self::records(&[small]).compare(&subject(1), &report, 0.1).unwrap();
        let nms = compared.slower.iter().find(|stage| stage.stage == "nms").unwrap();
        assert!(nms.median > 1000.0 && !nms.worse, "a twentieth of the total does not decide");
        assert!(compared.warning().unwrap().starts_with("a comparison of 3 detections says little"));
        let table = compared.to_string();
        assert!(table.contains("\nCompared with then: + is slower") && table.contains(" spread "), "{table}");
    }

    #[test]
    fn the_last_of_the_same_is_compared() {
        let mut last = line(1, 100.0, [1.0; 2], 1.0);
        last["date"] = "last".into();
        let records = records(&[line(1, 100.0, [1.0; 2], 1.0), last, line(2, 100.0, [1.0; 2], 1.0)]);
        let date = |threads| records.compare(&subject(threads), &report(1), 0.1).map(|compared| compared.date);
        assert_eq!([1, 2, 3].map(date), [Some("last".into()), Some("then".into()), None]);
    }

    #[test]
    fn a_line_that_is_no_record_is_named() {
        let whole = line(1, 100.0, [1.0; 2], 1.0).to_string();
        let none = line(1, 0.0, [1.0; 2], 1.0).to_string();
        for (second, reason) in [("", "EOF"), ("{}", "missing field"), (&whole[..40], "EOF"), (&none, "peak_gflops")] {
            let error = Records::parse("a.jsonl".into(), format!("{whole}\n{second}\n")).err().unwrap().to_string();
            assert!(error.starts_with("a.jsonl: line 2 is no record of a bench: "), "{error}");
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_704_067_199, "2023-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(date(seconds), expected);
        }
    }

    #[test]
    fn a_cpu_has_the_name_of_its_first_core() {
        let text = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n\nmodel name\t: other\n";
        assert_eq!(cpu_of(text).as_deref(), Some("AMD EPYC, family 25 model 1"));
        assert_eq!(cpu_of("model name : Intel(R) Core(TM) i7\n").as_deref(), Some("Intel(R) Core(TM) i7"));
        assert_eq!(cpu_of("BogoMIPS : 50\n"), None);
    }

    #[test]
    fn a_slug_is_fit_for_a_file() {
        assert_eq!(slug("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz"), "intel-r-core-tm-i7-8550u-cpu-1-80ghz");
        assert_eq!(slug("../../a"), "a");
        assert_eq!(slug("龍芯"), "unknown");
    }
}
