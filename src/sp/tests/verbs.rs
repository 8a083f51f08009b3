//! What the sample provider does differently, before it signs.

use serde::Deserialize;

use crate::samples::saml_idp::{Algorithms, Encryption, ResponseBuilder};

use super::{
    edits::{Names, expand},
    world::{ISSUER, Key, SP, STRANGER, provider},
};

/// What the sample provider does differently.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verb {
    Unsigned,
    SignResponse,
    SignBoth,
    SignedByAnother,
    Sha1,
    Sha384,
    Sha512,
    Pss,
    ClaimMethod(String),
    ClaimDigest(String),
    ClaimCanonicalization(String),
    ClaimTransforms(Vec<String>),
    Encrypted,
    EncryptedWith(Mode),
    EncryptedForAnother,
    PartsEncrypted,
    PartsEncryptedForAnother,
    ExpiredBy(i64),
    NotYetValidFor(i64),
    ConfirmationExpiredBy(i64),
    WithoutConfirmationEnd,
    WithoutConfirmationData,
    ConfirmationNotBefore,
    ConfirmedBy(String),
    SessionEndsIn(i64),
    AlsoRestrictedTo(String),
    ForAudience(String),
    WithoutAudience,
    WithoutConditions,
    WithCondition(String),
    ForRecipient(String),
    ToDestination(String),
    WithoutDestination,
    InResponseTo(String),
    Unsolicited,
    ConfirmedInResponseTo(String),
    ConfirmedUnsolicited,
    IssuedBy(String),
    Status(Vec<String>),
    Version(String),
    WithoutAuthnStatement,
    SignedInBefore(i64),
    AuthnContext(String),
    NameId(String),
    NameIdFormat(String),
    RawAttributes(String),
    NoAssertion,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    Aes128Gcm,
    OaepSha256,
    Cbc,
    Rsa15,
}

impl Verb {
    pub(super) fn apply(response: ResponseBuilder, verb: &Self) -> ResponseBuilder {
        let ours = &SP.keys[0].certificate;
        match verb {
            Self::Unsigned => response.unsigned(),
            Self::SignResponse => response.sign_response(),
            Self::SignBoth => response.sign_both(),
            Self::SignedByAnother => response.signed_with(provider(ISSUER, Key::Other).signing()),
            Self::Sha1 => response.sha1(),
            Self::Sha384 => response.algorithms(Algorithms::sha384),
            Self::Sha512 => response.algorithms(Algorithms::sha512),
            Self::Pss => response.algorithms(Algorithms::pss),
            Self::ClaimMethod(uri) => response.algorithms(|it| it.claiming_method(uri)),
            Self::ClaimDigest(uri) => response.algorithms(|it| it.claiming_digest(uri)),
            Self::ClaimCanonicalization(uri) => {
                response.algorithms(|it| it.claiming_canonicalization(uri))
            }
            Self::ClaimTransforms(uris) => {
                let uris: Vec<_> = uris.iter().map(String::as_str).collect();
                response.algorithms(|it| it.claiming_transforms(&uris))
            }
            Self::Encrypted => response.encrypted_for(ours),
            Self::EncryptedWith(mode) => response.encrypted_by(mode.encryption(), ours),
            Self::EncryptedForAnother => response.encrypted_for(&STRANGER.keys[0].certificate),
            Self::PartsEncrypted => response.parts_encrypted_for(ours),
            Self::PartsEncryptedForAnother => {
                response.parts_encrypted_for(&STRANGER.keys[0].certificate)
            }
            Self::ExpiredBy(seconds) => response.expired_by(*seconds),
            Self::NotYetValidFor(seconds) => response.not_yet_valid_for(*seconds),
            Self::ConfirmationExpiredBy(seconds) => response.confirmation_expired_by(*seconds),
            Self::WithoutConfirmationEnd => response.without_confirmation_end(),
            Self::WithoutConfirmationData => response.without_confirmation_data(),
            Self::ConfirmationNotBefore => response.confirmation_not_before(),
            Self::ConfirmedBy(method) => response.confirmed_by(method),
            Self::SessionEndsIn(seconds) => response.session_ends_in(*seconds),
            Self::AlsoRestrictedTo(audience) => response.also_restricted_to(audience),
            Self::ForAudience(audience) => response.for_audience(audience),
            Self::WithoutAudience => response.without_audience(),
            Self::WithoutConditions => response.without_conditions(),
            Self::WithCondition(xml) => response.with_condition(xml),
            Self::ForRecipient(url) => response.for_recipient(url),
            Self::ToDestination(url) => response.to_destination(Some(url)),
            Self::WithoutDestination => response.to_destination(None),
            Self::InResponseTo(request) => response.in_response_to(Some(request)),
            Self::Unsolicited => response.in_response_to(None),
            Self::ConfirmedInResponseTo(other) => response.confirmed_in_response_to(Some(other)),
            Self::ConfirmedUnsolicited => response.confirmed_in_response_to(None),
            Self::IssuedBy(entity_id) => response.issued_by(entity_id),
            Self::Status(codes) => {
                let codes: Vec<_> = codes.iter().map(String::as_str).collect();
                response.status(&codes)
            }
            Self::Version(version) => response.version(version),
            Self::WithoutAuthnStatement => response.without_authn_statement(),
            Self::SignedInBefore(seconds) => response.signed_in_before(*seconds),
            Self::AuthnContext(class) => response.authn_context(class),
            Self::NameId(value) => response.person(value, &[("mail", &["ada@hospital.example"])]),
            Self::NameIdFormat(format) => response.name_id_format(format),
            Self::RawAttributes(xml) => response.raw_attributes(&expand(xml, &Names::new())),
            Self::NoAssertion => response,
        }
    }
}

impl Mode {
    fn encryption(self) -> Encryption {
        match self {
            Self::Aes128Gcm => Encryption::Gcm128,
            Self::OaepSha256 => Encryption::OaepSha256,
            Self::Cbc => Encryption::Cbc,
            Self::Rsa15 => Encryption::Rsa15,
        }
    }
}
