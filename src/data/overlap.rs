//! Boxes as the samples' rules see them: overlaps count both ends of a side, `x2 - x1 + 1`.

/// Intersection over union of two boxes.
pub(super) fn overlap(a: [f64; 4], b: [f64; 4]) -> f64 {
    let area = |[x1, y1, x2, y2]: [f64; 4]| (x2 - x1 + 1.0) * (y2 - y1 + 1.0);
    let width = (a[2].min(b[2]) - a[0].max(b[0]) + 1.0).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1]) + 1.0).max(0.0);
    let common = width * height;
    common / (area(a) + area(b) - common)
}

/// The largest overlap with any of the faces, and which it is; of equals the first. Without faces it
/// is 0.
pub(super) fn largest(crop: [f64; 4], faces: &[[f64; 4]]) -> (f64, Option<usize>) {
    let mut best = (0.0, None);
    for (i, &face) in faces.iter().enumerate() {
        let overlap = overlap(crop, face);
        if overlap > best.0 {
            best = (overlap, Some(i));
        }
    }
    best
}

/// The square about the centre of a box that has its longer side; both ends of a side count.
pub(super) fn squared([x1, y1, x2, y2]: [f64; 4]) -> [f64; 4] {
    let (width, height) = (x2 - x1 + 1.0, y2 - y1 + 1.0);
    let side = width.max(height);
    let (x, y) = (x1 + width * 0.5 - side * 0.5, y1 + height * 0.5 - side * 0.5);
    [x, y, x + side - 1.0, y + side - 1.0]
}

/// Where the corners of a face lie, as seen from the same corners of a crop, in parts of the crop's
/// `width` and `height`: what a net learns to say.
pub(super) fn offsets(face: [f64; 4], crop: [f64; 4], width: f64, height: f64) -> [f32; 4] {
    std::array::from_fn(|i| ((face[i] - crop[i]) / if i % 2 == 0 { width } else { height }) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_count_both_ends() {
        // 10x10 and 10x5 pixels.
        assert_eq!(overlap([0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 4.0]), 0.5);
        // Boxes that share one column of pixels.
        assert_eq!(overlap([0.0, 0.0, 9.0, 9.0], [9.0, 0.0, 18.0, 9.0]), 10.0 / 190.0);
        assert_eq!(overlap([0.0, 0.0, 9.0, 9.0], [10.0, 0.0, 18.0, 9.0]), 0.0);
    }

    #[test]
    fn the_first_of_equals_is_the_largest() {
        let face = [10.0, 10.0, 19.0, 19.0];
        assert_eq!(largest(face, &[[0.0, 0.0, 5.0, 5.0], face, face]), (1.0, Some(1)));
        assert_eq!(largest(face, &[[0.0, 0.0, 5.0, 5.0]]), (0.0, None));
        assert_eq!(largest(face, &[]), (0.0, None));
    }

    #[test]
    fn a_square_has_the_longer_side_and_the_same_centre() {
        assert_eq!(squared([10.0, 20.0, 29.0, 59.0]), [0.0, 20.0, 39.0, 59.0]);
        assert_eq!(squared([3.0, 3.0, 12.0, 12.0]), [3.0, 3.0, 12.0, 12.0]);
    }
}
