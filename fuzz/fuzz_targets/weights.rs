//! Any bytes as a model file: a detector or an error, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = mtcnn_cpu::Detector::builder().weights_bytes(bytes).build();
});
