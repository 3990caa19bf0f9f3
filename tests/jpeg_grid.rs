//! JPEGs of every sampling, order of scans and size against libjpeg-turbo's own tools, where the machine has them
//! (Debian's `libjpeg-turbo-progs`): the same pixels, all of them.
#![cfg(feature = "image")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rayon::prelude::*;

const SAMPLINGS: [&str; 17] = [
    "1x1",
    "2x1",
    "1x2",
    "2x2",
    "4x1",
    "1x4",
    "4x2",
    "2x4",
    "3x1",
    "1x3",
    "1x1,2x2,1x1",
    "1x1,2x1,2x1",
    "2x1,1x1,2x1",
    "2x2,2x1,1x1",
    "2x2,1x2,2x1",
    "1x2,2x1,1x1",
    "1x1,1x2,2x2",
];

/// Options of `cjpeg`, and a script of scans.
const SCANS: [(&[&str], &str); 16] = [
    (&[], ""),
    (&[], "0;1;2;"),
    (&[], "0;1 2;"),
    (&[], "0 1;2;"),
    (&[], "2;1;0;"),
    (&[], "1 2;0;"),
    (&[], "0 2;1;"),
    (&[], "1;0;2;"),
    (&["-restart", "1"], ""),
    (&["-restart", "3B"], "0;1;2;"),
    (&["-restart", "2B"], ""),
    (&["-progressive"], ""),
    (&[], "0: 0-0,0,0; 1: 0-0,0,0; 2: 0-0,0,0; 0: 1-63,0,0; 1: 1-63,0,0; 2: 1-63,0,0;"),
    (
        &[],
        "0 1 2: 0-0,0,1; 0: 1-5,0,2; 2: 1-63,0,1; 1: 1-63,0,1; 0: 6-63,0,2; 0: 1-63,2,1; 0 1 2: 0-0,1,0; 2: 1-63,1,0; \
         1: 1-63,1,0; 0: 1-63,1,0;",
    ),
    (&[], "1 2: 0-0,0,0; 0: 0-0,0,0; 0: 1-63,0,0; 1: 1-63,0,0; 2: 1-63,0,0;"),
    (&["-restart", "2B"], "0 1 2: 0-0,0,1; 0: 1-63,0,1; 1: 1-63,0,0; 2: 1-63,0,0; 0 1 2: 0-0,1,0; 0: 1-63,1,0;"),
];

const SIZES: [(u32, u32); 9] = [(1, 1), (7, 5), (8, 8), (16, 16), (17, 33), (31, 47), (64, 64), (65, 63), (100, 75)];

/// A PPM of waves and noise.
fn image(width: u32, height: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut ppm = format!("P6 {width} {height} 255\n").into_bytes();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y as f64, x as f64))) {
        let waves =
            [(x / 5.0 + y / 9.0).sin() * 100.0, (x / 7.0 - y / 4.0).cos() * 100.0, (x * 3.0 + y * 5.0) % 256.0 - 128.0];
        ppm.extend(waves.map(|wave| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (wave + 128.0 + f64::from(state >> 27) - 16.0) as u8
        }));
    }
    ppm
}

