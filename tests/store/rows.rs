//! What rows mean: names that are taken, things that have expired, roles and who gave them.

use diesel::{QueryableByName, sql_query, sql_types::Text};
use medict::{
    domain::{
        mapping::GrantedRole,
        words::{IdpId, UnixTime},
    },
    store::{
        Conn, Error, Run, Tx, entities, fetched, grants, keys, links,
        logins::{self, Pending},
        purge, refresh_tokens, refreshes, replays, resources, sessions, throttles, traces,
        user_roles, users,
    },
};

use super::{
    Cellar,
    values::{NOW, grant, key, local, login, person, session, trace},
};
use crate::world::stories;

type Write = fn(&mut Tx<'_>) -> Result<(), Error>;

/// What somebody writes who comes too late.
const TAKEN: [(&str, Write); 7] = [
    ("a username", |tx| users::create(tx, &local("2", "Ada", "other@hospital.example"))),
    ("an address", |tx| users::create(tx, &local("2", "other", "ADA@hospital.example"))),
    ("a user's id", |tx| users::create(tx, &person("1"))),
    ("an identity", |tx| links::create(tx, &"corporate".into(), "ada", &"3".into(), NOW)),
    ("the seal", |tx| keys::set_seal(tx, "another")),
    ("a key's name", |tx| keys::create(tx, &key("k", "next"))),
    ("a grant's name", |tx| grants::create(tx, &grant("g", "s"), "other")),
];

stories! {
    /// A name that is taken is "exists already", so that a person can be told.
    async fn what_is_taken_is_a_duplicate(cellar: Cellar) {
        cellar.given(|tx| {
            users::create(tx, &local("1", "ada", "ada@hospital.example"))?;
            users::create(tx, &person("3"))?;
            links::create(tx, &"corporate".into(), "ada", &"1".into(), NOW)?;
            keys::set_seal(tx, "sealed")?;
            keys::create(tx, &key("k", "next"))?;
            grants::create(tx, &grant("g", "s"), "code")
        }).await;
        for (name, write) in TAKEN {
            let answer = cellar.store.write(write).await;
            assert!(matches!(answer, Err(Error::Duplicate)), "{name}: {answer:?}");
        }
        let moved = cellar.store.write(|tx| {
            users::create(tx, &local("4", "grace", "grace@hospital.example"))?;
            users::update(tx, &local("4", "ada", "grace@hospital.example"), NOW)
        }).await;
        assert!(matches!(moved, Err(Error::Duplicate)), "a new name is taken too: {moved:?}");
        assert_eq!(cellar.now(|conn| users::find(conn, &"4".into())).await, None);
    }

    /// Any other failure is not mistaken for it.
    async fn a_stranger_is_not_a_duplicate(cellar: Cellar) {
        let linked = cellar.store.write(|tx| {
            links::create(tx, &"corporate".into(), "ada", &"nobody".into(), NOW)
        }).await;
        assert!(matches!(linked, Err(Error::Unavailable(_))), "{linked:?}");
    }

    /// Whom providers named may share an address with others; the local way in finds none of them.
    async fn provider_made_accounts_share_addresses(cellar: Cellar) {
        cellar.given(|tx| {
            let shared = Some("ward@hospital.example".to_owned());
            users::create(tx, &users::Account { email: shared.clone(), ..person("1") })?;
            users::create(tx, &users::Account { email: shared, ..person("2") })?;
            users::create(tx, &local("3", "Ada", "ward@hospital.example"))
        }).await;
        for name in ["ADA", "Ward@Hospital.Example"] {
            let found = cellar.now(move |conn| users::find_local(conn, name)).await;
            assert_eq!(found.expect("the local one").id, "3");
        }
    }

    /// What has expired goes, the rest stays.
    async fn what_has_expired_goes(cellar: Cellar) {
        cellar.given(|tx| {
            for (name, before) in [("kept", 0), ("gone", 1)] {
                age(tx, name, before)?;
            }
            users::create(tx, &person("ada"))
        }).await;
        let gone = cellar.given(|tx| purge::expired(tx, NOW)).await;
        assert_eq!(gone, 7, "one of each kind");
        for (table, column) in [
            ("logins", "id"), ("grants", "id"), ("replays", "digest"), ("browser_sessions", "id"),
            ("traces", "reference"), ("throttles", "subject"), ("refresh_tokens", "digest"),
        ] {
            assert_eq!(names(&cellar, table, column).await, ["kept"], "{table}");
        }
        assert!(cellar.now(|conn| users::find(conn, &"ada".into())).await.is_some());
        assert_eq!(cellar.given(|tx| purge::expired(tx, NOW)).await, 0);
    }

    /// A provider's rules decide what the provider gave, and nothing else.
    async fn rules_leave_other_roles_alone(cellar: Cellar) {
        let recompute = |idp: &'static str, roles: &'static [&'static str], ids: [&'static str; 2]| {
            cellar.given(move |tx| {
                let wanted: Vec<_> = roles.iter().map(|role| given(role)).collect();
                let ids = ids.map(str::to_owned);
                user_roles::recompute(tx, &"ada".into(), &idp.into(), &wanted, &ids, NOW)
            })
        };
        cellar.given(|tx| {
            users::create(tx, &person("ada"))?;
            let by_hand = user_roles::grant(tx, "h".into(), &"ada".into(), &given("nurse"), None, NOW)?;
            assert!(by_hand.is_some());
            let again = user_roles::grant(tx, "h2".into(), &"ada".into(), &given("nurse"), None, NOW)?;
            assert_eq!(again, None, "has it already");
            Ok(())
        }).await;
        let first = recompute("corporate", &["nurse", "physician"], ["c1", "c2"]).await;
        assert_eq!(first.granted, [given("nurse"), given("physician")]);
        recompute("openid", &["physician"], ["o1", "o2"]).await;
        let same = recompute("corporate", &["physician", "nurse"], ["c3", "c4"]).await;
        assert_eq!(same, user_roles::Recomputed::default());

        let second = recompute("corporate", &["porter"], ["c5", "c6"]).await;
        assert_eq!(second.granted, [given("porter")]);
        assert_eq!(second.revoked, [given("nurse"), given("physician")]);
        let ids = names(&cellar, "user_roles", "id").await;
        assert_eq!(ids, ["c5", "h", "o1"], "by hand and by the other provider: both stay");
        let all = cellar.now(|conn| user_roles::granted_to(conn, &"ada".into())).await;
        assert_eq!(all, [given("nurse"), given("physician"), given("porter")]);
    }

    /// With a session ends every grant that lives by it, and no other; with all of a person's sessions also
    /// those that outlive them.
    async fn a_session_takes_its_grants_along(cellar: Cellar) {
        cellar.given(|tx| {
            for (id, user) in [("s1", "ada"), ("s2", "ada"), ("s3", "grace")] {
                sessions::create(tx, &session(id, user), id)?;
                for name in [format!("{id}-a"), format!("{id}-b")] {
                    let theirs = grants::Grant { user_id: user.into(), ..grant(&name, id) };
                    grants::create(tx, &theirs, &name)?;
                }
            }
            let offline = Some(session("s1", "ada").authentication);
            let offline = grants::Grant { offline, ..grant("s1-offline", "s1") };
            grants::create(tx, &offline, "s1-offline")?;
            grants::redeem(tx, &offline, NOW)?;
            grants::revoke(tx, &"s1-b".into(), NOW)?;
            Ok(())
        }).await;
        let later = NOW.plus(5);
        assert!(cellar.given(move |tx| sessions::end(tx, &"s1".into(), later)).await);
        assert_eq!(revoked(&cellar).await, ["s1-a", "s1-b"]);
        let first = cellar.now(|conn| grants::find(conn, &"s1-b".into())).await.expect("there");
        assert_eq!(first.revoked_at, Some(NOW), "the earlier end counts");

        let ended = cellar.given(move |tx| sessions::end_all_of(tx, &"ada".into(), later)).await;
        assert_eq!(ended, ["s2".into()], "s1 had ended before");
        assert_eq!(revoked(&cellar).await, ["s1-a", "s1-b", "s1-offline", "s2-a", "s2-b"]);
        let other = cellar.now(|conn| sessions::find(conn, &"s3".into())).await.expect("there");
        assert!(other.is_live(later, 3_600));
    }

    /// A session counts until its end, and while it is used.
    async fn a_session_comes_back_as_it_was_stored(cellar: Cellar) {
        cellar.given(|tx| sessions::create(tx, &session("s", "ada"), "cookie")).await;
        let find = || cellar.now(|conn| sessions::find_by_cookie(conn, &"s".into(), "cookie"));
        assert_eq!(find().await, Some(session("s", "ada")));
        assert_eq!(cellar.now(|conn| sessions::find_by_cookie(conn, &"s".into(), "s")).await, None);
        cellar.given(|tx| sessions::touch(tx, &"s".into(), NOW.plus(50))).await;
        cellar.given(|tx| sessions::touch(tx, &"s".into(), NOW.plus(40))).await;
        let used = find().await.expect("there");
        assert_eq!(used.used_at, NOW.plus(50), "the later use counts");
        for (seconds, live) in [(149, true), (150, false), (3_600, false)] {
            assert_eq!(used.is_live(NOW.plus(seconds), 100), live, "{seconds}");
        }
    }

    /// Of fetched metadata the newest is kept, and other processes hear of it; who judged by an older
    /// one than is there comes too late.
    async fn the_newest_metadata_is_kept(cellar: Cellar) {
        let version = || cellar.now(medict::store::changes::versions);
        let before = version().await.configuration;
        let row = |at: i64| fetched::Fetched {
            idp: "idp".into(),
            url: "https://idp".into(),
            fetched_at: at,
            body: format!("<at-{at}/>"),
            draining: "[]".into(),
        };
        for (was, at, won) in [(None, 1, true), (None, 2, false), (Some(1), 3, true), (Some(1), 4, false)] {
            let replaced = cellar.given(move |tx| fetched::replace(tx, was, &row(at))).await;
            assert_eq!(replaced, won, "{at}");
        }
        let all = cellar.now(fetched::all).await;
        assert_eq!(all.iter().map(|one| one.body.as_str()).collect::<Vec<_>>(), ["<at-3/>"]);
        assert_eq!(version().await.configuration, before + 2);
    }

    /// What was fetched for a provider goes with it, so that another one of its name begins anew; who is
    /// known by it stays known, and other providers keep what is theirs.
    async fn a_provider_goes_with_its_metadata(cellar: Cellar) {
        cellar.given(|tx| {
            users::create(tx, &person("ada"))?;
            for name in ["gone", "kept"] {
                let (idp, id) = (name.to_owned(), IdpId(name.to_owned()));
                resources::create(tx, "IdentityProvider", name, "{}", None, NOW)?;
                links::create(tx, &id, "subject", &"ada".into(), NOW)?;
                refreshes::claim(tx, &id, "https://idp", None, NOW, 10)?;
                let (url, body, draining) = ("https://idp".into(), "<a/>".into(), "[]".into());
                fetched::replace(tx, None, &fetched::Fetched { idp: idp.clone(), url, fetched_at: 1, body, draining })?;
                entities::put_in_force(tx, None, &entities::Federation { idp: idp.clone(),
                    basis: "b".into(), generation: 1, fetched_at: 1, entities: 1, passed_over: 0 })?;
                let (entity_id, xml, draining) = ("e".into(), "<e/>".into(), "[]".into());
                entities::add(tx, &[entities::Entity { idp, generation: 1, entity_id, name: "E".into(),
                    search: "e".into(), xml, draining }])?;
            }
            // A role of that name takes nothing along.
            resources::create(tx, "Role", "kept", "{}", None, NOW)?;
            resources::delete(tx, "Role", "kept", NOW)?;
            resources::delete(tx, "IdentityProvider", "gone", NOW)?;
            Ok::<_, Error>(())
        }).await;
        for (name, kept) in [("gone", false), ("kept", true)] {
            let id = || IdpId(name.to_owned());
            let all = cellar.now(fetched::all).await;
            assert_eq!(all.iter().any(|fetched| fetched.idp == name), kept, "{name}: document");
            let refresh = cellar.now(move |conn| refreshes::find(conn, &id())).await;
            assert_eq!(refresh.is_some(), kept, "{name}: schedule");
            let set = cellar.now(move |conn| entities::federation(conn, &id())).await;
            assert_eq!(set.is_some(), kept, "{name}: members");
            let member = cellar.now(move |conn| entities::find(conn, &id(), 1, "e")).await;
            assert_eq!(member.is_some(), kept, "{name}: member");
            let known = cellar.now(move |conn| links::find(conn, &id(), "subject")).await;
            assert_eq!(known, Some("ada".into()), "{name}: people");
        }
    }

    /// A fetch is claimed by one process, and only the holder of the claim writes how it went.
    async fn a_fetch_is_claimed_once(cellar: Cellar) {
        let idp = || medict::domain::words::IdpId("idp".into());
        for (seen, until, won) in [(None, 10, true), (Some(10), 20, true), (Some(10), 30, false)] {
            let claimed = cellar
                .given(move |tx| refreshes::claim(tx, &idp(), "https://idp", seen, NOW, until))
                .await;
            assert_eq!(claimed, won, "{until}");
        }
        let next = refreshes::Refresh { idp: "idp".into(), due_at: 99, ..Default::default() };
        for (claimed, won) in [(10, false), (20, true), (20, false)] {
            let next = next.clone();
            let settled = cellar.given(move |tx| refreshes::settle(tx, claimed, &next)).await;
            assert_eq!(settled, won, "{claimed}");
        }
    }
}

/// One of every kind that expires, `before` seconds older than what is kept at [`NOW`].
fn age(tx: &mut Tx<'_>, name: &str, before: i64) -> Result<(), Error> {
    let ends = NOW.plus(-before);
    let started = UnixTime(ends.0 - medict::domain::login::LIFETIME);
    logins::create(tx, &Pending::new(login(name, started), "browser".into()), None)?;
    grants::create(tx, &grants::Grant { expires_at: ends, ..grant(name, "s") }, name)?;
    refresh_tokens::create(tx, name, &name.into(), NOW, ends)?;
    replays::remember(tx, name, ends)?;
    let a_week_ago = ends.plus(-7 * 86_400);
    let ended = sessions::BrowserSession { expires_at: a_week_ago, ..session(name, "ada") };
    sessions::create(tx, &ended, name)?;
    traces::create(tx, &trace(name, ends.plus(-30 * 86_400)))?;
    throttles::count(tx, name, ends.plus(-86_400))
}

fn given(role: &str) -> GrantedRole {
    GrantedRole { role: role.into(), organization: None }
}

async fn names(cellar: &Cellar, table: &str, column: &str) -> Vec<String> {
    let query = format!("SELECT {column} AS name FROM {table} ORDER BY {column}");
    cellar.now(move |conn| load_names(conn, &query)).await
}

async fn revoked(cellar: &Cellar) -> Vec<String> {
    let query = "SELECT id AS name FROM grants WHERE revoked_at IS NOT NULL ORDER BY id";
    cellar.now(move |conn| load_names(conn, query)).await
}

fn load_names(conn: &mut Conn, query: &str) -> Result<Vec<String>, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let rows: Vec<Row> = sql_query(query).load(conn)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}
