//! Faces in raw pixels, such as a camera's frames: no file, no decoder.
//!
//!     cargo run --release --example embed

use mtcnn_cpu::{Detector, Error, ImageView, PixelFormat};

fn main() -> Result<(), Error> {
    // Made once: it holds the weights, and can be used from any thread.
    let detector = Detector::builder().min_face(40.0).build()?;

    // A frame as drivers give it: BGRA, and every row padded to a multiple of 64 bytes.
    let (width, height, stride) = (640, 480, 2560);
    let mut frame = vec![0_u8; stride * height];
    for number in 1..=3 {
        frame.fill(number * 40); // a camera would write here
        let view = ImageView::with_stride(&frame, width, height, stride, PixelFormat::Bgra)?;
        let faces = detector.detect(view)?;
        println!("frame {number}: {} faces", faces.len());
        for face in faces {
            // The weights inside give the five points; a model of one's own may give others.
            let eye = face.landmarks.unwrap_or_default().left_eye;
            println!("  {:.3} in {:?}, left eye at ({:.1}, {:.1})", face.score, face.bbox.to_array(), eye.x, eye.y);
        }
    }
    Ok(())
}
