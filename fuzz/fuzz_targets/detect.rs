//! Any image and any options: faces with numbers that are finite, best first, or an error.
#![no_main]

use arbitrary::Arbitrary;
use mtcnn_cpu::{Detector, ImageView, PixelFormat, Profile, Thresholds};

#[derive(Arbitrary, Debug)]
struct Case {
    width: u8,
    height: u8,
    padding: u8,
    format: u8,
    profile: u8,
    min_face: f32,
    factor: f32,
    thresholds: [f32; 3],
    pixels: Vec<u8>,
}

libfuzzer_sys::fuzz_target!(|case: Case| {
    use PixelFormat::{Bgr, Bgra, Gray, Rgb, Rgba};
    let format = [Rgb, Bgr, Rgba, Bgra, Gray][usize::from(case.format) % 5];
    let builder = Detector::builder()
        .threads(1)
        // Smaller faces than this only cost time.
        .min_face(f64::from(case.min_face.max(8.0)))
        .factor(f64::from(case.factor.min(0.8)))
        .thresholds(Thresholds::from(case.thresholds))
        .profile(Profile::ALL[usize::from(case.profile) % Profile::ALL.len()]);
    let Ok(detector) = builder.build() else { return };
    // A threshold of 0 sends every place through all nets, which takes seconds in larger images.
    let [width, height] = [case.width, case.height].map(|side| usize::from(side % 100));
    let stride = width * format.bytes_per_pixel() + usize::from(case.padding);
    let mut pixels = case.pixels;
    pixels.resize(stride * height, 127);
    let view = ImageView::with_stride(&pixels, width, height, stride, format).expect("bytes enough");
    let faces = detector.detect(view).expect("a detection");
    assert!(faces.is_sorted_by(|a, b| a.score >= b.score));
    for face in faces {
        assert!((0.0..=1.0).contains(&face.score));
        assert!(face.bbox.to_array().iter().all(|x| x.is_finite()));
        assert!(face.named_points().all(|(_, p)| p.x.is_finite() && p.y.is_finite()));
    }
});
