//! The loss of a batch: three tasks, of which a sample's class chooses, and hard examples online.
//!
//! Whether there is a face is learned from negatives and positives, the box from positives and parts,
//! landmarks from landmark faces. Of the first only the hard examples count: a part of them, those with
//! the largest loss.

use mtcnn_kernels::loss::{cross_entropy, squares};
use serde::{Deserialize, Serialize};

use super::answer::{LOGITS, OFFSETS, POINTS};
use super::batch::Batch;
use crate::arch::Stage;
use crate::choice::choice;
use crate::data::Class;

choice! {
    /// Whose conventions a training follows, where they differ.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Convention {
        /// Hard examples in all three nets, the mean of their losses; half the sum of squares by sample; decay
        /// of weights only, and one learning rate.
        Own = "own",
        /// As lippman1125's mtcnn_caffe: hard examples in PNet only; slopes decay too, some of the biases as
        /// well, and biases learn twice as fast.
        MtcnnCaffe = "mtcnn-caffe",
        /// As AITTSMD's MTCNN-Tensorflow: the whole sum of squares by sample, 1e-10 added to probabilities;
        /// decay of the convolutions' weights only; the learning rate counts when velocity becomes movement.
        Aittsmd = "aittsmd",
    }
}

/// What the loss is made of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// How much each task counts: face or not, box, landmarks.
    pub weights: [f64; 3],
    /// The part of negatives and positives that counts; 1 for all.
    pub hard_ratio: f64,
    /// What is added to a probability before its logarithm is taken.
    pub epsilon: f64,
    /// What the mean sum of squares is multiplied with.
    pub squares: f64,
    /// From which score on a face counts as found in [`Terms::recalled`].
    pub threshold: f32,
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// The weighted sum of the three tasks.
    pub total: f64,
    /// Mean cross-entropy of the hard examples.
    pub cls: f64,
    /// Mean of the boxes' squares.
    pub boxes: f64,
    /// Mean of the landmarks' squares.
    pub landmarks: f64,
    /// Negatives and positives, and those of them that the net has on the right side.
    pub classified: usize,
    /// See [`Terms::classified`].
    pub right: usize,
    /// Positives, and those of them whose score reaches the threshold.
    pub positives: usize,
    /// See [`Terms::positives`].
    pub recalled: usize,
    /// Hard examples.
    pub hard: usize,
    /// Samples with a gradient.
    pub active: usize,
}

/// The gradients that a batch came to, and what it takes to find them; used again for the next one.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    /// For each sample that of its answer, one after the other.
    pub answers: Vec<f32>,
    /// Whether it is not 0.
    pub active: Vec<bool>,
    /// The classification's examples, with their losses; after [`Loss::of`] the hard ones come first, in
    /// the order of their losses, and of their places where these are equal.
    pub examples: Vec<(f64, usize)>,
}

impl Loss {
    /// The loss of a stage as someone has it. The threshold is that of detection.
    #[must_use]
    pub fn new(stage: Stage, convention: Convention) -> Self {
        let landmarks = if stage == Stage::ONet { 1.0 } else { 0.5 };
        let aittsmd = convention == Convention::Aittsmd;
        Self {
            weights: [1.0, 0.5, landmarks],
            hard_ratio: if convention == Convention::MtcnnCaffe && stage != Stage::PNet { 1.0 } else { 0.7 },
            epsilon: if aittsmd { 1e-10 } else { 0.0 },
            squares: if aittsmd { 1.0 } else { 0.5 },
            threshold: if stage == Stage::PNet { 0.6 } else { 0.7 },
        }
    }

    /// The loss of a net's answers to a batch, and its gradients.
    ///
    /// # Panics
    /// If there is not an answer for each sample, with as many points as the batch has for it.
    pub fn of(&self, batch: &Batch<'_>, answers: &[f32], gradients: &mut Gradients) -> Terms {
        let samples = batch.classes.len();
        let points = batch.points.len() / samples.max(1);
        let each = POINTS.start + points;
        let fits = answers.len() == samples * each && batch.points.len() == samples * points;
        assert!(fits, "an answer for each sample");
        gradients.answers.clear();
        gradients.answers.resize(answers.len(), 0.0);
        gradients.active.clear();
        gradients.active.resize(samples, false);
        gradients.examples.clear();

        let has_box = |i: usize| batch.boxed[i] && matches!(batch.classes[i], Class::Positive | Class::Part);
        let boxes = (0..samples).filter(|&i| has_box(i)).count() as f64;
        let landmarks = batch.classes.iter().filter(|&&class| class == Class::Landmark).count() as f64;
        let mut terms = Terms::default();
        for (i, class) in batch.classes.iter().enumerate() {
            let (answer, gradient) = (&answers[i * each..][..each], &mut gradients.answers[i * each..][..each]);
            if let Class::Negative | Class::Positive = class {
                let own = usize::from(*class == Class::Positive);
                let logits = [answer[0], answer[1]];
                gradients.examples.push((cross_entropy(logits, own, self.epsilon).0, i));
                terms.classified += 1;
                terms.right += usize::from(logits[own] > logits[1 - own]);
                terms.positives += own;
                // p >= t is z1 - z0 >= ln(t / (1 - t)).
                let margin = (self.threshold / (1.0 - self.threshold)).ln();
                terms.recalled += usize::from(own == 1 && logits[1] - logits[0] >= margin);
            }
            if has_box(i) {
                let (answer, gradient) = (&answer[OFFSETS], &mut gradient[OFFSETS]);
                terms.boxes += self.squares / boxes * squares(answer, &batch.offsets[i], gradient);
                scale(gradient, self.weights[1] * self.squares / boxes);
                gradients.active[i] = true;
            }
            if let Class::Landmark = class {
                let (answer, gradient) = (&answer[POINTS], &mut gradient[POINTS]);
                terms.landmarks +=
                    self.squares / landmarks * squares(answer, &batch.points[i * points..][..points], gradient);
                scale(gradient, self.weights[2] * self.squares / landmarks);
                gradients.active[i] = true;
            }
        }

        terms.hard = hard(gradients.examples.len(), self.hard_ratio);
        gradients.examples.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for &(loss, i) in &gradients.examples[..terms.hard] {
            terms.cls += loss / terms.hard as f64;
            let own = usize::from(batch.classes[i] == Class::Positive);
            let (answer, to) = (&answers[i * each..], &mut gradients.answers[i * each..][LOGITS]);
            let (_, gradient) = cross_entropy([answer[0], answer[1]], own, self.epsilon);
            to.copy_from_slice(&gradient);
            scale(to, self.weights[0] / terms.hard as f64);
            gradients.active[i] = true;
        }
        terms.total = self.weights[0] * terms.cls + self.weights[1] * terms.boxes + self.weights[2] * terms.landmarks;
        terms.active = gradients.active.iter().filter(|&&active| active).count();
        terms
    }
}

