//! What is wrong with a JPEG.

use std::fmt::Display;

use crate::error::Error;

pub(super) fn damaged(reason: impl Display) -> Error {
    Error::damaged(format_args!("a damaged JPEG: {reason}"))
}

pub(super) fn unsupported(kind: impl Display) -> Error {
    Error::unsupported(format_args!("a JPEG of an unsupported kind: {kind}"))
}
