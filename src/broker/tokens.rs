//! The token endpoint and what tokens open: codes become tokens, tokens become claims.

use super::{
    Broker, Caller, Client, Error,
    access::person,
    clients::{Authenticated, Unspent},
    issue::respond,
    refresh::begin_family,
    settings::Limits,
    standing::{Measure, Standing},
};
use crate::{
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Actor, Event, Outcome},
        claims::Place,
        login::Authentication,
        resource::ClientType,
        roles,
        words::{GrantId, OrganizationId, UnixTime},
    },
    op::{
        self, AccessToken, IdToken, Parameters, PersonalClaims, ProofFault, TokenRefusal,
        TokenRequest, TokenResponse,
    },
    store::{self, Tx, grants::Grant},
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

/// An authenticated application, with what its request is made of.
pub(super) struct Asker<'a> {
    pub client: &'a Client,
    /// The key that it has proven to hold, by its thumbprint.
    pub jkt: Option<String>,
    /// The resource that it wants a token for (RFC 8707 §2.2).
    pub resource: Option<String>,
    pub unspent: Unspent,
    pub caller: &'a Caller,
}

impl Asker<'_> {
    /// The key that its refresh tokens are bound to. An application that authenticates anew with each use
    /// needs none beside (RFC 9449 §5).
    pub fn bound(&self) -> Option<String> {
        self.jkt.clone().filter(|_| self.client.resource.client_type == ClientType::Public)
    }
}

/// A grant on its way to tokens, with everything drawn that its commit stores.
#[derive(Clone)]
pub(super) struct Redeeming {
    pub(super) refresh_token: Option<String>,
    /// The key that refresh tokens will be bound to.
    bound: Option<String>,
    /// The resource that is asked for.
    resource: Option<String>,
    pub(super) event: Event,
    limits: Limits,
    measure: Measure,
}

/// What a code turned out to be, once the commit stands.
enum Redemption {
    Granted(Box<Standing>),
    /// Redeemed before: what it produced is ended now.
    Replayed,
}

impl Broker {
    /// `POST /oauth2/token` (RFC 6749 §3.2); `proof` is the `DPoP` header (RFC 9449 §5).
    ///
    /// # Errors
    /// [`TokenRefusal`] with its word on the wire, or a failure on our side.
    pub async fn token(
        &self,
        authorization: Option<&str>,
        proof: Option<&str>,
        parameters: &Parameters,
        caller: &Caller,
    ) -> Result<TokenResponse, TokenError> {
        match self.answer_token(authorization, proof, parameters, caller).await {
            Err(TokenError::Refused(refusal)) => {
                self.token_refused(authorization, parameters, &refusal, caller).await;
                Err(refusal.into())
            }
            other => other,
        }
    }

    /// Records a refusal, under the name of the application where there is one of that name.
    pub(super) async fn token_refused(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
        refusal: &TokenRefusal,
        caller: &Caller,
    ) {
        // A replay has its own record already, in the commit that ended the tokens; so has a device that was
        // not let in. To wait for a person is no refusal.
        if matches!(
            refusal,
            TokenRefusal::ReplayedCode
                | TokenRefusal::ReplayedRefreshToken
                | TokenRefusal::DeviceDenied
                | TokenRefusal::AuthorizationPending
                | TokenRefusal::SlowDown
        ) {
            return;
        }
        let mut event = caller.event(Action::TokenRefused, Outcome::Refused, self.clock.now());
        event.client = op::read_client(authorization, parameters)
            .ok()
            .map(|credentials| credentials.client_id)
            .filter(|id| self.configuration().client(id).is_some());
        self.audit_refusal(event.detail(refusal.to_string())).await;
    }

    async fn answer_token(
        &self,
        authorization: Option<&str>,
        proof: Option<&str>,
        parameters: &Parameters,
        caller: &Caller,
    ) -> Result<TokenResponse, TokenError> {
        let Authenticated { client, mut unspent } =
            self.recognise_client(authorization, parameters).await?;
        let proof = self.read_proof(proof, "/oauth2/token");
        let jkt = proof.map(|proof| proof.map(|proof| unspent.take(proof)));
        if jkt.is_err() {
            self.spend_refused(unspent.clone()).await?;
        }
        let resource = parameters.get("resource").map(str::to_owned);
        let asker = Asker { client: &client, jkt: jkt?, resource, unspent, caller };
        let answer = self.answer_grant(&asker, parameters).await;
        if let Err(TokenError::Refused(_)) = &answer {
            self.spend_refused(asker.unspent).await?;
        }
        answer
    }

