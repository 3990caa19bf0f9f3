//! `mtcnn-cpu completions` and `mtcnn-cpu man`: what a shell and `man` know of the command line.

pub(crate) mod args;

use std::fs;
use std::io::{self, Write};

use anyhow::Context;
use clap::CommandFactory;

use crate::args::Args;
use crate::common::outcome::Outcome;
use crate::common::save::Save;
use crate::shell::args::{Completions, Man};

/// Runs `completions`.
pub(crate) fn completions(args: &Completions) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "mtcnn-cpu", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Outcome::Done)
}

/// Runs `man`.
pub(crate) fn man(args: &Man) -> anyhow::Result<Outcome> {
    // The long version tells of this machine, and pages are for all.
    let mut command = Args::command().long_version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages)?;
    let Some(folder) = &args.output else {
        let (_, page) = pages.pop().expect("the last is the program's");
        io::stdout().write_all(&page)?;
        return Ok(Outcome::Done);
    };
    fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
    for (name, page) in &pages {
        let path = folder.join(name);
        let mut file = Save::begin(&path)?;
        file.write_all(page)?;
        file.finish()?;
    }
    Ok(Outcome::Done)
}

/// The names and pages of a command and all below it, its own last.
fn collect(command: &clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for below in command.get_subcommands() {
        collect(below, pages)?;
    }
    let (man, mut page) = (clap_mangen::Man::new(command.clone()), Vec::new());
    man.render(&mut page)?;
    pages.push((man.get_filename(), page));
    Ok(())
}
