//! `mtcnn-cpu train`: a set of samples in, a model file out; or images in, and a whole cascade out.

pub(crate) mod args;
mod cascade;
mod curves;
mod net;
mod options;
mod progress_line;

use std::io::{self, Write};

use mtcnn_cpu::Stage;
use mtcnn_cpu::train::PRESETS;

use crate::common::outcome::{Outcome, Usage};
use crate::train::args::{Train, What};

/// Runs.
pub(crate) fn run(args: &Train) -> anyhow::Result<Outcome> {
    match &args.what {
        What::Pnet(args) => net::run(Stage::PNet, args),
        What::Rnet(args) => net::run(Stage::RNet, args),
        What::Onet(args) => net::run(Stage::ONet, args),
        What::Cascade(args) => cascade::run(args),
        What::Recipe(args) => print_recipe(&args.name),
    }
}

fn print_recipe(name: &str) -> anyhow::Result<Outcome> {
    let Some((_, text)) = PRESETS.iter().find(|preset| preset.0 == name) else {
        let names: Vec<_> = PRESETS.iter().map(|preset| preset.0).collect();
        return Err(Usage(format!("no recipe {name}: there are {}", names.join(" and "))).into());
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Outcome::Done)
}
