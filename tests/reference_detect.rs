//! Detections against those of the reference systems, by the rule of the reference's README: every
//! stable detection is found, an unstable one nearly, and none is added.
//!
//! `MTCNN_CPU_REFERENCE` names another folder to compare with: `images/*.png` and `PROFILE.json`.
#![cfg(feature = "image")]

use mtcnn_cpu_test_support as common;

use std::path::{Path, PathBuf};

use mtcnn_cpu::{BBox, Detector, Face, ImageView, PixelFormat, Profile};
use serde_json::Value;

/// A detection of the reference.
struct Expected {
    corners: [f64; 4],
    score: f64,
    points: Vec<[f64; 2]>,
    stable: bool,
    least_iou: f64,
}

/// Detections that the reference calls stable, but that hang on a tie: two boxes of PNet overlap much and
/// both have the score 1 in f32, and which one stays is NumPy's unstable sort, which gives one result with
/// AVX-512 and another without (`NPY_DISABLE_CPU_FEATURES`). Profile, image and first corner. Ours is
/// what the package gives when its sort is made stable.
const TIED: [(&str, &str, [f64; 2]); 1] = [("ipazc", "bald_guys.png", [336.753_997_8, 27.268_692])];

fn hangs_on_a_tie(profile: Profile, image: &str, corners: [f64; 4]) -> bool {
    TIED.iter().any(|&(name, tied, [x, y])| {
        (name, tied) == (profile.name(), image) && (corners[0] - x).abs() < 1e-3 && (corners[1] - y).abs() < 1e-3
    })
}

fn numbers<const N: usize>(value: &Value) -> [f64; N] {
    std::array::from_fn(|i| value[i].as_f64().expect("a number"))
}

fn expected(list: &Value) -> Vec<Expected> {
    let detections = list.as_array().into_iter().flatten();
    detections
        .map(|detection| Expected {
            corners: numbers(&detection["box"]),
            score: detection["score"].as_f64().expect("a score"),
            points: detection["landmarks"].as_array().into_iter().flatten().map(numbers).collect(),
            stable: detection["stable"].as_bool().unwrap_or(false),
            least_iou: detection["min_best_iou_over_variants"].as_f64().unwrap_or(0.0),
        })
        .collect()
}

fn iou(a: [f64; 4], b: BBox) -> f64 {
    let b = b.to_array().map(f64::from);
    let common = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0) * (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)
}

/// How far a face is from a detection: box, landmark, score.
fn difference(face: &Face, expected: &Expected) -> [f64; 3] {
    let most =
        |pairs: &mut dyn Iterator<Item = (f32, f64)>| pairs.map(|(a, b)| (f64::from(a) - b).abs()).fold(0.0, f64::max);
    let corners = most(&mut face.bbox.to_array().into_iter().zip(expected.corners));
    let points = face.landmarks.unwrap().to_array();
    let points = most(&mut points.iter().zip(&expected.points).flat_map(|(p, &[x, y])| [(p.x, x), (p.y, y)]));
    [corners, points, (f64::from(face.score) - expected.score).abs()]
}

/// Compares one image; returns the largest differences over the stable detections.
fn compare(faces: &[Face], expected: &[Expected], variants: &[Expected], limits: [f64; 3], what: &str) -> [f64; 3] {
    assert!(faces.is_sorted_by(|a, b| a.score >= b.score), "{what}: best score first");
    let mut used = vec![false; faces.len()];
    let mut largest = [0.0_f64; 3];
    // The stable ones choose first.
    for detection in expected.iter().filter(|d| d.stable).chain(expected.iter().filter(|d| !d.stable)) {
        let free = (0..faces.len()).filter(|&i| !used[i]);
        let best = free
            .max_by(|&a, &b| iou(detection.corners, faces[a].bbox).total_cmp(&iou(detection.corners, faces[b].bbox)));
        let overlap = best.map_or(0.0, |i| iou(detection.corners, faces[i].bbox));
        if detection.stable {
            let i =
                best.filter(|_| overlap > 0.8).unwrap_or_else(|| panic!("{what}: no face at {:?}", detection.corners));
            used[i] = true;
            let found = difference(&faces[i], detection);
            for k in 0..3 {
                assert!(
                    found[k] <= limits[k],
                    "{what}: {:?} differs by {found:?}, more than {limits:?}",
                    detection.corners
                );
                largest[k] = largest[k].max(found[k]);
            }
        } else if overlap >= detection.least_iou - 0.05 && overlap > 0.0 {
            used[best.expect("an overlap")] = true;
        } else {
            assert_eq!(detection.least_iou, 0.0, "{what}: the unstable {:?} is missing", detection.corners);
        }
    }
    for (face, _) in faces.iter().zip(&used).filter(|(_, used)| !**used) {
        let known = variants.iter().any(|variant| iou(variant.corners, face.bbox) >= 0.8);
        assert!(known, "{what}: {:?} is not in the reference", face.bbox);
    }
    largest
}

fn folders(profile: &str) -> Vec<(PathBuf, PathBuf)> {
    let mut folders = Vec::new();
    if let Some(reference) = common::shared("reference") {
        folders.push((reference.join("images"), reference.join("detect").join(format!("{profile}.json"))));
    }
    if let Some(folder) = std::env::var_os("MTCNN_CPU_REFERENCE") {
        let folder = PathBuf::from(folder);
        folders.push((folder.join("images"), folder.join(format!("{profile}.json"))));
    }
    folders
}

