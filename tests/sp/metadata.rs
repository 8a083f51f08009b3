//! Metadata in both directions.

use medict::{
    domain::resource::{NameIdFormat, SsoBinding},
    sp::{build_metadata, parse_metadata},
};
use openssl::{pkey::PKey, rsa::Rsa};

use super::*;

fn provider(metadata: &str, more: Value) -> Result<Idp, String> {
    let mut value = json!({ "metadataXml": metadata });
    for (name, setting) in more.as_object().into_iter().flatten() {
        value[name] = setting.clone();
    }
    let configuration = serde_json::from_value(value).expect("a configuration");
    Idp::new(&configuration, None).map_err(|invalid| invalid.to_string())
}

#[test]
fn metadata_alone_makes_a_provider() {
    let metadata = IDP.metadata();
    let commented = format!("<?xml version='1.0'?>\n<!-- edited < by hand -->{metadata}");
    let wrapped = format!(
        "<md:EntitiesDescriptor xmlns:md='urn:oasis:names:tc:SAML:2.0:metadata'>{metadata}\
         </md:EntitiesDescriptor>"
    );
    for xml in [&metadata, &commented, &wrapped] {
        let idp = provider(xml, json!({})).expect("a provider");
        assert_eq!((idp.entity_id(), idp.sso_url()), (IDP.entity_id(), IDP.sso_url()));
        assert_eq!(idp.sso_binding(), SsoBinding::Redirect);
        assert!(verify_by(&honest().build(), &idp).is_ok());
    }
}

/// A key without a declared use signs, and signatures are demanded all the same.
#[test]
fn a_key_of_any_use_never_switches_signatures_off() {
    let any = provider(&IDP.describe().without_use().build(), json!({})).expect("a provider");
    assert!(verify_by(&honest().build(), &any).is_ok());
    let unsigned = honest().unsigned().build();
    assert_eq!(verify_by(&unsigned, &any).err(), Some(Rejection::Unsigned));
    let foreign = OTHER.respond_to(REQUEST, ACS, ENTITY, NOW).person("ada", &[]).build();
    assert_eq!(verify_by(&foreign, &any).err(), Some(Rejection::SignatureMismatch));
}

/// Keys of earlier metadata count beside those in force, unless the configuration names keys.
#[test]
fn draining_keys_count_beside_the_others() {
    let other = OTHER.certificate();
    let foreign = || {
        OTHER
            .respond_to(REQUEST, ACS, ENTITY, NOW)
            .person("ada", &[])
            .issued_by(IDP.entity_id())
            .build()
    };
    let of = |more| provider(&IDP.metadata(), more).expect("a provider");
    let draining = of(json!({})).with_draining([other.as_str(), "garbage"].into_iter());
    assert_eq!(draining.certificates().count(), 2);
    assert!(verify_by(&foreign(), &draining).is_ok());
    assert!(verify_by(&honest().build(), &draining).is_ok());
    let named = of(json!({ "x509Certificate": IDP.certificate() }));
    let named = named.with_draining([other.as_str()].into_iter());
    assert_eq!(verify_by(&foreign(), &named).err(), Some(Rejection::SignatureMismatch));
}

#[test]
fn what_is_named_beside_metadata_counts() {
    let metadata = IDP.metadata();
    let post = provider(&metadata, json!({ "ssoBinding": "post" })).expect("a provider");
    assert_eq!(post.sso_binding(), SsoBinding::Post);
    let by_post = IDP.describe().sign_on_by(&["HTTP-POST"]).build();
    for (url, binding) in
        [(IDP.sso_url(), SsoBinding::Post), ("https://x.example/sso", SsoBinding::Redirect)]
    {
        let named = provider(&by_post, json!({ "ssoUrl": url })).expect("a provider");
        assert_eq!((named.sso_url(), named.sso_binding()), (url, binding));
    }
    let named = provider(&metadata, json!({ "x509Certificate": OTHER.certificate() }));
    let refused = verify_by(&honest().build(), &named.expect("a provider"));
    assert_eq!(refused.err(), Some(Rejection::SignatureMismatch));
}

