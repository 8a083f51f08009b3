//! Token exchange (RFC 8693): an application that got a person's token asks for a narrower one, to go on with
//! at another resource on the person's behalf.

use super::{AccessToken, Actor, Parameters, TokenRefusal as Refusal};
use crate::domain::{
    resource::ClientApplication,
    words::{ClientId, UnixTime},
};

/// The only type of token that is taken and given (RFC 8693 §3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// So many applications may stand in a row between the person and a resource.
const LONGEST_CHAIN: usize = 4;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeRequest {
    pub subject_token: String,
    /// Empty: all that can be had.
    pub scope: Vec<String>,
    /// The resource that the new token is for; `aud`.
    pub target: String,
}

impl ExchangeRequest {
    /// Reads the parameters of RFC 8693 §2.1.
    ///
    /// # Errors
    /// [`Refusal`] when one is missing or asks for what is not offered.
    pub(super) fn read(parameters: &Parameters) -> Result<Self, Refusal> {
        let owned = |name: &'static str| parameters.owned(name).ok_or(Refusal::Missing(name));
        let subject_token = owned("subject_token")?;
        if owned("subject_token_type")? != ACCESS_TOKEN {
            return Err(Refusal::TokenType("subject_token_type"));
        }
        if parameters.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
            return Err(Refusal::TokenType("requested_token_type"));
        }
        if parameters.get("actor_token").or(parameters.get("actor_token_type")).is_some() {
            return Err(Refusal::ActorToken);
        }
        let target = match (parameters.owned("resource"), parameters.owned("audience")) {
            (Some(resource), Some(audience)) if resource != audience => {
                return Err(Refusal::Target);
            }
            (Some(target), _) | (None, Some(target)) => target,
            (None, None) => return Err(Refusal::Missing("audience")),
        };
        Ok(Self { subject_token, scope: parameters.words("scope"), target })
    }
}

/// Checks that `client` may exchange `subject` for what it asks; answers the scope.
///
/// # Errors
/// * [`Refusal::Subject`] – no person stands behind the token, or it was meant for another application.
/// * [`Refusal::Target`] – the application may not go on to that resource.
/// * [`Refusal::Scope`] – more than the token has, or than the application is registered for.
pub fn check_exchange(
    client: &ClientApplication,
    id: &ClientId,
    subject: &AccessToken,
    request: &ExchangeRequest,
) -> Result<Vec<String>, Refusal> {
    let its_own = subject.client_id == *id || client.audiences.contains(&subject.aud);
    if subject.login_id.is_none() || !its_own {
        return Err(Refusal::Subject);
    }
    if subject.act.as_ref().map_or(0, Actor::length) >= LONGEST_CHAIN {
        return Err(Refusal::Subject);
    }
    if !client.exchange_audiences.contains(&request.target) {
        return Err(Refusal::Target);
    }
    let may = |scope: &String| subject.has_scope(scope) && client.scopes.contains(scope);
    if !request.scope.iter().all(may) {
        return Err(Refusal::Scope);
    }
    if !request.scope.is_empty() {
        return Ok(request.scope.clone());
    }
    let granted = subject.scope.split(' ').map(str::to_owned);
    Ok(granted.filter(may).collect())
}

