//! Losses of one sample, and their gradients. They are few values among millions: plain code, and f64
//! where logarithms meet.

/// Softmax with cross-entropy of two classes: the loss `-ln(p + epsilon)`, with `p` the probability of the
/// class that the sample has, and its gradient with respect to the two logits. NaN stays NaN.
///
/// # Panics
/// If `class` is not 0 or 1.
#[must_use]
pub fn cross_entropy(logits: [f32; 2], class: usize, epsilon: f64) -> (f64, [f32; 2]) {
    let [other, own] = [logits[1 - class], logits[class]].map(f64::from);
    // Only the difference counts: p = 1 / (1 + e^d), and 1 - p exactly, also where it is small.
    let d = other - own;
    let (p, rest) = (1.0 / (1.0 + d.exp()), 1.0 / (1.0 + (-d).exp()));
    let loss = if epsilon > 0.0 { -(p + epsilon).ln() } else { d.max(0.0) + (-d.abs()).exp().ln_1p() };
    let slope = (if epsilon > 0.0 { p / (p + epsilon) } else { 1.0 } * rest) as f32;
    let mut gradient = [slope; 2];
    gradient[class] = -slope;
    // `max` lets a NaN vanish.
    (if d.is_nan() { d } else { loss }, gradient)
}

/// The sum of squared differences, and its gradient.
///
/// # Panics
/// If the slices are not of one length.
pub fn squares(output: &[f32], target: &[f32], gradient: &mut [f32]) -> f64 {
    assert!(output.len() == target.len() && output.len() == gradient.len(), "a target for each output");
    let mut sum = 0.0;
    for ((x, t), gradient) in output.iter().zip(target).zip(gradient) {
        let difference = f64::from(*x) - f64::from(*t);
        sum += difference * difference;
        *gradient = (2.0 * difference) as f32;
    }
    sum
}
