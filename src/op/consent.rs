//! What a person is asked before an application learns of him, in words for people.

use std::collections::BTreeSet;

use crate::domain::{login::AuthorizationRequest, resource::ClientApplication};

/// The scopes that stand behind a request: those it names, and those of the claims that it names, each once,
/// in the order in which people read of them.
#[must_use]
pub fn consent_scopes(request: &AuthorizationRequest) -> Vec<String> {
    let named = request.claims.userinfo.iter().chain(&request.claims.id_token);
    let opened = named.filter_map(|claim| super::scope_of(claim)).map(str::to_owned);
    let all: BTreeSet<String> = request.scope.iter().cloned().chain(opened).collect();
    let mut all: Vec<String> = all.into_iter().collect();
    all.sort_by_key(|scope| rank(scope));
    all
}

/// The standard's own first, as we name them.
#[must_use]
pub fn rank(scope: &str) -> usize {
    super::SCOPES.iter().position(|known| *known == scope).unwrap_or(super::SCOPES.len())
}

/// What an application with this scope can do. Reads on from “It will be able to”.
#[must_use]
pub fn scope_in_words(client: &ClientApplication, scope: &str) -> String {
    let rules = client.claims.iter().filter(|rule| rule.scope == scope);
    let described: Vec<_> = rules.filter_map(|rule| rule.description.as_deref()).collect();
    let known = match scope {
        "openid" => "recognize you whenever you come, with the roles that you have here",
        "profile" => "see your name and username",
        "email" => "see your e-mail address",
        "phone" => "see your telephone number",
        "address" => "see your postal address",
        "roles" => "see which roles you have",
        "offline_access" => "keep this access while you are away, until you take it back",
        "fhirUser" => "see which entry of the staff and patient directory is you",
        own if described.is_empty() => return format!("use “{own}”"),
        _ => return described.join(", "),
    };
    [&[known], described.as_slice()].concat().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::login::RequestedClaims;

    #[test]
    fn claims_by_name_need_the_word_that_their_scope_needs() {
        let mut request = AuthorizationRequest::new("shop".into(), "https://shop.example/".into());
        request.scope = vec!["openid".into()];
        assert_eq!(consent_scopes(&request), ["openid"]);
        request.claims = RequestedClaims {
            userinfo: vec!["email".into(), "name".into()],
            id_token: vec!["email".into()],
        };
        assert_eq!(consent_scopes(&request), ["openid", "profile", "email"]);
    }
}
