//! Models with more points than five, with others, and with none.
#![cfg(feature = "draw")]

use std::collections::HashMap;

use mtcnn_cpu::track::{TrackOptions, Tracker};
use mtcnn_cpu::{Detector, Face, Follower, ImageView, PointNames};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// Shapes and bytes by their names.
type Tensors = HashMap<String, (Vec<usize>, Vec<u8>)>;

/// A point as a mixture of the five, in their order: the head is linear.
type Mixture = [f32; 5];

/// The weights inside with another head for the points.
fn model(points: &[(&str, Mixture)]) -> Vec<u8> {
    let bytes = std::fs::read("src/weights/default/mtcnn.safetensors").unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Tensors =
        file.iter().map(|(name, tensor)| (name.into(), (tensor.shape().into(), tensor.data().into()))).collect();
    for name in ["onet.lm.weight", "onet.lm.bias"] {
        let (shape, data) = tensors.remove(name).unwrap();
        let values: Vec<f32> = data.as_chunks().0.iter().map(|&it| f32::from_le_bytes(it)).collect();
        let columns = values.len() / 10;
        let rows = points.iter().flat_map(|(_, mixture)| [0, 1].map(|axis| (mixture, axis)));
        let mixed = rows.flat_map(|(mixture, axis)| {
            let values = &values;
            (0..columns).map(move |i| (0..5).map(|p| mixture[p] * values[(2 * p + axis) * columns + i]).sum::<f32>())
        });
        let data: Vec<u8> = mixed.flat_map(f32::to_le_bytes).collect();
        if !points.is_empty() {
            tensors.insert(name.into(), ([&[2 * points.len()], &shape[1..]].concat(), data));
        }
    }
    let names: Vec<_> = points.iter().map(|it| it.0).collect();
    described(&tensors, &[("points", &names.join(","))])
}

fn described(tensors: &Tensors, more: &[(&str, &str)]) -> Vec<u8> {
    let views =
        tensors.iter().map(|(name, (shape, data))| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    let entries = [("format", "mtcnn-cpu"), ("format_version", "1")].iter().chain(more);
    let entries = entries.map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    safetensors::serialize(views, Some(entries)).unwrap()
}

const LEFT_EYE: Mixture = [1.0, 0.0, 0.0, 0.0, 0.0];
const RIGHT_EYE: Mixture = [0.0, 1.0, 0.0, 0.0, 0.0];
const NINE: [(&str, Mixture); 9] = [
    ("between_eyes", [0.5, 0.5, 0.0, 0.0, 0.0]),
    ("mouth_right", [0.0, 0.0, 0.0, 0.0, 1.0]),
    ("mouth_left", [0.0, 0.0, 0.0, 1.0, 0.0]),
    ("left_cheek", [0.5, 0.0, 0.0, 0.5, 0.0]),
    ("right_cheek", [0.0, 0.5, 0.0, 0.0, 0.5]),
    ("nose", [0.0, 0.0, 1.0, 0.0, 0.0]),
    ("left_eye", LEFT_EYE),
    ("right_eye", RIGHT_EYE),
    ("mouth", [0.0, 0.0, 0.0, 0.5, 0.5]),
];

fn detector(model: &[u8], change: impl Fn(mtcnn_cpu::DetectorBuilder) -> mtcnn_cpu::DetectorBuilder) -> Detector {
    change(Detector::builder().weights_bytes(model)).build().unwrap()
}

fn crowd() -> mtcnn_cpu::image::RgbImage {
    mtcnn_cpu::image::open("testdata/crowd.jpg").unwrap()
}

/// Whether a face has the nine where the five say that they are.
fn has_nine_at(face: &Face, expected: &Face) -> bool {
    let five = expected.landmarks.unwrap().to_array();
    let off = |(name, mixture): &(&str, Mixture)| {
        let point = face.point(name).unwrap();
        let mixed = |of: fn(&mtcnn_cpu::Point) -> f32| mixture.iter().zip(&five).map(|(a, b)| a * of(b)).sum::<f32>();
        (point.x - mixed(|it| it.x)).abs().max((point.y - mixed(|it| it.y)).abs())
    };
    face.bbox == expected.bbox && face.score == expected.score && NINE.iter().map(off).all(|off| off < 1e-3)
}

#[test]
fn nine_points_are_given_by_their_names_and_the_five_among_them_as_ever() {
    let image = crowd();
    let nine = model(&NINE);
    let builders: [&dyn Fn(mtcnn_cpu::DetectorBuilder) -> mtcnn_cpu::DetectorBuilder; 4] =
        [&|it| it, &|it| it.accurate(true), &|it| it.rotations([mtcnn_cpu::Rotation::By180]).threads(2), &|it| {
            it.profile(mtcnn_cpu::Profile::FACENET_PYTORCH)
        }];
    for change in builders {
        let detector = detector(&nine, change);
        assert_eq!(detector.point_names()[..], NINE.map(|it| it.0));
        let (found, expected) =
            (detector.detect(&image).unwrap(), change(Detector::builder()).build().unwrap().detect(&image).unwrap());
        assert!(found.len() > 40 && found.len() == expected.len(), "{} and {}", found.len(), expected.len());
        for (face, expected) in found.iter().zip(&expected) {
            assert!(face.points.len() == 9 && has_nine_at(face, expected), "{face:?}\n{expected:?}");
            assert!((face.landmarks.unwrap().nose.x - expected.landmarks.unwrap().nose.x).abs() < 1e-3);
        }
    }
}

#[test]
fn without_points_the_boxes_are_the_same() {
    let image = crowd();
    let (found, expected) =
        (detector(&model(&[]), |it| it).detect(&image).unwrap(), Detector::new().detect(&image).unwrap());
    assert!(found.len() == expected.len() && found.len() > 40);
    for (face, expected) in found.iter().zip(&expected) {
        assert_eq!((face.bbox, face.score), (expected.bbox, expected.score));
        assert!(face.landmarks.is_none() && face.points.is_empty() && face.named_points().next().is_none());
    }
}

#[test]
fn the_five_in_another_order_are_the_five_and_come_in_that_order() {
    let [.., mouth_right, mouth_left, _, _, nose, left_eye, right_eye, _] = NINE;
    let model = model(&[nose, mouth_right, left_eye, right_eye, mouth_left]);
    let image = crowd();
    let found = detector(&model, |it| it.accurate(true)).detect(&image).unwrap();
    let expected = Detector::builder().accurate(true).build().unwrap().detect(&image).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        let five = expected.landmarks.unwrap();
        assert_eq!((found.bbox, found.score, found.landmarks), (expected.bbox, expected.score, Some(five)));
        let named: Vec<_> = found.named_points().collect();
        assert_eq!(named[..2], [("nose", five.nose), ("mouth_right", five.mouth_right)]);
    }
}

