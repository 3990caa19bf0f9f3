//! What the nets answer here, to compare another system's answers with.

use mtcnn_kernels::{Isa, softmax};

use super::npz::archive;
use super::{ExportedFile, OUTPUTS};
use crate::error::{Error, Result};
use crate::nets::table::{BOX, CLS, LANDMARKS};
use crate::nets::{self, Net, Scratch, Table};
use crate::weights::Model;

/// How many crops RNet and ONet are shown.
const CROPS: usize = 5;

/// Rows and columns of the picture that PNet is shown: odd, and not a square.
const PICTURE: [usize; 2] = [41, 57];

/// Inputs of the nets and what they answer on this machine.
pub(super) fn file(model: &Model) -> Result<ExportedFile> {
    let isa = Isa::from_env().map_err(Error::option)?;
    let arrays: Vec<_> = nets::ALL.iter().flat_map(|table| answers(isa, table, model)).collect();
    let arrays = arrays.iter().map(|(name, shape, values)| (name.clone(), shape.clone(), &values[..]));
    Ok(ExportedFile { name: "check.npz".into(), bytes: archive(arrays, None) })
}

/// Input and outputs of a net: names, shapes, numbers.
fn answers(isa: Isa, table: &'static Table, model: &Model) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let net = Net::new(isa, table, model);
    let (images, [height, width]) = if table.has_dense() { (CROPS, [table.side; 2]) } else { (1, PICTURE) };
    let mut scratch = Scratch::default();
    // [image][channel][row][column]
    let input: Vec<f32> = (0..images * 3 * height * width).map(pixel).collect();
    let at = |image: usize, channel: usize, y: usize, x: usize| input[((image * 3 + channel) * height + y) * width + x];
    let (rows, columns, mut answers);
    if table.has_dense() {
        (rows, columns) = (1, 1);
        let last = |i: usize| at(i / (height * width * 3), i % 3, i / 3 / width % height, i / 3 % width);
        let channels_last: Vec<f32> = (0..input.len()).map(last).collect();
        answers = vec![0.0; images * net.outputs()];
        net.forward_crops(images, &channels_last, &mut scratch, &mut answers);
    } else {
        (rows, columns, _) = net.map(height, width).expect("a picture that is large enough");
        let planar = |i: usize| at(0, i / width % 3, i / width / 3, i % width);
        let planar: Vec<f32> = (0..input.len()).map(planar).collect();
        answers = vec![0.0; rows * columns * net.outputs()];
        net.forward_map(height, width, &planar, &mut scratch, &mut answers);
    }
    for answer in answers.chunks_exact_mut(net.outputs()) {
        softmax::forward(2, &mut answer[..2]);
    }
    let shape = |channels| match table.has_dense() {
        true => vec![images, channels],
        false => vec![images, channels, rows, columns],
    };
    let mut arrays = vec![(format!("{}.{}", table.name, super::INPUT), vec![images, 3, height, width], input)];
    let mut from = 0;
    for ((_, numbers), output) in [CLS, BOX, LANDMARKS].into_iter().zip(OUTPUTS) {
        if from == net.outputs() {
            break;
        }
        let places = rows * columns;
        let number = |i: usize| {
            let (image, channel, place) = (i / (numbers * places), i / places % numbers, i % places);
            answers[(image * places + place) * net.outputs() + from + channel]
        };
        let values = (0..images * numbers * places).map(number).collect();
        arrays.push((format!("{}.{output}", table.name), shape(numbers), values));
        from += numbers;
    }
    arrays
}

/// A pixel that has nothing to do with its neighbours: bytes from a multiplicative hash.
fn pixel(i: usize) -> f32 {
    let byte = (i as u32).wrapping_mul(0x9E37_79B1).rotate_left(8) as u8;
    (f32::from(byte) - 127.5) / 128.0
}
