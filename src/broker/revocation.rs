//! Tokens that end before their time (RFC 7009), and what may be known of them (RFC 7662).

use super::{
    Broker, Caller, Client, Error,
    access::{AccessError, grant_of, is_jwt, own_digest},
    standing::Standing,
    tokens::{TokenError, issued},
};
use crate::{
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Outcome},
        resource::ClientType,
        words::GrantId,
    },
    op::{AccessToken, Introspection, Parameters, RefreshClaims, TokenRefusal},
    store::{self, grants::Grant, refresh_tokens},
};

/// What a token turned out to be.
enum Known {
    Access(Box<AccessToken>),
    Refresh(Box<refresh_tokens::RefreshToken>, Box<Grant>),
    Nothing,
}

/// The answer of the introspection endpoint, as it was asked for (RFC 7662 §2.2, RFC 9701 §5).
pub enum IntrospectionAnswer {
    Plain(Box<Introspection>),
    Signed(String),
}

impl Broker {
    /// `POST /oauth2/revoke`. With either kind of token everything ends that came of its sign-in (RFC 7009
    /// §2.1); a token that is none, or none any more, is as good as revoked.
    ///
    /// # Errors
    /// [`TokenRefusal`]; [`TokenRefusal::ForeignToken`] when it was issued to another application.
    pub async fn revoke(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
        caller: &Caller,
    ) -> Result<(), TokenError> {
        let answer = self.answer_revoke(authorization, parameters, caller).await;
        if let Err(TokenError::Refused(refusal)) = &answer {
            self.token_refused(authorization, parameters, refusal, caller).await;
        }
        answer
    }

    async fn answer_revoke(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
        caller: &Caller,
    ) -> Result<(), TokenError> {
        let client = self.authenticate_client(authorization, parameters).await?;
        let token = parameters.get("token").ok_or(TokenRefusal::Missing("token"))?;
        match self.recognise(token).await? {
            Known::Nothing => Ok(()),
            Known::Access(access) if access.client_id != client.id => {
                Err(TokenRefusal::ForeignToken.into())
            }
            Known::Refresh(_, grant) if grant.client_id != client.id => {
                Err(TokenRefusal::ForeignToken.into())
            }
            Known::Refresh(_, grant) => Ok(self.revoke_grant(*grant, caller).await?),
            Known::Access(access) => match grant_of(&access).filter(|_| access.act.is_none()) {
                Some(id) => match self.find_grant(id).await? {
                    Some(grant) => Ok(self.revoke_grant(grant, caller).await?),
                    None => Ok(()),
                },
                None => Ok(self.revoke_own(&access, caller).await?),
            },
        }
    }

    /// `POST /oauth2/introspect`. A token that the application may not know of is not active to it. `signed`
    /// asks for the answer as a JWT, under the algorithm of the application's ID tokens.
    ///
    /// # Errors
    /// [`TokenRefusal`]; public applications are refused, since anybody may speak for them.
    pub async fn introspect(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
        signed: bool,
        caller: &Caller,
    ) -> Result<IntrospectionAnswer, TokenError> {
        let answer = self.answer_introspect(authorization, parameters, signed).await;
        if let Err(TokenError::Refused(refusal)) = &answer {
            self.token_refused(authorization, parameters, refusal, caller).await;
        }
        answer
    }

    async fn answer_introspect(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
        signed: bool,
    ) -> Result<IntrospectionAnswer, TokenError> {
        let client = self.authenticate_client(authorization, parameters).await?;
        if client.resource.client_type == ClientType::Public {
            return Err(TokenRefusal::AuthMethod.into());
        }
        let token = parameters.get("token").ok_or(TokenRefusal::Missing("token"))?;
        let known = self.introspection_of(&client, token).await?;
        if !signed {
            return Ok(IntrospectionAnswer::Plain(Box::new(known)));
        }
        let claims = known.for_signing(self.issuer(), client.id.clone(), self.clock.now());
        let keys = self.keys();
        let key = keys.signing(client.resource.id_token_signed_response_alg)?;
        let jwt = key.sign("token-introspection+jwt", &claims).map_err(Error::from)?;
        Ok(IntrospectionAnswer::Signed(jwt))
    }

