//! Pictures that a run left out, on stderr.

use mtcnn_cpu::data::Skipped;

use crate::common::outcome::complain;

/// Pictures that are named; JSON has all.
const MOST_NAMED: usize = 20;

/// Says which pictures were left out.
pub(crate) fn name_skipped(skipped: &[Skipped]) {
    for Skipped { picture, reason } in skipped.iter().take(MOST_NAMED) {
        complain(format_args!("{}: {reason}", picture.display()));
    }
    match skipped.len() {
        0 => {}
        1 => complain("1 picture was left out"),
        count if count > MOST_NAMED => complain(format_args!("… and more: {count} pictures were left out")),
        count => complain(format_args!("{count} pictures were left out")),
    }
}
