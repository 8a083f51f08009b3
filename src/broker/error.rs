//! Failures on our side; what was asked is not to blame.

use crate::{crypto, store};

/// Our side failed; nothing was decided and the caller may try again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Cryptography(#[from] crypto::Failure),
    #[error(transparent)]
    Password(#[from] crypto::password::HashFailure),
    #[error("a sealed value cannot be opened: {0}")]
    Sealed(#[from] crypto::SealError),
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// Whether trying again soon makes sense.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Store(
                store::Error::Unavailable(_) | store::Error::Overloaded | store::Error::Unknown
            )
        )
    }
}
