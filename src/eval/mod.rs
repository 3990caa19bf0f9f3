//! How good a detector is: what it finds in annotated images, compared with what is there.
//!
//! [`official_curve`] is the protocol of WIDER FACE, [`fddb_roc`] that of FDDB, [`landmark_errors`] compares landmarks, [`track_scores`] tracks;
//! [`detect_all`] gives them what a detector finds. [`evaluate`] is what each stage of the cascade finds, for the report
//! of a training and, by [`size_classes`], for that of the stages;
//! [`explain()`] is what happens to one face.

mod detections;
mod explain;
mod fddb;
mod landmarks;
mod matching;
mod mot;
mod official;
mod precision;
mod profiles;
mod scored_box;
mod stages;
mod tracks;
mod wider;

pub use detections::{Detections, detect_all};
pub use explain::{CandidatePath, Cell, Explanation, LevelView, PathEnd, PlaceOutcome, explain, hint};
pub use fddb::{Ellipse, Fddb, FddbImage, FddbResults, Roc, RocPoint, fddb_roc, read_sizes};
pub use landmarks::{ErrorUnit, LandmarkErrors, check_points, landmark_errors};
pub use matching::Verdict;
pub use mot::{MotBox, MotFile};
pub use official::{Results, Truth, TruthImage, least_score, official_curve, result_path};
pub use precision::{Curve, CurvePoint};
pub use profiles::{Compared, compare};
pub use scored_box::{ScoredBox, image_of_results};
pub use stages::{OVERLAPS, SizeClass, StagePass, size_classes};
pub use tracks::{TrackScores, track_scores};
pub use wider::{Evaluation, FaceResult, ImageResult, Passed, evaluate};
