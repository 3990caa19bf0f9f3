//! What `mtcnn-cpu detect` says to wrong usage and to every kind of file that is no image.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use common::{Run, command, detect, put, root};

const PORTRAIT: &str = "testdata/astronaut.png";
const SMALL: &str = "testdata/decode/rgb.png";

/// Runs on one file of those bytes.
fn detect_bytes(name: &str, bytes: &[u8]) -> Run {
    let folder = TempDir::new().unwrap();
    detect(&[&put(&folder, name, bytes)])
}

/// A PNG with that size in its header and no pixels to speak of.
fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let body = [&kind[..], data].concat();
        let crc = !body.iter().fold(!0_u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
        });
        [&(data.len() as u32).to_be_bytes()[..], &body, &crc.to_be_bytes()].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let empty_zlib = [0x78, 0x9C, 3, 0, 0, 0, 0, 1];
    let chunks = [chunk(b"IHDR", &header), chunk(b"IDAT", &empty_zlib), chunk(b"IEND", &[])].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks].concat()
}

fn bmp_that_claims(width: i32, height: i32) -> Vec<u8> {
    let mut bytes = b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    bytes
}

/// With a palette of two colours, and one frame of no pixels.
fn gif_that_claims(width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    let frame = [&[0x2C, 0, 0, 0, 0][..], &size, &[0, 2, 0]].concat();
    [&b"GIF89a"[..], &size, &[0x80, 0, 0, 0, 0, 0, 255, 255, 255], &frame, b";"].concat()
}

/// An image with pixels, all gray.
fn ppm(width: usize, height: usize) -> Vec<u8> {
    let mut bytes = format!("P6 {width} {height} 255\n").into_bytes();
    bytes.resize(bytes.len() + width * height * 3, 128);
    bytes
}

#[test]
fn wrong_usage_is_2_and_says_what_is_wrong() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "required"),
        (&[SMALL, "--no-such-option"], "unexpected argument"),
        (&[SMALL, "--format", "xml"], "invalid value 'xml'"),
        (&[SMALL, "--profile", "nobody"], "kpzhang"),
        (&[SMALL, "--thresholds", "0.6,0.7"], "three numbers"),
        (&[SMALL, "--thresholds", "a,b,c"], "three numbers"),
        (&[SMALL, "--thresholds", "0.6,0.7,1.5"], "threshold of ONet is 1.5"),
        (&[SMALL, "--thresholds", "-0.1,0.7,0.7"], "threshold of PNet is -0.1"),
        (&[SMALL, "--thresholds", "0.6,NaN,0.7"], "threshold of RNet is NaN"),
        (&[SMALL, "--factor", "0"], "factor is 0:"),
        (&[SMALL, "--factor", "1"], "factor is 1:"),
        (&[SMALL, "--factor", "1.5"], "factor is 1.5:"),
        (&[SMALL, "--factor", "-0.5"], "factor is -0.5:"),
        (&[SMALL, "--factor", "NaN"], "factor is NaN:"),
        (&[SMALL, "--min-face", "0"], "smallest face is 0 pixels"),
        (&[SMALL, "--min-face", "-20"], "smallest face is -20 pixels"),
        (&[SMALL, "--min-face", "NaN"], "smallest face is NaN pixels"),
        (&[SMALL, "--min-face", "many"], "invalid value 'many'"),
        (&[SMALL, "--min-face", "many%"], "invalid value 'many%'"),
        (&[SMALL, "--min-face", "0%"], "shorter side, is 0: it must be from 0.001 to 1"),
        (&[SMALL, "--min-face", "101%"], "shorter side, is 1.01:"),
        (&[SMALL, "--min-face", "3%", "--max-side", "100"], "leaves the longest side nothing to do"),
        (&[SMALL, "--threads", "100000"], "100000"),
        (&[SMALL, SMALL, "--draw", "both.png"], "need a folder"),
        (&["testdata", "--draw", "all.jpg"], "need a folder"),
        (&["testdata", "--draw", "Cargo.toml"], "need a folder"),
        (&[SMALL, "--draw", "drawn.xyz"], "extension must be png"),
        (&["-", "-"], "only once"),
    ];
    for (args, reason) in cases {
        let run = detect(args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}: {}", run.err);
        assert!(run.err.contains(reason), "{args:?}: {}", run.err);
    }
    assert!(!Path::new("both.png").exists());
}

#[test]
fn an_unknown_instruction_set_is_wrong_usage() {
    let run = Run::of(command(&[SMALL]).env("MTCNN_CPU_ISA", "mmx").output().unwrap());
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert_eq!(run.err, "mtcnn-cpu: MTCNN_CPU_ISA=mmx: it must be portable, avx2 or avx512\n");
}

