//! Faces aligned and cropped against insightface, facenet-pytorch and davidsandberg's script: `testdata/faces.py` made the
//! references.

use mtcnn_cpu::image::align::{Border, Template, align};
use mtcnn_cpu::image::crop::{CropRule, Outside, Region, crop};
use mtcnn_cpu::image::{RgbImage, open};
use mtcnn_cpu::{BBox, ImageView, Landmarks};
use mtcnn_cpu_test_support::root;
use serde_json::Value;

fn reference() -> (RgbImage, RgbImage, Value) {
    let folder = root().join("testdata");
    let json = std::fs::read(folder.join("faces.json")).unwrap();
    let image = |name: &str| open(folder.join(name)).unwrap();
    (image("astronaut.png"), image("faces.png"), serde_json::from_slice(&json).unwrap())
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|it| it.as_f64().unwrap() as f32).collect()
}

/// The largest difference of a channel to what lies in the sheet from row `top` on.
fn difference(pixels: &[u8], side: usize, sheet: &RgbImage, top: usize) -> u8 {
    let expected = (0..side).flat_map(|y| &sheet.as_raw()[(top + y) * sheet.width() as usize * 3..][..side * 3]);
    pixels.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn faces_are_aligned_and_cropped_as_others_do() {
    let (image, sheet, reference) = reference();
    let view = ImageView::from(&image);
    let mut top = 0;
    for aligned in reference["aligned"].as_array().unwrap() {
        let side = aligned["size"].as_u64().unwrap() as usize;
        let points: Vec<_> = aligned["points"].as_array().unwrap().iter().map(floats).collect();
        let landmarks = Landmarks::from_array(std::array::from_fn(|i| [points[i][0], points[i][1]].into()));
        let mut pixels = vec![0; side * side * 3];
        let template = Template::arcface(side).unwrap();
        let transform = align(&view, &landmarks, &template, Border::default(), &mut pixels).unwrap();
        let expected = aligned["matrix"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
        let matrix = transform.to_matrix();
        let far = matrix.as_flattened().iter().zip(expected).map(|(a, b)| (a - b.as_f64().unwrap()).abs());
        let far = far.fold(0.0, f64::max);
        let levels = difference(&pixels, side, &sheet, top);
        println!("norm_crop {side}: transform {far:.1e}, pixels {levels} levels");
        assert!(far < 1e-4 && levels <= 2);
        top += side;
    }
    for cut in reference["boxes"].as_array().unwrap() {
        let [side, margin] = ["size", "margin"].map(|key| cut[key].as_u64().unwrap() as usize);
        let rule = match cut["rule"].as_str().unwrap() {
            "facenet" => CropRule::Facenet { margin: margin as f64 },
            _ => CropRule::FacenetPytorch { size: side, margin },
        };
        let [x1, y1, x2, y2] = floats(&cut["box"])[..] else { panic!("four numbers") };
        let region = Region::of(&BBox::new(x1, y1, x2, y2), rule, [view.width(), view.height()]).unwrap();
        assert_eq!(serde_json::to_value(region.0).unwrap(), cut["region"], "{rule:?}");
        let cropped = crop(&view, region, Outside::Clip, Some([side; 2])).unwrap();
        let levels = difference(&cropped.pixels, side, &sheet, top);
        println!("{rule:?} to {side}: pixels {levels} levels");
        assert_eq!(levels, 0);
        top += side;
    }
    assert_eq!(top, sheet.height() as usize);
}

#[test]
fn squares_and_boxes_are_clipped_or_padded() {
    let image = RgbImage::from_pixel(40, 30, image::Rgb([200, 100, 50]));
    let view = ImageView::from(&image);
    let bbox = BBox::new(-5.0, 10.0, 5.0, 25.0);
    let region = |rule| Region::of(&bbox, rule, [40, 30]).unwrap();
    let square = region(CropRule::Square { margin: 0.2 });
    assert_eq!(square, Region([-9, 9, 9, 27]));
    let padded = crop(&view, square, Outside::Colour([1, 2, 3]), None).unwrap();
    assert_eq!((padded.width, padded.height), (18, 18));
    assert_eq!((&padded.pixels[..3], &padded.pixels[9 * 3..][..3]), (&[1, 2, 3][..], &[200, 100, 50][..]));
    let clipped = crop(&view, region(CropRule::Box { margin: 0.0 }), Outside::Clip, None).unwrap();
    assert_eq!((clipped.width, clipped.height), (5, 15));
    assert!(clipped.pixels.as_chunks().0.iter().all(|pixel: &[u8; 3]| *pixel == [200, 100, 50]));
    let whole = crop(&view, square, Outside::Clip, Some([7, 9])).unwrap();
    assert_eq!((whole.width, whole.height, whole.pixels.len()), (7, 9, 7 * 9 * 3));
    for nothing in [BBox::new(50.0, 0.0, 60.0, 9.0), BBox::new(5.0, 5.0, 5.0, 5.0), BBox::new(f32::NAN, 0.0, 9.0, 9.0)]
    {
        assert_eq!(Region::of(&nothing, CropRule::Box { margin: 0.0 }, [40, 30]), None);
    }
    let huge = Region::of(&BBox::new(-1e9, 0.0, 1e9, 9.0), CropRule::Square { margin: 1.0 }, [40, 30]).unwrap();
    assert!(crop(&view, huge, Outside::Colour([0; 3]), None).unwrap_err().to_string().contains("sides are 1 to"));
}
