//! The command line of `completions` and `man` as it is typed; its comments are the help.

use std::path::PathBuf;

use clap_complete::Shell;

/// Prints what makes a shell complete this program's command lines.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mtcnn-cpu completions bash > ~/.local/share/bash-completion/completions/mtcnn-cpu
  mtcnn-cpu completions zsh > ~/.zfunc/_mtcnn-cpu
  mtcnn-cpu completions fish > ~/.config/fish/completions/mtcnn-cpu.fish")]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Prints the manual page, or writes a page for each subcommand into a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mtcnn-cpu man | man -l -
  mtcnn-cpu man -o ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The folder of the pages; it is made if it is not there.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
}
