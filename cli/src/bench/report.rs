//! What `bench` measured, as a table and as JSON.

use std::fmt::{self, Write as _};
use std::time::Duration;

use image::RgbImage;
use mtcnn_cpu::{Level, Screening, StageTimes, Timing};
use serde::{Deserialize, Serialize, Serializer};

use crate::bench::comparison::Compared;
use crate::common::screened::{left, screened};

/// What many detections in one image gave.
pub(crate) struct Measured {
    pub(crate) faces: usize,
    /// Of the last detection; but for the times, all are the same.
    pub(crate) timing: Timing,
    /// Of each detection.
    pub(crate) ms: Vec<[f64; STAGES.len()]>,
    pub(crate) seconds: f64,
    pub(crate) peak: f64,
}

/// In the order of the table.
pub(crate) const STAGES: [&str; 7] = ["pyramid", "pnet", "crops", "rnet", "onet", "nms", "total"];

/// Working time is summed over the threads, so a thread's share of it is comparable with the total.
pub(crate) fn ms(timing: &Timing) -> [f64; STAGES.len()] {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let stages = [&timing.pyramid, &timing.pnet, &timing.crops, &timing.rnet, &timing.onet];
    let [pyramid, pnet, crops, rnet, onet] = stages.map(|stage| ms(stage.busy) / timing.threads as f64);
    [pyramid, pnet, crops, rnet, onet, ms(timing.suppression), ms(timing.total)]
}

/// As JSON: the order of the fields is the order in the object.
#[derive(Serialize)]
pub(crate) struct Report {
    #[serde(rename = "picture")]
    pub(crate) image: String,
    width: u32,
    height: u32,
    faces: usize,
    pub(crate) runs: usize,
    seconds: f64,
    #[serde(rename = "pictures_per_second")]
    images_per_second: f64,
    megapixels_per_second: f64,
    pub(crate) ms: Stages,
    pub(crate) peak_gflops: f64,
    pnet_of_peak: Option<f64>,
    rnet_of_peak: Option<f64>,
    onet_of_peak: Option<f64>,
    gflops: Nets<Option<Rate>>,
    levels: Vec<JsonLevel>,
    candidates: Nets<Boxes>,
    recomputed: Recomputed,
    #[serde(skip)]
    screened: String,
    pub(crate) isa: String,
    pub(crate) threads: usize,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compared: Option<Compared>,
}

/// The times of each of [`STAGES`].
pub(crate) struct Stages(pub(crate) [Times; STAGES.len()]);

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Times {
    pub(crate) median: f64,
    pub(crate) min: f64,
    /// The middle half of the runs lies within so much, as a part of the median.
    #[serde(default)]
    pub(crate) spread: f64,
}

#[derive(Serialize)]
struct Nets<T> {
    pnet: T,
    rnet: T,
    onet: T,
}

/// Useful GFLOP/s of one thread.
#[derive(Clone, Copy, Serialize)]
struct Rate {
    median: f64,
    best: f64,
}

#[derive(Serialize)]
struct Boxes {
    r#in: usize,
    out: usize,
}

/// What screening left to f32; `None` where there was none.
#[derive(Serialize)]
struct Recomputed {
    pnet: Option<usize>,
    rnet: Option<usize>,
}

#[derive(Serialize)]
struct JsonLevel {
    scale: f64,
    width: usize,
    height: usize,
    candidates: usize,
    kept: usize,
}

impl Serialize for Stages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(STAGES.iter().zip(&self.0))
    }
}

impl Times {
    /// # Panics
    /// If there are none.
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let middle = times.len() / 2;
        let median = if times.len() % 2 == 1 { times[middle] } else { (times[middle - 1] + times[middle]) / 2.0 };
        let quarter = (times.len() - 1) / 4;
        let between = times[times.len() - 1 - quarter] - times[quarter];
        Self { median, min: times[0], spread: if median > 0.0 { between / median } else { 0.0 } }
    }
}

