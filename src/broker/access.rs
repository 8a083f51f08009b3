//! What access tokens open: who is behind one, and what may be told about him.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    Broker, Caller, Error,
    standing::Standing,
    verdicts::{AsOf, Digest},
};
use crate::{
    crypto::{Jws, sha256, sha256_base64url},
    domain::{
        claims::Place,
        login::Authentication,
        roles,
        words::{ClientId, GrantId, OrganizationId, RoleId, SessionId, UnixTime},
    },
    op::{self, AccessToken, IdToken, Person, Presented, ProofFault, Tenant, UserInfo},
    store::{self, changes, users::Account},
};

/// Why an access token opens nothing (RFC 6750 §3.1).
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("the request carries no access token")]
    Missing,
    #[error("the access token is sent in two ways at once")]
    TwoTokens,
    #[error("the access token is not one of ours, has expired, or was revoked")]
    Invalid,
    #[error("the access token is for another resource")]
    Audience,
    #[error("the access token lacks the scope `openid`")]
    Scope,
    #[error("who acts on a person's behalf does not end the person's session")]
    OnBehalf,
    #[error(transparent)]
    Proof(#[from] ProofFault),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<store::Error> for AccessError {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// An access token that is good, and whom it speaks for.
#[derive(Clone, Debug)]
pub struct Verified {
    /// With the roles as they are now.
    pub access: AccessToken,
    /// Absent: an application acts for itself.
    pub person: Option<Person>,
    /// The claims that the application asked for by name, beside the scope.
    pub asked: Vec<String>,
    /// The application that the person signed in to; after an exchange another than the token's.
    granted_to: Option<ClientId>,
    /// How the person was proven.
    by: Option<Authentication>,
    /// From then on it has to be looked at again.
    until: UnixTime,
}

/// The answer of the userinfo endpoint, as the application is registered (OIDC Core §5.3.2).
pub enum UserInfoAnswer {
    Plain(Box<UserInfo>),
    Signed(String),
}

impl Broker {
    /// What an access token says, if it is ours and in its time. Says nothing about revocation.
    ///
    /// # Errors
    /// [`AccessError::Invalid`].
    pub(super) async fn read_access_token(&self, token: &str) -> Result<AccessToken, AccessError> {
        let access =
            if is_jwt(token) { self.read_signed(token)? } else { self.find_opaque(token).await? };
        let ours = access.iss == self.issuer() && self.clock.now() < access.exp;
        if ours { Ok(access) } else { Err(AccessError::Invalid) }
    }

    async fn find_opaque(&self, token: &str) -> Result<AccessToken, AccessError> {
        let digest = sha256_base64url(token);
        let find = move |conn: &mut _| store::access_tokens::find(conn, &digest);
        let claims = self.store.look_up(find).await?.ok_or(AccessError::Invalid)?;
        serde_json::from_str(&claims).map_err(|error| Error::Broken(error.to_string()).into())
    }

    fn read_signed(&self, token: &str) -> Result<AccessToken, AccessError> {
        let invalid = |_| AccessError::Invalid;
        let jws = Jws::parse(token).and_then(|jws| jws.of_type("at+jwt")).map_err(invalid)?;
        let keys = self.keys();
        let key = jws.kid().and_then(|kid| keys.verifying(kid)).ok_or(AccessError::Invalid)?;
        jws.verify(key).map_err(invalid)
    }

    /// Verifies an access token and everything that it lives by: client, grant, session, account. Says
    /// nothing about who sent it: what a token opens asks [`Self::verify_presented`].
    ///
    /// # Errors
    /// [`AccessError::Invalid`] when any has ended, on this process at once, on others within a second.
    pub(super) async fn verify_access_token(
        &self,
        token: &str,
    ) -> Result<Arc<Verified>, AccessError> {
        let (digest, now) = (sha256(token), self.clock.now());
        let here = self.store.revocations();
        let found = self.verdicts.find(&digest, here, self.clock.instant());
        let verified = match found.filter(|verified| now < verified.until) {
            Some(verified) => verified,
            None => self.look_behind(token, digest, here, now).await?,
        };
        let configuration = self.configuration();
        let known = |id: &ClientId| configuration.client(id).is_some();
        let known =
            known(&verified.access.client_id) && verified.granted_to.as_ref().is_none_or(known);
        let believed = verified.by.as_ref().is_none_or(|by| configuration.believes(by));
        if known && believed { Ok(verified) } else { Err(AccessError::Invalid) }
    }

    async fn look_behind(
        &self,
        token: &str,
        digest: Digest,
        here: u64,
        now: UnixTime,
    ) -> Result<Arc<Verified>, AccessError> {
        let access = self.read_access_token(token).await?;
        let (grant, own) = (grant_of(&access), own_digest(&access));
        let by_itself = grant.is_none() || access.act.is_some();
        let measure = self.measure(now);
        let idle = measure.idle;
        let read = move |conn: &mut _| -> Result<_, AccessError> {
            // Before all else: what is revoked after it makes the verdict one of yesterday.
            let everywhere = changes::version(conn, changes::Topic::Revocations)?;
            let standing = match &grant {
                Some(id) => Standing::find(conn, id, &measure)?,
                None => None,
            };
            // What has no sign-in of its own to end with may have been revoked by itself.
            let ended = grant.is_some() && standing.is_none();
            let revoked = by_itself && store::replays::holds(conn, &own)?;
            if ended || revoked { Err(AccessError::Invalid) } else { Ok((everywhere, standing)) }
        };
        let (everywhere, standing) = self.store.look_up(read).await?;
        let until = standing.as_ref().map_or(access.exp, |standing| standing.until(idle));
        let verified = Arc::new(Verified::new(access, standing, until));
        self.verdicts.keep(digest, AsOf { here, everywhere }, Arc::clone(&verified));
        Ok(verified)
    }

    /// `/oauth2/userinfo` (OIDC Core §5.3).
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn userinfo(
        &self,
        presented: Option<&Presented<'_>>,
    ) -> Result<UserInfoAnswer, AccessError> {
        let verified = self.verify_presented(presented).await?;
        let access = &verified.access;
        match &verified.person {
            Some(person) if access.has_scope("openid") => {
                self.userinfo_answer(person, access, &verified.asked)
            }
            _ => Err(AccessError::Scope),
        }
    }

    fn userinfo_answer(
        &self,
        person: &Person,
        access: &AccessToken,
        asked: &[String],
    ) -> Result<UserInfoAnswer, AccessError> {
        let configuration = self.configuration();
        let client = configuration.client(&access.client_id).ok_or(AccessError::Invalid)?;
        let open = |scope: &str| access.has_scope(scope);
        let own = client.claims.evaluate(Place::Userinfo, open, || person.facts());
        let info = UserInfo { own, ..UserInfo::of(person, access, asked) };
        let Some(alg) = client.resource.userinfo_signed_response_alg else {
            return Ok(UserInfoAnswer::Plain(Box::new(info)));
        };
        let claims = info.for_signing(self.issuer(), &client.id);
        let signed = self.keys().signing(alg)?.sign("JWT", &claims).map_err(Error::from)?;
        Ok(UserInfoAnswer::Signed(signed))
    }

    /// `/auth/me`: the person behind a token, or the application that acts for itself.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn me(&self, presented: Option<&Presented<'_>>) -> Result<Value, AccessError> {
        let verified = self.verify_presented(presented).await?;
        let access = &verified.access;
        let tenant = self.tenant_of(access.organization.as_ref());
        let administers = access.roles.contains(&RoleId::from(roles::ADMINISTRATOR));
        Ok(match &verified.person {
            Some(person) => op::me(person, access, &tenant, administers),
            None => json!({ "profile":
                { "resourceType": "ClientApplication", "id": access.client_id } }),
        })
    }

    /// What clients of the Medplum kind call the project.
    pub(super) fn tenant_of(&self, organization: Option<&OrganizationId>) -> Tenant {
        let configuration = self.configuration();
        let found = organization.and_then(|id| configuration.organization(id));
        match (organization, found) {
            (Some(id), Some(found)) => Tenant { id: id.0.clone(), name: found.name.clone() },
            _ => Tenant { id: "medict".to_owned(), name: "Medict".to_owned() },
        }
    }

    /// Ends the session behind an access token, and the grant that it came of, also one that would outlive
    /// the session: how an application in a browser signs out.
    ///
    /// # Errors
    /// [`AccessError::Invalid`] when there is none to end.
    pub async fn sign_out_by_token(
        &self,
        presented: &Presented<'_>,
        caller: &Caller,
    ) -> Result<(), AccessError> {
        let verified = self.verify_presented(Some(presented)).await?;
        if verified.access.act.is_some() {
            return Err(AccessError::OnBehalf);
        }
        let grant = grant_of(&verified.access).ok_or(AccessError::Invalid)?;
        let measure = self.measure(self.clock.now());
        let find = move |conn: &mut _| Standing::find(conn, &grant, &measure);
        let standing = self.store.read(find).await?.ok_or(AccessError::Invalid)?;
        if standing.grant.offline.is_some() {
            self.revoke_grant(standing.grant, caller).await?;
        }
        if let Some(session) = standing.session {
            drop(self.end_session(session, caller).await?);
        }
        Ok(())
    }

    /// The client and session of an ID token of ours, expired or not, as a hint for signing out.
    #[must_use]
    pub fn read_id_token_hint(&self, token: &str) -> Option<(ClientId, SessionId)> {
        self.read_id_token(token).map(|claims| (claims.aud, claims.sid))
    }

    /// An ID token of ours, expired or not.
    pub(super) fn read_id_token(&self, token: &str) -> Option<IdToken> {
        let jws = Jws::parse(token).and_then(|jws| jws.of_type("JWT")).ok()?;
        let keys = self.keys();
        let claims: IdToken = jws.verify(keys.verifying(jws.kid()?)?).ok()?;
        (claims.iss == self.issuer()).then_some(claims)
    }
}

