//! Logout messages: what ends sessions, and what does not.

use medict::{
    domain::{identity::UpstreamSession, words::RequestId},
    samples::saml_idp::LogoutBuilder,
    sp::{
        Delivered, Farewell, LogoutMessage, LogoutOutcome, Outgoing, build_logout_request,
        build_logout_response, redirect_query::RedirectQuery, verify_logout,
    },
};
use openssl::{hash::MessageDigest, sign::Verifier};

use super::*;

fn request() -> LogoutBuilder {
    IDP.log_out("ada", &["1", "2"], SLO, NOW)
}

fn response() -> LogoutBuilder {
    IDP.logged_out(REQUEST, &["Success"], SLO, NOW)
}

fn redirected(query: impl Into<String>) -> Delivered {
    Delivered::Redirect { query: query.into() }
}

fn posted(xml: &str) -> Delivered {
    let saml_request = Some(encode(xml));
    Delivered::Post { saml_request, saml_response: None, relay_state: None }
}

fn read(delivered: &Delivered) -> Result<LogoutMessage, (Rejection, bool)> {
    read_by(delivered, &idp(json!({})))
}

/// Verifies, and checks what every trace promises. Of a rejection: whether it can be answered.
fn read_by(delivered: &Delivered, idp: &Idp) -> Result<LogoutMessage, (Rejection, bool)> {
    let mut trace = Trace::default();
    let outcome = verify_logout(delivered, idp, &SP, NOW, &mut trace);
    let failed = trace.steps.iter().filter(|step| step.verdict == Verdict::Failed).count();
    assert_eq!(failed, usize::from(outcome.is_err()), "{trace:?}");
    outcome.map_err(|refused| (refused.rejection, refused.question.is_some()))
}

fn refused(name: &str, delivered: &Delivered, expected: Rejection, answerable: bool) {
    let outcome = read(delivered).map(|_| "accepted");
    assert_eq!(outcome, Err((expected, answerable)), "{name}");
}

#[test]
fn an_honest_request_names_its_sessions_by_either_way() {
    let builder = request().name_id_with("Format", "urn:f").name_id_with("SPNameQualifier", "q");
    for delivered in [redirected(builder.by_redirect(Some("a&b c"))), posted(&builder.build_xml())]
    {
        let Ok(LogoutMessage::Request(read)) = read(&delivered) else { panic!("{delivered:?}") };
        let named = read.named();
        assert_eq!((named.name_id.as_str(), named.format.as_deref()), ("ada", Some("urn:f")));
        assert_eq!(named.sp_name_qualifier.as_deref(), Some("q"));
        assert_eq!(named.session_indexes, ["1", "2"]);
        assert_eq!(read.good_until(), NOW.plus(120 + 60));
        let by_redirect = matches!(delivered, Delivered::Redirect { .. });
        assert_eq!(read.question().relay_state(), by_redirect.then_some("a&b c"));
    }
}

#[test]
fn an_encrypted_name_is_read_with_our_key_only() {
    let ours = &SP.keys[0].certificate;
    let theirs = &OTHER.signing().certificate;
    for way in [
        |b: &LogoutBuilder| redirected(b.by_redirect(None)),
        |b: &LogoutBuilder| posted(&b.build_xml()),
    ] {
        let Ok(LogoutMessage::Request(read)) = read(&way(&request().encrypted_for(ours))) else {
            panic!("decrypted")
        };
        assert_eq!((read.named().name_id.as_str(), read.named().session_indexes.len()), ("ada", 2));
        refused(
            "to another key",
            &way(&request().encrypted_for(theirs)),
            Rejection::Decryption,
            true,
        );
    }
}

#[test]
fn an_honest_response_names_its_request_and_what_went_wrong() {
    for (statuses, complaint) in [
        (&["Success"][..], None),
        (&["Success", "PartialLogout"], Some("Success / PartialLogout")),
        (&["Responder", "PartialLogout"], Some("Responder / PartialLogout")),
        (&["Requester"], Some("Requester")),
    ] {
        let builder = IDP.logged_out(REQUEST, statuses, SLO, NOW);
        let post = Delivered::Post {
            saml_request: None,
            saml_response: Some(builder.by_post()),
            relay_state: None,
        };
        for delivered in [redirected(builder.by_redirect(None)), post] {
            let Ok(LogoutMessage::Response(read)) = read(&delivered) else {
                panic!("{statuses:?}")
            };
            assert_eq!((read.in_response_to().as_str(), read.complaint()), (REQUEST, complaint));
        }
    }
}

