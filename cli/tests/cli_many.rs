//! Many images: lists of them, parts of them, and runs that go on where one before ended.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use common::{Run, command, detect, root, run, subcommand};
use tempfile::TempDir;

const SMALL: &str = "testdata/astronaut.png";

/// A folder with images in two sub-folders, some without faces.
fn album() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let album = folder.path().join("album");
    for (index, place) in ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/c/3.jpg", "4.png", "5.png", "6.png"].iter().enumerate() {
        let path = album.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match place.ends_with("jpg") {
            true => drop(fs::copy(root().join(SMALL), &path).unwrap()),
            false => image::RgbImage::new(30 + index as u32, 40).save(&path).unwrap(),
        }
    }
    let album = album.to_str().unwrap().to_owned();
    (folder, album)
}

/// The files in a folder and below, in order.
fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(files_below(&entry.path()).iter().map(|below| format!("{name}/{below}"))),
            false => files.push(name),
        }
    }
    files.sort();
    files
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_list_of_lines_or_with_nul_bytes_is_read_from_a_file_or_stdin() {
    let (folder, album) = album();
    let images = ["a/1.jpg", "b/c/3.jpg", "5.png"];
    let expected =
        run(&[&["detect"][..], &images.map(|it| format!("{album}/{it}")).each_ref().map(|it| &**it)].concat());
    let separators = [("\n", ""), ("\r\n", "\u{feff}"), ("\0", ""), ("\n\n", "")];
    for (separator, mark) in separators {
        let list: String = images.iter().map(|it| format!("{album}/{it}{separator}")).collect();
        let list = format!("{mark}{list}");
        let file = folder.path().join("list");
        fs::write(&file, &list).unwrap();
        assert_eq!(detect(&["--files-from", file.to_str().unwrap()]).out, expected.out, "{separator:?}");
        let mut child = command(&["--files-from", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
        assert_eq!(Run::of(child.wait_with_output().unwrap()).out, expected.out, "{separator:?}");
    }
}

#[test]
fn a_list_that_is_not_there_empty_or_a_second_stdin_is_said() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let empty = empty.to_str().unwrap();
    for (args, code, said) in [
        (&["--files-from", "no/list"][..], 1, "--files-from no/list: "),
        (&["--files-from", empty], 1, ": a list without paths"),
        (&["--files-from", "/dev/zero"], 1, "--files-from /dev/zero: it is larger than 268435456 bytes"),
        (&["-", "--files-from", "-"], 2, "stdin (-) can be read only once"),
        (&[], 2, "<INPUT>"),
        (&[SMALL, "--shard", "2/2"], 2, "there is no part 2 of 2"),
    ] {
        let run = detect(args);
        assert!(run.code == code && run.err.contains(said), "{args:?}: {} {}", run.code, run.err);
    }
}

/// Two images of one name do not meet, and nothing is written beside the folder.
#[test]
fn crops_of_a_list_keep_its_folders_and_none_leaves_the_output() {
    let (folder, album) = album();
    let list = format!("a/1.jpg\n./b/1.jpg\nb/../a/2.jpg\n{album}/b/c/3.jpg\n");
    fs::write(folder.path().join("list"), list).unwrap();
    let mut crop = subcommand("crop", &["--files-from", "../list", "-o", "../out"]);
    assert_eq!(Run::of(crop.current_dir(&album).output().unwrap()).code, 0);
    let out: Vec<_> = files_below(&folder.path().join("out"));
    assert_eq!(out, ["2.png", "3.png", "a/1.png", "b/1.png"]);
}

#[test]
fn parts_together_are_one_run() {
    let (folder, album) = album();
    let whole = detect(&[&album]).out;
    let parts: Vec<_> = (0..3).map(|part| detect(&[&album, "--shard", &format!("{part}/3")]).out).collect();
    assert!(parts.iter().filter(|part| !part.is_empty()).count() > 1, "{parts:?}");
    assert_eq!(lines(&parts.concat()), lines(&whole));
    assert_eq!(parts.concat().len(), whole.len(), "no image twice");
    // Others that come do not move an image to another part.
    fs::copy(root().join(SMALL), Path::new(&album).join("0.jpg")).unwrap();
    for (part, before) in parts.iter().enumerate() {
        let now = detect(&[&album, "--shard", &format!("{part}/3")]).out;
        assert!(lines(&now).is_superset(&lines(before)), "{part}");
    }
    // Names depend on all images, whichever part they are in.
    let [one, many] = ["one", "many"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    fs::copy(root().join(SMALL), Path::new(&album).join("a/1.png")).unwrap();
    assert_eq!(run(&["crop", &album, "-o", &one]).code, 0);
    for part in ["0/2", "1/2"] {
        assert_eq!(run(&["crop", &album, "-o", &many, "--shard", part]).code, 0);
    }
    assert_eq!(files_below(Path::new(&one)), files_below(Path::new(&many)));
}

#[test]
fn a_run_goes_on_where_one_before_ended() {
    let (folder, album) = album();
    let out = folder.path().join("faces.jsonl");
    let file = out.to_str().unwrap();
    let whole = detect(&[&album]).out;
    assert_eq!(detect(&[&album, "-o", file]).code, 0);
    assert_eq!(fs::read_to_string(&out).unwrap(), whole);
    // Wherever it ended.
    for end in [0, 1, 12, whole.len() / 2, whole.len() - 1] {
        fs::write(&out, &whole[..end]).unwrap();
        assert_eq!(detect(&[&album, "-o", file]).code, 0);
        assert_eq!(fs::read_to_string(&out).unwrap(), whole, "{end} bytes were written");
    }
    // What is there is not read again.
    let modified = fs::metadata(&out).unwrap().modified().unwrap();
    fs::write(Path::new(&album).join("a/1.jpg"), "no image any more").unwrap();
    let again = detect(&[&album, "-o", file]);
    let said = "mtcnn-cpu: 7 of 7 inputs had their results before, and were not done again\n";
    assert_eq!((again.code, again.err.as_str()), (0, said));
    assert_eq!(fs::metadata(&out).unwrap().modified().unwrap(), modified);
    // Nor does it stay if it is not to.
    let anew = detect(&[&album, "-o", file, "--overwrite"]);
    assert_eq!(anew.code, 1, "{}", anew.err);
    assert!(fs::read_to_string(&out).unwrap().contains("1.jpg\",\"error\""));
    // What could not be read is tried again.
    fs::copy(root().join(SMALL), Path::new(&album).join("a/1.jpg")).unwrap();
    assert_eq!(detect(&[&album, "-o", file]).code, 0);
    assert_eq!(lines(&fs::read_to_string(&out).unwrap()), lines(&whole));
}

/// An image's line and its drawn copy belong together.
#[test]
fn an_image_without_its_drawn_copy_is_done_again() {
    let (folder, album) = album();
    let [file, drawn] = ["faces.jsonl", "drawn"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let args = [&album, "-o", &file, "--draw", &drawn];
    assert_eq!(detect(&args).code, 0);
    let (text, copies) = (fs::read_to_string(&file).unwrap(), files_below(Path::new(&drawn)));
    fs::remove_file(Path::new(&drawn).join("b/1.jpg")).unwrap();
    assert!(detect(&args).err.contains("6 of 7 inputs had"));
    assert_eq!(lines(&fs::read_to_string(&file).unwrap()), lines(&text));
    assert_eq!(files_below(Path::new(&drawn)), copies);
}

#[test]
fn a_file_of_other_things_is_not_touched() {
    let (folder, album) = album();
    let file = folder.path().join("notes.jsonl");
    fs::write(&file, "my notes\n").unwrap();
    let run = detect(&[&album, "-o", file.to_str().unwrap()]);
    assert!(run.code == 1 && run.err.contains("line 1 is none of detect's"), "{}", run.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), "my notes\n");
}
