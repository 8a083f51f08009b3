//! A change of state is won once, however many try at the same time in however many processes.

use futures_util::future::join_all;
use medict::{
    domain::words::UnixTime,
    store::{
        Error, Tx, grants, invitations, keys,
        logins::{self, Pending},
        replays, resources, sessions,
        users::{self, Account},
    },
};

use super::{
    Cellar,
    values::{NOW, grant, key, local, login, person, session},
};
use crate::world::stories;

/// So many try, half of them in another process.
const ATTEMPTS: usize = 12;

stories! {
    async fn a_code_is_redeemed_once(cellar: Cellar) {
        cellar.given(|tx| grants::create(tx, &grant("g", "s"), "code")).await;
        let won = winners(&cellar, |tx, _| grants::redeem(tx, &grant("g", "s"), NOW)).await;
        assert_eq!(won, 1);
        let stored = cellar.now(|conn| grants::find_by_code(conn, &"g".into(), "code")).await.expect("there");
        let guessed = cellar.now(|conn| grants::find_by_code(conn, &"g".into(), "another")).await;
        assert_eq!(guessed, None, "the name of a grant is no code");
        assert_eq!(stored.redeemed_at, Some(NOW));
    }

    async fn a_revoked_code_is_never_redeemed(cellar: Cellar) {
        cellar.given(|tx| grants::create(tx, &grant("g", "s"), "code")).await;
        assert_eq!(winners(&cellar, |tx, _| grants::revoke(tx, &"g".into(), NOW)).await, 1);
        assert_eq!(winners(&cellar, |tx, _| grants::redeem(tx, &grant("g", "s"), NOW)).await, 0);
    }

    async fn a_login_takes_one_step_at_a_time(cellar: Cellar) {
        cellar.given(|tx| {
            logins::create(tx, &Pending::new(login("l", NOW), "browser".into()), Some("state"))
        }).await;
        let read = cellar.now(|conn| logins::find(conn, &"l".into())).await.expect("there");
        let before = read.clone();
        let won = winners(&cellar, move |tx, attempt| {
            let next = login("l", UnixTime(NOW.0 + 1 + attempt as i64));
            logins::advance(tx, &before, &next, Some(&format!("state-{attempt}")), None)
        }).await;
        assert_eq!(won, 1);
        let late = read.clone();
        let ended = winners(&cellar, move |tx, _| logins::end(tx, &late)).await;
        assert_eq!(ended, 0, "from a state that it has left");
        let after = cellar.now(|conn| logins::find(conn, &"l".into())).await.expect("there");
        assert_ne!(after.login, read.login);
        assert!(cellar.now(|conn| logins::find_by_state(conn, &"l".into(), "state")).await.is_none());
        assert_eq!(winners(&cellar, move |tx, _| logins::end(tx, &after)).await, 1);
        assert!(cellar.now(|conn| logins::find(conn, &"l".into())).await.is_none());
    }

    async fn a_login_that_was_not_read_is_not_changed(cellar: Cellar) {
        let unread = Pending::new(login("l", NOW), "browser".into());
        let stored = unread.clone();
        cellar.given(move |tx| logins::create(tx, &stored, None)).await;
        let (advanced, ended) = cellar.given(move |tx| {
            Ok((logins::advance(tx, &unread, &unread.login, None, None)?, logins::end(tx, &unread)?))
        }).await;
        assert_eq!((advanced, ended), (false, false));
    }

    async fn a_link_sets_one_password(cellar: Cellar) {
        cellar.given(|tx| {
            users::create(tx, &person("ada"))?;
            invitations::create(tx, "digest", &"ada".into(), NOW.plus(60))
        }).await;
        assert_eq!(winners(&cellar, |tx, _| invitations::redeem(tx, "digest", NOW)).await, 1);
        let found = cellar.now(|conn| invitations::find(conn, "digest", NOW)).await;
        assert_eq!(found, None, "used up");
    }

    async fn a_link_grows_old(cellar: Cellar) {
        cellar.given(|tx| {
            users::create(tx, &person("ada"))?;
            invitations::create(tx, "digest", &"ada".into(), NOW)
        }).await;
        let at = |now: UnixTime| cellar.now(move |conn| invitations::find(conn, "digest", now));
        assert_eq!(at(NOW.plus(-1)).await, Some("ada".into()));
        assert_eq!(at(NOW).await, None);
    }

    async fn an_assertion_is_remembered_once(cellar: Cellar) {
        assert_eq!(winners(&cellar, |tx, _| replays::remember(tx, "digest", NOW)).await, 1);
    }

    async fn a_document_is_created_once(cellar: Cellar) {
        let won = winners(&cellar, |tx, attempt| {
            resources::create(tx, "Role", "nurse", &attempt.to_string(), None, NOW)
        }).await;
        assert_eq!(won, 1);
    }

    async fn a_document_is_replaced_in_the_version_that_was_read(cellar: Cellar) {
        cellar.given(|tx| resources::create(tx, "Role", "nurse", "{}", None, NOW)).await;
        let find = || cellar.now(|conn| resources::find(conn, "Role", "nurse"));
        let read = find().await.expect("there");
        assert_eq!(read.version, 1);
        let won = winners(&cellar, move |tx, attempt| {
            resources::update(tx, &read, &attempt.to_string(), None, NOW)
        }).await;
        assert_eq!(won, 1);
        assert_eq!(find().await.expect("there").version, 2);
        let won = winners(&cellar, |tx, _| resources::delete(tx, "Role", "nurse", NOW)).await;
        assert_eq!(won, 1);
    }

    async fn an_account_is_replaced_in_the_version_that_was_read(cellar: Cellar) {
        cellar.given(|tx| users::create(tx, &local("ada", "ada", "ada@hospital.example"))).await;
        let won = winners(&cellar, |tx, attempt| {
            let profile = Some(attempt.to_string());
            let changed = Account { profile, ..local("ada", "ada", "ada@hospital.example") };
            users::update(tx, &changed, NOW)
        }).await;
        assert_eq!(won, 1);
        assert_eq!(cellar.now(|conn| users::find(conn, &"ada".into())).await.expect("there").version, 2);
    }

    async fn a_key_takes_one_step(cellar: Cellar) {
        cellar.given(|tx| keys::create(tx, &key("k", "next"))).await;
        let won = winners(&cellar, |tx, _| keys::advance(tx, "k", "next", "active", NOW)).await;
        assert_eq!(won, 1);
    }

    async fn a_session_ends_once(cellar: Cellar) {
        cellar.given(|tx| sessions::create(tx, &session("s", "ada"), "cookie")).await;
        assert_eq!(winners(&cellar, |tx, _| sessions::end(tx, &"s".into(), NOW)).await, 1);
    }
}

/// How many of the attempts won; all the others lost, and none failed.
async fn winners(
    cellar: &Cellar,
    attempt: impl Fn(&mut Tx<'_>, usize) -> Result<bool, Error> + Clone + Send + 'static,
) -> usize {
    let stores = [cellar.store.clone(), cellar.second_store()];
    let attempts = (0..ATTEMPTS).map(|number| {
        let attempt = attempt.clone();
        stores[number % 2].write(move |tx| attempt(tx, number))
    });
    let answers = join_all(attempts).await;
    answers.into_iter().filter(|answer| *answer.as_ref().expect("won or lost")).count()
}
