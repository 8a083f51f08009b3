//! The inputs of a client application.

use serde_json::{Value, json};

use super::super::{
    document::{id_input, organization_input},
    sheet::{Choice, Group, Input, Kind},
};
use crate::{broker::Configuration, domain::resource::SigningAlg};

/// What a new application begins with: a web application with a server.
pub fn blank() -> Value {
    json!({
        "resourceType": "ClientApplication", "clientType": "confidential", "requirePkce": true,
        "grantTypes": ["authorization_code", "refresh_token"],
        "scopes": ["openid", "profile", "email"],
        "accessTokenSignedResponseAlg": "ES256", "accessTokenLifetimeSeconds": 900,
    })
}

/// The form; a new application also chooses its id.
pub fn groups(configuration: &Configuration, new: bool) -> Vec<Group> {
    vec![name(configuration, new), addresses(), protocol(), people(configuration), tokens()]
}

fn name(configuration: &Configuration, new: bool) -> Group {
    let name = Input::text("name", "Name").required();
    let mut inputs = vec![name.hint("People see it when they sign in.")];
    if new {
        inputs.push(id_input(
            "The client_id, final: small letters, digits and “-”. Left empty, it is made from the \
             name.",
        ));
    }
    let types = [
        ("confidential", "Confidential: has a server that keeps a secret"),
        ("public", "Public: a browser or native application, without a secret"),
    ];
    inputs.push(Input::one("clientType", "Type", &types));
    inputs.push(organization_input(configuration, "None"));
    Group::new("Name", inputs)
}

fn addresses() -> Group {
    Group::new(
        "Addresses",
        vec![
            Input::new("redirectUris", "Redirect URIs", Kind::Lines)
                .hint("One per line, compared exactly: https, or http on this machine."),
            Input::new("postLogoutRedirectUris", "Redirect URIs after sign-out", Kind::Lines)
                .hint("One per line."),
            Input::url("initiateLoginUri", "Sign-in address")
                .hint("Where sign-ins that begin at a provider are handed over."),
            Input::url("backchannelLogoutUri", "Logout address, from server to server")
                .hint("Hears by a signed logout token that a session ended, and is tried again until it does."),
            Input::url("frontchannelLogoutUri", "Logout address, in the browser")
                .hint("Opened in a hidden frame. Many browsers keep the application’s cookies from it; the other way is surer."),
            Input::new("allowedOrigins", "Origins that may call from a browser", Kind::Lines)
                .hint("One per line, as in https://app.example."),
        ],
    )
}

fn protocol() -> Group {
    let grants = [
        ("authorization_code", "Authorization code: people sign in"),
        ("refresh_token", "Refresh token: they stay signed in"),
        ("client_credentials", "Client credentials: the application acts by itself"),
        (
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "Token exchange: it goes on to another resource on a person’s behalf",
        ),
        (
            "urn:ietf:params:oauth:grant-type:device_code",
            "Device code: screens without a keyboard, let in by a person elsewhere",
        ),
    ];
    let methods = [
        ("", "As usual for this type"),
        ("client_secret_basic", "Secret, HTTP Basic"),
        ("client_secret_post", "Secret, in the form"),
        ("private_key_jwt", "Signature with a key of its own (private_key_jwt)"),
        ("none", "None (public)"),
    ];
    Group::new(
        "Protocol",
        vec![
            Input::several("grantTypes", "Grant types", &grants),
            Input::new("scopes", "Scopes", Kind::Words)
                .hint("Separated by spaces, as in openid profile email offline_access."),
            Input::one("tokenEndpointAuthMethod", "Authentication at the token endpoint", &methods),
            Input::url("jwksUri", "Address of its public keys").hint(
                "A JWK Set, for signatures of the application; https, fetched when it is needed.",
            ),
            Input::new("jwks", "Or its public keys", Kind::Yaml)
                .hint("A JWK Set: { keys: [ … ] }, public halves only."),
            Input::flag("requirePkce", "Require PKCE")
                .hint("Only a confidential application that cannot do it goes without."),
            Input::flag("requirePushedAuthorizationRequests", "Require pushed requests")
                .hint("Authorization requests count only when they were pushed (RFC 9126)."),
            Input::flag("requireSignedRequestObject", "Require signed requests").hint(
                "Authorization requests count only when the application signed them (RFC 9101).",
            ),
            Input::flag("dpopBoundAccessTokens", "Bind access tokens to a key (DPoP)").hint(
                "Every request for tokens then needs a proof; unset, an application may send one.",
            ),
        ],
    )
}

fn people(configuration: &Configuration) -> Group {
    let providers = configuration.providers().into_iter();
    let choices = providers.map(|p| Choice::new(p.id.as_str(), &p.resource.name)).collect();
    let kind = Kind::Several { of: Some("IdentityProvider"), choices };
    let consent = [
        ("implicit", "Not asked: an application of the house"),
        ("explicit", "Asked, once for each scope"),
    ];
    Group::new(
        "Who may come",
        vec![
            Input::new("identityProviders", "Identity providers", kind)
                .hint("None chosen: those of its organization, and those for everyone."),
            Input::one("consent", "Consent of the person", &consent),
        ],
    )
}

fn tokens() -> Group {
    let algorithms = SigningAlg::ALL.map(|alg| (alg.name(), alg.name()));
    let userinfo = [
        ("", "JSON"),
        ("RS256", "Signed, RS256"),
        ("PS256", "Signed, PS256"),
        ("ES256", "Signed, ES256"),
        ("EdDSA", "Signed, EdDSA"),
    ];
    let formats = [
        ("", "JWT: whom it is for can read it"),
        ("opaque", "Opaque: nobody can, introspection tells"),
    ];
    let seconds = Kind::Number { min: 300, max: 3600 };
    Group::new(
        "Tokens",
        vec![
            Input::one("idTokenSignedResponseAlg", "Signature of ID tokens", &algorithms),
            Input::one("accessTokenSignedResponseAlg", "Signature of access tokens", &algorithms),
            Input::one("accessTokenFormat", "Format of access tokens", &formats),
            Input::one("userinfoSignedResponseAlg", "Userinfo", &userinfo),
            Input::new(
                "accessTokenLifetimeSeconds",
                "Access tokens are good for (seconds)",
                seconds,
            )
            .hint("300 to 3600."),
            Input::new("resources", "Resources", Kind::Lines).hint(
                "What it may ask for tokens for beside Medict itself (parameter resource), one URI per line.",
            ),
            Input::new("audiences", "Audiences", Kind::Lines).hint(
                "The resources that this application serves, one per line: it may introspect tokens for them.",
            ),
            Input::new("exchangeAudiences", "Audiences it may go on to", Kind::Lines)
                .hint("For token exchange: the resources that it may have a person’s token exchanged for."),
            Input::new("claims", "Claims of its own", Kind::Yaml).hint(
                "A list of scope, claim and value, a CEL expression over user, as in value: user.username.",
            ),
            Input::flag("adminApi", "May reach administrative resources")
                .hint("For tools that configure Medict; its people still need the roles."),
        ],
    )
}
