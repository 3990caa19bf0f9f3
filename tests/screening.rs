//! Low precision rejects, f32 decides: no bit of a face changes.

use mtcnn_cpu::image::open;
use mtcnn_cpu::{Detector, Face, Isa, Profile, Timing};
use mtcnn_cpu_test_support::root;

fn bits(faces: &[Face]) -> Vec<u32> {
    let numbers = faces.iter().flat_map(|face| {
        let points = face.landmarks.to_array().into_iter().flat_map(|point| [point.x, point.y]);
        face.bbox.to_array().into_iter().chain([face.score]).chain(points)
    });
    numbers.map(f32::to_bits).collect()
}

fn passed(timing: &Timing) -> (usize, usize) {
    (timing.levels.iter().map(|level| level.candidates).sum(), timing.rnet.outputs)
}

#[test]
fn screening_changes_no_bit_of_a_face_and_loses_no_box() {
    let images = ["crowd.jpg", "astronaut.png"].map(|name| open(root().join("testdata").join(name)).unwrap());
    for isa in Isa::available() {
        for profile in Profile::ALL {
            let of = |screening| {
                Detector::builder().isa(isa).profile(profile).threads(2).screening(screening).build().unwrap()
            };
            let (exact, screening) = (of(false), of(true));
            assert_eq!((exact.screens(), screening.screens()), (false, isa != Isa::Portable), "{isa}");
            for image in &images {
                let (faces, all) = exact.detect_timed(image).unwrap();
                let (screened, some) = screening.detect_timed(image).unwrap();
                assert!(!faces.is_empty());
                assert_eq!(bits(&faces), bits(&screened), "{isa} {profile}");
                assert_eq!(passed(&all), passed(&some), "{isa} {profile}");
                assert_eq!(all.cells.inputs, 0);
                if screening.screens() {
                    assert_eq!(some.cells.inputs, some.pnet.inputs);
                    assert!(some.cells.recomputed * 2 < some.cells.inputs, "{:?}", some.cells);
                    assert!(some.cells.nearest > 0.0 && some.rnet_crops.nearest > 0.0);
                }
            }
        }
    }
}

#[test]
fn nothing_is_screened_of_which_no_margin_is_known() {
    let image = open(root().join("testdata/astronaut.png")).unwrap();
    let unusual = Detector::builder().screening(true).thresholds([0.01, 0.01, 0.7].into()).build().unwrap();
    let (_, timing) = unusual.detect_timed(&image).unwrap();
    assert_eq!((timing.cells.inputs, timing.rnet_crops.inputs), (0, 0), "thresholds that were not measured");
    let file = root().join("src/weights/default/mtcnn.safetensors");
    assert!(!Detector::builder().screening(true).weights(file).build().unwrap().screens(), "another model's file");
}