impl Report {
    pub(crate) fn new(image: String, pixels: &RgbImage, measured: Measured) -> Self {
        let Measured { faces, timing, ms, seconds, peak } = measured;
        let times: [Times; STAGES.len()] =
            std::array::from_fn(|stage| Times::of(ms.iter().map(|run| run[stage]).collect()));
        let [_, pnet, _, rnet, onet, _, total] = times;
        let per_second = 1e3 / total.median;
        let rate = |stage: &StageTimes, times: Times| {
            let gflops = |ms: f64| stage.flops as f64 / timing.threads as f64 / ms / 1e6;
            (stage.flops > 0).then(|| Rate { median: gflops(times.median), best: gflops(times.min) })
        };
        let gflops =
            Nets { pnet: rate(&timing.pnet, pnet), rnet: rate(&timing.rnet, rnet), onet: rate(&timing.onet, onet) };
        let of_peak = |rate: Option<Rate>| rate.map(|rate| rate.median / peak);
        let boxes = |stage: &StageTimes| Boxes { r#in: stage.inputs, out: stage.outputs };
        let recomputed = |stage, screening: Screening| (screening.inputs > 0).then(|| left(stage, &screening));
        Self {
            image,
            width: pixels.width(),
            height: pixels.height(),
            faces,
            runs: ms.len(),
            seconds,
            images_per_second: per_second,
            megapixels_per_second: per_second * f64::from(pixels.width()) * f64::from(pixels.height()) / 1e6,
            ms: Stages(times),
            peak_gflops: peak,
            pnet_of_peak: of_peak(gflops.pnet),
            rnet_of_peak: of_peak(gflops.rnet),
            onet_of_peak: of_peak(gflops.onet),
            gflops,
            levels: timing.levels.iter().map(JsonLevel::from).collect(),
            candidates: Nets { pnet: boxes(&timing.pnet), rnet: boxes(&timing.rnet), onet: boxes(&timing.onet) },
            recomputed: Recomputed {
                pnet: recomputed(&timing.pnet, timing.cells),
                rnet: recomputed(&timing.rnet, timing.rnet_crops),
            },
            screened: screened(&timing),
            isa: timing.isa.to_string(),
            threads: timing.threads,
            version: env!("CARGO_PKG_VERSION"),
            compared: None,
        }
    }
}

impl From<&Level> for JsonLevel {
    fn from(level: &Level) -> Self {
        let &Level { scale, width, height, candidates, kept, .. } = level;
        Self { scale, width, height, candidates, kept }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { image, width, height, faces, runs, seconds, peak_gflops: peak, isa, .. } = self;
        let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
        writeln!(f, "{image}: {width}x{height}, {}", count(*faces, "face"))?;
        writeln!(
            f,
            "{} in {seconds:.2} s, {}, instruction set {isa}, FMA peak {peak:.1} GFLOP/s a core",
            count(*runs, "detection"),
            count(self.threads, "thread")
        )?;
        let (images, megapixels) = (self.images_per_second, self.megapixels_per_second);
        writeln!(f, "{images:.1} images a second, {megapixels:.1} megapixels a second\n")?;
        writeln!(
            f,
            "{:<9} {:>10} {:>10} {:>7} {:>10} {:>8} {:>10} {:>8}",
            "stage", "median ms", "min ms", "spread", "GFLOP/s", "of peak", "in", "out"
        )?;
        for (name, time) in STAGES.iter().zip(self.ms.0) {
            let mut line = format!("{name:<9} {:>10.3} {:>10.3} {:>5.1} %", time.median, time.min, time.spread * 100.0);
            if let Some((rate, of_peak, boxes)) = self.net(name) {
                match rate.zip(of_peak) {
                    Some((rate, of_peak)) => write!(line, " {:>10.1} {of_peak:>8.2}", rate.median)?,
                    None => write!(line, " {:>10} {:>8}", "-", "-")?,
                }
                write!(line, " {:>10} {:>8}", boxes.r#in, boxes.out)?;
            }
            writeln!(f, "{line}")?;
        }
        writeln!(
            f,
            "\nPyramid to onet: working time of all threads, divided by their number. Total: from call to return."
        )?;
        writeln!(f, "{}\n", self.screened)?;
        writeln!(f, "{:<9} {:>10} {:>10} {:>10} {:>8}", "level", "scale", "size", "candidates", "kept")?;
        for (number, level) in self.levels.iter().enumerate() {
            let JsonLevel { scale, width, height, candidates, kept, .. } = level;
            writeln!(f, "{number:<9} {scale:>10.4} {:>10} {candidates:>10} {kept:>8}", format!("{width}x{height}"))?;
        }
        if let Some(compared) = &self.compared {
            write!(f, "{compared}")?;
        }
        Ok(())
    }
}

impl Report {
    /// Says it if all threads are not faster than one.
    pub(crate) fn no_gain_over(&self, single: &Self) -> Option<String> {
        let [.., many] = self.ms.0;
        let [.., one] = single.ms.0;
        let (threads, many, one) = (self.threads, many.median, one.median);
        (many >= one).then(|| {
            format!(
                "note: {threads} threads are not faster than one here ({many:.2} ms and {one:.2} ms an image): other work takes their cores, or the image is small"
            )
        })
    }

