//! Data sets written and read again, whole and damaged.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::block::BLOCK;
use super::{DataSet, Manifest, Row, Run, Writer};
use crate::arch::Stage;
use crate::data::{Class, SampleOptions, Split};
use crate::points::PointNames;

const STAGE: Stage = Stage::PNet;
const PIXELS: usize = 12 * 12 * 3;

/// A sample that says which it is.
fn record(class: Class, index: usize) -> Vec<u8> {
    let pixels = (0..PIXELS).map(|at| if at == 0 { index >> 8 } else { index + at * 7 + class as usize } as u8);
    let targets = (0..class.targets(5)).flat_map(|at| (index as f32 + at as f32 / 16.0).to_le_bytes());
    pixels.chain(targets).collect()
}

/// Writes a set with the given numbers of samples of each class in each image.
fn write(target: &Path, images: &[[u32; 4]], options: SampleOptions) -> Manifest {
    let mut writer = Writer::begin(target, STAGE.side(), 5).unwrap();
    let mut next = [0; 4];
    for (i, &counts) in images.iter().enumerate() {
        let samples = Class::ALL.map(|class| {
            let first = next[class as usize];
            next[class as usize] += counts[class as usize] as usize;
            (first..next[class as usize]).flat_map(|index| record(class, index)).collect()
        });
        writer.append(Row::new(i / 3, &format!("f{}/{i}.jpg", i / 3), counts), &samples).unwrap();
    }
    let mut manifest = Manifest::new(STAGE, Split::Train, options, String::new(), PointNames::default());
    manifest.folders = (0..=images.len() / 3).map(|i| format!("f{i}")).collect();
    writer.finish(manifest).unwrap()
}

/// Some blocks of each class but positives, of which there are none.
fn images() -> Vec<[u32; 4]> {
    (0..20).map(|i| [i * 7 % 40, 0, 30, i % 4]).collect()
}

fn set() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("deep/set");
    write(&target, &images(), SampleOptions::new(STAGE));
    (folder, target)
}

fn message(target: &Path) -> String {
    DataSet::open(target).unwrap_err().to_string()
}