/// What a program says on stdout and stderr, and whether it succeeds.
fn output(program: &str, options: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that fails does not read on.
    _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn run(program: &str, options: &[&str], input: &[u8]) -> Vec<u8> {
    let output = output(program, options, input);
    assert!(output.status.success(), "{program} {options:?}");
    output.stdout
}

fn tools_are_here() -> bool {
    let here = Command::new("cjpeg").arg("-version").output().is_ok();
    if !here {
        eprintln!(
            "SKIPPED: cjpeg and djpeg of libjpeg-turbo are not here, so no JPEG is compared with libjpeg's pixels"
        );
    }
    here
}

#[test]
fn jpegs_of_a_grid_have_the_pixels_of_libjpeg() {
    if !tools_are_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = |i: usize| folder.path().join(i.to_string());
    for (i, (_, scans)) in SCANS.iter().enumerate() {
        fs::write(script(i), scans).unwrap();
    }
    let cells: Vec<_> = SAMPLINGS
        .iter()
        .flat_map(|&sampling| (0..SCANS.len()).flat_map(move |scans| SIZES.map(|size| (sampling, scans, size))))
        .collect();
    let check = |&(sampling, scans, (width, height)): &(&str, usize, (u32, u32))| {
        let mut options = vec!["-quality", "90", "-sample", sampling];
        options.extend(SCANS[scans].0);
        let path = script(scans);
        if !SCANS[scans].1.is_empty() {
            options.extend(["-scans", Path::to_str(&path).unwrap()]);
        }
        let jpeg = run("cjpeg", &options, &image(width, height));
        let right = mtcnn_cpu::image::decode(&run("djpeg", &["-ppm"], &jpeg)).unwrap();
        let ours = mtcnn_cpu::image::decode(&jpeg);
        (ours.is_err() || ours.unwrap() != right).then(|| format!("{sampling} {:?} {width}x{height}", SCANS[scans]))
    };
    let wrong: Vec<_> = cells.par_iter().filter_map(check).collect();
    assert_eq!((cells.len(), &wrong[..]), (17 * 16 * 9, &[][..]));
}

/// Random numbers below `end`.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Another bit; bytes too many before a restart marker; its number; a marker that is none; an interval twice; a byte too few.
const DAMAGES: usize = 6;

/// Does one kind of damage to the coded bytes around a restart marker.
fn damage(jpeg: &[u8], kind: usize, random: &mut Random) -> Vec<u8> {
    let markers = |at: &usize| jpeg[*at] == 0xFF && jpeg[*at + 1] != 0;
    let restarts: Vec<_> = (0..jpeg.len() - 1).filter(markers).filter(|&at| jpeg[at + 1] & 0xF8 == 0xD0).collect();
    let at = restarts[random.below(restarts.len())];
    let end = (at + 2..jpeg.len() - 1).find(markers).unwrap();
    let mut bytes = jpeg.to_vec();
    match kind {
        0 => bytes[at + 2 + random.below(end - at - 2)] ^= 1 << random.below(8),
        1 => _ = bytes.splice(at..at, (0..1 + random.below(9)).map(|_| random.below(255) as u8)),
        2 => bytes[at + 1] = 0xD0 + random.below(8) as u8,
        3 => _ = bytes.splice(at..at, [0xFF, 1 + random.below(0xBF) as u8]),
        4 => _ = bytes.splice(at..at, jpeg[at..end].to_vec()),
        _ => _ = bytes.remove(at - 1),
    }
    bytes
}

#[test]
fn damaged_jpegs_have_the_pixels_of_libjpeg_unless_blocks_are_missing() {
    if !tools_are_here() {
        return;
    }
    let kinds: [&[&str]; 5] = [
        &["-sample", "1x1", "-restart", "2B"],
        &["-sample", "2x2", "-restart", "3B"],
        &["-grayscale", "-restart", "1"],
        &["-progressive", "-sample", "2x1", "-restart", "2B"],
        &["-progressive", "-sample", "2x2", "-restart", "1"],
    ];
    let jpegs = kinds.map(|kind| run("cjpeg", kind, &image(100, 75)));
    let is_read = |i: usize| {
        let bytes = damage(&jpegs[i % jpegs.len()], i % DAMAGES, &mut Random(i as u64));
        let libjpeg = output("djpeg", &["-ppm"], &bytes);
        let name = format!("{i}: {}", String::from_utf8_lossy(&libjpeg.stderr));
        match mtcnn_cpu::image::decode(&bytes) {
            Ok(image) => assert!(mtcnn_cpu::image::decode(&libjpeg.stdout).unwrap() == image, "other pixels: {name}"),
            Err(error) => assert!(!libjpeg.stderr.is_empty(), "{error}, and libjpeg complains of nothing: {name}"),
        }
        mtcnn_cpu::image::decode(&bytes).is_ok()
    };
    let read: Vec<_> = (0..900).into_par_iter().map(is_read).collect();
    let of = |kind: usize| read.iter().skip(kind).step_by(DAMAGES).filter(|&&read| read).count();
    // Surplus is always passed; where a byte lacks, blocks do; other damage may cost a block or not.
    assert_eq!([1, 3, 4, 5].map(of), [150, 150, 150, 0]);
    assert!([0, 2].iter().all(|&kind| (30..150).contains(&of(kind))));
}
