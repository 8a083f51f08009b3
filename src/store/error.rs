//! What can go wrong below, in words that need no diesel.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// A failure of the database; never "not found", which is an `Option`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or opened, or its disk is full.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// More writes wait than we are willing to keep.
    #[error("the database is busy; try again")]
    Overloaded,
    /// The connection broke during a commit: it may or may not have happened.
    #[error("the outcome of a commit is unknown")]
    Unknown,
    /// Something of that name is there already.
    #[error("exists already")]
    Duplicate,
    /// A row that is not as we wrote it.
    #[error("a stored value is damaged: {0}")]
    Damaged(String),
}

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        match error {
            Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Duplicate,
            Diesel::DeserializationError(error) => Self::Damaged(error.to_string()),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}
