//! Layers for training: forward passes that leave what the gradients need, and the gradients.
//!
//! A layer's parameters change at every step, so packing them again is cheap and allocates nothing. The
//! gradients of weights are added up in an order that suits the kernel, over as many calls as the caller
//! likes, and brought to the order of the weights once, at the end of a step.

mod conv;
mod dropout;
mod pool;
mod pooled_weights;
mod winograd;

pub use conv::Conv;
pub use dropout::dropout;
pub use pooled_weights::PooledGradient;
pub use winograd::Winograd;
