//! The token endpoint and what tokens open: codes become tokens, tokens become claims.

use std::collections::BTreeSet;

use super::{Broker, Caller, Client, Error};
use crate::{
    crypto::{Jws, sha256_base64url},
    domain::{
        audit::{Action, Actor, Event, Outcome},
        login::Authentication,
        roles,
        words::{ClientId, GrantId, OrganizationId, RoleId, SessionId, UnixTime},
    },
    op::{
        self, AccessToken, IdToken, Parameters, Person, TokenRefusal, TokenRequest, TokenResponse,
        UserInfo,
    },
    store::{self, Tx, grants::Grant, sessions::BrowserSession, users::Account},
};

/// A refusal, or a failure on our side.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error(transparent)]
    Refused(#[from] TokenRefusal),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<store::Error> for TokenError {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Why an access token opens nothing (RFC 6750 §3.1).
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("the request carries no access token")]
    Missing,
    #[error("the access token is not one of ours, has expired, or was revoked")]
    Invalid,
    #[error("the access token lacks the scope `openid`")]
    Scope,
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<store::Error> for AccessError {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// What a code turned out to be, once the commit stands.
enum Redemption {
    Granted(Box<Redeemed>),
    /// Redeemed before: what it produced is ended now.
    Replayed,
}

/// A code that was redeemed, and whom the tokens are for.
struct Redeemed {
    grant: Grant,
    session: BrowserSession,
    granted: Vec<crate::domain::mapping::GrantedRole>,
}

impl Broker {
    /// `POST /oauth2/token` (RFC 6749 §3.2).
    ///
    /// # Errors
    /// [`TokenRefusal`] with its word on the wire, or a failure on our side.
    pub async fn token(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
        caller: &Caller,
    ) -> Result<TokenResponse, TokenError> {
        match self.answer_token(authorization, parameters, caller).await {
            Err(TokenError::Refused(refusal)) => {
                // A replay has its own record already, in the commit that ended the tokens.
                if refusal != TokenRefusal::ReplayedCode {
                    let mut event =
                        caller.event(Action::TokenRefused, Outcome::Refused, self.clock.now());
                    event.client = op::read_client(authorization, parameters)
                        .ok()
                        .map(|credentials| credentials.client_id)
                        .filter(|id| self.configuration().client(id).is_some());
                    self.audit_refusal(event.detail(refusal.to_string())).await;
                }
                Err(refusal.into())
            }
            other => other,
        }
    }

    async fn answer_token(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
        caller: &Caller,
    ) -> Result<TokenResponse, TokenError> {
        let credentials = op::read_client(authorization, parameters)?;
        let configuration = self.configuration();
        let client =
            configuration.client(&credentials.client_id).ok_or(TokenRefusal::UnknownClient)?;
        let digest = client.secret.as_deref();
        op::check_client_secret(&client.resource, digest, &credentials.presented)?;
        let request = TokenRequest::read(parameters)?;
        op::check_grant_type(&client.resource, &request)?;
        match request {
            TokenRequest::Code { code, redirect_uri, code_verifier } => {
                self.redeem_code(client, &code, redirect_uri, code_verifier, caller).await
            }
            TokenRequest::ClientCredentials { scope } => {
                self.for_itself(client, scope, caller).await
            }
        }
    }

    /// Exchanges an authorization code for tokens.
    ///
    /// A code works once. A second use is refused **and** ends every token that the first use
    /// produced, because one of the two callers has stolen it.
    ///
    /// # Errors
    /// * [`TokenRefusal::ForeignCode`]: issued to another client; stays unredeemed.
    /// * [`TokenRefusal::ReplayedCode`]: redeemed before; its tokens are now revoked.
    ///
    /// Source: RFC 6749 §4.1.2, §4.1.3; RFC 7636 §4.6.
    async fn redeem_code(
        &self,
        client: &Client,
        code: &str,
        redirect_uri: String,
        code_verifier: Option<String>,
        caller: &Caller,
    ) -> Result<TokenResponse, TokenError> {
        let now = self.clock.now();
        let digest = sha256_base64url(code);
        let (id, event) =
            (client.id.clone(), caller.event(Action::TokenIssue, Outcome::Success, now));
        let idle = self.settings.sessions.idle;
        let redemption = self
            .store
            .write(move |tx| -> Result<Redemption, TokenError> {
                let grant = store::grants::find_by_code(tx, &digest)?;
                let grant = grant.ok_or(TokenRefusal::UnknownCode)?;
                if grant.client_id != id {
                    return Err(TokenRefusal::ForeignCode.into());
                }
                if grant.redeemed_at.is_some() {
                    return end_replayed(tx, &grant, &event, now);
                }
                let verifier = code_verifier.as_deref();
                op::check_code(
                    &grant.request,
                    grant.code_expires_at,
                    &redirect_uri,
                    verifier,
                    now,
                )?;
                let session = store::sessions::find(tx, &grant.session_id)?
                    .filter(|session| session.is_live(now, idle))
                    .ok_or(TokenRefusal::SessionEnded)?;
                if !store::grants::redeem(tx, &grant.id, now)? {
                    return Err(TokenRefusal::SessionEnded.into());
                }
                let granted = store::user_roles::granted_to(tx, &grant.user_id)?;
                tx.audit(issued(event.clone(), &grant));
                Ok(Redemption::Granted(Box::new(Redeemed { grant, session, granted })))
            })
            .await?;
        match redemption {
            Redemption::Granted(redeemed) => self.mint(client, *redeemed, now),
            Redemption::Replayed => Err(TokenRefusal::ReplayedCode.into()),
        }
    }

    fn mint(
        &self,
        client: &Client,
        redeemed: Redeemed,
        now: UnixTime,
    ) -> Result<TokenResponse, TokenError> {
        let Redeemed { grant, session, granted } = redeemed;
        let by = session.authentication;
        let organization = self.organization_of(client, &by);
        let access = AccessToken {
            sub: grant.user_id.0.clone(),
            jti: format!("{}.{}", grant.id, self.random.token()),
            scope: grant.request.scope.join(" "),
            login_id: Some(session.id.clone()),
            sid: Some(session.id.clone()),
            auth_time: Some(by.auth_time),
            amr: by.amr.clone(),
            acr: by.acr.clone(),
            roles: roles::effective(&granted, organization.as_ref()),
            organization,
            ..self.access_token(client, grant.request.resource.clone(), now)
        };
        let keys = self.keys();
        let id_token = if access.has_scope("openid") {
            let claims = IdToken::new(&access, &by, session.id, grant.request.nonce);
            let key = keys.signing(client.resource.id_token_signed_response_alg)?;
            Some(key.sign("JWT", &claims).map_err(Error::from)?)
        } else {
            None
        };
        self.respond(client, access, id_token)
    }

    /// A token for an application that acts for itself (RFC 6749 §4.4).
    async fn for_itself(
        &self,
        client: &Client,
        scope: Vec<String>,
        caller: &Caller,
    ) -> Result<TokenResponse, TokenError> {
        let now = self.clock.now();
        let scope = op::check_narrowed_scope(&client.resource, scope)?;
        let organization = client.resource.organization.as_ref();
        let access = AccessToken {
            scope: scope.join(" "),
            jti: self.random.token(),
            roles: client.resource.roles.iter().map(|role| role.0.clone()).collect(),
            organization: organization.map(|reference| reference.0.clone()),
            ..self.access_token(client, None, now)
        };
        let mut event = caller.event(Action::TokenIssue, Outcome::Success, now);
        event = event.by(Actor::Client(client.id.clone()));
        event.client = Some(client.id.clone());
        self.store
            .write(move |tx| {
                tx.audit(event.clone());
                Ok::<_, Error>(())
            })
            .await?;
        self.respond(client, access, None)
    }

    /// The claims that every access token of this client has.
    fn access_token(
        &self,
        client: &Client,
        resource: Option<String>,
        now: UnixTime,
    ) -> AccessToken {
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
        }
    }

    fn respond(
        &self,
        client: &Client,
        access: AccessToken,
        id_token: Option<String>,
    ) -> Result<TokenResponse, TokenError> {
        let keys = self.keys();
        let key = keys.signing(client.resource.access_token_signed_response_alg)?;
        Ok(TokenResponse {
            access_token: key.sign("at+jwt", &access).map_err(Error::from)?,
            token_type: "Bearer",
            expires_in: client.resource.access_token_lifetime_seconds,
            scope: access.scope,
            id_token,
        })
    }

    /// The client's organization, else the provider's, else none.
    fn organization_of(&self, client: &Client, by: &Authentication) -> Option<OrganizationId> {
        let own = client.resource.organization.as_ref().map(|reference| reference.0.clone());
        own.or_else(|| {
            let configuration = self.configuration();
            let provider = configuration.provider(by.idp.as_ref()?)?;
            provider.resource.organization.as_ref().map(|reference| reference.0.clone())
        })
    }

    /// What an access token says, if it is ours, for us, and alive. Says nothing about revocation.
    ///
    /// # Errors
    /// [`AccessError::Invalid`].
    pub fn read_access_token(&self, token: &str) -> Result<AccessToken, AccessError> {
        let invalid = |_| AccessError::Invalid;
        let jws = Jws::parse(token).and_then(|jws| jws.of_type("at+jwt")).map_err(invalid)?;
        let keys = self.keys();
        let key = jws.kid().and_then(|kid| keys.verifying(kid)).ok_or(AccessError::Invalid)?;
        let access: AccessToken = jws.verify(key).map_err(invalid)?;
        let ours = access.iss == self.issuer() && self.clock.now() < access.exp;
        if ours { Ok(access) } else { Err(AccessError::Invalid) }
    }

    /// The session, the account and the roles behind a person's access token, while all are good.
    ///
    /// # Errors
    /// [`AccessError::Invalid`] when any has ended.
    async fn behind(&self, access: &AccessToken) -> Result<(BrowserSession, Person), AccessError> {
        let sid: SessionId = access.login_id.clone().ok_or(AccessError::Invalid)?;
        let grant = access.jti.split('.').next().unwrap_or_default();
        let grant = GrantId(grant.to_owned());
        let (now, idle) = (self.clock.now(), self.settings.sessions.idle);
        let read = move |conn: &mut _| -> Result<_, AccessError> {
            let alive =
                store::grants::find(conn, &grant)?.is_some_and(|grant| grant.revoked_at.is_none());
            let session = store::sessions::find(conn, &sid)?
                .filter(|session| alive && session.is_live(now, idle))
                .ok_or(AccessError::Invalid)?;
            let user = &session.authentication.user;
            let account = store::users::find(conn, user)?
                .filter(|account| account.active)
                .ok_or(AccessError::Invalid)?;
            let granted = store::user_roles::granted_to(conn, user)?;
            Ok((session, account, granted))
        };
        let (session, account, granted) = self.store.look_up(read).await?;
        let roles = roles::effective(&granted, access.organization.as_ref());
        let person = person(account, roles, access.organization.clone());
        Ok((session, person))
    }

    /// `/oauth2/userinfo` (OIDC Core §5.3).
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn userinfo(&self, token: Option<&str>) -> Result<UserInfo, AccessError> {
        let access = self.read_access_token(token.ok_or(AccessError::Missing)?)?;
        if access.aud != self.issuer() && !access.has_scope("openid") {
            return Err(AccessError::Invalid);
        }
        if !access.has_scope("openid") {
            return Err(AccessError::Scope);
        }
        let (_, person) = self.behind(&access).await?;
        Ok(UserInfo::of(&person, &access))
    }

    /// Ends the session behind an access token: how an application in a browser signs out.
    ///
    /// # Errors
    /// [`AccessError::Invalid`] when there is none to end.
    pub async fn sign_out_by_token(&self, token: &str, caller: &Caller) -> Result<(), AccessError> {
        let access = self.read_access_token(token)?;
        let (session, _) = self.behind(&access).await?;
        Ok(self.end_session(session, caller).await?)
    }

    /// The client and session of an ID token of ours, expired or not, as a hint for signing out.
    #[must_use]
    pub fn read_id_token_hint(&self, token: &str) -> Option<(ClientId, SessionId)> {
        let jws = Jws::parse(token).and_then(|jws| jws.of_type("JWT")).ok()?;
        let keys = self.keys();
        let claims: IdToken = jws.verify(keys.verifying(jws.kid()?)?).ok()?;
        (claims.iss == self.issuer()).then_some((claims.aud, claims.sid))
    }
}

fn person(
    account: Account,
    roles: BTreeSet<RoleId>,
    organization: Option<OrganizationId>,
) -> Person {
    Person {
        id: account.user_id(),
        names: account.names(),
        username: account.username,
        email: account.email,
        email_verified: account.email_verified,
        updated_at: UnixTime(account.updated_at),
        roles,
        organization,
    }
}

fn end_replayed(
    tx: &mut Tx<'_>,
    grant: &Grant,
    event: &Event,
    now: UnixTime,
) -> Result<Redemption, TokenError> {
    store::grants::revoke(tx, &grant.id, now)?;
    let event = Event {
        action: Action::CodeReplayed,
        outcome: Outcome::Refused,
        ..issued(event.clone(), grant)
    };
    tx.audit(event);
    Ok(Redemption::Replayed)
}

fn issued(event: Event, grant: &Grant) -> Event {
    Event {
        actor: Actor::Client(grant.client_id.clone()),
        user: Some(grant.user_id.clone()),
        client: Some(grant.client_id.clone()),
        session: Some(grant.session_id.clone()),
        ..event
    }
}
