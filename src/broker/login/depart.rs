//! The browser leaves for the provider, with an errand that only its answer fits.

use std::sync::Arc;

use super::{LoginError, Next, Refusal, Step, Subject};
use crate::{
    broker::{Broker, Caller, Error, Provider, counterpart::Absent},
    crypto::sha256_base64url,
    domain::{
        login::{AuthorizationRequest, Errand, Login},
        resource::{Configuration as Wire, OidcConfiguration, SamlConfiguration},
        trace::Trace,
        words::{IdpId, LoginId, RequestId},
    },
    rp::{self, AuthorizationOptions},
    sp::{self, Outgoing, RequestOptions},
    store::{self, logins::Pending},
};

/// What goes to the provider, and what we keep to know its answer by.
struct Departure {
    next: Next,
    errand: Errand,
    /// `RelayState` or `state`.
    state: String,
}

impl Broker {
    /// Moves a stored login to its provider.
    pub(super) async fn depart(
        &self,
        pending: Pending,
        idp: &IdpId,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        if self.is_federation(idp) {
            return Ok(Step::to(Next::PickMember { login: pending.login.id, idp: idp.clone() }));
        }
        self.depart_to(pending, idp, None, caller).await
    }

    /// The same, in a federation to the member that the person picked.
    pub(super) async fn depart_to(
        &self,
        pending: Pending,
        idp: &IdpId,
        member: Option<&str>,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        let (next, moved, state) = self.plan_departure(&pending, idp, member, caller).await?;
        let subject = Subject { login: Some(pending.login.clone()), idp: Some(idp.clone()) };
        let won = self
            .store
            .write(move |tx| -> Result<bool, Error> {
                Ok(store::logins::advance(tx, &pending, &moved, Some(&state), None)?)
            })
            .await?;
        if won {
            return Ok(Step::to(next));
        }
        Err(self.refuse(caller, subject, Trace::default(), Refusal::Unknown).await)
    }

    /// Stores a login that begins at its provider: one write instead of two.
    pub(super) async fn begin_at(
        &self,
        pending: Pending,
        idp: &IdpId,
        caller: &Caller,
    ) -> Result<Step, LoginError> {
        if self.is_federation(idp) {
            let login = pending.login.id.clone();
            self.store.write(move |tx| store::logins::create(tx, &pending, None)).await?;
            return Ok(Step::to(Next::PickMember { login, idp: idp.clone() }));
        }
        let (next, moved, state) = self.plan_departure(&pending, idp, None, caller).await?;
        let pending = Pending::new(moved, pending.binding);
        self.store.write(move |tx| store::logins::create(tx, &pending, Some(&state))).await?;
        Ok(Step::to(next))
    }

    async fn plan_departure(
        &self,
        pending: &Pending,
        idp: &IdpId,
        member: Option<&str>,
        caller: &Caller,
    ) -> Result<(Next, Login, String), LoginError> {
        let login = &pending.login;
        let departure = match self.departure(login, idp, member).await {
            Ok(departure) => departure,
            Err(LoginError::Refused(refusal)) => {
                let subject = Subject { login: Some(login.clone()), idp: Some(idp.clone()) };
                return Err(self.refuse(caller, subject, Trace::default(), refusal).await);
            }
            Err(failed) => return Err(failed),
        };
        let Departure { next, errand, state } = departure;
        let moved = login.clone().sent_to(idp.clone(), errand, self.clock.now());
        Ok((next, moved.map_err(Refusal::from)?, state))
    }

    /// The login that waits for an answer with this `RelayState` or `state`.
    pub(super) async fn login_awaiting(&self, state: String) -> Result<Option<Pending>, Error> {
        let Some(login) = LoginId::naming(&state) else { return Ok(None) };
        let find = move |conn: &mut _| store::logins::find_by_state(conn, &login, &state);
        Ok(self.store.look_up(find).await?)
    }

    /// Whether the person has to pick one of the provider's members first.
    fn is_federation(&self, idp: &IdpId) -> bool {
        let configuration = self.configuration();
        configuration.provider(idp).is_some_and(|provider| provider.has_members())
    }

