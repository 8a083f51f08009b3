use super::*;

const NOW: UnixTime = UnixTime(1_800_000_000);
const QUERY: &str = "response_type=code&client_id=medict&redirect_uri=https%3A%2F%2Fm.example%2Fcb\
    &scope=openid+email&state=s&nonce=n&code_challenge_method=S256&code_challenge=";

fn sample() -> SampleOp {
    let client = SampleClient {
        client_id: "medict".into(),
        client_secret: Some("s:cret".into()),
        redirect_uri: "https://m.example/cb".into(),
    };
    SampleOp::new("https://op.example", client).expect("a key")
}

fn ada() -> SamplePerson {
    SamplePerson::new("ada", "Ada", "Lovelace", "ada@hospital.example")
}

/// A code bound to the verifier `v`.
fn code(op: &mut SampleOp) -> String {
    let query = format!("{QUERY}{}", sha256_base64url("v"));
    let request = op.authorize(&query).expect("good");
    op.code_for(&request, &ada(), Random, NOW)
}

#[test]
fn only_good_requests_are_heard() {
    let op = sample();
    let query = format!("{QUERY}c");
    assert_eq!(op.authorize(&query).expect("good").nonce.as_deref(), Some("n"));
    for (from, to, error) in [
        ("client_id=medict", "client_id=other", "unauthorized_client"),
        ("m.example", "evil.example", "invalid_request"),
        ("response_type=code", "response_type=token", "unsupported_response_type"),
        ("method=S256", "method=plain", "invalid_request"),
        ("scope=openid+", "scope=", "invalid_scope"),
        ("state=s", "state=s&state=t", "invalid_request"),
    ] {
        assert_eq!(op.authorize(&query.replace(from, to)), Err(OAuthError(error)), "{to}");
    }
}

#[test]
fn a_code_is_redeemed_once_by_who_proves_himself() {
    let basic = format!("Basic {}", BASE64_STANDARD.encode("medict:s%3Acret"));
    let good = "grant_type=authorization_code&redirect_uri=https://m.example/cb&code_verifier=v";
    let posted = format!("{good}&client_id=medict&client_secret=s%3Acret");
    for (form, header, expected) in [
        (good, Some(basic.as_str()), Ok(())),
        (posted.as_str(), None, Ok(())),
        (good, None, Err("invalid_client")),
        (good, Some("Basic bWVkaWN0Ong="), Err("invalid_client")),
        (&good.replace("=v", "=w"), Some(&basic), Err("invalid_grant")),
        (&good.replace("&code_verifier=v", ""), Some(&basic), Err("invalid_grant")),
        (&good.replace("/cb", "/x"), Some(&basic), Err("invalid_grant")),
        (
            &good.replace("authorization_code", "password"),
            Some(&basic),
            Err("unsupported_grant_type"),
        ),
    ] {
        let mut op = sample();
        let form = format!("{form}&code={}", code(&mut op));
        let answer = op.token(&form, header, Random, NOW);
        assert_eq!(answer.map(drop), expected.map_err(OAuthError), "{form}");
        if expected.is_ok() {
            assert_eq!(op.token(&form, header, Random, NOW), Err(OAuthError("invalid_grant")));
        }
    }
}

#[test]
fn userinfo_is_for_the_bearer() {
    let mut op = sample();
    let form = format!(
        "grant_type=authorization_code&redirect_uri=https://m.example/cb&code_verifier=v&code={}\
         &client_id=medict&client_secret=s%3Acret",
        code(&mut op)
    );
    let tokens = op.token(&form, None, Random, NOW).expect("tokens");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().expect("text"));
    assert_eq!(op.userinfo(Some(&bearer)).expect("claims")["sub"], "ada");
    assert_eq!(op.userinfo(Some("Bearer x")), Err(OAuthError("invalid_token")));
    assert_eq!(op.userinfo(None), Err(OAuthError("invalid_token")));
}