#[test]
fn weights_that_cannot_be_used_are_refused() {
    for file in ["nowhere.safetensors", "Cargo.toml", "testdata"] {
        let run = detect(&[SMALL, "--weights", file]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
        assert!(run.err.starts_with(&format!("mtcnn-cpu: {file}: ")) && run.err.lines().count() == 1, "{}", run.err);
        assert!(run.err.matches("os error").count() < 2, "{}", run.err);
    }
}

#[test]
fn rayons_variable_starts_no_thousands_of_threads() {
    let mut detect = command(&[SMALL]);
    let run = Run::of(detect.env("RAYON_NUM_THREADS", "100000").output().unwrap());
    assert!(run.code == 2 && run.err.contains("RAYON_NUM_THREADS is 100000: at most 1024 threads"), "{}", run.err);
}

#[test]
fn what_is_no_image_gives_a_reason() {
    assert!(detect(&["nowhere.jpg"]).error().starts_with("No such file"));
    assert_eq!(detect_bytes("empty.jpg", b"").error(), "not an image: the file is empty");
    assert!(
        detect_bytes("text.jpg", b"Dear reader, this is text.\n").error().starts_with("not an image: it begins like")
    );
    let jpeg = fs::read(root().join("testdata/crowd.jpg")).unwrap();
    assert_eq!(detect_bytes("half.jpg", &jpeg[..jpeg.len() / 2]).error(), "a damaged JPEG: the file is cut short");
    // The end marker decides nothing, missing blocks do.
    let third = [&jpeg[..jpeg.len() / 3], &[0xFF, 0xD9]].concat();
    assert_eq!(detect_bytes("third.jpg", &third).error(), "a damaged JPEG: the file is cut short");
    let faces = |bytes: &[u8]| detect_bytes("a.jpg", bytes).lines()[0]["faces"].clone();
    assert_eq!(faces(&jpeg[..jpeg.len() - 2]), faces(&jpeg));
    let folder = TempDir::new().unwrap();
    assert_eq!(detect(&[folder.path().to_str().unwrap()]).error(), "a folder without images");
}

#[test]
fn an_image_of_no_size_gives_a_reason() {
    for bytes in [png_that_claims(0, 0), bmp_that_claims(0, 0), gif_that_claims(0, 0), b"P6 0 0 255\n".to_vec()] {
        let reason = detect_bytes("nothing", &bytes).error();
        assert!(reason.starts_with("a damaged ") || reason.contains("0x0"), "{reason}");
    }
}

#[test]
fn tiny_and_odd_images_have_no_faces() {
    for (width, height) in [(1, 1), (1, 2), (11, 11), (12, 12), (13, 13), (100_000, 1), (1, 70_000), (3000, 13)] {
        let run = detect_bytes("odd.ppm", &ppm(width, height));
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{width}x{height}");
        let line = &run.lines()[0];
        assert_eq!((&line["width"], &line["height"]), (&Value::from(width), &Value::from(height)));
        assert_eq!(line["faces"], Value::Array(vec![]), "{width}x{height}");
    }
    assert_eq!(detect(&[PORTRAIT, "--min-face", "5000"]).lines()[0]["faces"], Value::Array(vec![]));
    assert_eq!(detect(&[PORTRAIT, "--min-face", "1e9"]).lines()[0]["faces"], Value::Array(vec![]));
}

/// A small file that claims a huge image is refused without asking for the memory.
#[test]
fn a_decompression_bomb_is_refused() {
    let jpeg = {
        let mut bytes = fs::read(root().join("testdata/decode/rgb.jpg")).unwrap();
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        bytes[frame + 5..frame + 9].copy_from_slice(&[0xEA, 0x60, 0xEA, 0x60]);
        bytes
    };
    let bombs = [
        ("a.png", png_that_claims(60_000, 60_000)),
        ("a.bmp", bmp_that_claims(60_000, 60_000)),
        ("a.gif", gif_that_claims(60_000, 60_000)),
        ("a.ppm", b"P6 60000 60000 255\n".to_vec()),
        ("a.jpg", jpeg),
    ];
    let folder = TempDir::new().unwrap();
    for (name, bytes) in bombs {
        let file = put(&folder, name, &bytes);
        let mut limited = Command::new("sh");
        // 2 GB of address space are far less than the 10.8 GB that are claimed.
        limited.args(["-c", "ulimit -v 2000000; exec \"$0\" detect \"$1\"", env!("CARGO_BIN_EXE_mtcnn-cpu"), &file]);
        let reason = Run::of(limited.output().unwrap()).error();
        assert!(reason.contains("pixels are too many"), "{name}: {reason}");
    }
}

/// Names that are not text in any encoding are shown with replacement characters.
#[test]
#[cfg(target_os = "linux")]
fn a_name_that_is_not_utf8_is_read() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"caf\xE9.png");
    fs::copy(root().join(SMALL), folder.path().join(name)).unwrap();
    let run = detect(&[folder.path().to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.lines()[0]["image"].as_str().unwrap().ends_with("caf\u{FFFD}.png"));
}
