//! Any bytes as the files that evaluations read: numbers or an error, never a panic. The first byte chooses the file.
#![no_main]

use std::cell::OnceCell;
use std::fs;

use mtcnn_cpu::eval::{Fddb, FddbResults, Results, Truth, fddb_roc, official_curve, read_sizes};
use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else { return };
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| TempDir::new().expect("a folder")).path();
        let put = |name: &str| fs::write(folder.join(name), bytes).expect("a file");
        match which % 4 {
            0 => {
                for name in ["face", "easy", "medium", "hard"] {
                    put(&format!("wider_{name}_val.mat"));
                }
                let Ok(truth) = Truth::read(folder) else { return };
                let _ = Results::read(folder, &truth);
                let nothing = vec![Vec::new(); truth.images.len()];
                (0..3).for_each(|subset| drop(official_curve(&truth, subset, &nothing)));
            }
            1 => {
                put("FDDB-fold-01-ellipseList.txt");
                let _ = Fddb::read(folder);
            }
            kind => {
                put("file.txt");
                let list = "img_1\n2\n30 20 1.5 40 40 1\n60 20 0.5 90 40 1\n";
                fs::write(folder.join("FDDB-fold-01-ellipseList.txt"), list).expect("a file");
                let images = Fddb::read(folder).expect("a list").images;
                let file = folder.join("file.txt");
                if kind == 2 {
                    let _ = read_sizes(&file, &images);
                } else if let Ok(results) = FddbResults::read(&file, &images) {
                    let roc = fddb_roc(&images, &[Some([100, 80])], &results.boxes).expect("a size");
                    assert!(roc.points.iter().all(|point| point.continuous <= 1.0 && point.discrete <= 1.0));
                }
            }
        }
    });
});
