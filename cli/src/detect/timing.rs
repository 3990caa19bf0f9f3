//! Where the time went, as a table: `--timing`.

use std::fmt::{self, Write};
use std::time::Duration;

use mtcnn_cpu::{StageTimes, Timing};

use crate::common::screened::screened;

/// The times of all images, added up.
#[derive(Default)]
pub(crate) struct Summary {
    images: usize,
    read: Duration,
    sum: Option<Timing>,
}

impl Summary {
    /// Adds an image: the time to read and decode it, and to find its faces.
    pub(crate) fn add(&mut self, read: Duration, timing: Timing) {
        self.images += 1;
        self.read += read;
        match &mut self.sum {
            None => self.sum = Some(timing),
            Some(sum) => {
                sum.total += timing.total;
                sum.suppression += timing.suppression;
                sum.cells = sum.cells.and(timing.cells);
                sum.rnet_crops = sum.rnet_crops.and(timing.rnet_crops);
                // Each image has its own; only of a single one they are shown.
                sum.levels.clear();
                let stages = [
                    (&mut sum.pyramid, timing.pyramid),
                    (&mut sum.pnet, timing.pnet),
                    (&mut sum.crops, timing.crops),
                    (&mut sum.rnet, timing.rnet),
                    (&mut sum.onet, timing.onet),
                ];
                for (sum, stage) in stages {
                    sum.busy += stage.busy;
                    sum.inputs += stage.inputs;
                    sum.outputs += stage.outputs;
                    sum.flops += stage.flops;
                }
            }
        }
    }

    /// The table; `run` is the time of the whole run.
    pub(crate) fn table(&self, run: Duration) -> String {
        let mut table = String::new();
        if let Some(sum) = &self.sum {
            // A string takes whatever is written.
            let _ = self.write(&mut table, sum, run);
        }
        table
    }

    fn write(&self, f: &mut String, sum: &Timing, run: Duration) -> fmt::Result {
        let line = |f: &mut String, name: &str, time: Duration| {
            let mean = ms(time) / self.images as f64;
            write!(f, "{name:<9} {:>12.2} {mean:>12.2}", ms(time))
        };
        writeln!(f, "{:<9} {:>12} {:>12} {:>12} {:>10} {:>9}", "stage", "ms", "ms/image", "in", "out", "GFLOP/s")?;
        line(f, "read", self.read)?;
        writeln!(f)?;
        let stages = [
            ("pyramid", &sum.pyramid),
            ("pnet", &sum.pnet),
            ("crops", &sum.crops),
            ("rnet", &sum.rnet),
            ("onet", &sum.onet),
        ];
        for (name, stage) in stages {
            line(f, name, stage.busy)?;
            counts(f, stage)?;
        }
        line(f, "nms", sum.suppression)?;
        writeln!(f)?;
        line(f, "detect", sum.total)?;
        writeln!(f, "  from call to return, images overlap; stages are summed over threads")?;
        if !sum.levels.is_empty() {
            writeln!(f, "{:<9} {:>12} {:>12} {:>12} {:>10}", "level", "scale", "size", "candidates", "kept")?;
        }
        for (number, level) in sum.levels.iter().enumerate() {
            let size = format!("{}x{}", level.width, level.height);
            let (scale, candidates, kept) = (level.scale, level.candidates, level.kept);
            writeln!(f, "{number:<9} {scale:>12.4} {size:>12} {candidates:>12} {kept:>10}")?;
        }
        let images = if self.images == 1 { "1 image".into() } else { format!("{} images", self.images) };
        let threads = if sum.threads == 1 { "1 thread".into() } else { format!("{} threads", sum.threads) };
        writeln!(f, "{}", screened(sum))?;
        writeln!(f, "{images} in {:.3} s, {threads}, instruction set {}", run.as_secs_f64(), sum.isa)
    }
}

/// The rest of a stage's line; stages without a net have no GFLOP/s.
fn counts(f: &mut String, stage: &StageTimes) -> fmt::Result {
    write!(f, " {:>12} {:>10}", stage.inputs, stage.outputs)?;
    if stage.flops > 0 { writeln!(f, " {:>9.1}", stage.gflops()) } else { writeln!(f) }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtcnn_cpu::{Isa, Level};

    fn timing() -> Timing {
        let stage = |ms, inputs, outputs, flops| {
            let mut stage = StageTimes::default();
            (stage.busy, stage.inputs, stage.outputs, stage.flops) =
                (Duration::from_millis(ms), inputs, outputs, flops);
            stage
        };
        let mut level = Level::default();
        (level.scale, level.width, level.height, level.candidates, level.kept) = (0.6, 384, 288, 31, 12);
        let mut timing = Timing::new(Isa::Portable, 2);
        (timing.total, timing.levels) = (Duration::from_millis(20), vec![level]);
        timing.pyramid = stage(2, 0, 0, 0);
        timing.pnet = stage(10, 5000, 40, 1_000_000_000);
        timing.crops = stage(1, 52, 52, 0);
        timing.rnet = stage(3, 40, 12, 120_000_000);
        timing.onet = stage(4, 12, 3, 300_000_000);
        timing
    }

    #[test]
    fn one_image_shows_its_levels() {
        let mut summary = Summary::default();
        summary.add(Duration::from_millis(5), timing());
        let table = summary.table(Duration::from_millis(30));
        assert!(table.contains("pnet             10.00        10.00         5000         40     100.0\n"), "{table}");
        assert!(table.contains("0               0.6000      384x288           31         12\n"), "{table}");
        assert!(table.ends_with("1 image in 0.030 s, 2 threads, instruction set portable\n"), "{table}");
    }

    #[test]
    fn many_images_show_sum_and_mean() {
        let mut summary = Summary::default();
        for _ in 0..4 {
            summary.add(Duration::from_millis(5), timing());
        }
        let table = summary.table(Duration::from_secs(1));
        assert!(table.contains("pnet             40.00        10.00        20000        160     100.0\n"), "{table}");
        assert!(table.contains("read             20.00         5.00\n"), "{table}");
        assert!(!table.contains("384x288") && table.contains("4 images in 1.000 s"), "{table}");
    }

    #[test]
    fn no_image_no_table() {
        assert_eq!(Summary::default().table(Duration::ZERO), "");
    }
}
