//! Those among whom the measured ones are: a million accounts, and a hundred thousand sessions that are open.
//!
//! Written into the database before the broker starts, as the broker itself would have written them.

use medict::{
    domain::{
        identity::UpstreamSession,
        login::{Authentication, AuthorizationRequest},
        words::{GrantId, SessionId, UnixTime, UserId},
    },
    store::{
        Database, Error, Store, Tx,
        grants::{self, Grant},
        links,
        sessions::{self, BrowserSession},
        users::{self, Account},
    },
};

use crate::{
    Failure,
    operations::{CALLBACK, ES256},
};

/// Accounts, each tied to the provider.
const ACCOUNTS: usize = 1_000_000;
/// The first of them are signed in, with a grant each.
const SESSIONS: usize = 100_000;
/// So many are written at a time.
const BATCH: usize = 1_000;

/// Writes them all.
pub fn settle(database: Database, now: UnixTime) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let store = Store::open(database, 1)?;
        for first in (0..ACCOUNTS).step_by(BATCH) {
            let some = first..first + BATCH;
            store
                .write(move |tx| some.clone().try_for_each(|number| stranger(tx, number, now)))
                .await?;
        }
        Ok(())
    })
}

fn stranger(tx: &mut Tx<'_>, number: usize, now: UnixTime) -> Result<(), Error> {
    let user = UserId(id("01900000", number));
    let account = Account {
        id: user.0.clone(),
        version: 1,
        created_at: now.0,
        updated_at: now.0,
        last_login_at: Some(now.0),
        active: true,
        username: Some(format!("stranger-{number}")),
        email: Some(format!("stranger-{number}@hospital.example")),
        email_verified: true,
        name: format!(r#"[{{"use":"official","family":"{number}","given":["Stranger"]}}]"#),
        ..Account::default()
    };
    users::create(tx, &account)?;
    links::create(tx, &"corporate".into(), &format!("stranger-{number}"), &user, now)?;
    if number < SESSIONS { signed_in(tx, number, user, now) } else { Ok(()) }
}

fn signed_in(tx: &mut Tx<'_>, number: usize, user: UserId, now: UnixTime) -> Result<(), Error> {
    let by = Authentication {
        user,
        idp: Some("corporate".into()),
        auth_time: now,
        amr: vec!["pwd".to_owned()],
        acr: None,
    };
    let upstream =
        UpstreamSession { name_id: Some(format!("stranger-{number}")), ..Default::default() };
    let session = BrowserSession::new(SessionId(id("01900001", number)), by, upstream, now, 36_000);
    sessions::create(tx, &session, &id("cookie", number))?;
    let mut request = AuthorizationRequest::new(ES256.client_id.into(), CALLBACK.to_owned());
    request.scope = ["openid", "profile", "email", "roles"].map(str::to_owned).to_vec();
    let grant = Grant::new(GrantId(id("01900002", number)), request, &session, now.plus(60));
    grants::create(tx, &grant, &id("code", number))
}

fn id(begin: &str, number: usize) -> String {
    format!("{begin}-0000-7000-8000-{number:012}")
}