fn image(path: &Path) -> image::RgbImage {
    image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into_rgb8()
}

/// `weights`: a model file, if not the embedded one. `limits`: box and landmark in pixels, score.
fn compare_profile(profile: Profile, weights: Option<Vec<u8>>, limits: [f64; 3]) {
    for (images, json) in folders(profile.name()) {
        let text = std::fs::read(&json).unwrap_or_else(|error| panic!("{}: {error}", json.display()));
        let reference: Value = serde_json::from_slice(&text).expect("JSON");
        for isa in common::instruction_sets() {
            let mut builder = Detector::builder().profile(profile).isa(isa);
            if let Some(weights) = &weights {
                builder = builder.weights_bytes(weights.as_slice());
            }
            let detector = builder.build().expect("a detector");
            println!("{} on {isa}: image, faces, largest difference of box (px), landmark (px), score", profile.name());
            let (mut all, mut count) = ([0.0_f64; 3], 0);
            for (name, list) in reference["images"].as_object().expect("images") {
                let what = format!("{} {isa} {name}", profile.name());
                let faces = detector.detect(&image(&images.join(name))).expect("a detection");
                let variants = expected(&reference["variants_only"][name]);
                let mut detections = expected(list);
                for detection in &mut detections {
                    if hangs_on_a_tie(profile, name, detection.corners) {
                        (detection.stable, detection.least_iou) = (false, 0.95);
                    }
                }
                let [corners, points, score] = compare(&faces, &detections, &variants, limits, &what);
                println!("  {name:48} {:3} {corners:.5} {points:.5} {score:.7}", faces.len());
                all = [all[0].max(corners), all[1].max(points), all[2].max(score)];
                count += faces.len();
            }
            println!("  {:48} {count:3} {:.5} {:.5} {:.7}", "all", all[0], all[1], all[2]);
        }
    }
}

#[test]
fn facenet_pytorch() {
    compare_profile(Profile::FACENET_PYTORCH, None, [0.05, 0.05, 1e-4]);
}

#[test]
fn kpzhang() {
    compare_profile(Profile::KPZHANG, None, [0.1, 0.1, 1e-3]);
}

#[test]
fn ipazc() {
    compare_profile(Profile::IPAZC, None, [0.1, 0.1, 1e-3]);
}

/// With that system's own weights.
#[test]
fn mtcnn_caffe() {
    let Some(weights) = common::caffe::mtcnn_caffe_file() else { return };
    compare_profile(Profile::MTCNN_CAFFE, Some(weights), [0.1, 0.1, 1e-3]);
}

/// The same image in every pixel format, with padded rows, and on any number of threads gives the
/// same faces to the bit.
#[test]
fn formats_and_threads_change_no_bit() {
    let Some(images) = common::shared("reference/images") else { return };
    let rgb = image(&images.join("2008_002470.png"));
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    for profile in Profile::ALL {
        let one = Detector::builder().profile(profile).threads(1).build().expect("a detector");
        let faces = one.detect(&rgb).expect("a detection");
        assert!(faces.len() >= 4, "{}: {} faces", profile.name(), faces.len());
        for threads in [0, 2, 3] {
            let several = Detector::builder().profile(profile).threads(threads).build().expect("a detector");
            assert_eq!(several.detect(&rgb).expect("a detection"), faces, "{threads} threads");
        }
        for (format, order) in [
            (PixelFormat::Rgb, &[0, 1, 2][..]),
            (PixelFormat::Bgr, &[2, 1, 0]),
            (PixelFormat::Rgba, &[0, 1, 2, 0]),
            (PixelFormat::Bgra, &[2, 1, 0, 1]),
        ] {
            let stride = width * order.len() + 13;
            let mut data = vec![0xA5; stride * height];
            for (row, pixels) in data.chunks_exact_mut(stride).zip(rgb.as_raw().chunks_exact(width * 3)) {
                for (pixel, rgb) in row.chunks_exact_mut(order.len()).zip(pixels.chunks_exact(3)) {
                    for (byte, &channel) in pixel.iter_mut().zip(order) {
                        *byte = rgb[channel];
                    }
                }
            }
            let view = ImageView::with_stride(&data, width, height, stride, format).expect("a view");
            assert_eq!(one.detect(view).expect("a detection"), faces, "{format:?}");
        }
        // Gray is RGB with three times the same.
        let gray: Vec<u8> = rgb.pixels().map(|p| p.0[1]).collect();
        let tripled = image::RgbImage::from_raw(rgb.width(), rgb.height(), gray.iter().flat_map(|&g| [g; 3]).collect());
        let view = ImageView::new(&gray, width, height, PixelFormat::Gray).expect("a view");
        let expected = one.detect(&tripled.expect("an image")).expect("a detection");
        assert!(!expected.is_empty());
        assert_eq!(one.detect(view).expect("a detection"), expected, "gray");
        let with_alpha: Vec<u8> = gray.iter().flat_map(|&gray| [gray, 0xA5]).collect();
        let view = ImageView::new(&with_alpha, width, height, PixelFormat::GrayAlpha).expect("a view");
        assert_eq!(one.detect(view).expect("a detection"), expected, "gray with alpha");
    }
}
