//! Responses that another implementation signed.

use super::*;

#[test]
fn what_another_implementation_signed_is_accepted() {
    let certificate = json!(include_str!("fixtures/idp.pem"));
    let prefix_list = include_str!("fixtures/response.assertion-signed.prefix-list.xml");
    let inclusive = include_str!("fixtures/response.assertion-signed.inclusive-c14n.xml");
    let strict = idp(json!({ "x509Certificate": certificate }));
    let lenient = idp(json!({ "x509Certificate": certificate, "allowInclusiveC14n": true }));
    for (name, xml, idp, refused) in [
        ("prefix list", prefix_list, &strict, None),
        ("inclusive, by switch", inclusive, &lenient, None),
        ("inclusive, without", inclusive, &strict, Some(Rejection::Canonicalization)),
    ] {
        assert_eq!(verify_by(&encode(xml), idp).err(), refused, "{name}");
        let changed = xml.replace(">ada<", ">eve<");
        let refused = refused.or(Some(Rejection::DigestMismatch));
        assert_eq!(verify_by(&encode(changed), idp).err(), refused, "{name}, changed");
    }
}
