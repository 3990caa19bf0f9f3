//! Faces in an image file.
//!
//!     cargo run --release --example file testdata/crowd.jpg

use mtcnn_cpu::{Detector, Error, image};

fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "testdata/astronaut.png".into());
    let image = image::open(&path)?;
    let faces = Detector::new().detect(&image)?;
    println!("{path}: {} faces", faces.len());
    for face in faces {
        let [x1, y1, x2, y2] = face.bbox.to_array();
        println!("{:.4}  {x1:.1} {y1:.1} {x2:.1} {y2:.1}", face.score);
    }
    Ok(())
}
