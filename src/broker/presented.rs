//! Access tokens as they come in: the one door for everything that a token opens.

use std::sync::Arc;

use super::{
    Broker, Error,
    access::{AccessError, Verified},
    tokens::TokenError,
};
use crate::{
    op::{self, Once, Presented, Proof, ProofExpectations, ProofFault, TokenRefusal},
    store,
};

impl Broker {
    /// Verifies an access token, everything that it lives by, that it is for us (RFC 9068 §4), and that it
    /// comes from whom it is for: a token that is bound to a key needs a fresh proof of it.
    ///
    /// # Errors
    /// [`AccessError`].
    pub(super) async fn verify_presented(
        &self,
        presented: Option<&Presented<'_>>,
    ) -> Result<Arc<Verified>, AccessError> {
        let presented = presented.ok_or(AccessError::Missing)?;
        let verified = self.verify_access_token(presented.token).await?;
        if verified.access.aud != self.issuer() {
            return Err(AccessError::Audience);
        }
        let now = self.clock.now();
        let once = op::check_binding(&verified.access, presented, self.issuer(), now)?;
        if let Some(once) = once {
            self.use_up(once).await?;
        }
        Ok(verified)
    }

    async fn use_up(&self, once: Once) -> Result<(), AccessError> {
        let remember = move |tx: &mut store::Tx<'_>| -> Result<bool, Error> {
            Ok(store::replays::remember(tx, &once.digest, once.until)?)
        };
        let first = self.store.write(remember).await?;
        if first { Ok(()) } else { Err(ProofFault::Replayed.into()) }
    }

    /// The proof that came with a request to one of our endpoints, if one did. Nothing is used up yet.
    ///
    /// # Errors
    /// [`ProofFault`] as a refusal.
    pub(super) fn read_proof(
        &self,
        proof: Option<&str>,
        path: &str,
    ) -> Result<Option<Proof>, TokenError> {
        let Some(proof) = proof else { return Ok(None) };
        let url = format!("{}{path}", self.issuer());
        let now = self.clock.now();
        let expected = ProofExpectations { method: "POST", url: &url, access_token: None, now };
        let proof = op::check_proof(proof, &expected).map_err(TokenRefusal::from)?;
        Ok(Some(proof))
    }
}
