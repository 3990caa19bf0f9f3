//! Any bytes as a file of another system's weights: a reason or a model, never a panic, a command run, or much memory. The
//! first byte chooses what the caller says of the file.
#![no_main]

use mtcnn_cpu::weights::{ImportOptions, Source, import_bytes};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else { return };
    let from = Source::ALL.get(usize::from(which)).copied();
    let options = ImportOptions { from, all_heads: which & 0x80 != 0, ..Default::default() };
    // One file has one net, but for .npz: then the others are found missing after it was read whole.
    if let Ok(imported) = import_bytes(&[("file", bytes)], &options) {
        mtcnn_cpu::Detector::builder().weights_bytes(imported.to_bytes()).build().expect("a model as it is written");
    }
});
