//! Where the time of a detection went.

use std::time::Duration;

use mtcnn_kernels::Isa;

/// One picture of the pyramid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Its size divided by the picture's.
    pub scale: f64,
    /// Its width in pixels.
    pub width: usize,
    /// Its height in pixels.
    pub height: usize,
    /// Cells in which PNet saw a face.
    pub candidates: usize,
    /// Those left by this level's non-maximum suppression.
    pub kept: usize,
}

/// What one stage did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageTimes {
    /// Working time, summed over the threads.
    pub busy: Duration,
    /// Boxes that went in: cells of PNet's maps, crops of RNet and ONet; 0 for resizing.
    pub inputs: usize,
    /// What came out: boxes left by non-maximum suppression; pixels of all levels; crops.
    pub outputs: usize,
    /// Useful floating-point operations of the net: two a multiply-add, without padding.
    pub flops: u64,
}

impl StageTimes {
    /// Adds what the stage did in another pass.
    pub(super) fn add(&mut self, other: StageTimes) {
        self.busy += other.busy;
        self.inputs += other.inputs;
        self.outputs += other.outputs;
        self.flops += other.flops;
    }

    /// Useful GFLOP/s of one thread; 0 where nothing was to do.
    pub fn gflops(&self) -> f64 {
        let seconds = self.busy.as_secs_f64();
        if seconds > 0.0 { self.flops as f64 / seconds / 1e9 } else { 0.0 }
    }
}

/// Where the time of one detection went, by [`crate::Detector::detect_timed`].
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// From call to return.
    pub total: Duration,
    /// The levels, largest first.
    pub levels: Vec<Level>,
    /// Resizing and normalising all levels.
    pub pyramid: StageTimes,
    /// PNet on all levels.
    pub pnet: StageTimes,
    /// Cutting and resizing the crops of RNet and ONet.
    pub crops: StageTimes,
    /// RNet.
    pub rnet: StageTimes,
    /// ONet.
    pub onet: StageTimes,
    /// Non-maximum suppression of all stages.
    pub suppression: Duration,
    /// The instruction set that the kernels used.
    pub isa: Isa,
    /// Threads at work.
    pub threads: usize,
}

impl Timing {
    pub(crate) fn new(isa: Isa, threads: usize) -> Self {
        let stage = StageTimes::default();
        Self {
            total: Duration::ZERO,
            levels: Vec::new(),
            pyramid: stage,
            pnet: stage,
            crops: stage,
            rnet: stage,
            onet: stage,
            suppression: Duration::ZERO,
            isa,
            threads,
        }
    }
}
