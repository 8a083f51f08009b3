//! Which application asks, and how it shows that: the one door for everything that authenticates one.

use std::sync::Arc;

use super::{Broker, Client, tokens::TokenError};
use crate::{
    crypto::JwkSet,
    domain::resource::SigningAlg,
    op::{
        self, AssertionFault, Credential, Once, Parameters, Proof, SignatureFault,
        SignedExpectations, SignedFault, TokenRefusal,
    },
    store::{self, Tx},
};

/// What a request was made with that counts once: spent in the commit of what the request does.
#[derive(Clone, Debug, Default)]
pub(super) struct Unspent(Vec<Once>);

impl Unspent {
    pub fn push(&mut self, once: Once) {
        self.0.push(once);
    }

    /// Takes what a proof uses up; answers the thumbprint of its key.
    pub fn take(&mut self, proof: Proof) -> String {
        self.push(proof.once);
        proof.jkt
    }

    /// Remembers all of it.
    ///
    /// # Errors
    /// What a second use is, as a refusal.
    pub fn spend(&self, tx: &mut Tx<'_>) -> Result<(), TokenError> {
        match self.remember(tx)? {
            None => Ok(()),
            Some(refusal) => Err(refusal.into()),
        }
    }

    /// Remembers all of it; answers what was used before.
    fn remember(&self, tx: &mut Tx<'_>) -> Result<Option<TokenRefusal>, store::Error> {
        let mut refusal = None;
        for once in &self.0 {
            if !store::replays::remember(tx, &once.digest, once.until)? {
                refusal = refusal.or_else(|| Some(once.again.clone()));
            }
        }
        Ok(refusal)
    }
}

/// An application that has shown who it is, if what it showed was not used before.
pub(super) struct Authenticated {
    pub client: Arc<Client>,
    pub unspent: Unspent,
}

impl Broker {
    /// The application that a request comes from, authenticated as it is registered.
    ///
    /// # Errors
    /// [`TokenRefusal`], or a failure on our side.
    pub(super) async fn authenticate_client(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
    ) -> Result<Arc<Client>, TokenError> {
        let found = self.recognise_client(authorization, parameters).await?;
        self.spend(found.unspent).await?;
        Ok(found.client)
    }

    /// The same for a use case that spends what was shown in a commit of its own.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub(super) async fn recognise_client(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
    ) -> Result<Authenticated, TokenRefusal> {
        let credentials = op::read_client(authorization, parameters)?;
        let configuration = self.configuration();
        let client = configuration.client(&credentials.client_id);
        let client = Arc::clone(client.ok_or(TokenRefusal::UnknownClient)?);
        let mut unspent = Unspent::default();
        match &credentials.credential {
            Credential::Assertion(assertion) if client.resource.signs_assertions() => {
                unspent.push(self.check_assertion(&client, assertion).await?);
            }
            presented => {
                op::check_client_secret(&client.resource, client.secret.as_deref(), presented)?;
            }
        }
        Ok(Authenticated { client, unspent })
    }

    /// Spends what no other commit does.
    ///
    /// # Errors
    /// As [`Unspent::spend`].
    pub(super) async fn spend(&self, unspent: Unspent) -> Result<(), TokenError> {
        if unspent.0.is_empty() {
            return Ok(());
        }
        self.store.write(move |tx| unspent.spend(tx)).await
    }

    /// Spends what came with a request that was refused, and whose commit was undone.
    pub(super) async fn spend_refused(&self, unspent: Unspent) -> Result<(), TokenError> {
        if unspent.0.is_empty() {
            return Ok(());
        }
        self.store.write(move |tx| unspent.remember(tx).map(drop)).await?;
        Ok(())
    }

    async fn check_assertion(
        &self,
        client: &Client,
        assertion: &str,
    ) -> Result<Once, AssertionFault> {
        let expected = self.expected_of(client, client.resource.token_endpoint_auth_signing_alg);
        self.judge_signed(client, |keys| op::check_assertion(assertion, keys, &expected)).await
    }

    /// Whom something has to be for that this application signs.
    pub(super) fn expected_of<'a>(
        &'a self,
        client: &'a Client,
        alg: Option<SigningAlg>,
    ) -> SignedExpectations<'a> {
        let (issuer, now) = (self.issuer(), self.clock.now());
        SignedExpectations { client: &client.id, alg, issuer, now }
    }

    /// Judges what an application signed with the keys at hand; when those do not do, once more with newer
    /// ones.
    ///
    /// # Errors
    /// What `judge` says; [`SignatureFault::NoKeys`] where there are none to judge by.
    pub(super) async fn judge_signed<T, F: SignedFault>(
        &self,
        client: &Client,
        judge: impl Fn(&JwkSet) -> Result<T, F>,
    ) -> Result<T, F> {
        let keys = self.keys_of(client).await?;
        match judge(&keys) {
            Err(fault) if fault.wants_newer_keys() => {
                match self.newer_keys_of(client, &keys).await {
                    Some(newer) => judge(&newer),
                    None => Err(fault),
                }
            }
            verdict => verdict,
        }
    }

    /// The public keys of an application: those it gave us, or those it publishes.
    ///
    /// # Errors
    /// [`SignatureFault::NoKeys`] when they cannot be fetched and never could.
    async fn keys_of(&self, client: &Client) -> Result<Arc<JwkSet>, SignatureFault> {
        let Some(url) = &client.resource.jwks_uri else { return Ok(Arc::clone(&client.keys)) };
        let found = self.upstreams.key_set(&self.outbound, url, self.clock.instant()).await;
        found.map_err(|_| SignatureFault::NoKeys)
    }

    /// Those that it publishes now, because `known` do not do; looked at once a minute.
    async fn newer_keys_of(&self, client: &Client, known: &Arc<JwkSet>) -> Option<Arc<JwkSet>> {
        let url = client.resource.jwks_uri.as_ref()?;
        self.upstreams.newer_key_set(&self.outbound, url, known, self.clock.instant()).await
    }
}
