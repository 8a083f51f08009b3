//! Pushed authorization requests (RFC 9126): checked when the application sends them, and again when a
//! browser comes with the `request_uri`, since configuration may have changed in between.

use super::Unanswerable;
use crate::{
    broker::{Broker, Caller, Error, tokens::TokenError},
    crypto::sha256_base64url,
    domain::words::ClientId,
    op::{self, AuthorizeRefusal, Parameters, TokenRefusal, Unredirectable},
    store::{self, pushed_requests::PushedRequest},
};

/// Seconds that a `request_uri` is good for.
const LIFETIME: i64 = 90;

/// What the application gets for its request (RFC 9126 §2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    pub request_uri: String,
    /// Seconds.
    pub expires_in: i64,
}

/// Why a request is not taken (RFC 9126 §2.3).
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error(transparent)]
    Client(#[from] TokenRefusal),
    #[error(transparent)]
    Unredirectable(#[from] Unredirectable),
    #[error(transparent)]
    Request(#[from] AuthorizeRefusal),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<TokenError> for PushError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(refusal) => Self::Client(refusal),
            TokenError::Failed(error) => Self::Failed(error),
        }
    }
}

/// The parameters that count, and the digest of the `request_uri` that they were pushed under.
pub(super) struct Unpacked {
    pub parameters: Parameters,
    pub pushed: Option<String>,
}

impl Broker {
    /// `POST /oauth2/par` (RFC 9126 §2.1).
    ///
    /// # Errors
    /// [`PushError`]; nothing was kept.
    pub async fn push(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
        caller: &Caller,
    ) -> Result<Pushed, PushError> {
        let answer = self.take_pushed(authorization, parameters).await;
        match &answer {
            Err(PushError::Client(refusal)) => {
                self.token_refused(authorization, parameters, refusal, caller).await;
            }
            Err(error @ (PushError::Unredirectable(_) | PushError::Request(_))) => {
                let client = parameters.get("client_id").map(ClientId::from);
                self.authorize_refused(caller, client, error.to_string()).await;
            }
            Ok(_) | Err(PushError::Failed(_)) => {}
        }
        answer
    }

    async fn take_pushed(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
    ) -> Result<Pushed, PushError> {
        let client = self.authenticate_client(authorization, parameters).await?;
        let request = op::pushable(parameters, &client.id)?;
        let redirect_uri = op::redirect_to(&request, Some(&client.resource))?;
        let now = self.clock.now();
        self.check_authorization(&request, &client, redirect_uri, now)?;
        let handle = self.random.token();
        let pushed = PushedRequest {
            digest: sha256_base64url(&handle),
            client: client.id.clone(),
            body: request.to_query(),
            expires_at: now.plus(LIFETIME),
        };
        let keep = move |tx: &mut store::Tx<'_>| -> Result<_, Error> {
            Ok(store::pushed_requests::create(tx, &pushed)?)
        };
        self.store.write(keep).await?;
        Ok(Pushed { request_uri: op::request_uri(&handle), expires_in: LIFETIME })
    }

    /// The parameters of an authorization request: those that were pushed, where it names them. Whatever
    /// stands beside a `request_uri` of ours is ignored (RFC 9101 §6.3).
    ///
    /// A `request_uri` belongs to the first browser that comes with it, may be loaded again there, and is
    /// gone once it has brought a code.
    pub(super) async fn unpacked(
        &self,
        parameters: Parameters,
        cookie: &str,
    ) -> Result<Unpacked, Unanswerable> {
        let handle = parameters.get("request_uri").and_then(op::pushed_handle);
        let Some(handle) = handle else { return Ok(Unpacked { parameters, pushed: None }) };
        let digest = sha256_base64url(handle);
        let client = ClientId::from(parameters.get("client_id").unwrap_or_default());
        let (wanted, browser, now) = (digest.clone(), sha256_base64url(cookie), self.clock.now());
        let claim = move |tx: &mut store::Tx<'_>| -> Result<_, Error> {
            Ok(store::pushed_requests::claim(tx, &wanted, &client, &browser, now)?)
        };
        let body = self.store.write(claim).await?.ok_or(Unredirectable::UnknownPushed)?;
        let parameters = Parameters::parse(body.as_bytes())
            .map_err(|error| Error::Broken(format!("a pushed request cannot be read: {error}")))?;
        Ok(Unpacked { parameters, pushed: Some(digest) })
    }
}
