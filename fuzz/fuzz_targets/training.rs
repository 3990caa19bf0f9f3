//! Any bytes as the files that preparing and training read: lists, recipes, metrics, a set's manifest, index and shards: what
//! is in them or an error, never a panic. The first byte chooses the file.
#![no_main]

use std::cell::OnceCell;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use mtcnn_cpu::Stage;
use mtcnn_cpu::data::images::Reading;
use mtcnn_cpu::data::{Class, DataSet, Preparation, Sources, Split, prepare};
use mtcnn_cpu::train::{Metrics, Recipe};
use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// The files of a set of a few samples, as `prepare` writes them.
static SET: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder");
    let (wider, out) = (folder.path().join("wider"), folder.path().join("set"));
    fs::create_dir_all(wider.join("wider_face_split")).expect("a folder");
    fs::create_dir_all(wider.join("WIDER_train/images/a")).expect("a folder");
    fs::write(wider.join("WIDER_train/images/a/b.jpg"), include_bytes!("../../testdata/astronaut.png"))
        .expect("a file");
    let list = "a/b.jpg\n1\n180 60 90 110 0 0 0 0 0 0\n";
    fs::write(wider.join("wider_face_split/wider_face_train_bbx_gt.txt"), list).expect("a file");
    let sources = Sources::read(std::slice::from_ref(&wider), None, Split::Train).expect("the list");
    let recipe = Recipe::parse("base = \"quick\"").expect("a recipe");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let how = Preparation {
        stage: Stage::PNet,
        points: recipe.points,
        options: &recipe.stage(Stage::PNet).samples,
        boxes: None,
        detector: String::new(),
        pool: &pool,
        reading: Reading { ram: 64 << 20, ..Reading::default() },
        most_skipped: 0.0,
    };
    prepare(&sources, &how, &out, &mut |_| std::ops::ControlFlow::Continue(())).expect("a set");
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let paths = fs::read_dir(out).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut files: Vec<_> = paths.map(|path| (name(&path), fs::read(&path).expect("a file"))).collect();
    files.sort();
    files
});

/// The file, cut off or written over from some place on: what is not quite right gets further than what is all wrong.
fn damaged(whole: &[u8], bytes: &[u8]) -> Vec<u8> {
    let [low, middle, high, cut, over @ ..] = bytes else { return bytes.to_vec() };
    let place = u32::from_le_bytes([*low, *middle, *high, 0]) as usize % (whole.len() + 1);
    let rest = if cut % 2 == 0 { &[] } else { whole.get(place + over.len()..).unwrap_or_default() };
    [&whole[..place], over, rest].concat()
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else { return };
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| TempDir::new().expect("a folder")).path();
        match which % 7 {
            0 => {
                fs::create_dir_all(folder.join("wider_face_split")).expect("a folder");
                fs::write(folder.join("wider_face_split/wider_face_train_bbx_gt.txt"), bytes).expect("a file");
                let _ = Sources::read(&[folder.into()], None, Split::Train);
            }
            1 => {
                fs::write(folder.join("trainImageList.txt"), bytes).expect("a file");
                let _ = Sources::read(&[], Some(folder), Split::Train);
            }
            2 => drop(std::str::from_utf8(bytes).map(Recipe::parse)),
            3 => {
                fs::write(folder.join("metrics.jsonl"), bytes).expect("a file");
                let _ = Metrics::read(&folder.join("metrics.jsonl"));
            }
            part => {
                for (i, (name, whole)) in SET.iter().enumerate() {
                    let bytes = if i == usize::from(part) - 4 { damaged(whole, bytes) } else { whole.clone() };
                    fs::write(folder.join(name), bytes).expect("a file");
                }
                let Ok(set) = DataSet::open(folder) else { return };
                for class in Class::ALL {
                    for i in 0..set.count(class).min(10) {
                        let _ = set.sample(class, i);
                        let _ = set.image_of(class, i);
                    }
                }
                let _ = set.verify();
            }
        }
    });
});
