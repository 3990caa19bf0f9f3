//! Products of sizes that cannot wrap around: unsafe code relies on the checks that use them.

/// The product of sizes.
///
/// # Panics
/// If it is beyond `usize`.
pub(crate) fn product<const N: usize>(sizes: [usize; N]) -> usize {
    sizes.into_iter().try_fold(1_usize, |product, size| product.checked_mul(size)).expect("sizes that fit into memory")
}
