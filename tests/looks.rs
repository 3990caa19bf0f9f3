//! More looks than one: the mirror image, and the image turned.
#![cfg(feature = "image")]

use std::alloc::System;

use image::imageops::{flip_horizontal, rotate90, rotate180, rotate270};
use mtcnn_cpu::image::{RgbImage, open};
use mtcnn_cpu::{BBox, Detector, DetectorBuilder, Face, Rotation};
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

fn faces(builder: DetectorBuilder, image: &RgbImage) -> Vec<Face> {
    builder.build().unwrap().detect(image).unwrap()
}

#[test]
fn accurate_faces_of_a_mirror_image_are_those_of_the_image() {
    let _alone = alone();
    let image = crowd();
    let accurate = |image: &RgbImage| faces(Detector::builder().accurate(true), image);
    let (found, mirrored) = (accurate(&image), accurate(&flip_horizontal(&image)));
    assert!(found.len() >= 50 && found.len() == mirrored.len(), "{} and {}", found.len(), mirrored.len());
    let width = image.width() as f32;
    for Face { bbox, landmarks, score, .. } in found {
        let same = |other: &&Face| {
            let BBox { x1, y1, x2, y2 } = other.bbox;
            BBox::new(width - x2, y1, width - x1, y2).overlap(&bbox) > 0.99
        };
        let other = mirrored.iter().find(same).unwrap_or_else(|| panic!("{bbox:?} is not in the mirror image"));
        assert!((other.score - score).abs() < 1e-3);
        let (other, landmarks) = (other.landmarks.unwrap(), landmarks.unwrap());
        assert!((other.left_eye.x - (width - 1.0 - landmarks.right_eye.x)).abs() < 0.1);
    }
}

#[test]
fn turned_images_have_the_faces_of_the_upright_one() {
    let _alone = alone();
    let image = crowd();
    let (width, height) = (image.width() as f32, image.height() as f32);
    let upright = faces(Detector::builder(), &image);
    let [right, half, left] = [rotate90(&image), rotate180(&image), rotate270(&image)];
    let place = |BBox { x1, y1, x2, y2 }: BBox, quarters: usize| match quarters {
        1 => BBox::new(height - y2, x1, height - y1, x2),
        2 => BBox::new(width - x2, height - y2, width - x1, height - y1),
        _ => BBox::new(y1, width - x2, y2, width - x1),
    };
    for (turned, rotation, quarters) in
        [(right, Rotation::By270, 1), (half, Rotation::By180, 2), (left, Rotation::By90, 3)]
    {
        let found = faces(Detector::builder().rotations([rotation, rotation]), &turned);
        for face in &upright {
            let expected = place(face.bbox, quarters);
            let near = found.iter().filter(|found| found.bbox.overlap(&expected) > 0.5).collect::<Vec<_>>();
            let [near] = near[..] else { panic!("{rotation:?}: {} faces at {expected:?}", near.len()) };
            assert!(near.bbox.overlap(&expected) > 0.8, "{rotation:?}: {:?} for {expected:?}", near.bbox);
        }
        assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score), "best first");
        let without = faces(Detector::builder(), &turned);
        assert!(without.len() * 2 < upright.len(), "{rotation:?}: turned faces are not found without");
    }
}

#[test]
fn more_looks_do_not_depend_on_threads_and_allocate_nothing_after_the_first() {
    let _alone = alone();
    let image = crowd();
    let builder = || Detector::builder().accurate(true).rotations([Rotation::By90, Rotation::By180]).min_face(40.0);
    let detector = builder().threads(1).build().unwrap();
    let mut found = Vec::new();
    detector.detect_into(&image, &mut found).unwrap();
    let region = Region::new(ALLOCATOR);
    for _ in 0..3 {
        detector.detect_into(&image, &mut found).unwrap();
    }
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
    assert_eq!(found, faces(builder().threads(2), &image));
    assert!(!found.is_empty());
}