/// In any order in the URL, with foreign parameters between, signed as the sender encoded.
#[test]
fn the_signature_is_over_the_bytes_that_the_sender_wrote() {
    let query = request().by_redirect(Some("x y"));
    let mut parts: Vec<&str> = query.split('&').collect();
    parts.reverse();
    assert!(read(&redirected(parts.join("&"))).is_ok(), "in another order");
    assert!(read(&redirected(format!("a=1&{query}&b=2"))).is_ok(), "with others between");

    let (message, rest) = query.split_once("&RelayState=").expect("a state");
    let lower = |text: &str| text.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d");
    let signed = request().sign_query(format!("{}&RelayState=x%20y", lower(message)));
    assert!(read(&redirected(signed)).is_ok(), "lower case, spaces as %20");

    assert!(query.contains('%'), "something to encode differently");
    let again = format!("{}&RelayState={rest}", lower(message));
    for (name, query) in [
        ("re-encoded message", again),
        ("re-encoded state", query.replace("RelayState=x+y", "RelayState=x%20y")),
        ("another state", query.replace("RelayState=x+y", "RelayState=x")),
        ("no state", query.replace("&RelayState=x+y", "")),
        ("a state added", format!("{}&RelayState=z", request().by_redirect(None))),
        ("carried as a response", query.replace("SAMLRequest=", "SAMLResponse=")),
    ] {
        refused(name, &redirected(query), Rejection::SignatureMismatch, false);
    }
}

#[test]
fn queries_that_two_readers_read_differently_are_refused() {
    let query = request().by_redirect(Some("x"));
    let other = IDP.log_out("eve", &[], SLO, NOW).by_redirect(None);
    let message = |query: &str| query.split('&').next().expect("a message").to_owned();
    let response = message(&response().by_redirect(None));
    for (name, query, expected) in [
        ("message before", format!("{}&{query}", message(&other)), Rejection::RepeatedParameter),
        ("message after", format!("{query}&{}", message(&other)), Rejection::RepeatedParameter),
        ("state twice", format!("{query}&RelayState=y"), Rejection::RepeatedParameter),
        ("algorithm twice", format!("{query}&SigAlg=y"), Rejection::RepeatedParameter),
        ("signature twice", format!("{query}&Signature=y"), Rejection::RepeatedParameter),
        ("disguised", format!("{query}&SAML%52equest=y"), Rejection::RepeatedParameter),
        ("both kinds", format!("{query}&{response}"), Rejection::SeveralMessages),
        ("both kinds, other order", format!("{response}&{query}"), Rejection::SeveralMessages),
        ("nothing", String::new(), Rejection::Missing),
    ] {
        refused(name, &redirected(query), expected, false);
    }
    let fields = |saml_request, saml_response| Delivered::Post {
        saml_request,
        saml_response,
        relay_state: None,
    };
    let xml = || Some(request().by_post());
    refused("both fields", &fields(xml(), xml()), Rejection::SeveralMessages, false);
    refused("no field", &fields(None, None), Rejection::Missing, false);
    refused("a request as a response", &fields(None, xml()), Rejection::WrongRoot, false);
}

#[test]
fn only_the_provider_s_signature_counts() {
    let method = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    let sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
    let hmac = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let claiming =
        |other: &str| request().by_redirect(None).replace(&encoded(method), &encoded(other));
    let unsigned = request().unsigned();
    let by_other = request().signed_with(OTHER.signing());
    let inside =
        format!("{}&SigAlg=x", request().unsigned().redirecting(&request().build_xml(), None));
    for (name, delivered, expected) in [
        ("unsigned", redirected(unsigned.by_redirect(None)), Rejection::UnsignedMessage),
        ("unsigned, posted", posted(&unsigned.build_xml()), Rejection::UnsignedMessage),
        ("signed inside only", redirected(inside), Rejection::UnsignedMessage),
        ("another key", redirected(by_other.by_redirect(None)), Rejection::SignatureMismatch),
        ("another key, posted", posted(&by_other.build_xml()), Rejection::SignatureMismatch),
        ("SHA-1", redirected(claiming(sha1)), Rejection::Sha1),
        ("HMAC", redirected(claiming(hmac)), Rejection::Algorithm),
    ] {
        refused(name, &delivered, expected, false);
    }
    let both = request().redirecting(&request().build_xml(), None);
    refused("signed inside as well", &redirected(both), Rejection::Misplaced, false);
    let tampered = request().build_xml().replace(">ada<", ">eve<");
    refused("tampered", &posted(&tampered), Rejection::DigestMismatch, false);
}

