//! Everything that can go wrong in the library, each with its reason.

/// Why a call failed. The message is made to be shown to a user as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option of [`crate::DetectorBuilder`] is out of its range.
    #[error("{0}")]
    Option(String),
    /// A picture's bytes do not fit its width, height, stride and pixel format.
    #[error("{0}")]
    View(String),
    /// A model file can't be used.
    #[error("{0}")]
    Weights(String),
    /// A file can't be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A data set, or a list that one is made of, can't be used.
    #[cfg(feature = "train")]
    #[error("{0}")]
    Data(String),
    /// A training can't begin or go on.
    #[cfg(feature = "train")]
    #[error("{0}")]
    Train(String),
    /// A picture can't be decoded.
    #[cfg(feature = "image")]
    #[error("{0}")]
    Decode(String),
}

/// What the library's functions return.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;
