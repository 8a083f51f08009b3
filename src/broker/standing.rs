//! What the tokens of a grant live by: the grant itself, its session, the account. Read together, judged
//! in one place.

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

impl Standing {
    /// Reads what stands behind `grant`. `None`: it was revoked, the session that it lives by has ended or
    /// was not used for `idle` seconds, or the account is not active.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn of(
        conn: &mut Conn,
        grant: Grant,
        now: UnixTime,
        idle: i64,
    ) -> Result<Option<Self>, Error> {
        if grant.revoked_at.is_some() || now >= grant.expires_at {
            return Ok(None);
        }
        let open = |session: &BrowserSession| session.is_live(now, idle);
        let session = sessions::find(conn, &grant.session_id)?.filter(open);
        let by = match (&grant.offline, &session) {
            (Some(by), _) => by.clone(),
            (None, Some(session)) => session.authentication.clone(),
            (None, None) => return Ok(None),
        };
        let account = users::find(conn, &grant.user_id)?.filter(|account| account.active);
        let Some(account) = account else { return Ok(None) };
        let granted = user_roles::granted_to(conn, &grant.user_id)?;
        Ok(Some(Self { grant, session, by, account, granted }))
    }

    /// The same by the grant's name.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn find(
        conn: &mut Conn,
        id: &GrantId,
        now: UnixTime,
        idle: i64,
    ) -> Result<Option<Self>, Error> {
        match grants::find(conn, id)? {
            Some(grant) => Self::of(conn, grant, now, idle),
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
