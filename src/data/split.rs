//! Which part of a data set is meant.

use crate::choice::choice;
use serde::{Deserialize, Serialize};

choice! {
    /// Which part of a source to read: training sets are made of one, results are measured on the other.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Split {
        /// To train with.
        Train = "train",
        /// To validate with; never to train with.
        Val = "val",
    }
}
