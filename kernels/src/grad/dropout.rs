//! Dropout.

/// Drops values: those whose factor is 0. The others' factor is 1 divided by the part that is kept, so that
/// their mean stays. The gradient goes the same way.
///
/// # Panics
/// If there is not a factor for each value.
pub fn dropout(factors: &[f32], values: &mut [f32]) {
    assert_eq!(factors.len(), values.len(), "a factor for each value");
    for (value, factor) in values.iter_mut().zip(factors) {
        *value *= factor;
    }
}
