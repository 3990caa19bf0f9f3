//! What can go wrong in the library: a kind to act on, the file it concerns, and the reason in words.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::{fmt, io, iter};

use crate::quote::printable;

/// Why a call failed.
///
/// [`Error::kind`] is for the program that must decide what to do; the message is made to be shown to a user. `{}` prints
/// the file and the reason, `{:#}` also what caused it, which [`StdError::source`] returns. What a terminal obeys or hides in
/// them, such as a file's name, is escaped; [`Error::path`] is the name as it is.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    path: Option<PathBuf>,
    reason: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such file or folder.
    NotFound,
    /// A file is there but can't be read.
    Unreadable,
    /// A file or folder can't be written.
    Unwritable,
    /// A file of a format, or of a variant of one, that is not supported.
    UnsupportedFormat,
    /// A file is incomplete, or not what its format demands.
    Damaged,
    /// An image or a file is larger than the limits allow.
    TooLarge,
    /// An option is out of its range, or options contradict each other.
    Option,
    /// An image's bytes do not fit its width, height, stride and pixel format.
    View,
    /// A model file can't be used.
    Weights,
    /// A data set, a list that one is made from, or images from which something is to be concluded can't be used.
    Data,
    /// A training can't begin or go on.
    Train,
    /// The caller asked to stop.
    Cancelled,
}

/// What the library's functions return.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The file or folder that it concerns, if it concerns one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The same error, of this file.
    pub(crate) fn at(self, path: impl Into<PathBuf>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    fn new(kind: ErrorKind, reason: impl fmt::Display) -> Self {
        Self { kind, path: None, reason: reason.to_string(), source: None }
    }

    /// A file that can't be read.
    pub(crate) fn read(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let (kind, reason) = match source.kind() {
            io::ErrorKind::NotFound => (ErrorKind::NotFound, "not found"),
            _ => (ErrorKind::Unreadable, "can't be read"),
        };
        Self { source: Some(source.into()), ..Self::new(kind, reason).at(path) }
    }

    /// A file or folder that can't be written.
    #[cfg(feature = "train")]
    pub(crate) fn write(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { source: Some(source.into()), ..Self::new(ErrorKind::Unwritable, "can't be written").at(path) }
    }

    /// See [`ErrorKind::Option`].
    pub(crate) fn option(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Option, reason)
    }

    /// See [`ErrorKind::TooLarge`].
    pub(crate) fn too_large(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::TooLarge, reason)
    }

    /// See [`ErrorKind::View`].
    pub(crate) fn view(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::View, reason)
    }

    /// See [`ErrorKind::Weights`].
    pub(crate) fn weights(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Weights, reason)
    }
}

#[cfg(feature = "image")]
impl Error {
    /// See [`ErrorKind::UnsupportedFormat`].
    pub(crate) fn unsupported(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::UnsupportedFormat, reason)
    }

    /// See [`ErrorKind::Damaged`].
    pub(crate) fn damaged(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Damaged, reason)
    }
}

#[cfg(any(feature = "convert", feature = "train"))]
impl Error {
    /// See [`ErrorKind::Data`].
    pub(crate) fn data(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Data, reason)
    }
}

#[cfg(feature = "train")]
impl Error {
    /// See [`ErrorKind::Train`].
    pub(crate) fn train(reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Train, reason)
    }

    /// See [`ErrorKind::Cancelled`].
    pub(crate) fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "stopped before it was complete")
    }

    /// [`Error::cancelled`] where a caller who was told of progress says no.
    pub(crate) fn if_cancelled(flow: std::ops::ControlFlow<()>) -> Result<()> {
        if flow.is_break() { Err(Self::cancelled()) } else { Ok(()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_ref().map(|path| path.display().to_string());
        let causes = iter::successors(self.source().filter(|_| f.alternate()), |&error| error.source());
        let parts: Vec<_> =
            path.into_iter().chain([self.reason.clone()]).chain(causes.map(ToString::to_string)).collect();
        write!(f, "{}", printable(&parts.join(": ")))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_printed_once_and_only_where_it_is_asked_for() {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        let error = Error::read("a.jpg", missing());
        assert_eq!((error.kind(), error.path()), (ErrorKind::NotFound, Some(Path::new("a.jpg"))));
        assert_eq!(error.to_string(), "a.jpg: not found");
        assert_eq!(format!("{error:#}"), "a.jpg: not found: no such file");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no such file"));
        assert_eq!(Error::write("b", missing()).kind(), ErrorKind::Unwritable);
        assert_eq!(format!("{:#}", Error::option("the factor is 2").at("c.toml")), "c.toml: the factor is 2");
    }

    #[test]
    fn no_foreign_byte_that_a_terminal_obeys_is_printed() {
        let named = "a\u{1b}[2J\n.jpg";
        let cause = io::Error::other("of\u{7} others");
        let error = Error::read(named, cause);
        assert_eq!(format!("{error:#}"), "a\\u{1b}[2J\\n.jpg: can't be read: of\\u{7} others");
        assert_eq!(error.path(), Some(Path::new(named)));
    }
}
