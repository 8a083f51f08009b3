//! Refresh tokens (RFC 6749 §6, RFC 9700 §4.14.2): one of a sign-in is good at a time.
//!
//! Using it makes its successor. Using it again within the grace (two tabs, a lost answer) tells the *same*
//! successor; later it shows that one of two holders has stolen it, and ends all that came of the sign-in.

use super::{
    Broker, Client, Error,
    clients::Unspent,
    settings::Limits,
    standing::{Measure, Standing},
    tokens::{Asker, TokenError},
};
use crate::{
    crypto::sha256_base64url,
    domain::{
        audit::{Action, Event, Outcome},
        words::{ClientId, UnixTime},
    },
    op::{self, TokenRefusal, TokenResponse},
    store::{
        self, Tx,
        grants::{Grant, LONGEST_ACCESS},
        refresh_tokens::{self, RefreshToken, State},
        sessions::BrowserSession,
    },
};

/// The scope whose refresh tokens outlive the session (OIDC Core §11).
const OFFLINE: &str = "offline_access";

/// A use of a refresh token, with everything drawn and sealed that its commit stores.
struct Use {
    client: ClientId,
    registered: Vec<String>,
    asked: Vec<String>,
    resource: Option<String>,
    digest: String,
    successor: String,
    sealed: Option<String>,
    event: Event,
    unspent: Unspent,
    jkt: Option<String>,
    limits: Limits,
    measure: Measure,
}

/// How a use ended, once the commit stands.
enum Used {
    Rotated(Box<Standing>, Vec<String>),
    /// Used before, a moment ago: the sealed successor is told again.
    Repeated(Box<Standing>, Vec<String>, String),
    /// Used before, too long ago: everything of this sign-in has ended now.
    Replayed,
}

impl Broker {
    /// A new refresh token for what `grant` becomes by its redemption, where its client may have one.
    pub(super) fn first_refresh_token(&self, client: &Client) -> Option<String> {
        client.resource.may_refresh().then(|| self.random.token())
    }

    /// Exchanges a refresh token for new tokens and its successor.
    ///
    /// # Errors
    /// [`TokenRefusal`]; on [`TokenRefusal::ReplayedRefreshToken`] the tokens of that sign-in have ended.
    pub(super) async fn refresh_tokens(
        &self,
        asker: &Asker<'_>,
        presented: &str,
        asked: Vec<String>,
    ) -> Result<TokenResponse, TokenError> {
        let client = asker.client;
        let now = self.clock.now();
        let digest = sha256_base64url(presented);
        let place = place(&digest);
        let successor = self.random.token();
        let seal = || self.master.seal(self.random, &place, successor.as_bytes());
        let limits = self.settings.limits();
        let used = Use {
            client: client.id.clone(),
            registered: client.resource.scopes.clone(),
            asked,
            resource: asker.resource.clone(),
            digest,
            successor: sha256_base64url(&successor),
            sealed: (limits.grace > 0).then(seal).transpose().map_err(Error::from)?,
            event: asker.caller.event(Action::TokenIssue, Outcome::Success, now),
            unspent: asker.unspent.clone(),
            jkt: asker.jkt.clone(),
            limits,
            measure: self.measure(now),
        };
        let (standing, scope, token) = match self.store.write(move |tx| used.run(tx)).await? {
            Used::Rotated(standing, scope) => (standing, scope, successor),
            Used::Repeated(standing, scope, sealed) => {
                let token = self.master.open_text(&place, &sealed).map_err(Error::from)?;
                (standing, scope, token)
            }
            Used::Replayed => return Err(TokenRefusal::ReplayedRefreshToken.into()),
        };
        self.mint(asker, *standing, scope, None, Some(token), now).await
    }

    /// Forgets sealed successors whose grace has ended.
    pub(super) async fn forget_successors(&self) -> Result<(), Error> {
        let end = self.clock.now().plus(-self.settings.tokens.refresh_grace);
        let any = move |conn: &mut _| Ok::<_, Error>(refresh_tokens::holds_successors(conn, end)?);
        if self.store.read(any).await? {
            let forget = move |tx: &mut Tx<'_>| refresh_tokens::forget_successors(tx, end);
            self.store.write(forget).await?;
        }
        Ok(())
    }
}

/// Where the successor of a token lies sealed.
fn place(digest: &str) -> String {
    format!("refresh_tokens/{digest}/successor")
}

