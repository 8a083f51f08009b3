//! Whom a logout message says that it is from: read before anything is believed, so nothing may break it.

use medict::sp::{Delivered, logout_issuer};

use super::*;

fn posted(request: Option<String>, response: Option<String>) -> Delivered {
    Delivered::Post { saml_request: request, saml_response: response, relay_state: None }
}

#[test]
fn the_one_issuer_is_read_by_either_way_and_nothing_else() {
    let request = IDP.log_out("ada", &[], SLO, NOW);
    let xml = request.build_xml();
    let (query, form) = (request.by_redirect(Some("state")), Some(request.by_post()));
    let (start, end) = (xml.find("<saml:Issuer").expect("one"), "</saml:Issuer>");
    let end = xml.find(end).expect("its end") + end.len();
    let without = format!("{}{}", &xml[..start], &xml[end..]);
    let twice = format!("{}{}{}", &xml[..end], &xml[start..end], &xml[end..]);
    let long = xml.replace(IDP.entity_id(), &"x".repeat(1_025));
    let redirect = |query: String| Delivered::Redirect { query };
    let read = Ok(IDP.entity_id().to_owned());
    for (what, delivered, expected) in [
        ("by redirect", redirect(query.clone()), read.clone()),
        ("a request by POST", posted(form.clone(), None), read.clone()),
        ("an answer by POST", posted(None, form.clone()), read),
        ("two messages", posted(form.clone(), form), Err(Rejection::SeveralMessages)),
        ("no message", posted(None, None), Err(Rejection::Missing)),
        ("no parameters", redirect(String::new()), Err(Rejection::Missing)),
        ("repeated", redirect(format!("{query}&{query}")), Err(Rejection::RepeatedParameter)),
        ("not deflated", redirect("SAMLRequest=AAAA".to_owned()), Err(Rejection::NotDeflated)),
        ("not base64", posted(Some("%".to_owned()), None), Err(Rejection::NotBase64)),
        ("no XML", posted(Some(encode("x")), None), Err(Rejection::NotWellFormed)),
        ("a DOCTYPE", posted(Some(encode("<!DOCTYPE a><a/>")), None), Err(Rejection::Doctype)),
        ("nobody", posted(Some(encode(&without)), None), Err(Rejection::Issuer)),
        ("two", posted(Some(encode(&twice)), None), Err(Rejection::Repeated)),
        ("a novel", posted(Some(encode(&long)), None), Err(Rejection::Issuer)),
    ] {
        let mut trace = Trace::default();
        assert_eq!(logout_issuer(&delivered, &mut trace), expected, "{what}");
        let [step] = &trace.steps[..] else { panic!("{what}: {trace:?}") };
        let failed = step.verdict == Verdict::Failed;
        assert_eq!((failed, step.mend.is_some()), (expected.is_err(), expected.is_err()), "{what}");
    }
}
