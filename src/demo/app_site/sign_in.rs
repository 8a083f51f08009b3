//! Signing in to the application: the code flow with PKCE against the broker (OIDC Core §3.1).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use url::Url;

use super::super::{Failure, Places, resources::APP};
use crate::{
    broker::{
        Clock,
        outbound::{AllowPrivate, Answer, Outbound, OutboundError, OutboundSettings},
    },
    crypto::{Random, same, sha256_base64url},
    domain::{
        resource::{OidcConfiguration, SigningAlg, UpstreamAuthMethod},
        trace::Trace,
    },
    rp::{
        self, AuthorizationOptions, CLOCK_SKEW, IdTokenExpectations, ProviderMetadata, Rejection,
        TokenResponse, UserInfo, VerifiedIdToken,
    },
};

/// The application as a client of the broker.
pub(super) struct RelyingParty {
    configuration: OidcConfiguration,
    redirect_uri: String,
    home: String,
    outbound: Outbound,
    clock: Clock,
}

/// What is remembered of a sign-in until the browser comes back.
#[derive(Clone)]
pub(super) struct Begun {
    state: String,
    nonce: String,
    code_verifier: String,
    metadata: ProviderMetadata,
}

/// Somebody whose ID token was verified.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) subject: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) roles: String,
    /// The claims of the ID token as they came.
    pub(super) claims: Vec<(String, String)>,
    id_token: String,
    end_session: Option<Url>,
}

/// Why nobody is signed in. Each variant is one fact.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSignedIn {
    #[error("this browser has begun no sign-in here, or has finished it already")]
    NotBegun,
    #[error("the answer belongs to another sign-in than this browser has begun (`state`)")]
    OtherState,
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error("the broker cannot be reached: {0}")]
    Unreachable(#[from] OutboundError),
}

impl RelyingParty {
    pub(super) fn new(places: &Places, clock: Clock) -> Result<Self, Failure> {
        let settings = OutboundSettings {
            allow_private: AllowPrivate::Everything,
            ..OutboundSettings::default()
        };
        let outbound = Outbound::new(&settings);
        Ok(Self {
            configuration: configuration(&places.broker),
            redirect_uri: format!("{}/callback", places.app),
            home: format!("{}/", places.app),
            outbound: outbound.map_err(|error| Failure::Outbound(error.to_string()))?,
            clock,
        })
    }

    /// Where the browser goes, and what to remember. `idp` asks the broker for one provider.
    pub(super) async fn begin(&self, idp: Option<&str>) -> Result<(String, Begun), NotSignedIn> {
        let (state, nonce, code_verifier) = (Random.token(), Random.token(), Random.token());
        let metadata = self.discover().await?;
        let url = rp::authorization_url(
            &metadata,
            &self.configuration,
            &self.redirect_uri,
            &state,
            &nonce,
            &sha256_base64url(&code_verifier),
            &AuthorizationOptions::default(),
        );
        let begun = Begun { state, nonce, code_verifier, metadata };
        Ok((with_idp(url, idp), begun))
    }

    /// The browser is back: `query` holds a code, or why there is none.
    ///
    /// # Errors
    /// [`NotSignedIn`]; `begun` is used up.
    pub(super) async fn finish(&self, begun: Begun, query: &str) -> Result<Visitor, NotSignedIn> {
        let callback = rp::read_callback(query)?;
        if !callback.state.as_ref().is_some_and(|state| same(state, &begun.state)) {
            return Err(NotSignedIn::OtherState);
        }
        let trace = &mut Trace::default();
        let code = callback.into_code(&begun.metadata, trace)?;
        let tokens = self.redeem(&begun, &code, trace).await?;
        let id_token = self.verify(&begun, &tokens, trace).await?;
        let userinfo = self.userinfo(&begun, &tokens, &id_token, trace).await?;
        Ok(visitor(&id_token, userinfo.as_ref(), tokens.id_token, begun.metadata))
    }

    /// Where the session at the broker ends (OIDC RP-Initiated Logout §2).
    pub(super) fn sign_out_url(&self, visitor: &Visitor) -> String {
        let Some(mut url) = visitor.end_session.clone() else { return self.home.clone() };
        url.query_pairs_mut()
            .append_pair("id_token_hint", &visitor.id_token)
            .append_pair("client_id", APP)
            .append_pair("post_logout_redirect_uri", &self.home);
        url.into()
    }