#[test]
fn a_set_comes_back_as_it_was_written() {
    let (folder, target) = set();
    let set = DataSet::open(&target).unwrap();
    let sums: [usize; 4] = Class::ALL.map(|class| images().iter().map(|counts| counts[class as usize] as usize).sum());
    assert_eq!(Class::ALL.map(|class| set.count(class)), sums);
    for class in Class::ALL {
        let mut index = 0;
        for (i, counts) in images().iter().enumerate() {
            for _ in 0..counts[class as usize] {
                let sample = set.sample(class, index).unwrap();
                let record = record(class, index);
                assert!(sample.pixels == record[..PIXELS], "{class:?} {index}");
                let (targets, _) = record[PIXELS..].as_chunks();
                let targets: Vec<f32> = targets.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                let (offsets, points) =
                    if class == Class::Landmark { (&[][..], &targets[..]) } else { (&targets[..], &[][..]) };
                assert!(sample.offsets.starts_with(offsets) && sample.points.starts_with(points));
                assert_eq!(set.folder_of(class, index), i / 3);
                assert_eq!(set.image_of(class, index), format!("f{}/{i}.jpg", i / 3));
                index += 1;
            }
        }
        let runs = set.runs(class);
        assert!(runs.iter().flat_map(|run| run.samples.clone()).eq(0..set.count(class)));
        assert!(runs.iter().all(|Run { folder, samples }| samples.clone().all(|i| set.folder_of(class, i) == *folder)));
        assert!(runs.windows(2).all(|pair| pair[0].folder < pair[1].folder));
    }
    assert_eq!(set.verify(), Vec::<String>::new());
    assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn caps_choose_without_favour_and_never_fail() {
    let folder = TempDir::new().unwrap();
    let mut options = SampleOptions::new(STAGE);
    (options.caps.negatives, options.caps.parts, options.caps.landmarks) = (Some(100), Some(0), Some(1_000_000));
    let mut times = vec![0; 370];
    for seed in 0..40 {
        options.seed = seed;
        let target = folder.path().join(seed.to_string());
        let manifest = write(&target, &images(), options.clone());
        let set = DataSet::open(&target).unwrap();
        assert_eq!(Class::ALL.map(|class| set.count(class)), [100, 0, 0, 30]);
        assert_eq!((manifest.class(Class::Negative).made, manifest.class(Class::Part).made), (370, 600));
        let chosen: Vec<_> = (0..100)
            .map(|i| {
                let pixels = set.sample(Class::Negative, i).unwrap().pixels;
                let index = (0..370).find(|&index| record(Class::Negative, index) == pixels).unwrap();
                let before: u32 = images()
                    .iter()
                    .map(|counts| counts[0])
                    .take_while({
                        let mut sum = 0;
                        move |count| {
                            sum += count;
                            sum as usize <= index
                        }
                    })
                    .map(|_| 1)
                    .sum();
                assert_eq!(set.image_of(Class::Negative, i), format!("f{}/{before}.jpg", before / 3));
                times[index] += 1;
                index
            })
            .collect();
        assert!(chosen.is_sorted_by(|a, b| a < b), "in order, none twice");
    }
    // 40 draws of 100 of 370: about 11 times each.
    assert!(times.iter().all(|&times| times < 25) && times.iter().filter(|&&times| times == 0).count() < 5);
}

#[test]
fn a_flipped_byte_is_found_and_named() {
    let (_folder, target) = set();
    for (file, class) in [("negatives-000.shard", Class::Negative), ("landmarks-000.shard", Class::Landmark)] {
        let path = target.join(file);
        let bytes = fs::read(&path).unwrap();
        // A pixel, a target, the padding, the checksum.
        for at in [0, 5, PIXELS + 3, BLOCK - 10, BLOCK - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            fs::write(&path, damaged).unwrap();
            let set = DataSet::open(&target).unwrap();
            let error = set.sample(class, 1).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains("the block at byte 0 has a wrong checksum"), "{error}");
            assert_eq!(set.verify(), [error]);
            // The next block is sound.
            if class == Class::Negative {
                set.sample(class, 200).unwrap();
            }
        }
        fs::write(&path, bytes).unwrap();
    }
    for file in ["index.csv", "manifest.json"] {
        let path = target.join(file);
        let bytes = fs::read(&path).unwrap();
        let mut damaged = bytes.clone();
        damaged[bytes.len() / 2] ^= 1;
        fs::write(&path, damaged).unwrap();
        let error = message(&target);
        assert!(error.contains(file) && error.contains("damaged"), "{error}");
        fs::write(&path, bytes).unwrap();
    }
    DataSet::open(&target).unwrap();
}

#[test]
fn shards_in_the_wrong_place_are_found() {
    let (_folder, target) = set();
    // Blocks that change places.
    let path = target.join("parts-000.shard");
    let mut bytes = fs::read(&path).unwrap();
    bytes.rotate_left(BLOCK);
    fs::write(&path, bytes).unwrap();
    let set = DataSet::open(&target).unwrap();
    assert!(set.sample(Class::Part, 0).is_err() && set.sample(Class::Part, 599).is_err());
}

#[test]
fn files_cut_short_or_missing_are_named() {
    let (_folder, target) = set();
    for file in ["negatives-000.shard", "index.csv", "manifest.json"] {
        let path = target.join(file);
        let bytes = fs::read(&path).unwrap();
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1, bytes.len() + 7] {
            let mut other = bytes.clone();
            other.resize(length, b'x');
            fs::write(&path, other).unwrap();
            let error = message(&target);
            assert!(error.contains(file), "{length}: {error}");
        }
        fs::remove_file(&path).unwrap();
        let error = message(&target);
        assert!(error.contains(&file[..5]), "{error}");
        fs::write(&path, bytes).unwrap();
    }
    fs::write(target.join("negatives-000.shard"), vec![0; BLOCK]).unwrap();
    assert!(message(&target).contains("negatives-000.shard: cut short: it has 65536 bytes and should have 196608"));
}

#[test]
fn another_version_is_refused() {
    let (_folder, target) = set();
    let path = target.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap().replace("\"version\": 1", "\"version\": 2");
    fs::write(&path, text).unwrap();
    assert!(message(&target).contains("manifest.json: a data set of version 2; this program reads 1"));
    assert!(message(target.parent().unwrap()).contains("not a data set: it has no manifest.json"));
}