    async fn introspection_of(
        &self,
        client: &Client,
        token: &str,
    ) -> Result<Introspection, TokenError> {
        match self.verify_access_token(token).await {
            Ok(verified) if may_know(client, &verified.access) => {
                Ok(Introspection::access(verified.access.clone()))
            }
            Err(AccessError::Failed(error)) => Err(error.into()),
            Err(_) if !is_jwt(token) => self.introspect_refresh(client, token).await,
            Ok(_) | Err(_) => Ok(Introspection::inactive()),
        }
    }

    async fn introspect_refresh(
        &self,
        client: &Client,
        token: &str,
    ) -> Result<Introspection, TokenError> {
        let Known::Refresh(token, grant) = self.recognise(token).await? else {
            return Ok(Introspection::inactive());
        };
        let now = self.clock.now();
        let current = token.state == refresh_tokens::State::Current && now < token.expires_at;
        if grant.client_id != client.id || !current {
            return Ok(Introspection::inactive());
        }
        let measure = self.measure(now);
        let read = move |conn: &mut _| Standing::of(conn, *grant, &measure);
        Ok(match self.store.look_up(read).await? {
            None => Introspection::inactive(),
            Some(Standing { grant, .. }) => Introspection::refresh(RefreshClaims {
                iss: self.issuer().to_owned(),
                sub: grant.user_id,
                client_id: grant.client_id,
                scope: grant.request.scope.join(" "),
                iat: token.issued_at,
                exp: token.expires_at,
                sid: grant.session_id,
            }),
        })
    }

    /// Which token of ours it is. An access token that has expired is none any more.
    async fn recognise(&self, token: &str) -> Result<Known, Error> {
        match self.read_access_token(token).await {
            Ok(access) => return Ok(Known::Access(Box::new(access))),
            Err(AccessError::Failed(error)) => return Err(error),
            Err(_) if is_jwt(token) => return Ok(Known::Nothing),
            Err(_) => {}
        }
        let digest = sha256_base64url(token);
        let find = move |conn: &mut _| -> Result<_, Error> {
            let Some(token) = refresh_tokens::find(conn, &digest)? else { return Ok(None) };
            let grant = store::grants::find(conn, &token.grant)?;
            Ok(grant.map(|grant| (token, grant)))
        };
        Ok(match self.store.look_up(find).await? {
            Some((token, grant)) => Known::Refresh(Box::new(token), Box::new(grant)),
            None => Known::Nothing,
        })
    }

    async fn find_grant(&self, id: GrantId) -> Result<Option<Grant>, Error> {
        self.store.look_up(move |conn| Ok(store::grants::find(conn, &id)?)).await
    }

    /// Ends everything that came of one sign-in to one application.
    pub(super) async fn revoke_grant(&self, grant: Grant, caller: &Caller) -> Result<(), Error> {
        let now = self.clock.now();
        let event = issued(caller.event(Action::TokenRevoked, Outcome::Success, now), &grant);
        self.store
            .write(move |tx| -> Result<(), Error> {
                if store::grants::revoke(tx, &grant.id, now)? {
                    tx.audit(event.clone());
                }
                Ok(())
            })
            .await
    }

    /// The token of an application that acts for itself, or on behalf of a person whose sign-in is another
    /// application's, is remembered as revoked until it expires.
    async fn revoke_own(&self, access: &AccessToken, caller: &Caller) -> Result<(), Error> {
        let (digest, until) = (own_digest(access), access.exp);
        let event = caller.event(Action::TokenRevoked, Outcome::Success, self.clock.now());
        let mut event = event.by(Actor::Client(access.client_id.clone()));
        event.client = Some(access.client_id.clone());
        self.store
            .write(move |tx| -> Result<(), Error> {
                if store::replays::revoke(tx, &digest, until)? {
                    tx.audit(event.clone());
                }
                Ok(())
            })
            .await
    }
}

/// An application may know of its own tokens, and of those meant for what it serves.
fn may_know(client: &Client, access: &AccessToken) -> bool {
    access.client_id == client.id || client.resource.audiences.contains(&access.aud)
}