    async fn answer_grant(
        &self,
        asker: &Asker<'_>,
        parameters: &Parameters,
    ) -> Result<TokenResponse, TokenError> {
        let request = TokenRequest::read(parameters)?;
        op::check_grant_type(&asker.client.resource, &request)?;
        if asker.client.resource.dpop_bound_access_tokens && asker.jkt.is_none() {
            return Err(TokenRefusal::from(ProofFault::Missing).into());
        }
        match request {
            TokenRequest::Code { code, redirect_uri, code_verifier } => {
                self.redeem_code(asker, &code, redirect_uri, code_verifier).await
            }
            TokenRequest::ClientCredentials { scope } => self.for_itself(asker, scope).await,
            TokenRequest::Refresh { refresh_token, scope } => {
                self.refresh_tokens(asker, &refresh_token, scope).await
            }
            TokenRequest::Exchange(request) => self.exchange_token(asker, request).await,
            TokenRequest::Device { device_code } => self.redeem_device(asker, &device_code).await,
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
        asker: &Asker<'_>,
        code: &str,
        redirect_uri: String,
        code_verifier: Option<String>,
    ) -> Result<TokenResponse, TokenError> {
        let now = self.clock.now();
        let digest = sha256_base64url(code);
        let grant = GrantId::naming(code).ok_or(TokenRefusal::UnknownCode)?;
        let client = asker.client;
        let (id, unspent) = (client.id.clone(), asker.unspent.clone());
        let jkt = asker.jkt.clone();
        let redeeming = self.redeeming(asker, now);
        let refresh_token = redeeming.refresh_token.clone();
        let redeem = move |tx: &mut Tx<'_>| -> Result<Redemption, TokenError> {
            unspent.spend(tx)?;
            let grant = store::grants::find_by_code(tx, &grant, &digest)?;
            let grant = grant.ok_or(TokenRefusal::UnknownCode)?;
            if grant.client_id != id {
                return Err(TokenRefusal::ForeignCode.into());
            }
            if grant.redeemed_at.is_some() {
                return end_replayed(tx, &grant, &redeeming.event, now);
            }
            let verifier = code_verifier.as_deref();
            op::check_code(&grant.request, grant.code_expires_at, &redirect_uri, verifier, now)?;
            op::check_key(grant.request.dpop_jkt.as_deref(), jkt.as_deref())?;
            Ok(Redemption::Granted(Box::new(redeeming.run(tx, grant)?)))
        };
        let redemption = match self.store.write(redeem.clone()).await {
            // Another node was faster by a moment: now it can be seen, and is a second use as any other.
            Err(TokenError::Refused(TokenRefusal::ReplayedCode)) => {
                self.store.write(redeem).await?
            }
            other => other?,
        };
        match redemption {
            Redemption::Granted(standing) => {
                let scope = standing.grant.request.scope.clone();
                let nonce = standing.grant.request.nonce.clone();
                self.mint(asker, *standing, scope, nonce, refresh_token, now).await
            }
            Redemption::Replayed => Err(TokenRefusal::ReplayedCode.into()),
        }
    }

    /// Signs the tokens of a grant. Refreshed ID tokens carry no `nonce` (OIDC Core §12.2).
    pub(super) async fn mint(
        &self,
        asker: &Asker<'_>,
        standing: Standing,
        scope: Vec<String>,
        nonce: Option<String>,
        refresh_token: Option<String>,
        now: UnixTime,
    ) -> Result<TokenResponse, TokenError> {
        let Standing { grant, by, granted, account, .. } = standing;
        let client = asker.client;
        let sid = grant.session_id;
        let organization = self.organization_of(client, &by);
        let access = AccessToken {
            sub: grant.user_id.0.clone(),
            jti: grant.id.name(&self.random.token()),
            scope: scope.join(" "),
            login_id: Some(sid.clone()),
            sid: Some(sid.clone()),
            auth_time: Some(by.auth_time),
            amr: by.amr.clone(),
            acr: by.acr.clone(),
            roles: roles::effective(&granted, organization.as_ref()),
            organization,
            ..self.access_token(asker, grant.request.resource, now)
        };
        let keys = self.keys();
        let person = person(account, access.roles.clone(), access.organization.clone());
        let project = Some(self.tenant_of(access.organization.as_ref()).named());
        let profile = access.has_scope("profile").then(|| op::profile_reference(&person, &access));
        let id_token = if access.has_scope("openid") {
            let asked = &grant.request.claims.id_token;
            let asked = PersonalClaims::in_id_token(&person, &access, asked);
            let mut claims = IdToken::new(&access, &by, sid, nonce, asked);
            let open = |scope: &str| access.has_scope(scope);
            claims.own = client.claims.evaluate(Place::IdToken, open, || person.facts());
            let key = keys.signing(client.resource.id_token_signed_response_alg)?;
            Some(key.sign("JWT", &claims).map_err(Error::from)?)
        } else {
            None
        };
        let issued = self.issue(client, &access)?;
        if let Some(stored) = issued.stored {
            self.store.write(move |tx| stored.write(tx)).await?;
        }
        let response = respond(issued.token, access);
        Ok(TokenResponse { id_token, refresh_token, project, profile, ..response })
    }

