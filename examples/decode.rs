//! Decodes images to PPM. On stdin a line an image, the file to read and the file to write, with a tab between; on stdout a
//! line each: `ok`, or why not. `testdata/sweep.py` compares these with what Pillow reads.

use std::io::{self, BufRead};

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (from, to) = line.split_once('\t').unwrap_or((&line, "out.ppm"));
        match mtcnn_cpu::image::open(from) {
            Ok(image) => {
                let (width, height) = image.dimensions();
                std::fs::write(to, [format!("P6 {width} {height} 255\n").as_bytes(), image.as_raw()].concat())?;
                println!("ok");
            }
            Err(error) => println!("{:?}: {}", error.kind(), format!("{error:#}").replace('\n', " ")),
        }
    }
    Ok(())
}
