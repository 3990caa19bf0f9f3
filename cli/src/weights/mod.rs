//! `mtcnn-cpu weights`: model files from and to other systems, and what is in them.

pub(crate) mod args;
mod calibrate;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use mtcnn_cpu::quote::quoted;
use mtcnn_cpu::weights::{self, ImportOptions, Summary};

use crate::common::input::refuse_to_overwrite;
use crate::common::outcome::{Outcome, complain};
use crate::common::save::Save;
use crate::weights::args::{Convert, Export, Import, Info, Weights, What};

/// Runs.
pub(crate) fn run(args: &Weights) -> anyhow::Result<Outcome> {
    match &args.what {
        What::Import(args) => import(args),
        What::Export(args) => export(args),
        What::Convert(args) => convert(args),
        What::Calibrate(args) => calibrate::calibrate(args),
        What::Info(args) => info(args),
    }
}

fn import(args: &Import) -> anyhow::Result<Outcome> {
    refuse_to_overwrite(args.files.iter().map(PathBuf::as_path), [args.output.as_path()])?;
    let options = ImportOptions {
        from: args.from.0,
        orientation: args.orientation,
        colours: args.colours,
        landmarks: args.landmarks,
        flatten: args.flatten,
        all_heads: args.all_heads,
        origin: args.origin.clone(),
        licence: args.licence.clone(),
    };
    let imported = weights::import(&args.files, &options)?;
    imported.notes.iter().for_each(complain);
    save(&args.output, &imported.to_bytes())
}

fn export(args: &Export) -> anyhow::Result<Outcome> {
    let mut files = weights::export(args.model.path(), args.to)?;
    if args.check {
        files.push(mtcnn_cpu::exported_answers(args.model.path())?);
    }
    let folder = &args.output;
    let paths: Vec<_> = files.iter().map(|file| folder.join(&file.name)).collect();
    refuse_to_overwrite(args.model.path(), paths.iter().map(PathBuf::as_path))?;
    fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.to_string_lossy()))?;
    // No file gets its name before all are complete.
    let complete: Result<Vec<_>, _> = files.iter().map(|file| write(&folder.join(&file.name), &file.bytes)).collect();
    complete?.into_iter().try_for_each(Save::finish)?;
    Ok(Outcome::Done)
}

fn convert(args: &Convert) -> anyhow::Result<Outcome> {
    refuse_to_overwrite(args.model.path(), [args.output.as_path()])?;
    save(&args.output, &weights::convert(args.model.path(), args.dtype)?)
}

fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<Outcome> {
    write(path, bytes)?.finish()?;
    Ok(Outcome::Done)
}

/// Writes all but the name.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<Save> {
    let mut file = Save::begin(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

fn info(args: &Info) -> anyhow::Result<Outcome> {
    let summary = weights::summary(args.model.path())?;
    args.format.show(&summary, |out| table(&summary, out))?;
    Ok(Outcome::Done)
}

fn table(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    // Of the many numbers that are measured for screening, it is enough to know whether they hold.
    for (key, value) in summary.description.iter().filter(|(key, _)| *key != "screening") {
        // A file may say anything, and a terminal obeys some of it.
        writeln!(out, "{:16} {}", quoted(key).to_string(), quoted(value))?;
    }
    let calibrated = summary.calibrated.map_or_else(|| "no".into(), |images| format!("on {images} images"));
    writeln!(out, "{:16} {calibrated}", "calibrated")?;
    writeln!(out, "{:16} {}", "bytes", summary.bytes)?;
    writeln!(out, "{:16} {}", "parameters", summary.parameters)?;
    for net in &summary.nets {
        writeln!(out, "\n{:27}{} parameters", net.name, net.parameters)?;
        for tensor in &net.tensors {
            let shape: Vec<_> = tensor.shape.iter().map(usize::to_string).collect();
            writeln!(out, "  {:24} {:5} {}", quoted(&tensor.name).to_string(), tensor.dtype, shape.join("x"))?;
        }
    }
    Ok(())
}
