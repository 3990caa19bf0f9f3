//! The order of the program's files: `common` < a subcommand's files < `args` < a subcommand's `mod` < `main`, no subcommand
//! takes from another, and no files go round in a circle.

use std::fs;
use std::path::{Path, PathBuf};

use mtcnn_cpu_test_support::architecture::{Import, circle, imports};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// How high a file stands.
fn height(file: &str) -> usize {
    match file.split_once('/') {
        Some(("common", _)) => 0,
        Some((_, "mod.rs")) => 3,
        Some(_) => 1,
        None if file == "main.rs" => 4,
        None => 2,
    }
}

/// What is wrong with an import.
fn fault(import: &Import) -> Option<String> {
    let Import { file, target, path, .. } = import;
    let folder = |file: &str| file.split_once('/').map(|(folder, _)| folder.to_owned());
    let aside = match (folder(file), folder(target)) {
        (Some(one), Some(other)) => one != other && other != "common",
        _ => false,
    };
    (height(target) > height(file) || aside).then(|| format!("{file} imports {path}"))
}

#[test]
fn data_flows_one_way() {
    let imports = imports(&source());
    assert!(imports.len() > 100, "the imports are found: {}", imports.len());
    let faults: Vec<_> = imports.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(circle(&imports), None);
}

#[test]
fn an_import_upwards_aside_or_in_a_circle_is_named() {
    let planted = |file: &str, line: &str| {
        let folder = tempfile::tempdir().unwrap();
        copy(&source(), folder.path());
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{line}\n{text}")).unwrap();
        let imports = imports(folder.path());
        (imports.iter().filter_map(fault).collect::<Vec<_>>(), circle(&imports))
    };
    for (file, line, named) in [
        ("common/save.rs", "use crate::detect::args::Format;", "common/save.rs imports crate::detect::args::Format"),
        ("train/net.rs", "use crate::train::run;", "train/net.rs imports crate::train::run"),
        ("eval/fddb.rs", "use crate::prepare::args::{Doctor};", "eval/fddb.rs imports crate::prepare::args::Doctor"),
        ("detect/args.rs", "use super::super::main;", "detect/args.rs imports crate::main"),
    ] {
        assert_eq!(planted(file, line).0, [named]);
    }
    let (faults, circle) = planted("bench/report.rs", "use crate::bench::record::Records;");
    assert_eq!((faults.len(), circle.unwrap().len()), (0, 3));
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
