//! The program, run as a user runs it.
#![allow(dead_code, unused_imports, reason = "each test file is a crate of its own and uses a part of this")]

pub(crate) mod training;

use std::fs;
use std::process::{Command, Output};

pub(crate) use mtcnn_cpu_test_support::{root, shared, sources};

use serde_json::Value;
use tempfile::TempDir;

/// The exit code, stdout and stderr of a run.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let run = Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!run.err.contains("panicked"), "{}", run.err);
        run
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// The one object that was printed.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    /// The only line, which says why the only image could not be read; stderr says it too.
    pub(crate) fn error(&self) -> String {
        assert_eq!(self.code, 1, "{}", self.err);
        let [line] = &self.lines()[..] else { panic!("one line: {}", self.out) };
        assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), ["error", "image"]);
        let reason = line["error"].as_str().unwrap().to_string();
        let image = line["image"].as_str().unwrap();
        assert_eq!(self.err, format!("mtcnn-cpu: {image}: {reason}\n"));
        reason
    }
}

/// With that whole command line, at the root of the repository.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtcnn-cpu"));
    command.args(args).current_dir(root());
    command
}

pub(crate) fn subcommand(name: &str, args: &[&str]) -> Command {
    program(&[&[name], args].concat())
}

/// `detect`
pub(crate) fn command(args: &[&str]) -> Command {
    subcommand("detect", args)
}

pub(crate) fn run(args: &[&str]) -> Run {
    Run::of(program(args).output().unwrap())
}

pub(crate) fn detect(args: &[&str]) -> Run {
    Run::of(command(args).output().unwrap())
}

pub(crate) fn put(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_string()
}