#[test]
fn what_is_there_is_not_overwritten_and_what_was_killed_is_removed() {
    let (folder, target) = set();
    let error = Writer::begin(&target, 12, 5).err().unwrap().to_string();
    assert!(error.contains("is there already"), "{error}");
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(Writer::begin(&file, 12, 5).is_err());

    // A run that was killed leaves this.
    let target = folder.path().join("other");
    let partial = folder.path().join("other.partial");
    fs::create_dir_all(partial.join("made")).unwrap();
    fs::write(partial.join("negatives-000.shard"), "half").unwrap();
    fs::write(partial.join(".mtcnn-cpu-partial"), "").unwrap();
    let writer = Writer::begin(&target, 12, 5).unwrap();
    assert!(!partial.join("negatives-000.shard").exists());
    let error = Writer::begin(&target, 12, 5).err().unwrap().to_string();
    assert!(error.contains("another run is making this set"), "{error}");
    drop(writer);
    assert!(!partial.exists() && !target.exists(), "given up, it leaves nothing");

    // An empty folder may be there.
    fs::create_dir(&target).unwrap();
    write(&target, &images(), SampleOptions::new(STAGE));
    DataSet::open(&target).unwrap();
}

#[test]
fn an_empty_set_is_a_set() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("set");
    write(&target, &[], SampleOptions::new(STAGE));
    let set = DataSet::open(&target).unwrap();
    assert!(Class::ALL.iter().all(|&class| set.count(class) == 0 && set.runs(class).is_empty()));
}

#[test]
fn samples_are_right_on_many_threads() {
    let (_folder, target) = set();
    let set = DataSet::open(&target).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let set = &set;
            scope.spawn(move || {
                for i in 0..4000 {
                    let class = [Class::Negative, Class::Part, Class::Landmark][(i + thread) % 3];
                    let index = i * 37 % set.count(class);
                    let sample = set.sample(class, index).unwrap();
                    assert!(sample.pixels == record(class, index)[..PIXELS]);
                }
            });
        }
    });
}

#[test]
fn a_shard_that_is_cut_while_it_is_read_is_an_error() {
    let (_folder, target) = set();
    let set = DataSet::open(&target).unwrap();
    set.sample(Class::Negative, 0).unwrap();
    let shard = target.join("negatives-000.shard");
    fs::File::options().write(true).open(&shard).unwrap().set_len(100).unwrap();
    // Of a block that was checked before, and of one that was not.
    for index in [1, set.count(Class::Negative) - 1] {
        let error = set.sample(Class::Negative, index).unwrap_err();
        assert_eq!((error.path(), error.to_string().contains("cut short")), (Some(shard.as_path()), true), "{error}");
    }
}

/// Runs `begin` and gives its error.
fn refused(target: &Path) -> String {
    match Writer::begin(target, STAGE.side(), 5) {
        Ok(_) => panic!("{} is accepted", target.display()),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn only_what_a_run_left_itself_is_removed() {
    let folder = TempDir::new().unwrap();
    let (target, partial) = (folder.path().join("set"), folder.path().join("set.partial"));
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join("thesis.tex"), "years").unwrap();
    assert!(refused(&target).contains("no run of this program left it"));
    assert_eq!(fs::read(partial.join("thesis.tex")).unwrap(), b"years");
    fs::remove_dir_all(&partial).unwrap();
    #[cfg(unix)]
    {
        // A link is not followed.
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::write(home.join("thesis.tex"), "years").unwrap();
        std::os::unix::fs::symlink(&home, &partial).unwrap();
        assert!(refused(&target).contains("it is no folder"));
        assert_eq!(fs::read(home.join("thesis.tex")).unwrap(), b"years");
        fs::remove_file(&partial).unwrap();
        // A target that is a link to a folder means that folder.
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, &images(), SampleOptions::new(STAGE));
        assert!(DataSet::open(&real).is_ok() && DataSet::open(&link).is_ok());
    }
}

#[test]
fn a_finished_set_survives_a_run_that_began_beside_it() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("set");
    write(&target, &images(), SampleOptions::new(STAGE));
    assert!(refused(&target).contains("it is not overwritten"));
    let names: Vec<_> = fs::read_dir(&target).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with('.')), "{names:?}");
    assert!(DataSet::open(&target).is_ok());
}
