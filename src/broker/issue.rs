//! Access tokens on their way out: signed, or opaque with their claims kept here.

use std::collections::BTreeSet;

use super::{
    Broker, Client, Error,
    tokens::{Asker, TokenError},
};
use crate::{
    crypto::sha256_base64url,
    domain::{
        audit::Event,
        resource::AccessTokenFormat,
        words::{RoleId, UnixTime},
    },
    op::{AccessToken, Confirmation, TokenResponse},
    store::{self, Tx},
};

/// An access token, and what has to be stored for it to be one.
pub(super) struct Issued {
    pub token: String,
    pub stored: Option<Opaque>,
}

/// The claims of an opaque token.
#[derive(Clone)]
pub(super) struct Opaque {
    digest: String,
    claims: String,
    expires_at: UnixTime,
}

impl Opaque {
    /// # Errors
    /// [`store::Error`] when the database fails.
    pub fn write(&self, tx: &mut Tx<'_>) -> Result<(), store::Error> {
        store::access_tokens::create(tx, &self.digest, &self.claims, self.expires_at)
    }
}

impl Broker {
    /// The claims that every access token of this application has.
    pub(super) fn access_token(
        &self,
        asker: &Asker<'_>,
        resource: Option<String>,
        now: UnixTime,
    ) -> AccessToken {
        let client = asker.client;
        AccessToken {
            iss: self.issuer().to_owned(),
            sub: client.id.0.clone(),
            aud: resource.unwrap_or_else(|| self.issuer().to_owned()),
            exp: now.plus(client.resource.access_token_lifetime_seconds),
            iat: now,
            jti: String::new(),
            client_id: client.id.clone(),
            scope: String::new(),
            login_id: None,
            sid: None,
            auth_time: None,
            amr: Vec::new(),
            acr: None,
            roles: BTreeSet::<RoleId>::new(),
            organization: None,
            cnf: asker.jkt.clone().map(|jkt| Confirmation { jkt }),
            act: None,
        }
    }

    /// Makes the token that the application is registered for. An opaque one is good once it is stored.
    ///
    /// # Errors
    /// A failure on our side.
    pub(super) fn issue(
        &self,
        client: &Client,
        access: &AccessToken,
    ) -> Result<Issued, TokenError> {
        match client.resource.access_token_format {
            AccessTokenFormat::Jwt => {
                let keys = self.keys();
                let key = keys.signing(client.resource.access_token_signed_response_alg)?;
                let token = key.sign("at+jwt", access).map_err(Error::from)?;
                Ok(Issued { token, stored: None })
            }
            AccessTokenFormat::Opaque => {
                let token = self.random.token();
                let broken = |error: serde_json::Error| Error::Broken(error.to_string());
                let claims = serde_json::to_string(access).map_err(broken)?;
                let (digest, expires_at) = (sha256_base64url(&token), access.exp);
                Ok(Issued { token, stored: Some(Opaque { digest, claims, expires_at }) })
            }
        }
    }

    /// Issues a token that comes of no grant's redemption: what the request was made with is spent, the token
    /// stored if it has to be, and `event` recorded, in one commit.
    ///
    /// # Errors
    /// What was used before, as a refusal; or a failure on our side.
    pub(super) async fn issue_recorded(
        &self,
        asker: &Asker<'_>,
        access: AccessToken,
        event: Event,
    ) -> Result<TokenResponse, TokenError> {
        let Issued { token, stored } = self.issue(asker.client, &access)?;
        let unspent = asker.unspent.clone();
        self.store
            .write(move |tx| -> Result<(), TokenError> {
                unspent.spend(tx)?;
                if let Some(stored) = &stored {
                    stored.write(tx)?;
                }
                tx.audit(event.clone());
                Ok(())
            })
            .await?;
        Ok(respond(token, access))
    }
}

/// The answer that brings an access token, and nothing else yet (RFC 6749 §5.1).
pub(super) fn respond(token: String, access: AccessToken) -> TokenResponse {
    TokenResponse {
        access_token: token,
        token_type: access.token_type(),
        expires_in: access.exp.since(access.iat),
        scope: access.scope,
        issued_token_type: None,
        id_token: None,
        refresh_token: None,
        project: None,
        profile: None,
    }
}
