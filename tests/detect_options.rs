//! The options of a detector that narrow what is looked for, batches, and detection without allocation.
#![cfg(feature = "image")]

use std::alloc::System;

use mtcnn_cpu::image::{RgbImage, open};
use mtcnn_cpu::{Detector, DetectorBuilder, Face, ImageView, Part, PixelFormat, Profile};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Counting is for the whole process: tests of this file run one at a time.
static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn alone() -> impl Drop {
    ONE_AT_A_TIME.lock().unwrap_or_else(|poison| poison.into_inner())
}

fn crowd() -> RgbImage {
    open("testdata/crowd.jpg").unwrap()
}

fn portrait() -> RgbImage {
    open("testdata/astronaut.png").unwrap()
}

fn faces(builder: DetectorBuilder, image: &RgbImage) -> Vec<Face> {
    builder.threads(1).build().unwrap().detect(image).unwrap()
}

fn area(face: &Face) -> f32 {
    face.bbox.width() * face.bbox.height()
}

#[test]
fn a_detection_allocates_nothing_after_the_first_of_its_size() {
    let _alone = alone();
    let images = [crowd(), portrait()];
    for (profile, min_face) in
        mtcnn_cpu::Profile::ALL.into_iter().map(|profile| (profile, 20.0)).chain([(Profile::MTCNN_CPU, 80.0)])
    {
        // Threads of a pool wake each other by means that allocate now and then; those of a detector with
        // one thread do not exist.
        let detector = Detector::builder().threads(1).profile(profile).min_face(min_face).build().unwrap();
        let mut faces = Vec::new();
        for image in &images {
            detector.detect_into(image, &mut faces).unwrap();
        }
        let region = Region::new(ALLOCATOR);
        for _ in 0..3 {
            for image in &images {
                detector.detect_into(image, &mut faces).unwrap();
            }
        }
        let change = region.change();
        assert_eq!((change.allocations, change.reallocations), (0, 0), "{}", profile.name());
        assert!(!faces.is_empty(), "it did find faces");
        let count = region.change().allocations;
        drop(Box::new([1_u8; 100]));
        assert!(region.change().allocations > count, "the allocator counts");
    }
}

#[test]
fn memory_stays_flat() {
    let _alone = alone();
    let detector = Detector::builder().threads(2).min_face(60.0).build().unwrap();
    let images = [crowd(), portrait()];
    let detect = |times: usize| {
        for i in 0..times {
            detector.detect(&images[i % 2]).unwrap();
        }
    };
    // Which thread has which work is chance, and so is when each has had the largest of everything. A leak
    // grows in every round, the working memory only in some.
    let mut growth = Vec::new();
    for _ in 0..10 {
        let region = Region::new(ALLOCATOR);
        detect(20);
        let change = region.change();
        growth.push(change.bytes_allocated as isize - change.bytes_deallocated as isize);
    }
    let least = growth.iter().map(|bytes| bytes.abs()).min().unwrap();
    assert!(least < 5_000, "bytes more that are held after 20 detections each: {growth:?}");
}

#[test]
fn a_batch_gives_what_each_image_gives() {
    let _alone = alone();
    let (crowd, portrait) = (crowd(), portrait());
    let crowd = ImageView::from(&crowd);
    let part = |x, y, width, height| crowd.part(Part { x, y, width, height }).unwrap();
    let views = [
        part(0, 0, 300, 200),
        ImageView::from(&portrait),
        part(7, 5, 0, 100),
        crowd,
        part(640, 360, 100, 100),
        part(100, 100, 15, 15),
        part(0, 0, 1280, 300),
    ];
    for threads in [1, 2, 3] {
        let detector = Detector::builder().threads(threads).build().unwrap();
        let expected: Vec<_> = views.iter().map(|view| detector.detect(*view).unwrap()).collect();
        assert_eq!(detector.detect_batch(&views).unwrap(), expected, "{threads} threads");
        assert!(detector.detect_batch(&[]).unwrap().is_empty());
        assert_eq!(detector.detect_batch(&views[..1]).unwrap(), expected[..1]);
    }
}

#[test]
fn the_largest_face_is_near_the_largest_of_all() {
    let _alone = alone();
    for image in [crowd(), portrait()] {
        let all = faces(Detector::builder(), &image);
        let expected = all.iter().max_by(|a, b| area(a).total_cmp(&area(b))).unwrap();
        let got = faces(Detector::builder().largest(true), &image);
        let [got] = &got[..] else { panic!("one face, not {}", got.len()) };
        let off =
            got.bbox.to_array().iter().zip(expected.bbox.to_array()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 0.1 * expected.bbox.width(), "{got:?} for {expected:?}");
    }
    let nobody = RgbImage::new(300, 200);
    assert!(faces(Detector::builder().largest(true), &nobody).is_empty());
    let tiny = RgbImage::new(3, 2);
    assert!(faces(Detector::builder().largest(true), &tiny).is_empty());
}

#[test]
fn no_more_faces_than_asked_for() {
    let _alone = alone();
    let crowd = crowd();
    let all = faces(Detector::builder(), &crowd);
    assert_eq!(faces(Detector::builder().max_faces(5), &crowd), all[..5]);
    assert_eq!(faces(Detector::builder().max_faces(1000), &crowd), all);
    assert!(faces(Detector::builder().max_faces(0), &crowd).is_empty());
}

