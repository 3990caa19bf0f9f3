//! Low precision rejects, f32 decides: no bit of a face changes.

use mtcnn_cpu::image::open;
use mtcnn_cpu::{Detector, Face, ImageView, Isa, Part, Profile, Timing, Unscreened};
use mtcnn_cpu_test_support::{root, shared};
use mtcnn_kernels::low::Backend;

fn bits(faces: &[Face]) -> Vec<u32> {
    let numbers = faces.iter().flat_map(|face| {
        let points = face.named_points().flat_map(|(_, point)| [point.x, point.y]);
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

/// The same detector with screening, and without it.
fn both(profile: Profile) -> [Detector; 2] {
    [true, false].map(|on| Detector::builder().profile(profile).threads(1).screening(on).build().unwrap())
}

#[test]
fn images_of_odd_sizes_one_after_the_other_have_the_same_faces_to_the_bit() {
    let image = open(root().join("testdata/crowd.jpg")).unwrap();
    let view = ImageView::from(&image);
    // The largest first and last, since buffers are kept; the smallest is a single cell of PNet.
    let sizes = [[1279, 719], [411, 37], [13, 301], [12, 12], [63, 65], [257, 129], [333, 555], [640, 25], [1001, 703]];
    for profile in Profile::ALL {
        let [screening, exact] = both(profile);
        let mut found = 0;
        for (i, [width, height]) in sizes.into_iter().enumerate() {
            let part = Part { x: 97 * i % (1281 - width), y: 61 * i % (721 - height), width, height };
            let [some, all] = [&screening, &exact].map(|detector| detector.detect_part(view, part).unwrap());
            assert_eq!(bits(&some), bits(&all), "{profile}, {part:?}");
            found += all.len();
        }
        assert!(found > 50, "{profile}: {found} faces");
    }
}

#[test]
fn photographs_have_the_same_faces_to_the_bit() {
    let folders = ["reference/images", "data/WIDER_val/images/0--Mosaic"].map(shared);
    let [Some(images), Some(mosaics)] = folders else { return };
    let files = |folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_image = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension != "json");
    let mut paths: Vec<_> = files(images).chain(files(mosaics).take(2)).filter(is_image).collect();
    paths.sort();
    assert!(paths.len() > 5, "{paths:?}");
    for profile in Profile::ALL {
        let [screening, exact] = both(profile);
        for path in &paths {
            let image = open(path).unwrap();
            let [some, all] = [&screening, &exact].map(|detector| detector.detect(&image).unwrap());
            assert_eq!(bits(&some), bits(&all), "{profile}, {}", path.display());
        }
    }
}

#[test]
fn nothing_is_screened_of_which_no_margin_is_known() {
    let image = open(root().join("testdata/astronaut.png")).unwrap();
    let isa = Detector::new().isa();
    let pays = Backend::best(isa) == Some(Backend::Avx512Vnni);
    let unscreened = |detector: &Detector| detector.detect_timed(&image).unwrap().1.unscreened;
    let usual = (!pays).then_some(Unscreened::Isa);
    assert_eq!(unscreened(&Detector::new()), usual, "it is on by default where it pays");
    assert_eq!(unscreened(&Detector::builder().screening(false).build().unwrap()), Some(Unscreened::Off));
    let portable = Detector::builder().isa(Isa::Portable).build().unwrap();
    assert_eq!((portable.screens(), unscreened(&portable)), (false, Some(Unscreened::Isa)));

    let unusual = Detector::builder().screening(true).thresholds([0.01, 0.01, 0.7].into()).build().unwrap();
    let (_, timing) = unusual.detect_timed(&image).unwrap();
    assert_eq!((timing.cells.inputs, timing.rnet_crops.inputs), (0, 0), "thresholds that were not measured");
    let mut file = std::fs::read(root().join("src/weights/default/mtcnn.safetensors")).unwrap();
    let of = |file: &[u8]| Detector::builder().screening(true).weights_bytes(file).build().unwrap();
    let screens = isa != Isa::Portable;
    assert_eq!(of(&file).screens(), screens, "a file with the weights inside");
    // The lowest bit of the last value, which is RNet's.
    let last = file.len() - 4;
    file[last] ^= 1;
    let reason = if screens { Unscreened::Weights } else { Unscreened::Isa };
    assert_eq!((of(&file).screens(), unscreened(&of(&file))), (false, Some(reason)), "another model's file");
}

/// What a description says of ranges may be anything: without sense the faces are lost, but nothing else is.
#[test]
fn ranges_without_sense_do_no_harm() {
    let image = open(root().join("testdata/astronaut.png")).unwrap();
    let file = std::fs::read(root().join("src/weights/default/mtcnn.safetensors")).unwrap();
    let measured = std::fs::read_to_string(root().join("src/weights/default/screening.txt")).unwrap();
    for range in ["-3e38 3e38 0", "-3e38 -3e38 -3e38", "0 0 0", "0 1e-45 0", "7 3e38 3e38"] {
        let line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
            [net, layer, ..] if layer.parse::<u8>().is_ok() => format!("{net} {layer} {range}\\n"),
            _ => format!("{line}\\n"),
        };
        let text: String = measured.lines().map(line).collect();
        let (length, rest) = file.split_first_chunk().unwrap();
        let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
        let header = String::from_utf8(header.to_vec()).unwrap();
        let header =
            header.trim_end().replacen("{\"channels\"", &format!("{{\"screening\":\"{text}\",\"channels\""), 1);
        assert!(header.contains(range), "{header}");
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat();
        let detector = Detector::builder().screening(true).weights_bytes(bytes).build().unwrap();
        assert_eq!(detector.screens(), detector.isa() != Isa::Portable);
        detector.detect(&image).unwrap();
    }
}
