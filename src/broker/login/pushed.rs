//! Requests that do not stand in the query: pushed ones (RFC 9126), checked when the application sends them
//! and again when a browser comes with the `request_uri`, since configuration may have changed in between;
//! and signed ones (RFC 9101).

use super::Unanswerable;
use crate::{
    broker::{
        Broker, Caller, Client, Error,
        clients::{Authenticated, Unspent},
        tokens::TokenError,
    },
    crypto::sha256_base64url,
    domain::words::ClientId,
    op::{self, AuthorizeRefusal, ObjectFault, Parameters, TokenRefusal, Unredirectable},
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

/// The parameters that count, the digest of the `request_uri` that they were pushed under, and by whose hand.
pub(super) struct Unpacked {
    pub parameters: Parameters,
    pub pushed: Option<String>,
    /// The application has signed them.
    pub signed: bool,
    /// Why what it signed is not believed; the parameters are those beside it then.
    pub fault: Option<ObjectFault>,
}

impl Broker {
    /// `POST /oauth2/par` (RFC 9126 §2.1); `proof` is the `DPoP` header.
    ///
    /// # Errors
    /// [`PushError`]; nothing was kept.
    pub async fn push(
        &self,
        authorization: Option<&str>,
        proof: Option<&str>,
        parameters: &Parameters,
        caller: &Caller,
    ) -> Result<Pushed, PushError> {
        let answer = self.take_pushed(authorization, proof, parameters).await;
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
        proof: Option<&str>,
        parameters: &Parameters,
    ) -> Result<Pushed, PushError> {
        let Authenticated { client, mut unspent } =
            self.recognise_client(authorization, parameters).await?;
        let request = match self.read_proof(proof, "/oauth2/par") {
            Err(fault) => Err(fault.into()),
            Ok(proof) => {
                let jkt = proof.map(|proof| unspent.take(proof));
                self.check_pushed(&client, parameters, jkt.as_deref()).await
            }
        };
        match request {
            Ok(request) => self.keep_pushed(&client, &request, unspent).await,
            Err(refused) => {
                self.spend_refused(unspent).await?;
                Err(refused)
            }
        }
    }

    /// All rules of the authorization endpoint; answers what a browser will come for.
    async fn check_pushed(
        &self,
        client: &Client,
        parameters: &Parameters,
        jkt: Option<&str>,
    ) -> Result<Parameters, PushError> {
        let pushed = op::pushable(parameters, &client.id, jkt)?;
        let Unpacked { parameters, signed, fault, .. } = self.opened(pushed).await;
        if let Some(fault) = fault {
            return Err(AuthorizeRefusal::from(fault).into());
        }
        op::check_signed(&client.resource, signed)?;
        // Once more: what was signed has the same limits, and the same key.
        let request = op::pushable(&parameters, &client.id, jkt)?;
        let redirect_uri = op::redirect_to(&request, Some(&client.resource))?;
        self.check_authorization(&request, client, redirect_uri, self.clock.now())?;
        Ok(request)
    }

    async fn keep_pushed(
        &self,
        client: &Client,
        request: &Parameters,
        unspent: Unspent,
    ) -> Result<Pushed, PushError> {
        let handle = self.random.token();
        let pushed = PushedRequest {
            digest: sha256_base64url(&handle),
            client: client.id.clone(),
            body: request.to_query(),
            expires_at: self.clock.now().plus(LIFETIME),
        };
        let keep = move |tx: &mut store::Tx<'_>| -> Result<(), TokenError> {
            unspent.spend(tx)?;
            Ok(store::pushed_requests::create(tx, &pushed)?)
        };
        self.store.write(keep).await?;
        Ok(Pushed { request_uri: op::request_uri(&handle), expires_in: LIFETIME })
    }

    /// The parameters of an authorization request: those that were pushed, or signed, where it names or
    /// brings such. Whatever stands beside them is ignored (RFC 9101 §6.3).
    ///
    /// A `request_uri` belongs to the first browser that comes with it, may be loaded again there, and is
    /// gone once it has brought a code.
    pub(super) async fn unpacked(
        &self,
        parameters: Parameters,
        cookie: &str,
    ) -> Result<Unpacked, Unanswerable> {
        let handle = parameters.get("request_uri").and_then(op::pushed_handle);
        let Some(handle) = handle else { return Ok(self.opened(parameters).await) };
        let digest = sha256_base64url(handle);
        let client = ClientId::from(parameters.get("client_id").unwrap_or_default());
        let (wanted, browser, now) = (digest.clone(), sha256_base64url(cookie), self.clock.now());
        let claim = move |tx: &mut store::Tx<'_>| -> Result<_, Error> {
            Ok(store::pushed_requests::claim(tx, &wanted, &client, &browser, now)?)
        };
        let body = self.store.write(claim).await?.ok_or(Unredirectable::UnknownPushed)?;
        let parameters = Parameters::parse(body.as_bytes())
            .map_err(|error| Error::Broken(format!("a pushed request cannot be read: {error}")))?;
        // Whether it had to be signed was asked when it was pushed.
        Ok(Unpacked { parameters, pushed: Some(digest), signed: true, fault: None })
    }

    /// The parameters inside a request object, where there is one and the application has keys to know it by.
    async fn opened(&self, parameters: Parameters) -> Unpacked {
        let plain = |parameters, fault| Unpacked { parameters, pushed: None, signed: false, fault };
        let client = ClientId::from(parameters.get("client_id").unwrap_or_default());
        let configuration = self.configuration();
        let client = configuration.client(&client).filter(|client| client.resource.has_keys());
        let (Some(object), Some(client)) = (parameters.get("request"), client) else {
            return plain(parameters, None);
        };
        let expected = self.expected_of(client, client.resource.request_object_signing_alg);
        let read = |keys: &_| op::read_request_object(object, keys, &expected);
        match self.judge_signed(client, read).await {
            Ok(parameters) => Unpacked { parameters, pushed: None, signed: true, fault: None },
            Err(fault) => plain(parameters, Some(fault)),
        }
    }
}
