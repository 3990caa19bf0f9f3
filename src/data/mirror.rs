//! Mirroring a sample, left for right: its pixels, and whatever is to be learned from it.
//!
//! The reference implementations mirror the pixels of a positive and leave its box as it was.

/// Mirrors a square of RGB pixels.
///
/// # Panics
/// If `pixels` are not `side x side x 3`, or `mirrored` has not as many.
pub fn mirror_pixels(pixels: &[u8], side: usize, mirrored: &mut [u8]) {
    assert!(pixels.len() == side * side * 3 && mirrored.len() == pixels.len(), "pixels [side][side][3]");
    let row_len = side.max(1) * 3;
    for (from, to) in pixels.chunks_exact(row_len).zip(mirrored.chunks_exact_mut(row_len)) {
        let (from, to) = (from.as_chunks::<3>().0, to.as_chunks_mut::<3>().0);
        for (from, to) in from.iter().rev().zip(to) {
            *to = *from;
        }
    }
}

/// Mirrors the offsets of a box, x1 y1 x2 y2: the right edge becomes the left one.
pub fn mirror_offsets(offsets: &mut [f32; 4]) {
    let [x1, y1, x2, y2] = *offsets;
    *offsets = [-x2, y1, -x1, y2];
}

/// Mirrors points in parts of a crop, x1 y1 x2 y2 …: those of each pair change their places, such as the left eye and the
/// right one ([`crate::PointNames::mirror_pairs`]).
///
/// # Panics
/// If a pair is of a point that is not there.
pub fn mirror_points(points: &mut [f32], pairs: &[[usize; 2]]) {
    for x in points.iter_mut().step_by(2) {
        *x = 1.0 - *x;
    }
    let (points, _) = points.as_chunks_mut::<2>();
    pairs.iter().for_each(|&[left, right]| points.swap(left, right));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirroring_twice_changes_nothing() {
        let pixels: Vec<u8> = (0..75).collect();
        let (mut mirrored, mut again) = ([0; 75], [0; 75]);
        mirror_pixels(&pixels, 5, &mut mirrored);
        assert_eq!(mirrored[..6], [12, 13, 14, 9, 10, 11]);
        mirror_pixels(&mirrored, 5, &mut again);
        assert_eq!(again[..], pixels);

        let offsets = [0.1, -0.2, 0.3, 0.4];
        let mut mirrored = offsets;
        mirror_offsets(&mut mirrored);
        assert_eq!(mirrored, [-0.3, -0.2, -0.1, 0.4]);
        mirror_offsets(&mut mirrored);
        assert_eq!(mirrored, offsets);

        // Parts of two, so that 1 - x is exact.
        let points = [0.25, 0.3, 0.75, 0.35, 0.5, 0.5, 0.3125, 0.8, 0.6875, 0.75];
        let mut mirrored = points;
        mirror_points(&mut mirrored, &[[0, 1], [3, 4]]);
        assert_eq!(mirrored, [0.25, 0.35, 0.75, 0.3, 0.5, 0.5, 0.3125, 0.75, 0.6875, 0.8]);
        mirror_points(&mut mirrored, &[[0, 1], [3, 4]]);
        assert_eq!(mirrored, points);
    }

    #[test]
    fn a_mirrored_box_is_the_box_of_the_mirrored_face() {
        // A crop of 100 pixels at 0, a face from 10 to 70: mirrored from 30 to 90.
        let mut offsets = [0.1, 0.0, -0.3, 0.0];
        mirror_offsets(&mut offsets);
        assert_eq!(offsets, [0.3, 0.0, -0.1, 0.0]);
    }
}
