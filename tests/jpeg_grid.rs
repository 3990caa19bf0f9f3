//! JPEGs of every sampling, order of scans and size against libjpeg-turbo's own tools, where the machine has them
//! (Debian's `libjpeg-turbo-progs`): the same pixels, all of them.
#![cfg(feature = "image")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

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

fn run(program: &str, options: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program).args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {options:?}");
    output.stdout
}

#[test]
fn jpegs_of_a_grid_have_the_pixels_of_libjpeg() {
    if Command::new("cjpeg").arg("-version").output().is_err() {
        eprintln!(
            "SKIPPED: cjpeg and djpeg of libjpeg-turbo are not here, so no JPEG is compared with libjpeg's pixels"
        );
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