/// What the new token says, of what the application's own would: the person, for no longer than the subject
/// token, and who acts (RFC 8693 §4.1).
#[must_use]
pub fn exchanged(own: AccessToken, subject: &AccessToken, scope: &[String]) -> AccessToken {
    let now: UnixTime = own.iat;
    let actor = Actor { sub: own.client_id.clone(), act: subject.act.clone().map(Box::new) };
    AccessToken {
        sub: subject.sub.clone(),
        exp: own.exp.min(subject.exp).max(now),
        scope: scope.join(" "),
        login_id: subject.login_id.clone(),
        sid: subject.sid.clone(),
        auth_time: subject.auth_time,
        amr: subject.amr.clone(),
        acr: subject.acr.clone(),
        roles: subject.roles.clone(),
        organization: subject.organization.clone(),
        act: Some(actor),
        ..own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::resource::{self, Resource};
    use serde_json::{Value, json};

    const GATEWAY: &str = "https://gateway.example";
    const ARCHIVE: &str = "https://archive.example";

    fn client() -> ClientApplication {
        let value = json!({ "resourceType": "ClientApplication", "id": "gateway", "name": "Gateway",
            "clientType": "confidential", "scopes": ["openid", "reports"], "audiences": [GATEWAY],
            "grantTypes": ["urn:ietf:params:oauth:grant-type:token-exchange"],
            "exchangeAudiences": [ARCHIVE] });
        match resource::parse(value).expect("valid") {
            Resource::ClientApplication(client) => *client,
            other => panic!("{other:?}"),
        }
    }

    fn subject(change: Value) -> AccessToken {
        let mut claims = json!({ "iss": "i", "sub": "ada", "aud": GATEWAY, "exp": 1_000, "iat": 100,
            "jti": "g.j", "client_id": "shop", "scope": "openid email reports", "login_id": "s",
            "sid": "s", "roles": ["nurse"] });
        for (name, value) in change.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        serde_json::from_value(claims).expect("claims")
    }

    fn read(form: &str) -> Result<ExchangeRequest, Refusal> {
        ExchangeRequest::read(&Parameters::parse(form.as_bytes()).expect("once"))
    }

    #[test]
    fn only_access_tokens_are_exchanged_and_for_one_resource() {
        let good = format!("subject_token=t&subject_token_type={ACCESS_TOKEN}");
        for (form, expected) in [
            (format!("{good}&audience={ARCHIVE}"), Ok(())),
            (format!("{good}&resource={ARCHIVE}"), Ok(())),
            (format!("{good}&resource={ARCHIVE}&audience={ARCHIVE}"), Ok(())),
            (format!("{good}&audience={ARCHIVE}&requested_token_type={ACCESS_TOKEN}"), Ok(())),
            (format!("{good}&resource={ARCHIVE}&audience=x"), Err(Refusal::Target)),
            (good.clone(), Err(Refusal::Missing("audience"))),
            (format!("{good}&audience=x&actor_token=y"), Err(Refusal::ActorToken)),
            ("subject_token=t".to_owned(), Err(Refusal::Missing("subject_token_type"))),
            (
                "subject_token=t&subject_token_type=urn:ietf:params:oauth:token-type:id_token"
                    .to_owned(),
                Err(Refusal::TokenType("subject_token_type")),
            ),
            (
                format!("{good}&audience=x&requested_token_type=y"),
                Err(Refusal::TokenType("requested_token_type")),
            ),
        ] {
            assert_eq!(read(&form).map(drop), expected, "{form}");
        }
    }

    #[test]
    fn nobody_gets_more_than_the_token_and_his_registration_have() {
        let (client, id) = (client(), ClientId::from("gateway"));
        let deep = json!({ "act": { "sub": "a", "act": { "sub": "b", "act": { "sub": "c",
            "act": { "sub": "d" } } } } });
        let scopes = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (change, target, asked, expected) in [
            (json!({}), ARCHIVE, "", Ok("openid reports")),
            (json!({}), ARCHIVE, "reports", Ok("reports")),
            (json!({ "aud": "x", "client_id": "gateway" }), ARCHIVE, "", Ok("openid reports")),
            (json!({}), ARCHIVE, "email", Err(Refusal::Scope)),
            (json!({ "scope": "openid" }), ARCHIVE, "reports", Err(Refusal::Scope)),
            (json!({}), GATEWAY, "", Err(Refusal::Target)),
            (json!({ "aud": "https://else.example" }), ARCHIVE, "", Err(Refusal::Subject)),
            (json!({ "login_id": null }), ARCHIVE, "", Err(Refusal::Subject)),
            (deep, ARCHIVE, "", Err(Refusal::Subject)),
        ] {
            let request = ExchangeRequest {
                subject_token: "t".into(),
                scope: scopes(asked),
                target: target.into(),
            };
            let checked = check_exchange(&client, &id, &subject(change.clone()), &request);
            assert_eq!(checked, expected.map(scopes), "{change} {target} {asked}");
        }
    }

    #[test]
    fn the_new_token_is_the_persons_and_names_who_acts() {
        let own: AccessToken = serde_json::from_value(json!({ "iss": "i", "sub": "gateway",
            "aud": ARCHIVE, "exp": 2_000, "iat": 500, "jti": "g.k", "client_id": "gateway",
            "scope": "", "roles": ["machine"] }))
        .expect("claims");
        let before = subject(json!({ "act": { "sub": "portal" } }));
        let new = exchanged(own, &before, &["reports".to_owned()]);
        assert_eq!(
            (new.sub.as_str(), new.aud.as_str(), new.exp),
            ("ada", ARCHIVE, UnixTime(1_000))
        );
        assert_eq!(
            (&new.roles, &new.sid, new.scope.as_str()),
            (&before.roles, &before.sid, "reports")
        );
        let act = serde_json::to_value(&new.act).expect("JSON");
        assert_eq!(act, json!({ "sub": "gateway", "act": { "sub": "portal" } }));
    }
}
