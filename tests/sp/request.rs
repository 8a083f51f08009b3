//! The AuthnRequest as the provider reads it.

use medict::{
    domain::words::RequestId,
    sp::{NotBuilt, Outgoing, RequestOptions, build_authn_request},
};
use openssl::{hash::MessageDigest, sign::Verifier};

use super::*;

fn build(more: Value, options: RequestOptions) -> Result<Outgoing, NotBuilt> {
    let configuration = configuration(more);
    let idp = Idp::new(&configuration, None).expect("a provider");
    let id = RequestId::from(REQUEST);
    build_authn_request(&SP, &idp, &configuration, &id, "state & more", NOW, options)
}

fn redirect(more: Value, options: RequestOptions) -> url::Url {
    match build(more, options).expect("built") {
        Outgoing::Redirect { url } => url.parse().expect("a URL"),
        Outgoing::Post { .. } => panic!("by redirect"),
    }
}

#[test]
fn the_provider_reads_what_was_asked() {
    let options = RequestOptions { force_authn: true, ..RequestOptions::default() };
    let url = redirect(json!({}), options);
    let asked = IDP.read_redirect(url.query().expect("a query")).expect("readable");
    assert_eq!((asked.id.as_str(), asked.acs_url.as_str()), (REQUEST, ACS));
    assert_eq!((asked.issuer.as_str(), asked.force_authn), (ENTITY, true));
    assert_eq!(asked.relay_state.as_deref(), Some("state & more"));
}

#[test]
fn the_signature_is_over_the_bytes_that_were_sent() {
    let url = redirect(
        json!({ "ssoUrl": "https://idp.example/sso?tenant=1" }),
        RequestOptions::default(),
    );
    let query = url.query().expect("a query");
    let query = query.strip_prefix("tenant=1&").expect("the provider's own query first");
    let (signed, signature) = query.split_once("&Signature=").expect("signed");
    assert!(
        signed.starts_with("SAMLRequest=") && signed.contains("&RelayState=state+%26+more&SigAlg=")
    );
    let pairs = format!("Signature={signature}");
    let signature = url::form_urlencoded::parse(pairs.as_bytes()).next().expect("a value").1;
    let signature = BASE64_STANDARD.decode(signature.as_ref()).expect("base64");
    let key = SP.keys[0].certificate.public_key().expect("a key");
    let mut verifier = Verifier::new(MessageDigest::sha256(), &key).expect("verifier");
    assert!(verifier.verify_oneshot(&signature, signed.as_bytes()).expect("verified"));
}

#[test]
fn unsigned_where_nobody_wants_signatures() {
    let url = redirect(json!({ "signAuthnRequests": false }), RequestOptions::default());
    assert!(!url.as_str().contains("Signature"));
}

#[test]
fn without_a_key_nothing_is_sent_unsigned() {
    let configuration = configuration(json!({}));
    let idp = Idp::new(&configuration, None).expect("a provider");
    let sp = ServiceProvider { keys: Vec::new(), ..service_provider() };
    let (id, options) = (RequestId::from(REQUEST), RequestOptions::default());
    let built = build_authn_request(&sp, &idp, &configuration, &id, "", NOW, options);
    assert!(matches!(built, Err(NotBuilt::NoKey)));
}

#[test]
fn a_posted_request_is_signed_inside() {
    let class = "urn:example:<&>".to_owned();
    let options = RequestOptions { authn_context: &[class], ..RequestOptions::default() };
    let more = json!({ "ssoBinding": "post", "nameIdFormat": "persistent" });
    let Outgoing::Post { action, message, relay_state, .. } = build(more, options).expect("built")
    else {
        panic!("by POST")
    };
    assert_eq!((action.as_str(), relay_state.as_str()), (IDP.sso_url(), "state & more"));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLRequest", &message)
        .finish();
    assert_eq!(IDP.read_form(&form).expect("readable").acs_url, ACS);
    let xml = String::from_utf8(BASE64_STANDARD.decode(message).expect("base64")).expect("text");
    let document = roxmltree::Document::parse(&xml).expect("well-formed");
    let children: Vec<_> =
        document.root_element().children().map(|child| child.tag_name().name()).collect();
    assert_eq!(children, ["Issuer", "Signature", "NameIDPolicy", "RequestedAuthnContext"]);
    assert!(xml.contains("urn:example:&lt;&amp;&gt;") && xml.contains("nameid-format:persistent"));
}

#[test]
fn everything_that_is_configured_is_asked_for() {
    let options = RequestOptions { is_passive: true, ..RequestOptions::default() };
    let more = json!({
        "ssoBinding": "post",
        "signAuthnRequests": false,
        "authnContext": ["urn:example:mfa"],
        "authnContextComparison": "minimum",
        "providerName": "General \"Hospital\" & Co",
        "scoping": { "proxyCount": 0, "idpList": ["https://a.example/?x&y", "https://b.example"] },
    });
    let Outgoing::Post { message, .. } = build(more, options).expect("built") else {
        panic!("by POST")
    };
    let xml = String::from_utf8(BASE64_STANDARD.decode(message).expect("base64"));
    let xml = xml.expect("text");
    let document = roxmltree::Document::parse(&xml).expect("well-formed");
    let request = document.root_element();
    assert_eq!(request.attribute("IsPassive"), Some("true"));
    assert_eq!(request.attribute("ProviderName"), Some("General \"Hospital\" & Co"));
    let named = |name: &str| request.children().find(|node| node.tag_name().name() == name);
    let context = named("RequestedAuthnContext");
    assert_eq!(context.and_then(|node| node.attribute("Comparison")), Some("minimum"));
    let scoping = request.last_element_child().expect("children");
    assert_eq!(
        (scoping.tag_name().name(), scoping.attribute("ProxyCount")),
        ("Scoping", Some("0"))
    );
    let entries = scoping.descendants().filter_map(|node| node.attribute("ProviderID"));
    assert_eq!(entries.collect::<Vec<_>>(), ["https://a.example/?x&y", "https://b.example"]);
}

#[test]
fn hostile_names_stay_inside_their_place() {
    let evil = "https://sp.example/\"><evil a='&amp;\"/>";
    let mut sp = service_provider();
    (sp.entity_id, sp.acs_url) = (evil.to_owned(), evil.to_owned());
    for binding in ["redirect", "post"] {
        let configuration = configuration(json!({ "ssoBinding": binding }));
        let idp = Idp::new(&configuration, None).expect("a provider");
        let id = RequestId::from(REQUEST);
        let options = RequestOptions::default();
        let built = build_authn_request(&sp, &idp, &configuration, &id, evil, NOW, options);
        let asked = match built.expect("built") {
            Outgoing::Redirect { url } => IDP.read_redirect(url.split_once('?').expect("query").1),
            Outgoing::Post { message, .. } => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                IDP.read_form(&form.append_pair("SAMLRequest", &message).finish())
            }
        };
        let asked = asked.expect("readable");
        assert_eq!((asked.issuer.as_str(), asked.acs_url.as_str()), (evil, evil), "{binding}");
    }
}