/// What redeeming its code with a refresh token makes of `grant`: it lives by the session, or, with scope
/// `offline_access`, by limits of its own. Stores the token.
pub(super) fn begin_family(
    tx: &mut Tx<'_>,
    grant: &mut Grant,
    session: &BrowserSession,
    token: &str,
    limits: &Limits,
    now: UnixTime,
) -> Result<(), store::Error> {
    let offline = grant.request.scope.iter().any(|scope| scope == OFFLINE);
    grant.offline = offline.then(|| session.authentication.clone());
    let end = if offline { now.plus(limits.offline_absolute) } else { session.expires_at };
    grant.expires_at = grant.expires_at.max(end.plus(LONGEST_ACCESS));
    let expires_at = if offline { end.min(now.plus(limits.offline_idle)) } else { end };
    refresh_tokens::create(tx, &sha256_base64url(token), &grant.id, now, expires_at)
}

impl Use {
    fn run(&self, tx: &mut Tx<'_>) -> Result<Used, TokenError> {
        self.unspent.spend(tx)?;
        let unknown = TokenRefusal::UnknownRefreshToken;
        let token = refresh_tokens::find(tx, &self.digest)?.ok_or(unknown.clone())?;
        let grant = store::grants::find(tx, &token.grant)?.ok_or(unknown)?;
        if grant.client_id != self.client {
            return Err(TokenRefusal::ForeignRefreshToken.into());
        }
        if grant.revoked_at.is_some() {
            return Err(TokenRefusal::SessionEnded.into());
        }
        // Before all else: without the key nobody has used the token, nor shown that it was stolen.
        op::check_key(grant.jkt.as_deref(), self.jkt.as_deref())?;
        if self.is_replayed(&token) {
            return self.end(tx, &grant);
        }
        if self.measure.now >= token.expires_at {
            return Err(TokenRefusal::ExpiredRefreshToken.into());
        }
        op::check_target(&grant.request, self.resource.as_deref())?;
        let scope = op::check_refreshed_scope(&grant.request.scope, &self.registered, &self.asked)?;
        let standing = Standing::of(tx, grant, &self.measure)?;
        let standing = Box::new(standing.ok_or(TokenRefusal::SessionEnded)?);
        let used = self.rotate(tx, token, standing, scope)?;
        if let Used::Rotated(standing, _) | Used::Repeated(standing, ..) = &used {
            tx.audit(super::tokens::issued(self.event.clone(), &standing.grant).detail("refresh"));
        }
        Ok(used)
    }

    /// Whether the token was used before, and longer ago than the grace. Clocks of two nodes may differ.
    fn is_replayed(&self, token: &RefreshToken) -> bool {
        match &token.state {
            State::Current => false,
            State::Rotated { at, successor } => {
                successor.is_none() || self.measure.now.since(*at).abs() > self.limits.grace
            }
        }
    }

    fn rotate(
        &self,
        tx: &mut Tx<'_>,
        token: RefreshToken,
        standing: Box<Standing>,
        scope: Vec<String>,
    ) -> Result<Used, TokenError> {
        if let State::Rotated { successor: Some(sealed), .. } = token.state {
            return Ok(Used::Repeated(standing, scope, sealed));
        }
        if refresh_tokens::rotate(tx, &token.digest, self.sealed.as_deref(), self.measure.now)? {
            let expires_at = self.expires_at(&standing, &token);
            let (successor, grant) = (&self.successor, &token.grant);
            refresh_tokens::create(tx, successor, grant, self.measure.now, expires_at)?;
            self.touch(tx, &standing)?;
            return Ok(Used::Rotated(standing, scope));
        }
        // Another node was faster by a moment; what it made is told here too.
        match refresh_tokens::find(tx, &token.digest)?.map(|token| token.state) {
            Some(State::Rotated { successor: Some(sealed), .. }) => {
                Ok(Used::Repeated(standing, scope, sealed))
            }
            _ => self.end(tx, &standing.grant),
        }
    }

    /// The successor of a session's token ends with the session; any other has its idle time anew, within
    /// the absolute one.
    fn expires_at(&self, standing: &Standing, token: &RefreshToken) -> UnixTime {
        match (&standing.grant.offline, standing.grant.redeemed_at) {
            (Some(_), Some(began)) => began
                .plus(self.limits.offline_absolute)
                .min(self.measure.now.plus(self.limits.offline_idle)),
            _ => token.expires_at,
        }
    }

    /// A refresh is a use of the session.
    fn touch(&self, tx: &mut Tx<'_>, standing: &Standing) -> Result<(), store::Error> {
        match &standing.session {
            Some(session)
                if standing.grant.offline.is_none() && session.is_worn(self.measure.now) =>
            {
                store::sessions::touch(tx, &session.id, self.measure.now)
            }
            _ => Ok(()),
        }
    }

    fn end(&self, tx: &mut Tx<'_>, grant: &Grant) -> Result<Used, TokenError> {
        store::grants::revoke(tx, &grant.id, self.measure.now)?;
        let event = super::tokens::issued(self.event.clone(), grant);
        tx.audit(Event {
            action: Action::RefreshTokenReplayed,
            outcome: Outcome::Refused,
            ..event
        });
        Ok(Used::Replayed)
    }
}
