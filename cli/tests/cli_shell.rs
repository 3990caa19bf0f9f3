//! `mtcnn-cpu completions` and `mtcnn-cpu man`.

mod common;

use std::fs;

use common::run;
use tempfile::TempDir;

#[test]
fn every_shell_gets_completions_of_every_subcommand() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = run(&["completions", shell]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{shell}");
        for word in ["detect", "bench", "eval", "explain", "prepare", "train", "weights", "max-faces"] {
            assert!(run.out.contains(word), "{shell}: {word}");
        }
        // clap's generators for the other shells do not list the values of an option.
        let has_values = ["bash", "fish", "zsh"].contains(&shell);
        assert!(!has_values || run.out.contains("facenet-pytorch"), "{shell}");
    }
    assert_eq!(run(&["completions", "sh"]).code, 2);
}

#[test]
fn there_is_a_manual_page_for_every_subcommand() {
    let folder = TempDir::new().unwrap();
    let pages = folder.path().join("new/man1");
    let run = run(&["man", "-o", pages.to_str().unwrap()]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
    let page = |name: &str| fs::read_to_string(pages.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(page("mtcnn-cpu-detect.1").contains("smallest face"));
    assert!(page("mtcnn-cpu-train-cascade.1").contains("WIDER_train"));
    assert!(!page("mtcnn-cpu.1").contains("instruction set"), "pages are for all machines");
    assert_eq!(fs::read_dir(&pages).unwrap().count(), 33);
    let printed = common::run(&["man"]);
    assert_eq!((printed.code, printed.out), (0, page("mtcnn-cpu.1")));
    let run = common::run(&["man", "-o", "Cargo.toml"]);
    assert!(run.code == 1 && run.err.contains("Cargo.toml"), "{}", run.err);
}
