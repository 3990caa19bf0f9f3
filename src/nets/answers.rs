//! What the nets answer here, to compare the answers of exported nets with.

use std::path::Path;

use mtcnn_kernels::{Isa, softmax};

use super::{Net, Scratch};
use crate::arch::Arch;
use crate::error::Result;
use crate::isa;
use crate::weights::{ExportedFile, INPUT, Model, archive, output};

/// How many crops RNet and ONet are shown.
const CROPS: usize = 5;

/// Rows and columns of the image that PNet is shown: odd, and not a square.
const IMAGE: [usize; 2] = [41, 57];

/// `check.npz`: inputs of the nets of a model file, or of the weights inside, and what they answer on this machine:
/// `pnet.data`, `pnet.prob`, `pnet.box` and so on, as the nets that [`crate::weights::export`] writes take and give them.
///
/// # Errors
/// [`crate::ErrorKind::NotFound`], [`crate::ErrorKind::Unreadable`] and [`crate::ErrorKind::Weights`]: it can't be read or is no
/// model; [`crate::ErrorKind::Option`]: `MTCNN_CPU_ISA` is wrong.
pub fn exported_answers(model: Option<&Path>) -> Result<ExportedFile> {
    let model = model.map_or_else(|| Ok(Model::embedded()), Model::read)?;
    let isa = isa::from_env()?;
    let arrays: Vec<_> = model.archs().into_iter().flat_map(|arch| answers(isa, arch, &model)).collect();
    let arrays = arrays.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), &values[..]));
    Ok(ExportedFile { name: "check.npz".into(), bytes: archive(arrays, None) })
}

/// Input and outputs of a net: names, shapes, values.
fn answers(isa: Isa, arch: Arch, model: &Model) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let net = Net::new(isa, arch, model);
    let (images, [height, width]) = if arch.has_dense() { (CROPS, [arch.side(); 2]) } else { (1, IMAGE) };
    let mut scratch = Scratch::default();
    // [image][channel][row][column]
    let input: Vec<f32> = (0..images * 3 * height * width).map(pixel).collect();
    let at = |image: usize, channel: usize, y: usize, x: usize| input[((image * 3 + channel) * height + y) * width + x];
    let (rows, columns, mut answers);
    if arch.has_dense() {
        (rows, columns) = (1, 1);
        let last = |i: usize| at(i / (height * width * 3), i % 3, i / 3 / width % height, i / 3 % width);
        let channels_last: Vec<f32> = (0..input.len()).map(last).collect();
        answers = vec![0.0; images * net.outputs()];
        net.forward_crops(images, &channels_last, &mut scratch, &mut answers);
    } else {
        (rows, columns, _) = net.map(height, width).expect("an image that is large enough");
        let planar = |i: usize| at(0, i / width % 3, i / width / 3, i % width);
        let planar: Vec<f32> = (0..input.len()).map(planar).collect();
        answers = vec![0.0; rows * columns * net.outputs()];
        net.forward_map(height, width, &planar, &mut scratch, &mut answers);
    }
    for answer in answers.chunks_exact_mut(net.outputs()) {
        softmax::forward(2, &mut answer[..2]);
    }
    let shape = |channels| match arch.has_dense() {
        true => vec![images, channels],
        false => vec![images, channels, rows, columns],
    };
    let mut arrays = vec![(format!("{}.{}", arch.name(), INPUT), vec![images, 3, height, width], input)];
    let mut from = 0;
    for head in arch.detecting_heads() {
        let numbers = head.values();
        let places = rows * columns;
        let number = |i: usize| {
            let (image, channel, place) = (i / (numbers * places), i / places % numbers, i % places);
            answers[(image * places + place) * net.outputs() + from + channel]
        };
        let values = (0..images * numbers * places).map(number).collect();
        arrays.push((format!("{}.{}", arch.name(), output(head)), shape(numbers), values));
        from += numbers;
    }
    arrays
}

/// A pixel that has nothing to do with its neighbours: bytes from a multiplicative hash.
fn pixel(i: usize) -> f32 {
    let byte = (i as u32).wrapping_mul(0x9E37_79B1).rotate_left(8) as u8;
    (f32::from(byte) - 127.5) / 128.0
}