/// The signature holds, but about something else than what would be read.
#[test]
fn wrapped_requests_end_nothing() {
    let honest = request().build_xml();
    let cut = |start: &str, end: &str| {
        let from = honest.find(start).expect("a start");
        honest[from..honest.rfind(end).expect("an end") + end.len()].to_owned()
    };
    let signature = cut("<ds:Signature", "</ds:Signature>");
    let original = honest.replace(&signature, "");
    let forge = |signature: &str, more: &str| {
        let forged = original.replace(">ada<", ">eve<").replacen(" ID=\"_", " ID=\"_e", 1);
        let forged = forged.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1);
        forged.replacen("</samlp:LogoutRequest>", &format!("{more}</samlp:LogoutRequest>"), 1)
    };
    let end = "</ds:Signature>";
    let around = signature.replace(end, &format!("<ds:Object>{original}</ds:Object>{end}"));
    let extension = format!("<samlp:Extensions>{honest}</samlp:Extensions>");
    let second =
        "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">eve</saml:NameID>";
    let foreign = "<x:NameID xmlns:x=\"urn:x\">eve</x:NameID>";
    for (name, xml, expected) in [
        ("original in an Object", forge(&around, ""), Rejection::Misplaced),
        ("original in Extensions", forge("", &extension), Rejection::Misplaced),
        ("original at the end", forge(&signature, &original), Rejection::Misplaced),
        ("signature of another", forge(&signature, ""), Rejection::SignatureReference),
        (
            "a second person",
            honest.replace("</ds:Signature>", &format!("</ds:Signature>{second}")),
            Rejection::Repeated,
        ),
        (
            "a foreign person",
            honest.replace("</ds:Signature>", &format!("</ds:Signature>{foreign}")),
            Rejection::Misplaced,
        ),
        ("a comment", honest.replace(">ada<", ">ada<!---->eve<"), Rejection::Comment),
        ("two roots", format!("{honest}{honest}"), Rejection::NotWellFormed),
    ] {
        refused(name, &posted(&xml), expected, false);
    }
}

/// The sender is certain from the issuer on: there he gets an answer.
#[test]
fn requests_for_others_or_of_another_time_are_refused() {
    let nobody = "<saml:BaseID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:BaseID>";
    for (name, builder, expected, answerable) in [
        ("another issuer", request().issued_by("https://other.example/"), Rejection::Issuer, false),
        (
            "another destination",
            request().to_destination(Some(ACS)),
            Rejection::SloDestination,
            true,
        ),
        ("no destination", request().to_destination(None), Rejection::SloDestination, true),
        ("expired", request().expired_by(61), Rejection::Stale, true),
        ("old", request().issued_before(361), Rejection::Stale, true),
        ("from the future", request().issued_before(-61), Rejection::Stale, true),
        ("nobody", request().saying(nobody), Rejection::NoNameId, true),
        ("nothing", request().saying(""), Rejection::NoNameId, true),
    ] {
        refused(name, &redirected(builder.by_redirect(None)), expected, answerable);
        refused(name, &posted(&builder.build_xml()), expected, answerable);
    }
    assert!(read(&redirected(request().expired_by(59).by_redirect(None))).is_ok(), "clocks differ");
}

#[test]
fn other_messages_by_redirect_are_refused() {
    let saml_response = honest().build_xml();
    let by_redirect = response().redirecting(&saml_response, None);
    refused("a Response", &redirected(by_redirect), Rejection::WrongRoot, false);
    let wrong = request().named("AuthnRequest").by_redirect(None);
    refused("an AuthnRequest", &redirected(wrong), Rejection::WrongRoot, false);
    let unrelated = IDP.logged_out("", &["Success"], SLO, NOW).by_redirect(None);
    refused("answers nothing", &redirected(unrelated), Rejection::InResponseTo, false);
}

#[test]
fn a_bomb_is_refused_before_it_is_large() {
    let bomb = format!("<a>{}</a>", " ".repeat(100 * 1024 * 1024));
    refused("a bomb", &redirected(request().redirecting(&bomb, None)), Rejection::TooLarge, false);
    let unsigned = request().unsigned().redirecting(&bomb, None);
    refused("nobody's bomb", &redirected(unsigned), Rejection::UnsignedMessage, false);
    let large = posted(&" ".repeat(300 * 1024));
    refused("a large form", &large, Rejection::TooLarge, false);
}

