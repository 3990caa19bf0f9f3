//! The nets against the activations of the reference.