    async fn discover(&self) -> Result<ProviderMetadata, NotSignedIn> {
        let issuer = &self.configuration.issuer;
        let answer = self.get(&rp::discovery_url(issuer)?).await?;
        Ok(rp::parse_metadata(issuer, &answer.body)?)
    }

    async fn redeem(
        &self,
        begun: &Begun,
        code: &str,
        trace: &mut Trace,
    ) -> Result<TokenResponse, NotSignedIn> {
        let (redirect_uri, verifier) = (&self.redirect_uri, &begun.code_verifier);
        let configuration = &self.configuration;
        let request =
            rp::token_request(&begun.metadata, configuration, None, redirect_uri, code, verifier)?;
        let Answer { status, content_type, body, .. } = self.outbound.send(request).await?;
        Ok(rp::read_token_response(status, content_type.as_deref(), &body, trace)?)
    }

    async fn verify(
        &self,
        begun: &Begun,
        tokens: &TokenResponse,
        trace: &mut Trace,
    ) -> Result<VerifiedIdToken, NotSignedIn> {
        let keys = rp::parse_jwks(&self.get(&begun.metadata.jwks_uri).await?.body)?;
        let expected = IdTokenExpectations {
            issuer: &self.configuration.issuer,
            client_id: APP,
            nonce: &begun.nonce,
            alg: self.configuration.id_token_signed_response_alg,
            now: self.clock.now(),
            clock_skew: CLOCK_SKEW,
            authenticated_after: None,
            access_token: Some(&tokens.access_token),
        };
        Ok(rp::verify_id_token(&tokens.id_token, &keys, &expected, trace)?)
    }

    async fn userinfo(
        &self,
        begun: &Begun,
        tokens: &TokenResponse,
        id_token: &VerifiedIdToken,
        trace: &mut Trace,
    ) -> Result<Option<UserInfo>, NotSignedIn> {
        let request = rp::userinfo_request(&begun.metadata, &tokens.access_token)?;
        let Some(request) = request else { return Ok(None) };
        let Answer { status, content_type, body, .. } = self.outbound.send(request).await?;
        let kind = content_type.as_deref();
        Ok(Some(rp::read_userinfo(status, kind, &body, id_token, trace)?))
    }

    async fn get(&self, url: &Url) -> Result<Answer, NotSignedIn> {
        Ok(self.outbound.get(url, "application/json").await?)
    }
}

/// A public client: PKCE is its proof.
fn configuration(issuer: &str) -> OidcConfiguration {
    OidcConfiguration {
        issuer: issuer.to_owned(),
        client_id: APP.to_owned(),
        client_secret: None,
        scopes: ["openid", "profile", "email", "roles"].map(str::to_owned).to_vec(),
        token_endpoint_auth_method: UpstreamAuthMethod::None,
        hosted_domains: Vec::new(),
        anyone: false,
        id_token_signed_response_alg: SigningAlg::RS256,
    }
}

/// The broker's own parameter: which provider it should go to at once.
fn with_idp(url: String, idp: Option<&str>) -> String {
    match (idp, Url::parse(&url)) {
        (Some(idp), Ok(mut url)) => {
            url.query_pairs_mut().append_pair("idp", idp);
            url.into()
        }
        _ => url,
    }
}

fn visitor(
    verified: &VerifiedIdToken,
    userinfo: Option<&UserInfo>,
    id_token: String,
    metadata: ProviderMetadata,
) -> Visitor {
    let said = verified.statement(userinfo);
    let text = |name: &str| said.values(name).join(", ");
    Visitor {
        subject: verified.subject().to_owned(),
        name: text("name"),
        email: text("email"),
        roles: text("roles"),
        claims: claims(&id_token),
        id_token,
        end_session: metadata.end_session_endpoint,
    }
}

/// The payload of a token that was verified before, for showing.
fn claims(id_token: &str) -> Vec<(String, String)> {
    let payload = id_token.split('.').nth(1).unwrap_or_default();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let claims: Map<String, Value> = serde_json::from_slice(&payload).unwrap_or_default();
    let shown = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    claims.into_iter().map(|(name, value)| (name, shown(value))).collect()
}
