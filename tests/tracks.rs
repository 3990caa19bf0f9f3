//! Faces followed through videos of which all is known.
#![cfg(feature = "train")]

#[path = "../examples/sequence/maker.rs"]
mod maker;

use std::path::Path;

use mtcnn_cpu::eval::{MotBox, MotFile, TrackScores, track_scores};
use mtcnn_cpu::image::{RgbImage, open};
use mtcnn_cpu::track::{Track, TrackOptions, TrackState, Tracker};
use mtcnn_cpu::{Detector, Follower, Thresholds};
use mtcnn_cpu_test_support::shared;
use rayon::prelude::*;

/// The tracker was tuned on videos of seeds above 100.
const SEEDS: [u64; 4] = [1, 2, 3, 4];
const FRAMES: usize = 10 * maker::RATE;

fn detector(options: &TrackOptions) -> Detector {
    let thresholds = Thresholds::from([0.6, 0.7, options.low]);
    Detector::builder().min_face(40.0).thresholds(thresholds).build().unwrap()
}

fn follower(detector: &Detector, every: usize) -> Follower<'_> {
    Follower::new(detector, Tracker::new(TrackOptions::default()).unwrap(), every).unwrap()
}

/// Adds the boxes of a frame.
fn put(file: &mut MotFile, frame: usize, boxes: impl Iterator<Item = (i64, [f64; 4])>) {
    let boxes = boxes.map(|(id, [x, y, width, height])| MotBox::new(id, [x, y, width, height], 1.0));
    file.frames.insert(frame as u64, boxes.collect());
}

fn seen(tracks: &[Track]) -> impl Iterator<Item = (i64, [f64; 4])> {
    tracks.iter().filter(|track| track.state == TrackState::Seen).map(|track| {
        let bbox = track.face.bbox;
        (track.id as i64, [bbox.x1, bbox.y1, bbox.width(), bbox.height()].map(f64::from))
    })
}

#[test]
fn faces_are_followed_past_each_other_also_where_the_whole_frame_is_searched_seldom() {
    let Some(data) = shared("data") else { return };
    let every = [1, 5];
    let scores: Vec<[TrackScores; 2]> = SEEDS.into_par_iter().map(|seed| followed(&data, seed, every)).collect();
    let mut all = [TrackScores::default(); 2];
    for (seed, scores) in SEEDS.into_iter().zip(scores) {
        for ((every, scores), all) in every.iter().zip(scores).zip(&mut all) {
            println!("seed {seed}, whole frame each {every}: {}", line(&scores));
            *all = *all + scores;
        }
    }
    for (every, all) in every.iter().zip(&all) {
        println!("all, whole frame each {every}: {}", line(all));
    }
    let [always, seldom] = all;
    assert!(always.idf1() >= 0.95 && always.mota() >= 0.9);
    assert!(seldom.idf1() >= always.idf1() - 0.02 && seldom.mota() >= always.mota() - 0.02);
}

/// How well a sequence's faces are followed where the whole frame is searched as seldom as `every` says.
fn followed(data: &Path, seed: u64, every: [usize; 2]) -> [TrackScores; 2] {
    let detector = detector(&TrackOptions::default());
    let sequence = maker::Sequence::new(data, seed, FRAMES).unwrap();
    let (mut truth, mut found) = (MotFile::default(), [MotFile::default(), MotFile::default()]);
    let mut followers = every.map(|every| follower(&detector, every));
    for time in 0..FRAMES {
        let frame = sequence.frame(time);
        put(&mut truth, time + 1, frame.truth.iter().map(|&(id, sides)| (id as i64, sides)));
        for (follower, found) in followers.iter_mut().zip(&mut found) {
            put(found, time + 1, seen(&follower.next(&frame.image).unwrap()));
        }
    }
    found.map(|found| track_scores(&truth, &found))
}

fn line(scores: &TrackScores) -> String {
    let (mota, motp, idf1) = (scores.mota(), scores.motp(), scores.idf1());
    let (missed, wrong) = (scores.missed(), scores.wrong());
    let &TrackScores { truth, switches, .. } = scores;
    format!(
        "MOTA {mota:.4}, IDF1 {idf1:.4}, MOTP {motp:.4}; of {truth} missed {missed}, wrong {wrong}, switches {switches}"
    )
}

#[test]
fn a_face_is_followed_between_searches_and_a_new_one_waits_for_the_next() {
    let portrait = open("testdata/astronaut.png").unwrap();
    let paste = |frame: &mut RgbImage, x: u32| {
        for (dx, dy, pixel) in portrait.enumerate_pixels().filter(|(x, y, _)| (150..300).contains(x) && *y < 220) {
            frame.put_pixel(x + dx - 150, 20 + dy, *pixel);
        }
    };
    let detector = detector(&TrackOptions::default());
    let mut follower = follower(&detector, 5);
    for time in 0..12 {
        let mut frame = RgbImage::new(640, 260);
        paste(&mut frame, 20 + 3 * time);
        if time >= 2 {
            paste(&mut frame, 400);
        }
        let ids: Vec<i64> = seen(&follower.next(&frame).unwrap()).map(|it| it.0).collect();
        let expected: &[i64] = if time < 5 { &[1] } else { &[1, 2] };
        assert_eq!(ids, expected, "frame {time}");
    }
}
