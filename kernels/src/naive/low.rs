//! Plain twins of the kernels in low precision: here not f64, but the same integers and the same f32, to the bit.

use crate::low::{ByteConv, Finish};
use crate::{MaxPool, Shape};

/// The sums of a convolution of an image of bytes, `[row][column][channel]`, and the shape of the output: rows, columns.
#[must_use]
pub fn sums(conv: &ByteConv, [height, width]: [usize; 2], input: &[u8]) -> (Vec<i32>, [usize; 2]) {
    let ByteConv { size, inputs, weights, bias, .. } = conv;
    let (rows, columns) = (height + 1 - size, width + 1 - size);
    let mut output = Vec::new();
    for y in 0..rows {
        for x in 0..columns {
            for (o, &bias) in bias.iter().enumerate() {
                let mut sum = bias;
                for i in 0..*inputs {
                    for ky in 0..*size {
                        for kx in 0..*size {
                            let byte = input[((y + ky) * width + x + kx) * inputs + i];
                            let weight = weights[((o * inputs + i) * size + ky) * size + kx];
                            sum += i32::from(byte) * i32::from(weight);
                        }
                    }
                }
                output.push(sum);
            }
        }
    }
    (output, [rows, columns])
}

/// A value as a byte.
fn byte(value: f32) -> u8 {
    value.round_ties_even().clamp(0.0, 255.0) as u8
}

/// Sums as bytes, by what becomes of each channel.
fn finish(conv: &ByteConv, sums: &[i32]) -> Vec<u8> {
    let channels = conv.finish.iter().cycle();
    sums.iter().zip(channels).map(|(&sum, finish)| byte(finish.apply(sum))).collect()
}

/// A max-pool of sums with windows of `size x size` every `stride` pixels, cut off at the border, as bytes: of the most and
/// the least sum, the one that becomes more.
fn pool(
    conv: &ByteConv,
    [height, width]: [usize; 2],
    sums: &[i32],
    (size, stride): (usize, usize),
) -> (Vec<u8>, [usize; 2]) {
    let channels = conv.bias.len();
    let pooled = |length: usize| (length - size.min(length)).div_ceil(stride) + 1;
    let shape @ [rows, columns] = [height, width].map(pooled);
    let mut output = Vec::new();
    for y in 0..rows {
        for x in 0..columns {
            for c in 0..channels {
                let rows = y * stride..height.min(y * stride + size);
                let seen = rows.flat_map(|y| {
                    let columns = x * stride..width.min(x * stride + size);
                    columns.map(move |x| sums[(y * width + x) * channels + c])
                });
                let (least, most) =
                    seen.fold((i32::MAX, i32::MIN), |(least, most), sum| (least.min(sum), most.max(sum)));
                output.push(byte(conv.finish[c].apply(most).max(conv.finish[c].apply(least))));
            }
        }
    }
    (output, shape)
}

/// [`crate::low::Crops`]: the score of one crop from its pixels, `[row][column][channel]`.
#[must_use]
pub fn crop(layers: &[(ByteConv, Option<MaxPool>)], base: f32, side: usize, pixels: &[f32]) -> f32 {
    let mut bytes: Vec<u8> = pixels.iter().map(|value| byte(value.mul_add(128.0, 127.5))).collect();
    let mut shape = [side; 2];
    let ((dense, _), convs) = layers.split_last().expect("a net has layers");
    for (conv, pool) in convs {
        let made;
        (made, shape) = sums(conv, shape, &bytes);
        bytes = finish(conv, &made);
        if let Some(pool) = pool {
            let input = Shape::image(shape[0], shape[1], conv.bias.len());
            let wide: Vec<f64> = bytes.iter().copied().map(f64::from).collect();
            let output = pool.output(input).expect("a map larger than the window");
            shape = [output.height, output.width];
            let pooled = super::max_pool(input, *pool, &wide);
            bytes = pooled.into_iter().map(|value| value as u8).collect();
        }
    }
    score(dense, base, &sums(dense, shape, &bytes).0)
}

/// `base` and what each channel's sum becomes, in their order.
fn score(conv: &ByteConv, base: f32, sums: &[i32]) -> f32 {
    let channels = sums.iter().zip(&conv.finish);
    channels.fold(base, |total, (&sum, finish)| Finish { offset: total, ..*finish }.apply(sum))
}

/// [`crate::low::Cells`]: the scores of an image's cells from its pixels, `[row][channel][column]`.
#[must_use]
pub fn cells(convs: [&ByteConv; 3], base: f32, shape: [usize; 2], pixels: &[f32]) -> Vec<f32> {
    let [first, second, third] = convs;
    let width = shape[1];
    let interleaved = (0..pixels.len()).map(|i| pixels[(i / (3 * width) * 3 + i % 3) * width + i / 3 % width]);
    let bytes: Vec<u8> = interleaved.map(|value| byte(value.mul_add(128.0, 127.5))).collect();
    let (made, shape) = sums(first, shape, &bytes);
    let (bytes, shape) = pool(first, shape, &made, (2, 2));
    let (made, shape) = sums(second, shape, &bytes);
    let (made, _) = sums(third, shape, &finish(second, &made));
    made.chunks_exact(third.bias.len()).map(|sums| score(third, base, sums)).collect()
}
