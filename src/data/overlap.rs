//! How the samples' rules compare boxes.

use crate::geometry::PixelBox;

/// The largest overlap with any of the faces, and which it is; of equals the first. Without faces it
/// is 0.
pub(super) fn largest(crop: PixelBox, faces: &[PixelBox]) -> (f64, Option<usize>) {
    let mut best = (0.0, None);
    for (i, face) in faces.iter().enumerate() {
        let overlap = crop.overlap(face);
        if overlap > best.0 {
            best = (overlap, Some(i));
        }
    }
    best
}

/// Where the corners of a face lie, as seen from the same corners of a crop, in parts of the crop's
/// `width` and `height`: what a net learns to say.
pub(super) fn offsets(face: PixelBox, crop: PixelBox, width: f64, height: f64) -> [f32; 4] {
    std::array::from_fn(|i| ((face.0[i] - crop.0[i]) / if i % 2 == 0 { width } else { height }) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_the_largest() {
        let (face, other) = (PixelBox([10.0, 10.0, 19.0, 19.0]), PixelBox([0.0, 0.0, 5.0, 5.0]));
        assert_eq!(largest(face, &[other, face, face]), (1.0, Some(1)));
        assert_eq!(largest(face, &[other]), (0.0, None));
        assert_eq!(largest(face, &[]), (0.0, None));
    }
}
