//! A video of which all is known, as PNGs, with the truth in the format of MOT15: real faces of a folder in the layout of WIDER FACE on known
//! paths over real backgrounds.
//!
//!     cargo run --release --features train --example sequence -- ../shared/data 1 250 video/
//!
//! The arguments are the folder, a seed, the number of frames, and the folder to write to: `000001.png` and so on, and `truth.txt`.

mod maker;

use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let [data, seed, frames, folder] = &env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("the arguments are: DATA SEED FRAMES FOLDER".into());
    };
    let (frames, folder) = (frames.parse()?, PathBuf::from(folder));
    let sequence = maker::Sequence::new(data.as_ref(), seed.parse()?, frames)?;
    fs::create_dir_all(&folder)?;
    let mut truth = String::new();
    for number in 1..=frames {
        let frame = sequence.frame(number - 1);
        frame.image.save(folder.join(format!("{number:06}.png")))?;
        for (id, [x, y, width, height]) in frame.truth {
            writeln!(truth, "{number},{id},{x:.2},{y:.2},{width:.2},{height:.2},1,-1,-1,-1")?;
        }
    }
    fs::write(folder.join("truth.txt"), truth)?;
    println!("{frames} frames of {}x{}, {} a second", maker::SIZE[0], maker::SIZE[1], maker::RATE);
    Ok(())
}
