//! What the caller of an import knows.

use super::convention::{Colours, Flatten, LandmarkOrder, Orientation};
use super::source::Source;

/// What the caller knows of the files; what is `None` is recognised, or asked for by an error.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The system that the files are from.
    pub from: Option<Source>,
    /// How the nets see images.
    pub orientation: Option<Orientation>,
    /// The order of a pixel's colours.
    pub colours: Option<Colours>,
    /// The order of the landmarks' values.
    pub landmarks: Option<LandmarkOrder>,
    /// The order of the inputs of the first dense layer.
    pub flatten: Option<Flatten>,
    /// Keep the landmark heads of PNet and RNet, which no detection uses.
    pub all_heads: bool,
    /// Where the values come from, for the description of the model file.
    pub origin: Option<String>,
    /// Their licence, for the description.
    pub licence: Option<String>,
}
