//! How the program reads images: limits, memory, orientation, decoders that stumble, and what a folder run leaves out.

mod common;

use std::fs;
use std::path::Path;

use ::image::RgbImage;
use common::sources::Sources;
use serde_json::Value;
use tempfile::TempDir;

use common::{Run, command, detect, put, root, run};

const PORTRAIT: &str = "testdata/astronaut.png";
const SMALL: &str = "testdata/decode/rgb.png";

/// A TIFF of 20x20 pixels in planes of four tiles each, which makes a decoder panic.
fn tiled_planes() -> Vec<u8> {
    const TILES: u32 = 12;
    let many = |size: u32, values: &[u32], rest: &mut Vec<u8>, place: u32| -> [u8; 4] {
        let bytes: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()[..size as usize].to_vec()).collect();
        let mut short = [0; 4];
        if let Some(there) = short.get_mut(..bytes.len()) {
            there.copy_from_slice(&bytes);
            return short;
        }
        let at = place + rest.len() as u32;
        rest.extend(bytes);
        at.to_le_bytes()
    };
    let places: Vec<u32> = (0..TILES).map(|tile| 8 + 256 * tile).collect();
    let directory = 8 + 256 * TILES;
    let fields: [(u16, u16, &[u32]); 11] = [
        (256, 4, &[20]),
        (257, 4, &[20]),
        (258, 3, &[8, 8, 8]),
        (259, 3, &[1]),
        (262, 3, &[2]),
        (277, 3, &[3]),
        (284, 3, &[2]),
        (322, 3, &[16]),
        (323, 3, &[16]),
        (324, 4, &places),
        (325, 4, &[256; TILES as usize]),
    ];
    let mut file = [b"II*\0", &directory.to_le_bytes()[..]].concat();
    file.extend((0..256 * TILES).map(|it| it as u8));
    file.extend((fields.len() as u16).to_le_bytes());
    let (behind, mut rest) = (directory + 2 + 12 * fields.len() as u32 + 4, Vec::new());
    for (tag, kind, values) in fields {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend((values.len() as u32).to_le_bytes());
        file.extend(many(if kind == 3 { 2 } else { 4 }, values, &mut rest, behind));
    }
    file.extend([0; 4]);
    file.extend(rest);
    file
}

#[test]
fn a_decoder_that_panics_prints_nothing() {
    let folder = TempDir::new().unwrap();
    let file = put(&folder, "planes.tif", &tiled_planes());
    let run = Run::of(command(&[&file, SMALL]).env("RUST_BACKTRACE", "1").output().unwrap());
    let lines = run.lines();
    assert!(lines[1]["faces"].is_array(), "{}", run.out);
    // An error or, in a later decoder, an image: nothing else is said.
    match lines[0]["error"].as_str() {
        Some(reason) => {
            let expected = format!("mtcnn-cpu: {file}: {reason}\nmtcnn-cpu: 1 of 2 inputs could not be read\n");
            assert_eq!((run.code, run.err), (1, expected));
        }
        None => assert_eq!((run.code, run.err.as_str()), (0, "")),
    }
}

#[test]
fn an_image_of_too_many_pixels_is_refused_by_name_and_the_rest_is_done() {
    let Run { code, out, err } = detect(&[PORTRAIT, SMALL, "--max-pixels", "200000"]);
    let refused = "512x512 pixels are too many: the limit is 200000 in all";
    assert_eq!(code, 1);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0]["error"] == refused && lines[1]["faces"].is_array(), "{out}");
    assert!(err.starts_with(&format!("mtcnn-cpu: {PORTRAIT}: {refused}\n")), "{err}");
    assert_eq!(detect(&[PORTRAIT, "--max-pixels", "262144"]).code, 0);
    for wrong in [["--max-pixels", "0"], ["--max-pixels", "many"], ["--ram", "1M"], ["--orientation", "left"]] {
        assert_eq!(detect(&[&[SMALL], &wrong[..]].concat()).code, 2, "{wrong:?}");
    }
    let sources = Sources::new();
    let folder = sources.folder.path().to_str().unwrap();
    let out = sources.path("set");
    let limit = ["--max-pixels", "34000"];
    for (args, code, said) in [
        (&["eval", "stages", "--split", "train", "--wider", folder][..], 1, "2 of 4 images could not be read"),
        (&["prepare", "doctor", "--wider", folder], 1, ""),
        (&["prepare", "pnet", "--wider", folder, "--out", out.to_str().unwrap()], 0, "2 images were left out"),
        (&["explain", PORTRAIT, "--box", "1,1,9,9"], 1, "512x512 pixels are too many"),
        (&["bench", PORTRAIT], 1, "512x512 pixels are too many"),
    ] {
        let run = run(&[args, &limit].concat());
        assert!(run.code == code && run.err.contains(said), "{args:?}: {} {}", run.code, run.err);
    }
}

/// Four images of 60 MB on four threads would take 240 MB: one at a time takes 60.
#[test]
#[cfg(target_os = "linux")]
fn images_at_work_keep_to_the_memory_that_they_may_take() {
    let folder = TempDir::new().unwrap();
    RgbImage::from_pixel(5000, 4000, [90, 120, 60].into()).save(folder.path().join("1.png")).unwrap();
    let names: Vec<_> =
        (1..=4).map(|it| folder.path().join(format!("{it}.png")).to_str().unwrap().to_owned()).collect();
    names[1..].iter().for_each(|name| assert!(fs::copy(&names[0], name).is_ok()));
    let mut run = command(&["--threads", "4", "--min-face", "400", "--ram", "64M"]);
    let mut child = run.args(&names).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success());
    assert!((60_000..150_000).contains(&peak), "{peak} kB");
}