fn session() -> UpstreamSession {
    UpstreamSession {
        name_id: Some("a&d<a".to_owned()),
        name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:transient".to_owned()),
        name_qualifier: Some("https://idp.example/\"q".to_owned()),
        sp_name_qualifier: None,
        session_index: Some("i<1".to_owned()),
        entity: None,
        not_on_or_after: None,
    }
}

fn query(outgoing: Option<Outgoing>) -> (String, String) {
    let Some(Outgoing::Redirect { url }) = outgoing else { panic!("by redirect: {outgoing:?}") };
    let (address, query) = url.split_once('?').expect("a query");
    (address.to_owned(), query.to_owned())
}

/// What the provider gets: the name exactly as it came, signed in either binding.
#[test]
fn our_request_names_the_person_as_the_provider_did() {
    let id = RequestId::from("_ours");
    let idp = idp(json!({ "sloUrl": "https://idp.example/slo" }));
    let farewell = Farewell { sp: &SP, idp: &idp, id: &id, now: NOW };
    let built = build_logout_request(farewell, &session()).expect("built");
    let (address, query) = query(built);
    assert_eq!(address, "https://idp.example/slo");
    let heard = IDP.read_logout_redirect(&query).expect("readable");
    assert_eq!((heard.root.as_str(), heard.id.as_str()), ("LogoutRequest", "_ours"));
    assert_eq!(heard.name_id, session().name_id);
    assert_eq!(heard.name_id_format, session().name_id_format);
    assert_eq!(heard.name_qualifier, session().name_qualifier);
    assert_eq!(heard.session_indexes, ["i<1"]);
    assert_eq!(heard.destination.as_deref(), Some("https://idp.example/slo"));
    assert!(signed_by_us(&query));
}

fn signed_by_us(query: &str) -> bool {
    let (signed, signature) = query.split_once("&Signature=").expect("signed");
    let pair = format!("s={signature}");
    let signature = url::form_urlencoded::parse(pair.as_bytes()).next().expect("a value").1;
    let signature = BASE64_STANDARD.decode(signature.as_ref()).expect("base64");
    let key = SP.keys[0].certificate.public_key().expect("a key");
    let mut verifier = Verifier::new(MessageDigest::sha256(), &key).expect("verifier");
    verifier.verify_oneshot(&signature, signed.as_bytes()).expect("verified")
}

/// Bindings and addresses are those of the metadata, `ResponseLocation` among them.
#[test]
fn metadata_says_where_and_how() {
    let service = |binding: &str, more: &str| {
        format!(
            "<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" {more}/>"
        )
    };
    let with = |services: String, more: Value| {
        let xml = IDP.metadata();
        let xml = xml.replacen("<md:SingleSignOn", &format!("{services}<md:SingleSignOn"), 1);
        let mut value = json!({ "metadataXml": xml });
        for (name, setting) in more.as_object().into_iter().flatten() {
            value[name] = setting.clone();
        }
        let configuration = serde_json::from_value(value).expect("a configuration");
        let idp = Idp::new(&configuration, None).expect("a provider");
        idp.slo().cloned().map(|slo| (format!("{:?}", slo.binding), slo.url, slo.response_url))
    };
    let post = service("HTTP-POST", "Location=\"https://a.example/post\"");
    let both = service(
        "HTTP-Redirect",
        "Location=\"https://a.example/slo\" ResponseLocation=\"https://a.example/back\"",
    );
    let soap = service("SOAP", "Location=\"https://a.example/soap\"");
    let evil = service("HTTP-Redirect", "Location=\"javascript:alert(1)\"");
    let is = |binding: &str, url: &str, back: &str| {
        let at = |end: &str| format!("https://a.example/{end}");
        Some((binding.to_owned(), at(url), at(back)))
    };
    let none = || json!({});
    assert_eq!(with(String::new(), none()), None);
    assert_eq!(with(soap + &evil, none()), None);
    assert_eq!(with(post.clone(), none()), is("Post", "post", "post"));
    assert_eq!(with(post.clone() + &both, none()), is("Redirect", "slo", "back"));
    let named = |url: &str| json!({ "sloUrl": url });
    assert_eq!(with(post.clone(), named("https://a.example/x")), is("Redirect", "x", "x"));
    assert_eq!(with(post + &both, named("https://a.example/post")), is("Post", "post", "post"));
}

