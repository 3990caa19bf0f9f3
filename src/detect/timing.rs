//! Where the time of a detection went.

use std::time::Duration;

use mtcnn_kernels::Isa;

use crate::nets::low::Unscreened;

/// One image of the pyramid.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Level {
    /// Its size divided by that of the whole image.
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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
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
    /// Adds what the same stage did in another look at the image.
    pub(super) fn add(&mut self, other: Self) {
        self.busy += other.busy;
        self.inputs += other.inputs;
        self.outputs += other.outputs;
        self.flops += other.flops;
    }

    /// Useful GFLOP/s of one thread; 0 where nothing was to do.
    #[must_use]
    pub fn gflops(&self) -> f64 {
        let seconds = self.busy.as_secs_f64();
        if seconds > 0.0 { self.flops as f64 / seconds / 1e9 } else { 0.0 }
    }
}

/// What a pass in low precision rejected before the net saw it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Screening {
    /// Cells of PNet's maps, or crops, that were looked at in low precision.
    pub inputs: usize,
    /// Those that the net looked at again, in f32.
    pub recomputed: usize,
    /// Of those that passed, how far the nearest was from being rejected: a difference of logits. Infinite where none did.
    pub nearest: f32,
}

impl Default for Screening {
    /// Of nothing.
    fn default() -> Self {
        Self { inputs: 0, recomputed: 0, nearest: f32::INFINITY }
    }
}

impl Screening {
    /// What both did.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            inputs: self.inputs + other.inputs,
            recomputed: self.recomputed + other.recomputed,
            nearest: self.nearest.min(other.nearest),
        }
    }
}

/// Where the time of one detection went, by [`crate::Detector::detect_timed`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
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
    /// What was rejected of PNet's cells in low precision; nothing where there was no screening.
    pub cells: Screening,
    /// The same of RNet's crops.
    pub rnet_crops: Screening,
    /// Why there was no screening, where that was known from the start. With thresholds that were not measured there is none,
    /// either, and nothing here.
    pub unscreened: Option<Unscreened>,
    /// Non-maximum suppression of all stages.
    pub suppression: Duration,
    /// The instruction set that the kernels used.
    #[cfg_attr(feature = "serde", serde(serialize_with = "name"))]
    pub isa: Isa,
    /// Threads at work.
    pub threads: usize,
}

impl Timing {
    /// Of a detection that has not begun: to be filled, or to add up several.
    #[must_use]
    pub fn new(isa: Isa, threads: usize) -> Self {
        let levels = Vec::new();
        let stage = StageTimes::default();
        let (total, suppression) = (Duration::ZERO, Duration::ZERO);
        let (pyramid, pnet, crops, rnet, onet) = (stage, stage, stage, stage, stage);
        let (cells, rnet_crops) = (Screening::default(), Screening::default());
        Self {
            total,
            levels,
            pyramid,
            pnet,
            crops,
            rnet,
            onet,
            cells,
            rnet_crops,
            unscreened: None,
            suppression,
            isa,
            threads,
        }
    }

    /// Adds what another look at the image took, but for its levels and the total.
    pub(super) fn add(&mut self, other: &Self) {
        self.pyramid.add(other.pyramid);
        self.pnet.add(other.pnet);
        self.crops.add(other.crops);
        self.rnet.add(other.rnet);
        self.onet.add(other.onet);
        self.cells = self.cells.and(other.cells);
        self.rnet_crops = self.rnet_crops.and(other.rnet_crops);
        self.suppression += other.suppression;
    }
}

/// The kernels know no serde.
#[cfg(feature = "serde")]
fn name<S: serde::Serializer>(isa: &Isa, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(isa)
}
