//! Softmax over the classes.

/// Turns each row of `classes` logits into probabilities, in place. The row's largest is subtracted
/// first, so that nothing overflows; NaN spreads over its row.
///
/// # Panics
/// If `logits` is not whole rows.
pub fn forward(classes: usize, logits: &mut [f32]) {
    assert!(classes > 0 && logits.len().is_multiple_of(classes), "logits [rows][classes]");
    for row in logits.chunks_exact_mut(classes) {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for logit in row.iter_mut() {
            *logit = (*logit - most).exp();
            sum += *logit;
        }
        for logit in row {
            *logit /= sum;
        }
    }
}

/// The probability of the second of two classes.
#[must_use]
pub fn second_of_two(logits: [f32; 2]) -> f32 {
    let mut row = logits;
    forward(2, &mut row);
    row[1]
}