#[test]
fn unusable_metadata_is_refused_with_its_path() {
    let metadata = IDP.metadata();
    let weak = PKey::from_rsa(Rsa::generate(1024).expect("key")).expect("key");
    let weak = SampleIdp::with_key(IDP.entity_id(), IDP.sso_url(), weak, NOW).expect("sample");
    let encryption = metadata.replace("use=\"signing\"", "use=\"encryption\"");
    let other_name = json!({ "entityId": "https://x" });
    let by = |bindings| IDP.describe().sign_on_by(bindings).build();
    let [by_redirect, by_post, nowhere] = [by(&["HTTP-Redirect"]), by(&["HTTP-POST"]), by(&[])];
    let signed_by_other = json!({ "metadataCertificate": OTHER.certificate() });
    for (name, xml, more, expected) in [
        ("not XML", "x", json!({}), "metadataXml: the XML is not well-formed"),
        ("DOCTYPE", "<!DOCTYPE a><a/>", json!({}), "metadataXml: the XML has a document type"),
        ("not metadata", "<a/>", json!({}), "metadataXml: is not SAML metadata"),
        (
            "no key to sign",
            &encryption,
            json!({}),
            "metadataXml: has no usable signing certificate",
        ),
        ("weak key", &weak.metadata(), json!({}), "metadataXml: has no usable signing certificate"),
        ("pinned entityID", &metadata, other_name, "entityId: differs from the metadata"),
        ("pinned signer", &metadata, signed_by_other, "metadataXml: neither the response"),
        (
            "bad URL",
            &metadata.replace("https://idp.example/sso", "javascript:x"),
            json!({}),
            "ssoUrl: ",
        ),
        ("not by POST", &by_redirect, json!({ "ssoBinding": "post" }), "ssoBinding: is post, but"),
        (
            "not by redirect",
            &by_post,
            json!({ "ssoBinding": "redirect" }),
            "ssoBinding: is redirect,",
        ),
        ("nowhere", &nowhere, json!({}), "ssoUrl: is missing, and the metadata has no Single"),
        (
            "nowhere by POST",
            &nowhere,
            json!({ "ssoBinding": "post" }),
            "ssoUrl: is missing, and the m",
        ),
        (
            "SAML 1",
            &metadata.replace("SAML:2.0:protocol", "SAML:1.1:protocol"),
            json!({}),
            "metadataXml: describes no",
        ),
    ] {
        let problem = provider(xml, more).err().unwrap_or_default();
        assert!(problem.starts_with(expected), "{name}: {problem}");
    }
}

#[test]
fn certificates_that_are_none_are_named() {
    for (value, expected) in [
        (json!("x"), "x509Certificate: is neither"),
        (json!([IDP.certificate(), "x"]), "x509Certificate[1]: is neither"),
        (json!([]), "x509Certificate: is missing"),
    ] {
        let configuration = configuration(json!({ "x509Certificate": value }));
        let problem = Idp::new(&configuration, None).err().map(|invalid| invalid.to_string());
        let problem = problem.unwrap_or_default();
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn expired_metadata_ends_belief() {
    let with = |time: UnixTime| {
        let until = format!("<md:EntityDescriptor validUntil=\"{}\" ", time.to_rfc3339());
        IDP.metadata().replacen("<md:EntityDescriptor ", &until, 1)
    };
    let fresh = provider(&with(NOW.plus(1)), json!({})).expect("a provider");
    assert!(verify_by(&honest().build(), &fresh).is_ok());
    let expired = provider(&with(NOW), json!({})).expect("a provider");
    let refused = verify_by(&honest().build(), &expired).err();
    assert_eq!(refused, Some(Rejection::MetadataExpired));
}

#[test]
fn signed_metadata_is_held_against_its_signer() {
    let metadata = IDP.metadata();
    let canonical = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_m\" \
         entityID=\"{}\"><md:IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:KeyDescriptor>\
         <ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
         <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
         </md:KeyDescriptor><md:SingleSignOnService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"https://idp.example/sso\"></md:SingleSignOnService></md:IDPSSODescriptor>\
         </md:EntityDescriptor>",
        IDP.entity_id(),
        IDP.certificate(),
    );
    let algorithms = medict::samples::saml_idp::Algorithms::of(&OTHER.signing().key);
    let signature = OTHER.signing().signature_for(&canonical, "_m", &algorithms);
    let signed = canonical.replacen("<md:IDP", &format!("{signature}<md:IDP"), 1);
    let pinned = json!({ "metadataCertificate": OTHER.certificate() });
    assert_eq!(provider(&signed, pinned.clone()).err(), None);
    let poisoned = signed.replace("https://idp.example/sso", "https://evil.example/sso");
    assert!(provider(&poisoned, pinned.clone()).err().is_some_and(|text| text.contains("digest")));
    assert!(provider(&metadata, pinned).is_err());
}

#[test]
fn fetched_metadata_comes_before_pasted() {
    let value = json!({ "metadataUrl": "https://idp.example/metadata", "metadataXml": "old" });
    let configuration: SamlConfiguration = serde_json::from_value(value).expect("configuration");
    let idp = Idp::new(&configuration, Some(&IDP.metadata())).expect("a provider");
    assert_eq!(idp.entity_id(), IDP.entity_id());
    let broken = Idp::new(&configuration, Some("<a/>")).err().map(|invalid| invalid.path);
    assert_eq!(broken.as_deref(), Some("metadataUrl"));
}

#[test]
fn our_metadata_is_well_formed_and_tells_keys_and_endpoints() {
    let mut sp = service_provider();
    sp.entity_id = "https://sp.example/<&\">".to_owned();
    let xml = build_metadata(&sp, NameIdFormat::Persistent, true).expect("built");
    let document = roxmltree::Document::parse(&xml).expect("well-formed");
    let root = document.root_element();
    assert_eq!(root.attribute("entityID"), Some("https://sp.example/<&\">"));
    let named = |name: &str| {
        let nodes = document.descendants().filter(|node| node.tag_name().name() == name);
        nodes
            .filter_map(|node| node.attribute("Location").or(node.attribute("use")))
            .collect::<Vec<_>>()
    };
    assert_eq!(named("KeyDescriptor"), ["signing", "encryption"]);
    assert_eq!(named("AssertionConsumerService"), [ACS]);
    assert_eq!(named("SingleLogoutService"), [SLO, SLO], "by redirect and by POST");
    assert!(parse_metadata(&xml).is_err(), "we are no identity provider");
}
