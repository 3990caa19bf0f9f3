//! What screening left to f32, as a line.

use mtcnn_cpu::{Screening, StageTimes, Timing};

/// What f32 looked at, whether screening left it or was not asked.
pub(crate) fn left(stage: &StageTimes, screening: &Screening) -> usize {
    stage.inputs - screening.inputs + screening.recomputed
}

/// What it rejected in one or more images, or why there was none.
pub(crate) fn screened(timing: &Timing) -> String {
    let Timing { pnet, rnet, cells, rnet_crops, unscreened, .. } = timing;
    let part = |stage: &StageTimes, screening: &Screening| {
        100.0 * left(stage, screening) as f64 / (stage.inputs as f64).max(1.0)
    };
    match unscreened {
        Some(reason) => format!("screening: none, {reason}"),
        None if pnet.inputs + rnet.inputs == 0 => "screening: none, there was nothing to look at".into(),
        None if cells.inputs + rnet_crops.inputs == 0 => {
            "screening: none, of these thresholds no margin is known".into()
        }
        None => {
            let (cells, crops) = (part(pnet, cells), part(rnet, rnet_crops));
            format!("screening: f32 looked at {cells:.1} % of pnet's cells and {crops:.1} % of rnet's crops")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtcnn_cpu::{Isa, Unscreened};

    #[test]
    fn what_was_rejected_or_why_nothing_was() {
        let mut timing = Timing::new(Isa::Portable, 1);
        assert_eq!(screened(&timing), "screening: none, there was nothing to look at");
        (timing.pnet.inputs, timing.rnet.inputs) = (1000, 20);
        assert_eq!(screened(&timing), "screening: none, of these thresholds no margin is known");
        (timing.cells.inputs, timing.cells.recomputed) = (1000, 125);
        let line = "screening: f32 looked at 12.5 % of pnet's cells and 100.0 % of rnet's crops";
        assert_eq!(screened(&timing), line);
        timing.unscreened = Some(Unscreened::Weights);
        assert_eq!(screened(&timing), "screening: none, of these weights no margin is known");
    }
}