#[test]
fn faces_with_any_points_are_followed_and_drawn() {
    let image = crowd();
    for model in [model(&NINE), model(&[]), model(&[("point_1", LEFT_EYE)])] {
        let detector = detector(&model, |it| it.min_face(40.0));
        let mut options = TrackOptions::default();
        options.smoothing = Some(mtcnn_cpu::track::Smoothing::new(25.0));
        let mut follower = Follower::new(&detector, Tracker::new(options).unwrap(), 2).unwrap();
        let all: Vec<_> = (0..4).map(|_| follower.next(ImageView::from(&image)).unwrap()).collect();
        assert!(all[0].len() > 5 && all.iter().all(|tracks| tracks.len() == all[0].len()));
        let faces: Vec<_> = all[3].iter().map(|track| track.face.clone()).collect();
        assert!(faces.iter().all(|face| face.points.len() == detector.point_names().len()));
        let mut drawn = image.clone();
        mtcnn_cpu::image::draw::draw(&mut drawn, &faces);
        assert!(drawn != image);
        let filled = mtcnn_cpu::track::fill(&[all[0].clone(), vec![], all[2].clone()], 5, 0);
        assert_eq!(filled[1].len(), all[0].len());
    }
}

#[test]
fn two_looks_are_refused_where_names_do_not_tell_left_from_right() {
    let points = [("point_1", LEFT_EYE), ("point_2", RIGHT_EYE)];
    let refused = Detector::builder().weights_bytes(model(&points)).accurate(true).build().unwrap_err().to_string();
    assert!(refused.contains("two looks need points") && refused.contains("point_1, point_2"), "{refused}");
}

#[test]
fn heads_and_names_that_do_not_fit_are_refused() {
    let refused = |tensors: &mut dyn FnMut(&mut Tensors), more: &[(&str, &str)]| {
        let whole = model(&NINE);
        let file = SafeTensors::deserialize(&whole).unwrap();
        let mut all =
            file.iter().map(|(name, tensor)| (name.into(), (tensor.shape().into(), tensor.data().into()))).collect();
        tensors(&mut all);
        Detector::builder().weights_bytes(described(&all, more)).build().unwrap_err().to_string()
    };
    let as_it_is = &mut |_: &mut Tensors| {};
    for (names, reason) in [
        ("a,b", "it has 9 points, and names of 2"),
        ("a,b,c,d,e,f,g,h,a", "two points are called a"),
        ("a,b,c,d,e,f,g,h,\u{1b}[2J", "is no name of a point"),
        (&"a,".repeat(100_000), "257 points: at most 256 are possible"),
    ] {
        let error = refused(as_it_is, &[("points", names)]);
        assert!(error.contains(reason) && !error.contains('\u{1b}'), "{error}");
    }
    let error = refused(&mut |all| drop(all.remove("onet.lm.bias")), &[]);
    assert!(error.contains("the tensor onet.lm.bias is missing"), "{error}");
    let without = &mut |all: &mut Tensors| all.retain(|name, _| !name.starts_with("onet.lm"));
    let error = refused(without, &[("landmarks", "x1 y1 x2 y2 x3 y3 x4 y4 x5 y5")]);
    assert!(error.contains("the tensor onet.lm.weight is missing"), "{error}");
    for (shape, bytes) in [(vec![514, 256], 514 * 256 * 4), (vec![3, 256], 3 * 256 * 4), (vec![0, 256], 0)] {
        let error = refused(&mut |all| drop(all.insert("onet.lm.weight".into(), (shape.clone(), vec![0; bytes]))), &[]);
        assert!(error.contains("it must have two rows for each point, and 1 to 256 points"), "{error}");
    }
    // Nobody says the names of nine.
    let whole = model(&NINE);
    let file = SafeTensors::deserialize(&whole).unwrap();
    let all = file.iter().map(|(name, tensor)| (name.into(), (tensor.shape().into(), tensor.data().into()))).collect();
    let detector = Detector::builder().weights_bytes(described(&all, &[])).build().unwrap();
    assert_eq!(*detector.point_names(), PointNames::of_count(9));
}
