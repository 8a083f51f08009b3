//! Who the person is here: the account found or made, and name, address and roles brought up to date.

use super::{
    LoginError, Refusal,
    finish::{Ending, Way},
};
use crate::{
    broker::{Error, Provider},
    domain::{
        audit::{Action, Actor, Event, Outcome},
        identity::ExternalIdentity,
        mapping::GrantedRole,
        provisioning::{Admission, Candidates, Sync, admission},
        resource::HumanName,
        trace::{Actual, Trace},
        words::{RoleId, UserId},
    },
    store::{
        self, Tx,
        users::{self, Account},
    },
};

/// Finds or makes the account, and brings name, address and roles up to date.
pub(super) fn admit(
    tx: &mut Tx<'_>,
    ending: &Ending,
    provider: &Provider,
    who: &ExternalIdentity,
    domains: &[String],
    trace: &mut Trace,
) -> Result<UserId, LoginError> {
    let candidates = candidates(tx, who)?;
    let decision =
        admission(&provider.resource, who, domains, candidates).map_err(Refusal::NotAdmitted)?;
    let (user, word) = match decision {
        Admission::Known(user) => (user, "known"),
        Admission::Tie(user) => {
            store::links::create(tx, &provider.id, &who.key(), &user, ending.now)?;
            (user, "tied to an existing account")
        }
        Admission::Create => {
            let account = new_account(ending, who)?;
            users::create(tx, &account)?;
            store::links::create(tx, &provider.id, &who.key(), &ending.user_id, ending.now)?;
            (ending.user_id.clone(), "created")
        }
    };
    trace.passed("provisioning", "an account", Actual::plain(format!("{word}: User/{user}")));
    if word != "known" {
        tx.audit(admitted(ending, provider, &user, word));
    }
    synchronize(tx, ending, provider, who, &user)?;
    recompute_roles(tx, ending, provider, who, &user, trace)?;
    Ok(user)
}

/// An account that was made or tied, by a provider's word alone, is a change that somebody will ask about.
fn admitted(ending: &Ending, provider: &Provider, user: &UserId, word: &str) -> Event {
    let action = if word == "created" { Action::Create } else { Action::Update };
    let mut event =
        ending.caller.event(action, Outcome::Success, ending.now).by(Actor::Broker).detail(
            serde_json::json!({ "resource": format!("User/{user}"), "provisioning": word }),
        );
    (event.user, event.idp) = (Some(user.clone()), Some(provider.id.clone()));
    event
}

fn candidates(tx: &mut Tx<'_>, who: &ExternalIdentity) -> Result<Candidates, LoginError> {
    let linked = store::links::find(tx, &who.provider, &who.key())?;
    let same_email = match (&linked, &who.email) {
        (None, Some(email)) => users::find_by_local_email(tx, email)?,
        _ => None,
    };
    let untouched = |account: &Account| account.last_login_at.is_none();
    let same_email = same_email.map(|account| (account.user_id(), untouched(&account)));
    Ok(Candidates { linked, same_email })
}

fn new_account(ending: &Ending, who: &ExternalIdentity) -> Result<Account, LoginError> {
    let mut account = Account {
        id: ending.user_id.0.clone(),
        version: 1,
        created_at: ending.now.0,
        updated_at: ending.now.0,
        active: true,
        name: "[]".to_owned(),
        ..Account::default()
    };
    take_over(&mut account, who)?;
    Ok(account)
}

/// What the provider says of the person, where it says something.
fn take_over(account: &mut Account, who: &ExternalIdentity) -> Result<(), LoginError> {
    if who.username.is_some() {
        account.username.clone_from(&who.username);
    }
    if who.email.is_some() {
        account.email.clone_from(&who.email);
        account.email_verified = who.email_verified;
    }
    let named = who.given_name.is_some() || who.family_name.is_some() || who.display_name.is_some();
    if named {
        let name = HumanName {
            use_: Some("official".to_owned()),
            text: who.display_name.clone(),
            family: who.family_name.clone(),
            given: who.given_name.iter().cloned().collect(),
        };
        account.name = serde_json::to_string(&[name]).map_err(store::Error::from)?;
    }
    Ok(())
}

fn synchronize(
    tx: &mut Tx<'_>,
    ending: &Ending,
    provider: &Provider,
    who: &ExternalIdentity,
    user: &UserId,
) -> Result<(), LoginError> {
    let account = users::find(tx, user)?;
    let account = account.ok_or_else(|| Error::Broken(format!("User/{user} has vanished")))?;
    if !account.active {
        return Err(Refusal::Inactive.into());
    }
    let once = provider.resource.provisioning.sync == Sync::Once;
    let mut current = account.clone();
    // An account that was made here keeps the name that its person signs in with.
    if !once && account.login_name.is_none() && account.login_email.is_none() {
        take_over(&mut current, who)?;
    }
    if current != account && !users::update(tx, &current, ending.now)? {
        return Err(Error::Broken("the account was changed meanwhile".to_owned()).into());
    }
    Ok(())
}

fn recompute_roles(
    tx: &mut Tx<'_>,
    ending: &Ending,
    provider: &Provider,
    who: &ExternalIdentity,
    user: &UserId,
    trace: &mut Trace,
) -> Result<(), LoginError> {
    let Way::Provider { granted, .. } = &ending.way else { return Ok(()) };
    if who.groups_withheld {
        let withheld = "the provider left the groups out; roles stay as they were";
        trace.noted("roles", Actual::plain(withheld));
        return Ok(());
    }
    let (idp, ids, now) = (&provider.id, &ending.role_ids, ending.now);
    let changes = store::user_roles::recompute(tx, user, idp, granted, ids, now)?;
    let changed =
        [(Action::RoleGranted, &changes.granted), (Action::RoleRevoked, &changes.revoked)];
    for (action, grants) in changed {
        for grant in grants {
            let mut event = ending.caller.event(action, Outcome::Success, now).by(Actor::Broker);
            (event.user, event.idp) = (Some(user.clone()), Some(idp.clone()));
            tx.audit(event.detail(place_of(grant)));
        }
    }
    trace.noted("roles", Actual::plain(names(granted.iter().map(|grant| &grant.role))));
    Ok(())
}

fn place_of(grant: &GrantedRole) -> serde_json::Value {
    serde_json::json!({ "role": grant.role, "organization": grant.organization })
}

fn names<'a>(roles: impl Iterator<Item = &'a RoleId>) -> String {
    let names: Vec<_> = roles.map(RoleId::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
