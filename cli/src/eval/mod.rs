//! `mtcnn-cpu eval`: detectors measured by published protocols.

pub(crate) mod args;
mod fddb;
mod landmarks;
mod measuring;
mod profiles;
mod stages;
mod tracks;
mod wider;

use crate::common::outcome::Outcome;
use crate::eval::args::{Eval, What};

/// Runs.
pub(crate) fn run(args: &Eval) -> anyhow::Result<Outcome> {
    match &args.what {
        What::Wider(args) => wider::run(args),
        What::Profiles(args) => profiles::run(args),
        What::Stages(args) => stages::run(args),
        What::Fddb(args) => fddb::run(args),
        What::Landmarks(args) => landmarks::run(args),
        What::Tracks(args) => tracks::run(args),
    }
}
