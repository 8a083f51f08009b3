//! In a federation the person picks the institution.

use super::{LoginError, Refusal, Step, Subject};
use crate::{
    broker::{Broker, Caller},
    domain::{
        trace::Trace,
        words::{IdpId, LoginId},
    },
};

/// So many are shown; whoever wants another types more of its name.
const MOST: usize = 20;

/// What the person can pick from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    pub login: LoginId,
    pub idp: IdpId,
    /// The federation's name.
    pub federation: String,
    pub query: String,
    /// entityID and name.
    pub found: Vec<(String, String)>,
    /// There are more than are shown.
    pub more: bool,
    /// The one that was picked last in this browser.
    pub last: Option<(String, String)>,
}

impl Broker {
    /// The members of a federation that fit what was typed.
    ///
    /// # Errors
    /// [`LoginError`] when the login is unknown, too old, or another browser's, or there is no such
    /// federation for it.
    pub async fn members(
        &self,
        login: &LoginId,
        idp: &IdpId,
        (query, last): (&str, Option<&str>),
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Members, LoginError> {
        let pending = self.pending_or_refuse(login, browser, caller).await?;
        let configuration = self.configuration();
        let client = pending.login.client().and_then(|r| configuration.client(&r.client_id));
        let offered = configuration.offered(idp, client.map(|client| &client.resource));
        let provider = offered.filter(|provider| provider.has_members());
        let Some(provider) = provider else {
            let subject = Subject { login: Some(pending.login.clone()), idp: Some(idp.clone()) };
            let refusal = Refusal::NoProvider;
            return Err(self.refuse(caller, subject, Trace::default(), refusal).await);
        };
        let most = i64::try_from(MOST).unwrap_or_default() + 1;
        let mut found = self.find_members(idp, query, most).await?;
        let more = found.len() > MOST;
        found.truncate(MOST);
        let name = match last {
            Some(last) => self.member_name(idp, last).await?,
            None => None,
        };
        let last = last.map(str::to_owned).zip(name);
        Ok(Members {
            login: login.clone(),
            idp: idp.clone(),
            federation: provider.resource.name.clone(),
            query: query.to_owned(),
            found,
            more,
            last,
        })
    }

    /// The person picked a member.
    ///
    /// # Errors
    /// [`LoginError`]; the login stays as it was.
    pub async fn pick_member(
        &self,
        login: &LoginId,
        idp: &IdpId,
        entity_id: &str,
        browser: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let pending = self.pending_or_refuse(login, browser, caller).await?;
        self.depart_to(pending, idp, Some(entity_id), caller).await
    }
}
