//! What the tokens of a grant live by: the grant itself, its session, the account, and the provider that
//! vouched for the person. Read together, judged in one place.

use std::sync::Arc;

use super::{Broker, Configuration};
use crate::{
    domain::{
        login::Authentication,
        mapping::GrantedRole,
        words::{GrantId, UnixTime},
    },
    store::{
        Conn, Error,
        grants::{self, Grant},
        sessions::{self, BrowserSession},
        user_roles,
        users::{self, Account},
    },
};

/// A grant that is alive, and whom its tokens are for.
#[derive(Clone, Debug)]
pub struct Standing {
    pub grant: Grant,
    /// Also of a grant that outlives it, while it is open.
    pub session: Option<BrowserSession>,
    pub by: Authentication,
    pub account: Account,
    pub granted: Vec<GrantedRole>,
}

/// What standing is judged by.
#[derive(Clone)]
pub struct Measure {
    pub now: UnixTime,
    /// Seconds that a session may go unused.
    pub idle: i64,
    pub configuration: Arc<Configuration>,
}

impl Broker {
    pub(super) fn measure(&self, now: UnixTime) -> Measure {
        Measure { now, idle: self.settings.sessions.idle, configuration: self.configuration() }
    }
}

impl Measure {
    /// Whether the session counts: it has not ended, was used a while ago at most, and whoever vouched for
    /// the person is still believed.
    #[must_use]
    pub fn is_open(&self, session: &BrowserSession) -> bool {
        session.is_live(self.now, self.idle) && self.configuration.believes(&session.authentication)
    }
}

impl Standing {
    /// Reads what stands behind `grant`. `None`: it was revoked, the session that it lives by has ended or
    /// was not used for long, the account is not active, or the provider was switched off.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn of(conn: &mut Conn, grant: Grant, measure: &Measure) -> Result<Option<Self>, Error> {
        if grant.revoked_at.is_some() || measure.now >= grant.expires_at {
            return Ok(None);
        }
        let open = |session: &BrowserSession| measure.is_open(session);
        let session = sessions::find(conn, &grant.session_id)?.filter(open);
        let by = match (&grant.offline, &session) {
            (Some(by), _) => by.clone(),
            (None, Some(session)) => session.authentication.clone(),
            (None, None) => return Ok(None),
        };
        if !measure.configuration.believes(&by) {
            return Ok(None);
        }
        let account = users::find(conn, &grant.user_id)?.filter(|account| account.active);
        let Some(account) = account else { return Ok(None) };
        let granted = user_roles::granted_to(conn, &grant.user_id)?;
        Ok(Some(Self { grant, session, by, account, granted }))
    }

    /// The same by the grant's name.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn find(conn: &mut Conn, id: &GrantId, measure: &Measure) -> Result<Option<Self>, Error> {
        match grants::find(conn, id)? {
            Some(grant) => Self::of(conn, grant, measure),
            None => Ok(None),
        }
    }

    /// From when on this has to be looked at again, if nothing ends it before.
    #[must_use]
    pub fn until(&self, idle: i64) -> UnixTime {
        match (&self.grant.offline, &self.session) {
            (None, Some(session)) => session.expires_at.min(session.used_at.plus(idle)),
            _ => self.grant.expires_at,
        }
    }
}
