//! Arguments that are one of the values of a library's type, typed by its name.

use std::fmt::Display;
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// One of `all`; the help says what `about` says of each.
pub(crate) fn one_of<T>(
    all: impl IntoIterator<Item = T>,
    about: impl Fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + Display + FromStr<Err = mtcnn_cpu::Error> + Send + Sync + 'static,
{
    let value = |it: T| match about(it) {
        "" => PossibleValue::new(it.to_string()),
        about => PossibleValue::new(it.to_string()).help(about),
    };
    PossibleValuesParser::new(all.into_iter().map(value)).try_map(|name| name.parse())
}
