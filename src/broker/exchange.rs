//! Token exchange (RFC 8693): on a person's behalf, with fewer rights and for no longer.

use super::{
    Broker,
    access::{AccessError, grant_of},
    tokens::{Asker, TokenError},
};
use crate::{
    domain::{
        audit::{Action, Actor, Event, Outcome},
        words::{GrantId, UserId},
    },
    op::{self, AccessToken, ExchangeRequest, TokenRefusal, TokenResponse},
};

impl Broker {
    /// Exchanges a person's access token for one of the application's, for another resource. It lives by the
    /// same sign-in: when that ends, it ends.
    ///
    /// # Errors
    /// [`TokenRefusal`], or a failure on our side.
    ///
    /// Source: RFC 8693 §2; a subject token that is bound to a key needs a proof of it (RFC 9449 §7).
    pub(super) async fn exchange_token(
        &self,
        asker: &Asker<'_>,
        request: ExchangeRequest,
    ) -> Result<TokenResponse, TokenError> {
        let subject = match self.verify_access_token(&request.subject_token).await {
            Ok(verified) => verified,
            Err(AccessError::Failed(error)) => return Err(error.into()),
            Err(_) => return Err(TokenRefusal::Subject.into()),
        };
        let (client, subject) = (asker.client, &subject.access);
        let bound = subject.cnf.as_ref().map(|key| key.jkt.as_str());
        op::check_key(bound, asker.jkt.as_deref())?;
        let scope = op::check_exchange(&client.resource, &client.id, subject, &request)?;
        let GrantId(grant) = grant_of(subject).ok_or(TokenRefusal::Subject)?;
        let own = self.access_token(asker, Some(request.target), self.clock.now());
        let own = AccessToken { jti: format!("{grant}.{}", self.random.token()), ..own };
        let access = op::exchanged(own, subject, &scope);
        let event = exchange_event(asker, &access);
        let response = self.issue_recorded(asker, access, event).await?;
        Ok(TokenResponse { issued_token_type: Some(op::ACCESS_TOKEN), ..response })
    }
}

fn exchange_event(asker: &Asker<'_>, access: &AccessToken) -> Event {
    let event = asker.caller.event(Action::TokenIssue, Outcome::Success, access.iat);
    let mut event = event.by(Actor::Client(asker.client.id.clone()));
    event.client = Some(asker.client.id.clone());
    event.user = Some(UserId(access.sub.clone()));
    event.session = access.sid.clone();
    event.detail(format!("exchange for {}", access.aud))
}
