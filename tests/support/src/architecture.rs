//! Which file of a crate imports which other: what the tests of its order read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A path in a file that leads to another file of the crate. Files are named from the sources' folder on, with slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The file in which it stands.
    pub file: String,
    /// The file to which it leads; that of the crate's root for an item of the root.
    pub target: String,
    /// The path from the root on, as `crate::data::Split`.
    pub path: String,
    /// Whether it is passed on alone (`pub use` in `mod.rs` or `lib.rs`): the file itself does not use it.
    pub passed_on: bool,
}

/// All imports of a crate whose sources are in the folder `source`: of `use`, and of paths that begin with `crate`, `super`,
/// `self` or the name of a module that the file declares. Unit tests, which come last in a file, are not read.
///
/// # Panics
/// If the folder can't be read.
#[must_use]
pub fn imports(source: &Path) -> Vec<Import> {
    let files = files(source, "");
    let modules: BTreeMap<Vec<String>, String> = files.iter().map(|file| (module(file), file.clone())).collect();
    let mut imports = BTreeSet::new();
    for file in &files {
        let text = fs::read_to_string(source.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let tests = ["\nmod tests {", "\npub(crate) mod tests {"].iter().find_map(|line| text.find(line));
        let text = &text[..tests.unwrap_or(text.len())];
        let text: String =
            text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
        let (passed_on, text) = split_passed_on(&text);
        let passed_on = paths(&passed_on).into_iter().map(|path| (path, file.ends_with("mod.rs") || file == "lib.rs"));
        for (path, passed_on) in passed_on.chain(paths(&text).into_iter().map(|path| (path, false))) {
            let Some(path) = absolute(&path, &module(file), &modules) else { continue };
            // The longest part of it that is a module; the rest is an item of it.
            let length = (0..=path.len()).rev().find(|&length| modules.contains_key(&path[..length])).unwrap_or(0);
            let target = &modules[&path[..length]];
            if target != file {
                let path = format!("crate::{}", path.join("::"));
                imports.insert(Import { file: file.clone(), target: target.clone(), path, passed_on });
            }
        }
    }
    imports.into_iter().collect()
}

/// The lines of `pub use` and their like, and the rest.
fn split_passed_on(text: &str) -> (String, String) {
    let (mut passed_on, mut rest) = (String::new(), String::new());
    for statement in text.split_inclusive(';') {
        let begins = |line: &str| line.starts_with("pub use ") || line.starts_with("pub(") && line.contains(") use ");
        match statement.lines().position(begins) {
            Some(at) => {
                rest.extend(statement.split_inclusive('\n').take(at));
                passed_on.extend(statement.split_inclusive('\n').skip(at));
            }
            None => rest.push_str(statement),
        }
    }
    (passed_on, rest)
}

/// Files that import one another round in a circle, the first again as the last; `None` if there are none. What a file only
/// passes on is left out.
#[must_use]
pub fn circle(imports: &[Import]) -> Option<Vec<String>> {
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Import { file, target, .. } in imports.iter().filter(|import| !import.passed_on) {
        edges.entry(file).or_default().insert(target);
    }
    fn walk<'a>(
        file: &'a str,
        edges: &BTreeMap<&'a str, BTreeSet<&'a str>>,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<String>> {
        if let Some(begin) = way.iter().position(|before| *before == file) {
            return Some(way[begin..].iter().chain([&file]).map(ToString::to_string).collect());
        }
        if !done.contains(file) {
            way.push(file);
            for next in edges.get(file).into_iter().flatten() {
                if let found @ Some(_) = walk(next, edges, way, done) {
                    return found;
                }
            }
            way.pop();
            done.insert(file);
        }
        None
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|file| walk(file, &edges, &mut Vec::new(), &mut done))
}

/// The sources in a folder, and in the folders in it.
fn files(folder: &Path, before: &str) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry of the folder").path();
        let name = format!("{before}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            files.extend(self::files(&path, &(name + "/")));
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            files.push(name);
        }
    }
    files.sort();
    files
}

/// The names of the modules down to a file.
fn module(file: &str) -> Vec<String> {
    let mut names: Vec<_> = file.trim_end_matches(".rs").split('/').map(String::from).collect();
    let root = names.len() == 1 && matches!(names[0].as_str(), "lib" | "main");
    if root || names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// Paths as they stand in a file, groups in braces taken apart.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("::") {
        let begin = rest[..at].rfind(|c: char| !is_name(c)).map_or(0, |before| before + 1);
        let first = &rest[begin..at];
        if first.is_empty() {
            rest = &rest[at + 2..];
            continue;
        }
        let end = tree(&rest[at + 2..], &mut vec![first.to_owned()], &mut paths);
        rest = &rest[at + 2 + end..];
    }
    paths
}

