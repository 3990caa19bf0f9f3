//! Results go to readers that leave before the end, stop reading, or do not come: nothing else is lost.
#![cfg(unix)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{root, subcommand};
use image::RgbImage;
use tempfile::TempDir;

fn begun(name: &str, args: &[&str]) -> Child {
    subcommand(name, args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What a run gives whose stdout is closed from the beginning.
fn unread(name: &str, args: &[&str]) -> (i32, String) {
    let mut child = begun(name, args);
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// A folder of images, more than a pipe holds lines of.
fn album(images: usize) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    for number in 0..images {
        fs::copy(root().join("testdata/astronaut.png"), folder.path().join(format!("{number}.png"))).unwrap();
    }
    let path = folder.path().to_str().unwrap().to_owned();
    (folder, path)
}

fn y4m(folder: &Path, frames: usize, side: usize) -> String {
    let path = folder.join("in.y4m");
    let mut bytes = format!("YUV4MPEG2 W{side} H{side} F25:1 Cmono\n").into_bytes();
    for _ in 0..frames {
        bytes.extend(b"FRAME\n");
        bytes.extend(vec![90; side * side]);
    }
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn copies_crops_and_drawn_images_are_made_though_nobody_reads_the_lines() {
    let (folder, images) = album(3);
    let out = |name: &str| folder.path().join(name);
    let path = |name: &str| out(name).to_str().unwrap().to_owned();
    for (name, option, results) in [("blur", "-o", "safe/"), ("crop", "-o", "faces/"), ("detect", "--draw", "drawn/")] {
        let output = path(results);
        assert_eq!(unread(name, &[&images, option, &output]), (0, String::new()), "{name}");
        assert_eq!(count(&out(results)), 3, "{name}");
        fs::remove_dir_all(out(results)).unwrap();
    }
}

#[test]
fn frames_are_all_written_though_nobody_reads_the_tracks_and_the_other_way_is_an_error() {
    let folder = TempDir::new().unwrap();
    let input = y4m(folder.path(), 50, 64);
    let copy = folder.path().join("out.y4m");
    let tracks = folder.path().join("tracks.jsonl");
    let (copy_path, tracks_path) = (copy.to_str().unwrap(), tracks.to_str().unwrap());
    assert_eq!(unread("video", &[&input, "--blur", "--y4m", copy_path]), (0, String::new()));
    let frames = fs::read(&copy).unwrap().windows(6).filter(|it| it == b"FRAME\n").count();
    assert_eq!(frames, 50);
    // Who reads the frames has seen enough: so it is with `head`.
    assert_eq!(unread("video", &[&input, "--blur", "--y4m", "-"]), (0, String::new()));
    let (code, err) = unread("video", &[&input, "--blur", "--y4m", "-", "-o", tracks_path]);
    assert!(code == 1 && err.contains("the reader of the frames left after"), "{err}");
    let lines = fs::read_to_string(&tracks).unwrap();
    assert!(lines.ends_with("}\n") && lines.lines().count() < 50);
}

/// Sends TERM to a run that waits for its reader, and gives what it says; it must end soon.
fn ended(child: Child) -> (i32, String) {
    sleep(Duration::from_millis(1500));
    let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success(), "it waits");
    let from = Instant::now();
    let mut child = child;
    let status = child.wait().unwrap();
    assert!(from.elapsed() < Duration::from_secs(20), "{:?}", from.elapsed());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (status.code().unwrap(), err)
}

#[test]
fn a_signal_is_heard_while_nobody_reads() {
    let folder = TempDir::new().unwrap();
    let input = y4m(folder.path(), 100, 256);
    let tracks = folder.path().join("tracks.jsonl");
    let child = begun("video", &[&input, "--blur", "--y4m", "-", "-o", tracks.to_str().unwrap()]);
    let (code, err) = ended(child);
    assert!(code == 130 && err.contains("frames are done, and their results are complete"), "{code} {err}");
    assert!(fs::read_to_string(&tracks).unwrap().ends_with("}\n"));
    // And while nobody opens a pipe.
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (code, err) = ended(begun("video", &[&input, "-o", pipe.to_str().unwrap()]));
    assert!(code == 130 && err.contains("stopped"), "{code} {err}");
}

#[test]
fn a_pipe_that_is_named_is_written_and_closed_also_without_results() {
    let folder = TempDir::new().unwrap();
    let input = y4m(folder.path(), 3, 64);
    let pipe: PathBuf = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let child = begun("video", &[&input, "--format", "mot", "-o", pipe.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "", "no faces, no lines, and an end");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn a_full_device_is_named() {
    if !Path::new("/dev/full").exists() {
        eprintln!("SKIPPED: there is no /dev/full here");
        return;
    }
    let folder = TempDir::new().unwrap();
    let input = y4m(folder.path(), 3, 64);
    for args in [&["-o", "/dev/full"][..], &["--draw", "--y4m", "/dev/full"]] {
        let (code, err) = unread("video", &[&[&*input], args].concat());
        assert!(code == 1 && err.contains("can't write /dev/full: No space left"), "{err}");
    }
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let run = subcommand("detect", &["testdata/astronaut.png"]).stdout(full).output().unwrap();
    let err = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.code() == Some(1) && err.contains("can't write stdout: No space left"), "{err}");
}

#[test]
fn frames_of_two_sizes_are_an_error_of_the_file_and_the_frame() {
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("out.y4m").to_str().unwrap().to_owned();
    let mut child = begun("video", &["-", "--blur", "--y4m", &copy]);
    let mut stdin = child.stdin.take().unwrap();
    for side in [40, 40, 50] {
        let path = folder.path().join("frame.png");
        RgbImage::new(side, side).save(&path).unwrap();
        stdin.write_all(&fs::read(path).unwrap()).unwrap();
    }
    drop(stdin);
    let run = child.wait_with_output().unwrap();
    let err = String::from_utf8(run.stderr).unwrap();
    let expected = format!("{copy}: frame 2: frames of two sizes can't be written as Y4M: 40x40 and 50x50");
    assert!(run.status.code() == Some(1) && err.contains(&expected), "{err}");
}
