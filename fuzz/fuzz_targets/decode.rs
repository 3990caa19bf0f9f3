//! Any bytes as an image file: an image or an error, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(image) = mtcnn_cpu::image::decode(bytes) {
        assert!(image.width() > 0 && image.height() > 0);
    }
});