/// Reads what comes after `::`, and says where it ends.
fn tree(text: &str, before: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> usize {
    let length = before.len();
    let mut at = 0;
    if text.starts_with('{') {
        // In a group: after an element comes what it is renamed to, and a comma.
        let element = |c: char| is_name(c) || matches!(c, '{' | '}' | '*');
        at = 1;
        while let Some(skipped) = text[at..].find(element) {
            at += skipped;
            if text[at..].starts_with('}') {
                return at + 1;
            }
            at += tree(&text[at..], before, paths).max(1);
            before.truncate(length);
            at += text[at..].find([',', '}']).unwrap_or(text.len() - at);
        }
        return text.len();
    }
    let name: String = text.chars().take_while(|&c| is_name(c)).collect();
    at += name.len();
    if !name.is_empty() {
        before.push(name);
    }
    if text[at..].starts_with("::") {
        return at + 2 + tree(&text[at + 2..], before, paths);
    }
    paths.push(before.clone());
    at
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A path from the root on; `None` if it leads out of the crate.
fn absolute(path: &[String], here: &[String], modules: &BTreeMap<Vec<String>, String>) -> Option<Vec<String>> {
    let mut base = match path[0].as_str() {
        "crate" => Vec::new(),
        "self" => here.to_vec(),
        "super" => here[..here.len().checked_sub(1)?].to_vec(),
        name => {
            let child: Vec<_> = here.iter().cloned().chain([name.to_owned()]).collect();
            return modules.contains_key(&child).then(|| here.iter().chain(path).cloned().collect());
        }
    };
    for name in &path[1..] {
        if name == "super" {
            base.pop();
        } else {
            base.push(name.clone());
        }
    }
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of(files: &[(&str, &str)]) -> Vec<Import> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        imports(folder.path())
    }

    #[test]
    fn every_way_to_name_a_file_is_seen() {
        let found = crate_of(&[
            ("lib.rs", "mod a;\nmod b;\npub use b::c::C;\n"),
            ("a.rs", "use std::fmt;\nuse crate::{\n    b::{self, c::{C, D}},\n    Root,\n};\n// use crate::none::N;\n"),
            ("b/mod.rs", "mod c;\nfn f() -> c::C { crate::a::g() }\n#[cfg(test)]\nmod tests {\n use crate::Root;\n}\n"),
            ("b/c.rs", "use super::f;\nuse super::super::a::g;\n"),
        ]);
        let found: Vec<_> = found.iter().map(|it| (it.file.as_str(), it.target.as_str(), it.path.as_str())).collect();
        for expected in [
            ("a.rs", "b/mod.rs", "crate::b::self"),
            ("a.rs", "b/c.rs", "crate::b::c::C"),
            ("a.rs", "b/c.rs", "crate::b::c::D"),
            ("a.rs", "lib.rs", "crate::Root"),
            ("lib.rs", "b/c.rs", "crate::b::c::C"),
            ("b/mod.rs", "b/c.rs", "crate::b::c::C"),
            ("b/mod.rs", "a.rs", "crate::a::g"),
            ("b/c.rs", "b/mod.rs", "crate::b::f"),
            ("b/c.rs", "a.rs", "crate::a::g"),
        ] {
            assert!(found.contains(&expected), "{expected:?}\n{found:#?}");
        }
        assert_eq!(found.len(), 9, "{found:#?}");
    }

    #[test]
    fn a_circle_is_named() {
        let line =
            [("lib.rs", "mod a;\nmod b;\nmod c;\n"), ("a.rs", "use crate::b::B;\n"), ("b.rs", "use crate::c::C;\n")];
        let passing = [("lib.rs", "mod m;\n"), ("m/b.rs", "use super::C;\n"), ("m/c.rs", "pub struct C;\n")];
        let passing = |root| crate_of(&[&passing[..], &[("m/mod.rs", root)]].concat());
        assert_eq!(circle(&passing("mod b;\nmod c;\npub use b::B;\npub(crate) use c::C;\n")), None);
        assert_eq!(circle(&passing("mod b;\nmod c;\nuse b::B;\n")).unwrap(), ["m/b.rs", "m/mod.rs", "m/b.rs"]);
        let with = |last| crate_of(&[&line[..], &[("c.rs", last)]].concat());
        assert_eq!(circle(&with("pub struct C;\n")), None);
        assert_eq!(circle(&with("use crate::a::A;\n")).unwrap(), ["a.rs", "b.rs", "c.rs", "a.rs"]);
    }
}