#[test]
fn a_mistyped_number_of_threads_starts_none() {
    let error = Detector::builder().threads(100_000).build().unwrap_err();
    assert_eq!(error.kind(), mtcnn_cpu::ErrorKind::Option);
    assert!(error.to_string().contains("at most 1024 threads"), "{error}");
}

#[test]
fn a_longest_side_is_a_larger_smallest_face() {
    let _alone = alone();
    let crowd = crowd();
    let expected = faces(Detector::builder().min_face(40.0), &crowd);
    assert_eq!(faces(Detector::builder().max_side(640), &crowd), expected);
    assert_eq!(faces(Detector::builder().max_side(1280), &crowd), faces(Detector::builder(), &crowd));
    assert!(Detector::builder().max_side(0).build().is_err());
}

#[test]
fn a_part_is_looked_at_as_if_it_were_all() {
    let _alone = alone();
    let crowd = crowd();
    let detector = Detector::new();
    let part = Part { x: 333, y: 111, width: 500, height: 400 };
    let mut cut = RgbImage::new(500, 400);
    for (x, y, pixel) in cut.enumerate_pixels_mut() {
        *pixel = *crowd.get_pixel(x + 333, y + 111);
    }
    let expected: Vec<_> = detector.detect(&cut).unwrap().iter().map(|face| face.moved(333.0, 111.0)).collect();
    assert!(!expected.is_empty());
    assert_eq!(detector.detect_part(&crowd, part).unwrap(), expected);

    let beyond = detector.detect_part(&crowd, Part { x: 1000, ..part }).unwrap_err().to_string();
    assert!(beyond.contains("500x400 pixels from column 1000, row 111"), "{beyond}");
    let huge = Part { x: usize::MAX, y: 0, width: usize::MAX, height: 1 };
    assert!(detector.detect_part(&crowd, huge).is_err());
    // The last bytes of an image may lack the padding of a row.
    let bytes = [7_u8; 2 * 10 + 6];
    let view = ImageView::with_stride(&bytes, 2, 3, 10, PixelFormat::Rgb).unwrap();
    assert!(detector.detect_part(view, Part { x: 1, y: 2, width: 1, height: 1 }).unwrap().is_empty());
    assert!(detector.detect_part(view, Part { x: 2, y: 3, width: 0, height: 0 }).unwrap().is_empty());
}

/// The embedded model, with more said of it.
fn described(entries: &[(&str, &str)]) -> Vec<u8> {
    let model = include_bytes!("../src/weights/default/mtcnn.safetensors");
    let (length, rest) = model.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: serde_json::Value = serde_json::from_slice(header).unwrap();
    for &(key, value) in entries {
        header["__metadata__"][key] = value.into();
    }
    let header = header.to_string().into_bytes();
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

#[test]
fn a_model_says_what_its_faces_are_moved_by_and_only_the_own_profile_does_so() {
    let _alone = alone();
    let image = portrait();
    let found = |profile, model| faces(Detector::builder().profile(profile).weights_bytes(model), &image);
    let shifts = [("box_shift", "-2"), ("point_shift", "1.5")];
    let (as_is, moved) = (found(Profile::MTCNN_CPU, described(&[])), found(Profile::MTCNN_CPU, described(&shifts)));
    assert!(!as_is.is_empty());
    for (as_is, moved) in as_is.iter().zip(&moved) {
        // The originals' are .9 and -.55.
        assert!(
            (moved.bbox.x1 - as_is.bbox.x1 + 2.9).abs() < 1e-3 && (moved.bbox.y2 - as_is.bbox.y2 + 2.9).abs() < 1e-3
        );
        let (from, to) = (as_is.landmarks.unwrap().nose, moved.landmarks.unwrap().nose);
        assert!((to.x - from.x - 2.05).abs() < 1e-3 && (to.y - from.y - 2.05).abs() < 1e-3, "{from:?} {to:?}");
    }
    assert_eq!(found(Profile::KPZHANG, described(&[])), found(Profile::KPZHANG, described(&shifts)));
}

/// Levels and crops are made of the image halved once and more, on any number of threads.
#[test]
fn large_faces_are_found_in_halved_images() {
    use image::imageops::{FilterType, resize};
    let _alone = alone();
    let small = portrait();
    let [as_is] = &faces(Detector::builder(), &small)[..] else { panic!("one face") };
    // An odd number, at each halving.
    let large = resize(&small, 512 * 4 + 1, 512 * 4 + 1, FilterType::Triangle);
    for min_face in [79.0, 120.0, 210.0] {
        let builder = Detector::builder().min_face(min_face);
        let found = faces(builder.clone(), &large);
        let [face] = &found[..] else { panic!("one face") };
        assert_eq!(builder.threads(2).build().unwrap().detect(&large).unwrap(), found);
        for (large, small) in face.bbox.to_array().into_iter().zip(as_is.bbox.to_array()) {
            assert!((large / 4.0 - small).abs() < 0.08 * as_is.bbox.height(), "{min_face}: {face:?} {as_is:?}");
        }
        let (large, small) = (face.landmarks.unwrap().to_array(), as_is.landmarks.unwrap().to_array());
        for (large, small) in large.into_iter().zip(small) {
            let off = (large.x / 4.0 - small.x).hypot(large.y / 4.0 - small.y);
            assert!(off < 0.03 * as_is.bbox.height(), "{min_face}: {face:?} {as_is:?}");
        }
    }
}