#[test]
fn our_answer_is_signed_and_says_how_it_went() {
    let asked = request().by_redirect(Some("their state"));
    let Ok(LogoutMessage::Request(asked)) = read(&redirected(asked)) else { panic!("honest") };
    let id = RequestId::from("_answer");
    let idp = idp(json!({ "sloUrl": "https://idp.example/slo?t=1" }));
    let farewell = Farewell { sp: &SP, idp: &idp, id: &id, now: NOW };
    for (outcome, statuses) in [
        (LogoutOutcome::Success, &["Success"][..]),
        (LogoutOutcome::Partial, &["Responder", "PartialLogout"]),
        (LogoutOutcome::Denied, &["Requester", "RequestDenied"]),
    ] {
        let built = build_logout_response(farewell, asked.question(), outcome).expect("built");
        let (_, query) = query(built);
        let query = query.strip_prefix("t=1&").expect("the provider's own query first");
        let heard = IDP.read_logout_redirect(query).expect("readable");
        assert_eq!(heard.in_response_to.as_deref(), Some(asked.question().id().as_str()));
        assert_eq!(
            (heard.statuses.as_slice(), heard.relay_state.as_deref()),
            (
                statuses.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice(),
                Some("their state")
            )
        );
        assert!(signed_by_us(query));
    }
}

#[test]
fn posted_messages_of_ours_are_signed_inside() {
    let metadata = IDP.metadata().replacen(
        "<md:SingleSignOn",
        "<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"https://idp.example/slo\"/><md:SingleSignOn",
        1,
    );
    let configuration = serde_json::from_value(json!({ "metadataXml": metadata })).expect("valid");
    let idp = Idp::new(&configuration, None).expect("a provider");
    let id = RequestId::from("_ours");
    let farewell = Farewell { sp: &SP, idp: &idp, id: &id, now: NOW };
    let built = build_logout_request(farewell, &session()).expect("built");
    let Some(Outgoing::Post { action, parameter, message, .. }) = built else { panic!("by POST") };
    assert_eq!((action.as_str(), parameter), ("https://idp.example/slo", "SAMLRequest"));
    // Read by our own verifier, as a provider with our key that speaks to us.
    let ours = json!({ "entityId": ENTITY, "ssoUrl": "https://x.example/",
        "x509Certificate": BASE64_STANDARD.encode(SP.keys[0].certificate.to_der().expect("DER")) });
    let ours = Idp::new(&serde_json::from_value(ours).expect("valid"), None).expect("a provider");
    let theirs = ServiceProvider { slo_url: action, ..service_provider() };
    let delivered =
        Delivered::Post { saml_request: Some(message), saml_response: None, relay_state: None };
    let read = verify_logout(&delivered, &ours, &theirs, NOW, &mut Trace::default());
    let Ok(LogoutMessage::Request(read)) = read else { panic!("{read:?}") };
    assert_eq!(Some(&read.named().name_id), session().name_id.as_ref());
}

#[test]
fn a_redirect_is_verified_by_a_function_of_its_query() {
    let query = request().by_redirect(None);
    let read = RedirectQuery::parse(&query).expect("readable");
    assert_eq!(read.verify(&idp(json!({}))), Ok(()));
    let other = Idp::new(&configuration_of(&OTHER, json!({})), None).expect("a provider");
    assert_eq!(read.verify(&other), Err(Rejection::SignatureMismatch));
    assert!(read.inflate().expect("small").starts_with(b"<samlp:LogoutRequest"));
}

/// What an assertion says of its `NameID` is kept whole, for the provider's logout and for ours.
#[test]
fn a_sign_in_remembers_what_a_logout_will_name() {
    let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    let response = honest().name_id_format(transient).name_qualifiers("i", "s").session_index("7");
    let verified = verify(&response.build()).expect("accepted");
    let session = &verified.statement().session;
    assert_eq!(verified.statement().subject, None, "no key of a person");
    assert_eq!(session.name_id.as_deref(), Some("ada"));
    assert_eq!(session.name_id_format.as_deref(), Some(transient));
    assert_eq!(session.name_qualifier.as_deref(), Some("i"));
    assert_eq!(session.sp_name_qualifier.as_deref(), Some("s"));
    assert_eq!(session.session_index.as_deref(), Some("7"));
}
