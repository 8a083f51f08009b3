//! What ordinary providers send is accepted, and the whole identity is what they said.

use std::fmt::Write;

use openssl::hash::MessageDigest;
use roxmltree::Document;

use crate::{
    domain::identity::{Statement, UpstreamSession},
    samples::saml_idp::SampleIdp,
};

use super::{
    corpus::{Identity, Valid, files},
    world::{NOW, judge},
};

#[test]
fn every_honest_response_proves_its_whole_identity() {
    let mut wrong = String::new();
    for (name, file) in files::<Valid>("valid") {
        let (message, idp) = (file.recipe.follow(false), file.recipe.idp());
        let outcome = judge(&message, &idp);
        let step = outcome.step.unwrap_or_default();
        let verified = match outcome.verdict {
            Ok(verified) => verified,
            Err(refused) => {
                let _ = writeln!(wrong, "{name}: {step}: {refused}");
                continue;
            }
        };
        let key = format!("{} {}", file.recipe.issuer, of_assertion(&message.plain, "ID"));
        assert_eq!(verified.replay_key(), key, "{name}");
        assert_eq!(verified.good_until(), NOW.plus(file.identity.good_for), "{name}");
        assert_eq!(verified.signed_by(), fingerprint(file.recipe.provider()), "{name}");
        let expected = file.identity.statement(&message.plain);
        assert_eq!(verified.into_statement(), expected, "{name}");
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn fingerprint(provider: &SampleIdp) -> String {
    let certificate = &provider.signing().certificate;
    let digest = certificate.digest(MessageDigest::sha256()).expect("a digest");
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Identity {
    /// The `SessionIndex` is made while signing, so it is taken from the message.
    fn statement(self, plain: &str) -> Statement {
        Statement {
            subject: Some(self.subject).filter(|_| !self.subject_absent),
            attributes: self.attributes,
            friendly_names: self.friendly_names,
            amr: self.amr,
            acr: self.acr,
            auth_time: Some(NOW.plus(self.authenticated)),
            session: UpstreamSession {
                name_id: self.name_id,
                name_id_format: self.name_id_format,
                name_qualifier: self.name_qualifier,
                sp_name_qualifier: self.sp_name_qualifier,
                session_index: of_element(plain, "AuthnStatement", "SessionIndex"),
                entity: None,
                not_on_or_after: self.session_ends.map(|seconds| NOW.plus(seconds)),
            },
        }
    }
}

fn of_assertion(plain: &str, attribute: &str) -> String {
    of_element(plain, "Assertion", attribute).expect("an attribute")
}

fn of_element(plain: &str, name: &str, attribute: &str) -> Option<String> {
    let document = Document::parse(plain).expect("well-formed");
    let node = document.descendants().find(|node| node.tag_name().name() == name)?;
    node.attribute(attribute).map(str::to_owned)
}
