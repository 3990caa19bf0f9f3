//! Finding what the stages before let pass: the boxes that samples for the next net are made of.

use std::path::Path;

use mtcnn_kernels::Isa;
use serde::{Deserialize, Serialize};

use crate::choice::choice;
use crate::detect::Detector;
use crate::error::Result;
use crate::files;
use crate::geometry::PixelBox;
use crate::image::ImageView;
use crate::profile::Thresholds;

/// A model of the three nets has 2 MB.
const MOST_BYTES: u64 = 64 << 20;

/// How the stages before are run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mining {
    /// The net whose boxes become samples.
    pub boxes_of: BoxesOf,
    /// The scores from which PNet and RNet let a box pass.
    pub thresholds: [f32; 2],
    /// The side in pixels of the smallest face that is looked for.
    pub min_face: f64,
    /// The size of a pyramid level divided by the one before.
    pub factor: f64,
}

choice! {
    /// A net whose boxes can be mined.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum BoxesOf {
        /// The first.
        PNet = "pnet",
        /// The second, which sees those of the first.
        RNet = "rnet",
    }
}

/// The stages before, ready to look at images.
#[derive(Debug)]
pub struct Miner {
    detector: Detector,
    boxes_of: BoxesOf,
    about: String,
}

impl Miner {
    /// With the nets of a model file, or the embedded ones.
    ///
    /// # Errors
    /// As [`crate::DetectorBuilder::build`].
    pub fn new(mining: &Mining, weights: Option<&Path>, isa: Isa) -> Result<Self> {
        let Mining { boxes_of, thresholds: [pnet, rnet], min_face, factor } = *mining;
        // Images are worked on side by side, each by one thread.
        let mut builder = Detector::builder()
            .isa(isa)
            .threads(1)
            .min_face(min_face)
            .factor(factor)
            .thresholds(Thresholds { pnet, rnet, onet: 0.0 });
        let mut name = "the embedded weights".to_string();
        if let Some(file) = weights {
            builder = builder.weights(file);
            let bytes = files::read(file, MOST_BYTES)?;
            // Without the folder: the same model elsewhere gives the same samples.
            let file = file.file_name().unwrap_or_default().to_string_lossy();
            name = format!("{file}, CRC-32 {:08x}", crc32fast::hash(&bytes));
        }
        let scores = match boxes_of {
            BoxesOf::PNet => format!("pnet from {pnet}"),
            BoxesOf::RNet => format!("pnet from {pnet}, rnet from {rnet}"),
        };
        let about = format!("{name}; {scores}; faces from {min_face} pixels, factor {factor}");
        Ok(Self { detector: builder.build()?, boxes_of, about })
    }

    /// What it is, for the manifest.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The boxes that an image's samples are made of: the best first.
    pub fn boxes(&self, view: &ImageView<'_>) -> Vec<PixelBox> {
        match self.boxes_of {
            BoxesOf::PNet => self.detector.pnet_boxes(view),
            BoxesOf::RNet => self.detector.rnet_boxes(view),
        }
    }
}