    /// A token for an application that acts for itself (RFC 6749 §4.4).
    async fn for_itself(
        &self,
        asker: &Asker<'_>,
        scope: Vec<String>,
    ) -> Result<TokenResponse, TokenError> {
        let (now, client) = (self.clock.now(), asker.client);
        let scope = op::check_narrowed_scope(&client.resource, scope)?;
        let resource = asker.resource.clone();
        if resource.as_ref().is_some_and(|one| !client.resource.allows_resource(one)) {
            return Err(TokenRefusal::Target.into());
        }
        let organization = client.resource.organization.as_ref();
        let access = AccessToken {
            scope: scope.join(" "),
            jti: self.random.token(),
            roles: client.resource.roles.iter().map(|role| role.0.clone()).collect(),
            organization: organization.map(|reference| reference.0.clone()),
            ..self.access_token(asker, resource, now)
        };
        let mut event = asker.caller.event(Action::TokenIssue, Outcome::Success, now);
        event = event.by(Actor::Client(client.id.clone()));
        event.client = Some(client.id.clone());
        self.issue_recorded(asker, access, event).await
    }

    /// For a redemption by this asker at `now`.
    pub(super) fn redeeming(&self, asker: &Asker<'_>, now: UnixTime) -> Redeeming {
        Redeeming {
            refresh_token: self.first_refresh_token(asker.client),
            bound: asker.bound(),
            resource: asker.resource.clone(),
            event: asker.caller.event(Action::TokenIssue, Outcome::Success, now),
            limits: self.settings.limits(),
            measure: self.measure(now),
        }
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
}

impl Redeeming {
    /// Redeems the grant, once, while what it lives by is good.
    ///
    /// # Errors
    /// [`TokenRefusal::Target`], [`TokenRefusal::SessionEnded`], [`TokenRefusal::ReplayedCode`] where another
    /// node redeems it in this moment, or a failure on our side.
    pub(super) fn run(&self, tx: &mut Tx<'_>, grant: Grant) -> Result<Standing, TokenError> {
        let (now, limits) = (self.measure.now, &self.limits);
        op::check_target(&grant.request, self.resource.as_deref())?;
        let standing = Standing::of(tx, grant, &self.measure)?;
        let mut standing = standing.ok_or(TokenRefusal::SessionEnded)?;
        if let (Some(token), Some(session)) = (&self.refresh_token, &standing.session) {
            begin_family(tx, &mut standing.grant, session, token, limits, now)?;
        }
        standing.grant.jkt.clone_from(&self.bound);
        if !store::grants::redeem(tx, &standing.grant, now)? {
            let found = store::grants::find(tx, &standing.grant.id)?;
            let redeemed = found.is_some_and(|grant| grant.redeemed_at.is_some());
            let refusal =
                if redeemed { TokenRefusal::ReplayedCode } else { TokenRefusal::SessionEnded };
            return Err(refusal.into());
        }
        tx.audit(issued(self.event.clone(), &standing.grant));
        Ok(standing)
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

pub(super) fn issued(event: Event, grant: &Grant) -> Event {
    Event {
        actor: Actor::Client(grant.client_id.clone()),
        user: Some(grant.user_id.clone()),
        client: Some(grant.client_id.clone()),
        session: Some(grant.session_id.clone()),
        ..event
    }
}
