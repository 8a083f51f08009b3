//! What a trace tells, and whom it does not name.

use super::*;

#[test]
fn personal_values_are_marked_in_the_trace() {
    let mut trace = Trace::default();
    let idp = idp(json!({}));
    let response = honest().person("lovelace", &[("mail", &["lovelace@x.example"])]).build();
    verify_response(&response, &idp, &SP, &REQUEST.into(), NOW, &mut trace).expect("accepted");
    let checks: Vec<_> = trace.steps.iter().map(|step| step.check.as_ref()).collect();
    assert_eq!(
        checks,
        [
            "provider metadata",
            "size",
            "base64",
            "encoding",
            "XML",
            "shape",
            "response signature",
            "assertion signature",
            "signed",
            "status",
            "version",
            "destination",
            "in response to",
            "response issuer",
            "issuer",
            "assertion ID",
            "conditions",
            "validity",
            "audience",
            "subject",
            "subject confirmation",
            "authentication",
            "name ID",
            "attributes",
        ]
    );
    let kept = format!("{:?}", trace.redacted());
    assert!(!kept.contains("lovelace"), "{kept}");
}

#[test]
fn a_status_without_an_assertion_tells_its_codes() {
    let response = honest().status(&["Responder", "NoAuthnContext"]).status_message("not Ada");
    let response = response.build_without_assertion();
    let mut trace = Trace::default();
    let provider = idp(json!({}));
    let outcome = verify_response(&response, &provider, &SP, &REQUEST.into(), NOW, &mut trace);
    assert_eq!(outcome.err(), Some(Rejection::Status));
    let actual = trace.failure().and_then(|step| step.actual.clone()).expect("a value");
    assert_eq!(actual.text(), "Responder / NoAuthnContext");
    assert!(!format!("{:?}", trace.redacted()).contains("Ada"), "the message may name a person");
    let hollow = honest().build_without_assertion();
    assert_eq!(verify(&hollow).err(), Some(Rejection::NoAssertion));
}