    async fn departure(
        &self,
        login: &Login,
        idp: &IdpId,
        member: Option<&str>,
    ) -> Result<Departure, LoginError> {
        let configuration = self.configuration();
        let client = login.client().and_then(|request| configuration.client(&request.client_id));
        let offered = configuration.offered(idp, client.map(|client| &client.resource));
        let provider = offered.ok_or(Refusal::NoProvider)?;
        match &provider.resource.configuration {
            Wire::Saml(saml) => self.to_saml(login, provider, saml, member).await,
            Wire::Oidc(oidc) => self.to_oidc(login, provider, oidc).await,
        }
    }

    async fn to_saml(
        &self,
        login: &Login,
        provider: &Arc<Provider>,
        saml: &SamlConfiguration,
        member: Option<&str>,
    ) -> Result<Departure, LoginError> {
        let entity = member.or(saml.entity_id.as_deref()).filter(|_| saml.federation);
        let counterpart = match self.counterpart(provider, entity).await {
            Err(Absent::Broken(_)) if !saml.federation && saml.metadata_url.is_some() => {
                self.fetch_metadata(&provider.id).await?
            }
            other => other?,
        };
        let request = RequestId(self.random.xml_id());
        let state = login.id.name(&self.random.token());
        let asked = login.client();
        let contexts = narrowed(&saml.authn_context, asked);
        let options = RequestOptions {
            authn_context: &contexts,
            force_authn: asked.is_some_and(|request| request.authenticated_after.is_some()),
            is_passive: asked.is_some_and(|request| request.silent),
        };
        let now = self.clock.now();
        let (sp, idp) = (counterpart.sp(), &counterpart.idp);
        let outgoing = sp::build_authn_request(sp, idp, saml, &request, &state, now, options)
            .map_err(|error| Error::Broken(error.to_string()))?;
        let next = match outgoing {
            Outgoing::Redirect { url } => Next::SendToIdp { url },
            Outgoing::Post { action, parameter, message, relay_state } => {
                Next::PostToIdp { action, parameter, message, relay_state }
            }
        };
        Ok(Departure {
            next,
            errand: Errand::Saml { request, entity: entity.map(str::to_owned) },
            state,
        })
    }

    async fn to_oidc(
        &self,
        login: &Login,
        provider: &Provider,
        oidc: &OidcConfiguration,
    ) -> Result<Departure, LoginError> {
        let instant = self.clock.instant();
        let metadata = self.upstreams.metadata(&self.outbound, &oidc.issuer, instant).await;
        let metadata = metadata.map_err(|error| Refusal::Unreachable(error.to_string()))?;
        let [secret, nonce, code_verifier] = [(); 3].map(|()| self.random.token());
        let state = login.id.name(&secret);
        let request = login.client();
        let options = AuthorizationOptions {
            login_hint: request.and_then(|request| request.login_hint.as_deref()),
            fresh: request.is_some_and(|request| request.authenticated_after.is_some()),
            acr_values: request.map(|request| request.acr_values.as_slice()).unwrap_or_default(),
            ..AuthorizationOptions::default()
        };
        let redirect_uri = provider.redirect_uri(self.issuer());
        let url = rp::authorization_url(
            &metadata,
            oidc,
            &redirect_uri,
            &state,
            &nonce,
            &sha256_base64url(&code_verifier),
            &options,
        );
        let next = Next::SendToIdp { url };
        Ok(Departure { next, errand: Errand::Oidc { nonce, code_verifier }, state })
    }
}

/// The authentication contexts that an application prefers, among those that the administrator asks for: a
/// provider refuses what it does not know, and nobody asks for less than is configured.
fn narrowed(configured: &[String], asked: Option<&AuthorizationRequest>) -> Vec<String> {
    let asked = asked.map(|request| request.acr_values.as_slice()).unwrap_or_default();
    asked.iter().filter(|class| configured.contains(class)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_choose_among_what_is_configured() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut request = AuthorizationRequest::new("shop".into(), String::new());
        assert!(narrowed(&words("mfa pwd"), None).is_empty(), "as configured");
        for (asked, sent) in [("pwd mfa", "pwd mfa"), ("x mfa", "mfa"), ("x", "")] {
            request.acr_values = words(asked);
            assert_eq!(narrowed(&words("mfa pwd"), Some(&request)).join(" "), sent, "{asked}");
        }
        assert!(narrowed(&[], Some(&request)).is_empty(), "nothing is made up");
    }
}
