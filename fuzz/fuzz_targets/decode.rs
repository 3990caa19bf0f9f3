//! Any bytes as a picture file: a picture or an error, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(picture) = mtcnn_cpu::image::decode(bytes) {
        assert!(picture.width() > 0 && picture.height() > 0);
    }
});
