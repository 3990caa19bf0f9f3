//! A face cut out of an image: aligned by its points, and cropped by its box; or hidden in it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mtcnn_cpu::image::align::{Border, Template, align};
use mtcnn_cpu::image::blur::{Blur, BlurStyle, PixelsMut};
use mtcnn_cpu::image::crop::{CropRule, Outside, Region, crop};
use mtcnn_cpu::{BBox, ImageView, Landmarks, PixelFormat};

fn benches(criterion: &mut Criterion) {
    let (width, height) = (640, 480);
    let bytes: Vec<u8> = (0..width * height * 3).map(|i| (i * 31 % 251) as u8).collect();
    let view = ImageView::new(&bytes, width, height, PixelFormat::Rgb).expect("a view");
    let points = [[220.0, 200.0], [300.0, 190.0], [265.0, 240.0], [235.0, 285.0], [300.0, 280.0]];
    let landmarks = Landmarks::from_array(points.map(Into::into));
    let template = Template::arcface(112).expect("a template");
    let mut pixels = vec![0; 112 * 112 * 3];
    criterion.bench_function("align 112x112", |bencher| {
        bencher.iter(|| align(black_box(&view), &landmarks, &template, Border::default(), &mut pixels));
    });
    let region =
        Region::of(&BBox::new(190.0, 140.0, 330.0, 320.0), CropRule::Facenet { margin: 32.0 }, [width, height]);
    let region = region.expect("a region");
    criterion.bench_function("crop 160x160", |bencher| {
        bencher.iter(|| crop(black_box(&view), region, Outside::Clip, Some([160; 2])));
    });
    let face = BBox::new(190.0, 140.0, 330.0, 320.0);
    for (name, style) in
        [("gaussian", BlurStyle::Gaussian), ("mosaic", BlurStyle::Mosaic), ("solid", BlurStyle::Solid([0; 4]))]
    {
        let mut bytes = bytes.clone();
        let mut pixels = PixelsMut::new(&mut bytes, width, height, 3).expect("an image");
        let blur = Blur { style, ..Blur::default() };
        criterion.bench_function(&format!("blur {name} 182x234"), |bencher| {
            bencher.iter(|| blur.hide(black_box(&mut pixels), &face));
        });
    }
}

criterion_group!(all, benches);
criterion_main!(all);
