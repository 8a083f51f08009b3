//! `oidcc-config-certification-test-plan`: Config OP.

use serde_json::{Value, json};

use super::Suite;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_discovery_endpoint_verification() {
    let suite = Suite::start("query").await;
    let metadata = suite.metadata().await;
    assert_eq!(metadata["issuer"], suite.world.url.as_str());
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "end_session_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "pushed_authorization_request_endpoint",
    ] {
        let url = metadata[endpoint].as_str().unwrap_or_else(|| panic!("{endpoint}: {metadata}"));
        assert!(url.starts_with(&suite.world.url), "{endpoint}: {url}");
    }
    let list = |name: &str| match &metadata[name] {
        Value::Array(values) => values.clone(),
        other => panic!("{name} is no list: {other}"),
    };
    let has = |name: &str, value: &str| {
        assert!(list(name).contains(&json!(value)), "{name} lacks {value}: {metadata}");
    };
    has("response_types_supported", "code");
    has("response_modes_supported", "query");
    has("response_modes_supported", "form_post");
    has("subject_types_supported", "public");
    has("id_token_signing_alg_values_supported", "RS256");
    has("scopes_supported", "openid");
    has("grant_types_supported", "authorization_code");
    has("token_endpoint_auth_methods_supported", "client_secret_basic");
    has("token_endpoint_auth_methods_supported", "client_secret_post");
    has("code_challenge_methods_supported", "S256");
    has("claims_supported", "sub");
    for scope in list("scopes_supported") {
        // RFC 6749 §3.3: %x21 / %x23-5B / %x5D-7E
        let ok = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        assert!(scope.as_str().is_some_and(|scope| scope.chars().all(ok)), "{scope}");
    }
    for flag in [
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
    ] {
        assert!(metadata[flag].is_boolean(), "{flag}: {metadata}");
    }
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    for key in suite.client.jwks().await.keys {
        let key = serde_json::to_value(key).expect("JSON");
        assert!(key["kid"].is_string() && key["kty"].is_string(), "{key}");
        for secret in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(key.get(secret).is_none_or(Value::is_null), "a private part is published");
        }
    }
}

/// The files for the suite itself: what it is told of clients is what `apply` makes.
#[test]
fn the_files_for_the_suite_fit_each_other() {
    use medict::domain::resource::{Resource, parse};
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("readable");
    let suite: Value = serde_json::from_str(&read("suite.json")).expect("JSON");
    let documents = read("suite.yaml");
    let documents = documents.split("\n---\n").map(|text| {
        let value: Value = serde_saphyr::from_str(text).expect("YAML");
        parse(value).unwrap_or_else(|invalid| panic!("{invalid}"))
    });
    let resources: Vec<Resource> = documents.collect();
    for name in ["client", "client2", "client_secret_post"] {
        let found = resources.iter().any(|resource| match resource {
            Resource::ClientApplication(client) => {
                let id = client.id.as_ref().map(|id| json!(id.as_str()));
                id.as_ref() == Some(&suite[name]["client_id"])
                    && client.secret.as_deref() == suite[name]["client_secret"].as_str()
            }
            _ => false,
        });
        assert!(found, "{name}");
    }
}
