//! The order of the rooms of the library, and of the files of the library and its kernels: data flows one way.

use std::fs;
use std::path::{Path, PathBuf};

use mtcnn_cpu_test_support::architecture::{Import, circle, imports};

/// A room imports only those of its line and of the lines before.
const LEVELS: [&[&str]; 8] = [
    &[
        "arch", "choice", "error", "face", "files", "geometry", "isa", "ordered", "points", "profile", "quote",
        "random", "range",
    ],
    &["image", "track"],
    &["weights"],
    &["nets"],
    &["detect"],
    &["follow"],
    &["data", "eval", "train"],
    &["lib"],
];

fn source(package: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(package).join("src")
}

fn level(file: &str) -> usize {
    let room = file.split('/').next().unwrap().trim_end_matches(".rs");
    LEVELS.iter().position(|line| line.contains(&room)).unwrap_or_else(|| panic!("{file} is in no room of the list"))
}

/// What is wrong with the imports.
fn faults(imports: &[Import]) -> Vec<String> {
    // What the root passes on is for other crates: a file within it names the room.
    let upwards = |it: &&Import| level(&it.target) > level(&it.file);
    let named = |Import { file, path, .. }: &Import| format!("{file} imports {path}");
    imports.iter().filter(upwards).map(named).chain(circle(imports).map(|files| files.join(" -> "))).collect()
}

#[test]
fn rooms_import_rooms_below_and_no_files_go_round_in_a_circle() {
    let imports = imports(&source(""));
    assert!(imports.len() > 500, "the imports are found: {}", imports.len());
    let faults = faults(&imports);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn kernels_do_not_go_round_in_a_circle() {
    let mut imports = imports(&source("kernels"));
    assert!(imports.len() > 100, "the imports are found: {}", imports.len());
    // The trait, its backends and the choice among them are one thing.
    imports.retain(|it| !(it.file.starts_with("simd/") && it.target.starts_with("simd/")));
    assert_eq!(circle(&imports), None);
}

#[test]
fn a_planted_import_upwards_and_a_planted_circle_are_named() {
    let planted = |file: &str, line: &str| {
        let folder = tempfile::tempdir().unwrap();
        copy(&source(""), folder.path());
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{line}\n{text}")).unwrap();
        faults(&imports(folder.path()))
    };
    for (file, line, named) in [
        ("image/view.rs", "use crate::detect::Detector;", "image/view.rs imports crate::detect::Detector"),
        ("weights/mod.rs", "use crate::{error, nets::{self}};", "weights/mod.rs imports crate::nets::self"),
        ("detect/pass.rs", "use crate::Detector;", "detect/pass.rs imports crate::Detector"),
        ("geometry.rs", "use super::train::Recipe;", "geometry.rs imports crate::train::Recipe"),
    ] {
        let faults = planted(file, line);
        assert!(faults.iter().any(|fault| fault == named), "{named}: {faults:#?}");
    }
    let [circle] = &planted("geometry.rs", "use crate::face::Face;")[..] else { panic!("one circle") };
    assert_eq!(circle, "geometry.rs -> face.rs -> geometry.rs");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
