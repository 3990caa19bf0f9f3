//! The tracker: a frame of a crowd that it follows.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mtcnn_cpu::track::{TrackOptions, Tracker};
use mtcnn_cpu::{BBox, Face, Landmarks, Point};

/// A crowd of so many people, each on a small circle about a place of a grid, each with a face of one's own. Neighbours overlap
/// by a fifth where they are nearest.
fn crowd(people: usize, time: usize) -> Vec<Face> {
    let face = |i: usize| {
        let angle = (time as f32 / 25.0 + i as f32 / 7.0) * std::f32::consts::TAU;
        let (x, y) = ((i % 10) as f32 * 60.0 + 12.0 * angle.cos(), (i / 10) as f32 * 70.0 + 12.0 * angle.sin());
        let nose = 0.4 + 0.2 * (i % 5) as f32 / 4.0;
        let points = [[0.3, 0.4], [0.7, 0.4], [nose, 0.6], [0.35, 0.8], [0.65, 0.8]];
        let points = points.map(|[px, py]| Point::new(x + 50.0 * px, y + 60.0 * py));
        Face::new(BBox::new(x, y, x + 50.0, y + 60.0), 0.99, Landmarks::from_array(points))
    };
    // A detector gives them in another order each time.
    (0..people).map(|i| face((i * 37 + time) % people)).collect()
}

fn benches(criterion: &mut Criterion) {
    for people in [10, 100] {
        let frames: Vec<_> = (0..50).map(|time| crowd(people, time)).collect();
        let mut tracker = Tracker::new(TrackOptions::default()).expect("a tracker");
        let mut time = 0;
        criterion.bench_function(&format!("track {people} faces"), |bencher| {
            bencher.iter(|| {
                time = (time + 1) % frames.len();
                tracker.update(black_box(&frames[time]))
            });
        });
        assert_eq!(tracker.ahead().len(), people, "all are followed, and nobody else");
    }
}

criterion_group!(all, benches);
criterion_main!(all);