#[test]
fn what_a_folder_run_leaves_out_is_counted_in_one_line() {
    let folder = TempDir::new().unwrap();
    fs::copy(root().join("testdata/decode/rgb.jpg"), folder.path().join("a.MPO")).unwrap();
    for name in ["b.heic", "more/c.HEIC", "more/d.avif", "notes.txt", ".hidden.png"] {
        put(&folder, name, b"none");
    }
    let run = detect(&[folder.path().to_str().unwrap()]);
    assert!(run.code == 0 && run.lines().len() == 1 && run.out.contains("a.MPO"), "{}", run.out);
    let expected = "mtcnn-cpu: 4 files of folders were left out: 1 AVIF, which is not read; 2 HEIC, which is not read; \
                    1 without an image's extension\n";
    assert_eq!(run.err, expected);
}

// ---- orientation ----

/// The portrait of testdata on its side, with the orientation that turns it upright again.
fn portrait_on_its_side(path: &Path) {
    let upright = ::image::open(root().join(PORTRAIT)).unwrap().to_rgb8();
    let mut png = std::io::Cursor::new(Vec::new());
    ::image::imageops::rotate270(&upright).write_to(&mut png, ::image::ImageFormat::Png).unwrap();
    let png = png.into_inner();
    // A chunk eXIf behind the header, whose only entry is the orientation 6.
    let exif = [&b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"[..]].concat();
    let body = [b"eXIf", &exif[..]].concat();
    let chunk = [&(exif.len() as u32).to_be_bytes()[..], &body, &crc32fast::hash(&body).to_be_bytes()].concat();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, [&png[..33], &chunk, &png[33..]].concat()).unwrap();
}

#[test]
fn images_are_upright_unless_they_are_to_be_as_stored() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.png");
    portrait_on_its_side(&path);
    let faces = |args: &[&str]| {
        let run = detect(&[&[path.to_str().unwrap()], args].concat());
        run.lines()[0]["faces"].as_array().unwrap().clone()
    };
    let upright = faces(&[]);
    assert_eq!(Value::from(upright.clone()), detect(&[PORTRAIT]).lines()[0]["faces"]);
    assert_eq!(faces(&["--orientation", "upright"]), upright);
    let stored = faces(&["--orientation", "stored"]);
    assert_ne!(stored, upright);
    assert_eq!(faces(&["--no-exif"]), stored);
}

/// The published annotation is of stored pixels, and so are an evaluation and the results that are written for it.
#[test]
fn an_evaluation_and_the_results_written_for_it_see_images_alike() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    portrait_on_its_side(&folder.path().join("WIDER_val/images/0--A/a.png"));
    // The face of the upright portrait, at 180,62 of 512 columns and rows, as it lies there.
    put(&folder, "wider_face_split/wider_face_val_bbx_gt.txt", b"0--A/a.png\n1\n62 244 110 87 0 0 0 0 0 0 \n");
    let subsets = |args: &[&str]| {
        let run = run(&[&["eval", "wider", "--wider", &at(""), "--format", "json"], args].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        run.json()["subsets"].clone()
    };
    // A face on its side needs low thresholds.
    let low = ["--thresholds", "0.1,0.1,0.01"];
    for orientation in [None, Some("stored"), Some("upright")] {
        let typed: Vec<&str> = orientation.into_iter().flat_map(|it| ["--orientation", it]).chain(low).collect();
        let results = at(orientation.unwrap_or("none"));
        let images = at("WIDER_val/images");
        let args = [&["detect", &images, "--format", "wider", "-o", &results], &typed[..]].concat();
        assert_eq!(run(&args).code, 0);
        assert_eq!(subsets(&["--results", &results]), subsets(&typed), "{orientation:?}");
    }
    assert_eq!(subsets(&low), subsets(&[&low[..], &["--orientation", "stored"]].concat()));
    assert_ne!(subsets(&low), subsets(&[&low[..], &["--orientation", "upright"]].concat()));
}

#[test]
fn the_doctor_counts_images_with_an_orientation_and_a_set_says_whether_they_were_turned() {
    let sources = Sources::new();
    portrait_on_its_side(&sources.path("WIDER_train/images/1--B/three.png"));
    let folder = sources.folder.path().to_str().unwrap();
    let doctor = |args: &[&str]| run(&[&["prepare", "doctor", "--wider", folder], args].concat());
    let report = doctor(&["--format", "json"]).json();
    assert_eq!(report["sources"][0]["oriented"], 1);
    assert!(doctor(&[]).out.contains("read as stored all the same: 1"), "{}", doctor(&[]).out);
    assert!(doctor(&["--orientation", "upright"]).out.contains("by which it is turned: 1"));
    let manifest = |name: &str, args: &[&str]| -> Value {
        let out = sources.path(name);
        let set = ["prepare", "pnet", "--wider", folder, "--out", out.to_str().unwrap()];
        assert_eq!(run(&[&set, args].concat()).code, 0);
        serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap()
    };
    assert_eq!(manifest("stored", &[]).get("upright"), None);
    assert_eq!(manifest("upright", &["--orientation", "upright"])["upright"], true);
}
