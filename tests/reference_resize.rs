//! The resizes against those of OpenCV, PyTorch and TensorFlow, on the reference's images.

use mtcnn_cpu_test_support as common;

use mtcnn_cpu::Isa;
use mtcnn_kernels::Buffer;
use mtcnn_kernels::resize::{Affine, Axis, Order, Region, Separable, Source, opencv};
use safetensors::SafeTensors;

const NORMALISE: Affine = Affine { scale: 1.0 / 128.0, offset: -127.5 / 128.0 };

/// How far results may be apart that are not rounded to u8: on a scale of 255, or normalised.
const TOLERANCE: f32 = 1e-4;

fn f32s(file: &SafeTensors<'_>, name: &str) -> (Vec<usize>, Vec<f32>) {
    let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let values = match tensor.dtype() {
        safetensors::Dtype::F32 => tensor.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
        safetensors::Dtype::F64 => tensor.data().as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect(),
        _ => tensor.data().iter().map(|&byte| f32::from(byte)).collect(),
    };
    (tensor.shape().to_vec(), values)
}

fn difference(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).map(|(a, b)| if a.is_nan() { f32::INFINITY } else { (a - b).abs() }).fold(0.0, f32::max)
}

/// Every image of the file, with its bytes and its number.
fn images(file: &SafeTensors<'_>, mut f: impl FnMut(&str, &Source<'_>)) {
    let mut names: Vec<&str> = file.names().into_iter().filter(|name| name.ends_with(".in")).collect();
    names.sort_unstable();
    assert!(!names.is_empty());
    for name in names {
        let tensor = file.tensor(name).expect("an image");
        let &[height, width, 3] = tensor.shape() else { panic!("{name} is RGB") };
        let source = Source { data: tensor.data(), width, height, stride: width * 3, pixel: 3, channels: [0, 1, 2] };
        f(&name[..2], &source);
    }
}

fn separable(isa: Isa, source: &Source<'_>, down: &Axis, across: &Axis, affine: Affine) -> Vec<f32> {
    let mut output = vec![f32::NAN; down.target() * across.target() * 3];
    let (region, order) = (Region::whole(source), Order::Interleaved);
    Separable { source: *source, region, down, across, affine, order }.rows(
        isa,
        0..down.target(),
        &mut Buffer::default(),
        &mut output,
    );
    output
}

#[test]
fn opencv_and_pytorch() {
    let Some(path) = common::shared("reference/resize/cv2_torch.safetensors") else { return };
    let bytes = std::fs::read(path).expect("a readable file");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    images(&file, |number, source| {
        let expected = |kind: &str| f32s(&file, &format!("{number}.{kind}"));
        let (shape, area) = expected("cv2_area_u8");
        let (height, width) = (shape[0], shape[1]);
        let (mut by_area, mut by_line) = (vec![f32::NAN; area.len()], vec![f32::NAN; area.len()]);
        let target =
            opencv::Target { height, width, rows: 0..height, affine: Affine::IDENTITY, order: Order::Interleaved };
        let scratch = &mut opencv::Scratch::default();
        opencv::linear(source, Region::whole(source), &target, scratch, &mut by_line);
        let by_hand = expected("cv2_linear_u8").1;
        assert!(
            by_line == by_hand,
            "{number}: OpenCV's linear to the bit, not {} apart",
            difference(&by_line, &by_hand)
        );
        for isa in common::instruction_sets() {
            opencv::area(isa, source, &target, scratch, &mut by_area);
            assert!(by_area == area, "{number}: OpenCV's area to the bit, not {} apart", difference(&by_area, &area));
            let (mut down, mut across) = (Axis::default(), Axis::default());
            down.area_bins(source.height, height);
            across.area_bins(source.width, width);
            let bins =
                difference(&separable(isa, source, &down, &across, Affine::IDENTITY), &expected("torch_area_f32").1);
            let shrinks = source.height >= height && source.width >= width;
            down.area_opencv(source.height, height, shrinks);
            across.area_opencv(source.width, width, shrinks);
            let area = difference(
                &separable(isa, source, &down, &across, Affine::IDENTITY),
                &expected("cv2_area_f64_as_f32").1,
            );
            println!("{isa} {number}: {bins} from PyTorch's area, {area} from OpenCV's in f64");
            assert!(bins <= TOLERANCE && area <= TOLERANCE, "{isa} {number}");
        }
    });
}

#[test]
fn tensorflow() {
    let (Some(path), Some(images_path)) = (
        common::shared("reference/resize/tensorflow.safetensors"),
        common::shared("reference/resize/cv2_torch.safetensors"),
    ) else {
        return;
    };
    let (bytes, image_bytes) =
        (std::fs::read(path).expect("a readable file"), std::fs::read(images_path).expect("a readable file"));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    images(&SafeTensors::deserialize(&image_bytes).expect("a safetensors file"), |number, source| {
        let (shape, area) = f32s(&file, &format!("{number}.tf_area_normalised"));
        let (_, crops) = f32s(&file, &format!("{number}.tf_crop_and_resize"));
        let (_, boxes) = f32s(&file, &format!("{number}.boxes_xyxy"));
        for isa in common::instruction_sets() {
            let (mut down, mut across) = (Axis::default(), Axis::default());
            down.area_coverage(source.height, shape[0]);
            across.area_coverage(source.width, shape[1]);
            let found = difference(&separable(isa, source, &down, &across, NORMALISE), &area);
            println!("{isa} {number}: {found} from TensorFlow's area");
            assert!(found <= TOLERANCE, "{isa} {number}: area {found}");
            for (corners, expected) in boxes.chunks_exact(4).zip(crops.chunks_exact(24 * 24 * 3)) {
                // TensorFlow takes corners as parts of the image, the last pixel being 1.
                let at = |corner: f32, length: usize| corner / length as f32 * (length - 1) as f32;
                let (width, height) = (source.width, source.height);
                across.sampled(width, at(corners[0], width), at(corners[2], width), 24);
                down.sampled(height, at(corners[1], height), at(corners[3], height), 24);
                let found = difference(&separable(isa, source, &down, &across, NORMALISE), expected);
                println!("{isa} {number}: {found} from TensorFlow's crop_and_resize of {corners:?}");
                assert!(found <= TOLERANCE, "{isa} {number}: {corners:?} {found}");
            }
        }
    });
}
