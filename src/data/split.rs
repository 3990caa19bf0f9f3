//! Which part of a data set is meant.

use serde::{Deserialize, Serialize};

/// Which part of a source to read: training sets are made of one, results are measured on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// To train with.
    Train,
    /// To validate with; never to train with.
    Val,
}