/// Random tokens have no dot; signed ones have three parts.
pub(super) fn is_jwt(token: &str) -> bool {
    token.contains('.')
}

/// The grant that a person's access token came of.
pub(super) fn grant_of(access: &AccessToken) -> Option<GrantId> {
    access.login_id.as_ref()?;
    GrantId::naming(&access.jti)
}

/// The name under which a token that was revoked by itself is remembered.
pub(super) fn own_digest(access: &AccessToken) -> String {
    sha256_base64url(format!("revoked access token {}", access.jti))
}

impl Verified {
    fn new(mut access: AccessToken, standing: Option<Standing>, until: UnixTime) -> Self {
        let until = until.min(access.exp);
        let Some(Standing { grant, account, granted, by, .. }) = standing else {
            let (asked, granted_to) = (Vec::new(), None);
            return Self { access, person: None, asked, granted_to, by: None, until };
        };
        access.roles = roles::effective(&granted, access.organization.as_ref());
        let person = person(account, access.roles.clone(), access.organization.clone());
        let granted_to = Some(grant.client_id);
        // What the person's application asked for by name is for it alone, not for who acts for it.
        let asked = if access.act.is_none() { grant.request.claims.userinfo } else { Vec::new() };
        Self { access, person: Some(person), asked, granted_to, by: Some(by), until }
    }

    #[cfg(test)]
    pub fn sample() -> Self {
        let access = serde_json::json!({ "iss": "i", "sub": "s", "aud": "a", "exp": 2, "iat": 1,
            "jti": "j", "client_id": "c", "scope": "", "roles": [] });
        let access = serde_json::from_value(access).expect("claims");
        Self::new(access, None, UnixTime(2))
    }
}

pub(super) fn person(
    account: Account,
    roles: BTreeSet<RoleId>,
    organization: Option<OrganizationId>,
) -> Person {
    Person {
        id: account.user_id(),
        names: account.names(),
        profile: account.profile_reference(),
        address: account.postal_address(),
        phone: account.phone,
        username: account.username,
        email: account.email,
        email_verified: account.email_verified,
        updated_at: UnixTime(account.updated_at),
        roles,
        organization,
    }
}
