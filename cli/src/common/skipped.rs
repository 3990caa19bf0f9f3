//! Images that a run left out, on stderr.

use mtcnn_cpu::data::Skipped;

use crate::common::outcome::complain;

/// Images that are named; JSON has all.
const MOST_NAMED: usize = 20;

/// Says which images were left out.
pub(crate) fn name_skipped(skipped: &[Skipped]) {
    for Skipped { image, reason, .. } in skipped.iter().take(MOST_NAMED) {
        complain(format_args!("{}: {reason}", image.display()));
    }
    match skipped.len() {
        0 => {}
        1 => complain("1 image was left out"),
        count if count > MOST_NAMED => complain(format_args!("… and more: {count} images were left out")),
        count => complain(format_args!("{count} images were left out")),
    }
}
