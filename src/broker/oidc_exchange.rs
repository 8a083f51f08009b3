//! From the code in a provider's callback to a statement about a person.

use std::{sync::Arc, time::Instant};

use super::{
    outbound::{Outbound, OutboundError},
    upstream::{UpstreamCache, UpstreamError},
};
use crate::{
    crypto::JwkSet,
    domain::{
        identity::Statement,
        resource::OidcConfiguration,
        trace::{Actual, Trace},
        words::UnixTime,
    },
    rp::{
        self, CLOCK_SKEW, Callback, IdTokenExpectations, ProviderMetadata, Rejection,
        TokenResponse, UserInfo, VerifiedIdToken,
    },
};

/// What one login knows when its callback arrives.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    pub configuration: &'a OidcConfiguration,
    pub client_secret: Option<&'a str>,
    pub redirect_uri: &'a str,
    pub nonce: &'a str,
    pub code_verifier: &'a str,
    /// A sign-in before this does not count.
    pub authenticated_after: Option<UnixTime>,
    pub now: UnixTime,
    /// The same moment on the clock that never steps.
    pub instant: Instant,
}

/// Why no statement came of a callback.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The provider answered, and the answer does not count.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The provider did not answer.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// What the provider publishes is not at hand.
    #[error("the provider's published documents: {0}")]
    Upstream(#[from] UpstreamError),
}

/// The two things that every exchange goes through.
#[derive(Clone, Copy, Debug)]
pub struct Upstreams<'a> {
    pub outbound: &'a Outbound,
    pub cache: &'a UpstreamCache,
}

impl Upstreams<'_> {
    /// Checks the callback, redeems its code, verifies the ID token, and asks UserInfo where the
    /// provider has it.
    ///
    /// UserInfo that fails ends the login: going on with fewer claims could pass by a rule that
    /// denies.
    ///
    /// # Errors
    /// [`ExchangeError`]; the last step of `trace` tells it to the administrator.
    pub async fn redeem(
        self,
        exchange: &Exchange<'_>,
        callback: Callback,
        trace: &mut Trace,
    ) -> Result<Statement, ExchangeError> {
        let result = self.redeem_untold(exchange, callback, trace).await;
        if let Err(error) = &result {
            tell(error, trace);
        }
        result
    }

    async fn redeem_untold(
        self,
        exchange: &Exchange<'_>,
        callback: Callback,
        trace: &mut Trace,
    ) -> Result<Statement, ExchangeError> {
        let issuer = &exchange.configuration.issuer;
        let metadata = self.cache.metadata(self.outbound, issuer, exchange.instant).await?;
        let code = callback.into_code(&metadata, trace)?;
        let tokens = self.tokens(exchange, &metadata, &code, trace).await?;
        let id_token = self.verify(exchange, &metadata, &tokens, trace).await?;
        let userinfo = self.userinfo(&metadata, &tokens, &id_token, trace).await?;
        Ok(id_token.statement(userinfo.as_ref()))
    }

    async fn tokens(
        self,
        exchange: &Exchange<'_>,
        metadata: &ProviderMetadata,
        code: &str,
        trace: &mut Trace,
    ) -> Result<TokenResponse, ExchangeError> {
        let request = rp::token_request(
            metadata,
            exchange.configuration,
            exchange.client_secret,
            exchange.redirect_uri,
            code,
            exchange.code_verifier,
        )?;
        let answer = self.outbound.send(request).await?;
        let kind = answer.content_type.as_deref();
        Ok(rp::read_token_response(answer.status, kind, &answer.body, trace)?)
    }

    /// With the keys at hand; when those do not do, once more with newer ones.
    async fn verify(
        self,
        exchange: &Exchange<'_>,
        metadata: &ProviderMetadata,
        tokens: &TokenResponse,
        trace: &mut Trace,
    ) -> Result<VerifiedIdToken, ExchangeError> {
        let keys = self.cache.keys(self.outbound, metadata, exchange.instant).await?;
        let before = trace.clone();
        match verify_with(&keys, exchange, tokens, trace) {
            Err(rejection) if rejection.wants_newer_keys() => {
                let cache = self.cache;
                let newer =
                    cache.newer_keys(self.outbound, metadata, &keys, exchange.instant).await;
                let newer: Arc<JwkSet> = newer.ok_or(rejection)?;
                *trace = before;
                trace.noted("ID token key", Actual::plain("the provider's keys were fetched anew"));
                Ok(verify_with(&newer, exchange, tokens, trace)?)
            }
            verdict => Ok(verdict?),
        }
    }

    async fn userinfo(
        self,
        metadata: &ProviderMetadata,
        tokens: &TokenResponse,
        id_token: &VerifiedIdToken,
        trace: &mut Trace,
    ) -> Result<Option<UserInfo>, ExchangeError> {
        let Some(request) = rp::userinfo_request(metadata, &tokens.access_token)? else {
            return Ok(None);
        };
        let answer = self.outbound.send(request).await?;
        let kind = answer.content_type.as_deref();
        Ok(Some(rp::read_userinfo(answer.status, kind, &answer.body, id_token, trace)?))
    }
}

fn verify_with(
    keys: &JwkSet,
    exchange: &Exchange<'_>,
    tokens: &TokenResponse,
    trace: &mut Trace,
) -> Result<VerifiedIdToken, Rejection> {
    let configuration = exchange.configuration;
    let expected = IdTokenExpectations {
        issuer: &configuration.issuer,
        client_id: &configuration.client_id,
        nonce: exchange.nonce,
        alg: configuration.id_token_signed_response_alg,
        now: exchange.now,
        clock_skew: CLOCK_SKEW,
        authenticated_after: exchange.authenticated_after,
        access_token: Some(&tokens.access_token),
    };
    rp::verify_id_token(&tokens.id_token, keys, &expected, trace)
}

/// What no check has told yet.
fn tell(error: &ExchangeError, trace: &mut Trace) {
    if trace.failure().is_some() {
        return;
    }
    let mend = match error {
        ExchangeError::Rejected(rejection)
        | ExchangeError::Upstream(UpstreamError::Rejected(rejection)) => rejection.mend(),
        ExchangeError::Outbound(_) | ExchangeError::Upstream(_) => {
            "Check that this server reaches the provider, and that outbound settings allow it."
        }
    };
    trace.failed("provider", "a usable answer", Actual::plain(error.to_string()), mend);
}

#[cfg(test)]
mod tests;
