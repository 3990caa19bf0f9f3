//! Which part of a data set is meant, as it is typed.

use clap::builder::TypedValueParser;
use mtcnn_cpu::data::Split;

use crate::common::choice::one_of;

/// By name.
pub(crate) fn splits() -> impl TypedValueParser<Value = Split> {
    one_of(Split::ALL.iter().copied(), |split| match split {
        Split::Train => "To train with",
        Split::Val => "To validate with",
    })
}
