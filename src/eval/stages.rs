//! What each stage of the cascade lets pass, by the size of the faces: where faces are lost, and at what price in boxes.

use serde::Serialize;

use super::wider::{Evaluation, ImageResult};

/// Overlaps (intersection over union) from which a box counts as one of a face: that of the evaluations, and that from
/// which a sample teaches a net what a face is.
pub const OVERLAPS: [f64; 2] = [0.5, 0.65];

/// Where classes of sizes begin, in pixels: each has faces twice as large as the one before.
const SIZES: [f64; 7] = [0.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0];

/// Faces of a size, and what became of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SizeClass {
    /// The least shorter side in pixels.
    pub from: f64,
    /// The shorter side in pixels from which the next class begins; none of the largest faces, and of all.
    pub to: Option<f64>,
    /// Faces to be found.
    pub faces: usize,
    /// After PNet.
    pub pnet: StagePass,
    /// After RNet.
    pub rnet: StagePass,
    /// After ONet: the result.
    pub onet: StagePass,
}

/// What a stage lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StagePass {
    /// Boxes of such a size in an image, in the mean.
    pub boxes: f64,
    /// The part of the faces that a box overlaps by each of [`OVERLAPS`]; none if there are no faces.
    pub recall: [Option<f64>; 2],
}

/// All faces, then classes by their shorter side, but for those that have none. `min_face` is what the evaluation was
/// made with: smaller boxes count among all only.
pub fn size_classes(evaluation: &Evaluation, min_face: f64) -> Vec<SizeClass> {
    let images = &evaluation.images;
    let starts: Vec<_> = [min_face].into_iter().chain(SIZES.into_iter().filter(|&start| start > min_face)).collect();
    let ends = starts[1..].iter().copied().map(Some).chain([None]);
    let classes = starts.iter().zip(ends).map(|(&from, to)| size_class(images, from, to, from));
    let all = size_class(images, min_face, None, f64::NEG_INFINITY);
    [all].into_iter().chain(classes.filter(|class| class.faces > 0)).collect()
}

/// Boxes count from `boxes_from` on.
fn size_class(images: &[ImageResult], from: f64, to: Option<f64>, boxes_from: f64) -> SizeClass {
    let below = |size: f64| to.is_none_or(|to| size < to);
    let faces: Vec<_> = images.iter().flat_map(|image| &image.faces).collect();
    let faces: Vec<_> = faces.into_iter().filter(|face| face.size >= from && below(face.size)).collect();
    let pass = |stage: usize| {
        let boxes = images.iter().flat_map(|image| &image.boxes[stage]).map(|&side| f64::from(side));
        let boxes = boxes.filter(|&side| side >= boxes_from && below(side)).count();
        let found = |overlap: f64| faces.iter().filter(|face| face.overlaps[stage] >= overlap).count();
        let recall = |overlap| (!faces.is_empty()).then(|| found(overlap) as f64 / faces.len() as f64);
        StagePass { boxes: boxes as f64 / images.len().max(1) as f64, recall: OVERLAPS.map(recall) }
    };
    SizeClass { from, to, faces: faces.len(), pnet: pass(0), rnet: pass(1), onet: pass(2) }
}

#[cfg(test)]
mod tests {
    use super::super::wider::FaceResult;
    use super::*;

    #[test]
    fn faces_and_boxes_are_counted_by_their_sizes() {
        let face = |size, overlaps| FaceResult { size, overlaps };
        let image = |faces, boxes| ImageResult { name: "a/b.jpg".into(), faces, boxes, scores: Vec::new() };
        let images = vec![
            image(
                vec![face(20.0, [0.5, 0.49, 0.0]), face(39.9, [0.7, 0.65, 0.64]), face(90.0, [0.9, 0.9, 0.9])],
                [vec![10.0, 20.0, 39.0, 40.0, 90.0], vec![30.0, 90.0], vec![90.0]],
            ),
            image(vec![], [vec![100.0], vec![], vec![]]),
        ];
        let evaluation = Evaluation { images, skipped: Vec::new() };
        let classes = size_classes(&evaluation, 20.0);
        let found: Vec<_> = classes.iter().map(|class| (class.from, class.to, class.faces)).collect();
        assert_eq!(found, [(20.0, None, 3), (20.0, Some(40.0), 2), (80.0, Some(160.0), 1)]);
        let third = Some(1.0 / 3.0);
        let pass = |boxes, recall| StagePass { boxes, recall };
        assert_eq!(classes[0].pnet, pass(3.0, [Some(1.0), Some(2.0 / 3.0)]));
        assert_eq!(classes[0].onet, pass(0.5, [Some(2.0 / 3.0), third]));
        assert_eq!(classes[1].rnet, pass(0.5, [Some(0.5), Some(0.5)]));
        assert_eq!(classes[1].onet, pass(0.0, [Some(0.5), Some(0.0)]));
        assert_eq!(classes[2].pnet, pass(1.0, [Some(1.0), Some(1.0)]));

        // Faces of 25 pixels and more: the first class begins there.
        let classes = size_classes(&evaluation, 25.0);
        assert_eq!((classes[1].from, classes[1].to), (25.0, Some(40.0)));
        let nothing = size_classes(&Evaluation { images: vec![], skipped: vec![] }, 20.0);
        assert_eq!((nothing.len(), nothing[0].pnet), (1, pass(0.0, [None, None])));
    }
}