/// How many of the examples are hard: at least one, if there is any.
fn hard(examples: usize, ratio: f64) -> usize {
    ((ratio * examples as f64) as usize).clamp(examples.min(1), examples)
}

fn scale(gradient: &mut [f32], factor: f64) {
    for number in gradient {
        *number = (f64::from(*number) * factor) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Batch<'_> = Batch { crops: &[], classes: &[], offsets: &[], boxed: &[true; 10], points: &[] };

    /// A face that must not teach a box counts as a face all the same.
    #[test]
    fn boxes_that_are_not_to_be_learned_have_no_gradient() {
        let batch = Batch {
            classes: &[Class::Positive, Class::Positive, Class::Part],
            offsets: &[[0.5; 4], [0.25; 4], [0.5; 4]],
            boxed: &[false, true, false],
            points: &[0.0; 30],
            ..EMPTY
        };
        let (loss, mut gradients) = (Loss::new(Stage::ONet, Convention::MtcnnCaffe), Gradients::default());
        let terms = loss.of(&batch, &[0.0; 48], &mut gradients);
        // Half of four squares of a quarter, of the one box.
        assert_eq!((terms.boxes, terms.classified), (0.125, 2));
        assert_eq!(gradients.active, [true, true, false]);
        let boxes = |i: usize| &gradients.answers[i * 16..][OFFSETS];
        assert_eq!((boxes(0), boxes(2)), (&[0.0; 4][..], &[0.0; 4][..]));
        assert!(boxes(1).iter().all(|&gradient| gradient < 0.0) && gradients.answers[1] < 0.0);
    }

    #[test]
    fn a_part_of_the_examples_is_hard() {
        assert_eq!([0, 1, 2, 3, 10, 32, 256].map(|n| hard(n, 0.7)), [0, 1, 1, 2, 7, 22, 179]);
        assert_eq!([0, 1, 10].map(|n| hard(n, 1.0)), [0, 1, 10]);
        assert_eq!([0, 1, 10].map(|n| hard(n, 0.0)), [0, 1, 1]);
    }

    #[test]
    fn the_first_of_equal_examples_count() {
        let batch = Batch { classes: &[Class::Negative; 10], offsets: &[[0.0; 4]; 10], points: &[0.0; 100], ..EMPTY };
        let mut gradients = Gradients::default();
        let terms = Loss::new(Stage::PNet, Convention::Own).of(&batch, &[0.0; 160], &mut gradients);
        assert_eq!(gradients.active, [true, true, true, true, true, true, true, false, false, false]);
        assert_eq!((terms.hard, terms.active, terms.classified, terms.positives), (7, 7, 10, 0));
        assert!((terms.cls - 2.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn conventions_differ() {
        let own = Loss::new(Stage::RNet, Convention::Own);
        assert_eq!(Loss::new(Stage::RNet, Convention::MtcnnCaffe), Loss { hard_ratio: 1.0, ..own });
        assert_eq!(Loss::new(Stage::PNet, Convention::MtcnnCaffe), Loss::new(Stage::PNet, Convention::Own));
        assert_eq!(Loss::new(Stage::RNet, Convention::Aittsmd), Loss { epsilon: 1e-10, squares: 1.0, ..own });
        assert_eq!(Loss::new(Stage::ONet, Convention::Own).weights, [1.0, 0.5, 1.0]);
    }

    /// A batch without any sample of a task has no loss in it, and not NaN.
    #[test]
    fn an_empty_batch_has_no_loss() {
        let terms = Loss::new(Stage::ONet, Convention::Own).of(&EMPTY, &[], &mut Gradients::default());
        assert_eq!(terms, Terms::default());
    }

    #[test]
    fn recall_is_counted_at_the_threshold() {
        let loss = Loss { threshold: 0.5, ..Loss::new(Stage::PNet, Convention::Own) };
        let answers = [0.1, -0.1, 3.0].map(|z| std::array::from_fn::<f32, 16, _>(|i| if i == 1 { z } else { 0.0 }));
        let batch = Batch {
            classes: &[Class::Positive, Class::Positive, Class::Negative],
            offsets: &[[0.0; 4]; 3],
            points: &[0.0; 30],
            ..EMPTY
        };
        let terms = loss.of(&batch, answers.as_flattened(), &mut Gradients::default());
        assert_eq!((terms.classified, terms.right, terms.positives, terms.recalled), (3, 1, 2, 1));
    }
}