    /// A net's rate, its share of the peak, and its boxes; `None` of a stage that is no net.
    fn net(&self, name: &str) -> Option<(Option<Rate>, Option<f64>, &Boxes)> {
        let Self { gflops, candidates, .. } = self;
        match name {
            "pnet" => Some((gflops.pnet, self.pnet_of_peak, &candidates.pnet)),
            "rnet" => Some((gflops.rnet, self.rnet_of_peak, &candidates.rnet)),
            "onet" => Some((gflops.onet, self.onet_of_peak, &candidates.onet)),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use mtcnn_cpu::Isa;

    pub(crate) fn report(threads: usize) -> Report {
        let mut level = Level::default();
        (level.scale, level.width, level.height, level.candidates, level.kept) = (0.6, 384, 288, 31, 12);
        let timing = |pnet| {
            let mut timing = Timing::new(Isa::Portable, threads);
            (timing.total, timing.levels) = (Duration::from_millis(20), vec![level]);
            timing.pnet.busy = Duration::from_millis(pnet);
            (timing.pnet.inputs, timing.pnet.outputs, timing.pnet.flops) = (5000, 4, 1_000_000_000);
            timing
        };
        let runs = [timing(10), timing(40), timing(20)];
        let ms = runs.iter().map(ms).collect();
        let [.., timing] = runs;
        Report::new(
            "a.jpg".into(),
            &RgbImage::new(640, 480),
            Measured { faces: 0, timing, ms, seconds: 3.0, peak: 100.0 },
        )
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Times::of(vec![3.0]), Times { median: 3.0, min: 3.0, spread: 0.0 });
        assert_eq!(Times::of(vec![9.0, 1.0, 4.0]), Times { median: 4.0, min: 1.0, spread: 2.0 });
        assert_eq!(Times::of(vec![9.0, 1.0, 4.0, 5.0]), Times { median: 4.5, min: 1.0, spread: 8.0 / 4.5 });
    }

    #[test]
    fn times_are_a_threads_share_and_rates_one_threads() {
        for (threads, median, min) in [(1, 20.0, 10.0), (2, 10.0, 5.0)] {
            let report = report(threads);
            assert_eq!(report.ms.0[1], Times { median, min, spread: 1.5 });
            assert_eq!(report.ms.0[6], Times { median: 20.0, min: 20.0, spread: 0.0 });
            let rate = report.gflops.pnet.unwrap();
            assert!((rate.median - 50.0).abs() < 1e-9 && (rate.best - 100.0).abs() < 1e-9);
            assert!((report.pnet_of_peak.unwrap() - 0.5).abs() < 1e-9);
        }
    }

    #[test]
    fn the_table_has_a_line_a_stage_and_a_line_a_level() {
        let table = report(1).to_string();
        for line in [
            "a.jpg: 640x480, 0 faces",
            "3 detections in 3.00 s, 1 thread, instruction set portable, FMA peak 100.0 GFLOP/s a core",
            "pnet          20.000     10.000 150.0 %       50.0     0.50       5000        4",
            "rnet           0.000      0.000   0.0 %          -        -          0        0",
            "total         20.000     20.000   0.0 %",
            "50.0 images a second, 15.4 megapixels a second",
            "0             0.6000    384x288         31       12",
        ] {
            assert!(table.lines().any(|other| other == line), "{line}\n{table}");
        }
    }

    #[test]
    fn threads_that_gain_nothing_are_named() {
        let (mut many, one) = (report(2), report(1));
        assert!(many.no_gain_over(&one).unwrap().starts_with("note: 2 threads are not faster than one here (20.00 ms"));
        many.ms.0[6].median = 19.0;
        assert_eq!(many.no_gain_over(&one), None);
    }
}
