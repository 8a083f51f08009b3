//! Why a response is not believed, and what an administrator can do about it.

/// One fact about a message that forbids to believe it. No text here holds personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    // What the bytes are.
    #[error("the message is too large")]
    TooLarge,
    #[error("the message is not base64")]
    NotBase64,
    #[error("the message is not UTF-8")]
    NotUtf8,
    #[error("the XML declaration names another encoding than UTF-8 or another version than 1.0")]
    ForeignEncoding,
    #[error("the XML has a document type")]
    Doctype,
    #[error("the XML has a comment")]
    Comment,
    #[error("the XML has a processing instruction")]
    ProcessingInstruction,
    #[error("elements are nested too deeply")]
    TooDeep,
    #[error("a tag has too many attributes or too long a name")]
    TooManyAttributes,
    #[error("too many namespace declarations are in scope")]
    TooManyNamespaces,
    #[error("the XML has too many nodes")]
    TooManyNodes,
    #[error("the XML is not well-formed")]
    NotWellFormed,
    #[error("an ID occurs twice")]
    DuplicateId,

    // What stands where.
    #[error("the root element is another one than expected")]
    WrongRoot,
    #[error("a Response, Assertion or Signature stands where none belongs")]
    Misplaced,
    #[error("an element that may stand once stands several times")]
    Repeated,
    #[error("an element is missing")]
    Missing,
    #[error("an element that holds text holds something else")]
    NotText,
    #[error("the response holds no assertion")]
    NoAssertion,
    #[error("the response holds several assertions")]
    SeveralAssertions,

    // Signatures.
    #[error("neither the response nor the assertion is signed")]
    Unsigned,
    #[error("the signature is not of the one accepted form")]
    SignatureForm,
    #[error("the signature refers to something else than its parent element")]
    SignatureReference,
    #[error("the signature asks for other transforms than enveloped-signature and exclusive c14n")]
    SignatureTransforms,
    #[error("the signature uses a canonicalization that is not accepted")]
    Canonicalization,
    #[error("the signature or digest algorithm is not accepted")]
    Algorithm,
    #[error("the signature uses SHA-1")]
    Sha1,
    #[error("the digest does not match the signed element")]
    DigestMismatch,
    #[error("no key of the provider made this signature")]
    SignatureMismatch,

    // Logout messages.
    #[error("the message is not signed")]
    UnsignedMessage,
    #[error("a parameter comes twice or in disguise")]
    RepeatedParameter,
    #[error("there is a request and a response at once")]
    SeveralMessages,
    #[error("the message is not deflated")]
    NotDeflated,
    #[error("the message was issued by somebody else")]
    Issuer,
    #[error("the message is addressed to another endpoint")]
    SloDestination,
    #[error("the message is too old, or from the future")]
    Stale,
    #[error("the request names nobody")]
    NoNameId,

    // Encryption.
    #[error("the encryption algorithm is not accepted")]
    EncryptionAlgorithm,
    #[error("CBC encryption is accepted only by a switch and inside a signed response")]
    Cbc,
    #[error("what is encrypted cannot be decrypted")]
    Decryption,
    #[error("the assertion is not encrypted")]
    NotEncrypted,

    // The envelope.
    #[error("the provider's metadata has expired")]
    MetadataExpired,
    #[error("the provider reports a failure")]
    Status,
    #[error("the SAML version is not 2.0")]
    Version,
    #[error("the response is addressed to another destination")]
    Destination,
    #[error("the response answers another request")]
    InResponseTo,
    #[error("the response was issued by somebody else")]
    ResponseIssuer,
    #[error("the assertion was issued by somebody else")]
    AssertionIssuer,
    #[error("the assertion has no ID")]
    NoAssertionId,

    // Conditions.
    #[error("the assertion has no Conditions")]
    NoConditions,
    #[error("a time is not an xs:dateTime with a zone")]
    NotATime,
    #[error("the assertion is not valid yet")]
    NotYetValid,
    #[error("the assertion has expired")]
    Expired,
    #[error("the assertion names no audience")]
    NoAudience,
    #[error("the assertion is for another audience")]
    Audience,
    #[error("the assertion has a condition that is not known")]
    UnknownCondition,

    // The subject and its confirmation.
    #[error("the assertion has no Subject")]
    NoSubject,
    #[error("the assertion has no bearer confirmation")]
    NotBearer,
    #[error("the bearer confirmation has no SubjectConfirmationData")]
    NoConfirmationData,
    #[error("the bearer confirmation has a NotBefore")]
    ConfirmationNotBefore,
    #[error("the bearer confirmation is for another recipient")]
    Recipient,
    #[error("the bearer confirmation has no NotOnOrAfter")]
    ConfirmationWithoutEnd,
    #[error("the bearer confirmation has expired")]
    ConfirmationExpired,
    #[error("the bearer confirmation answers another request")]
    ConfirmationInResponseTo,
    #[error("the NameID is empty")]
    EmptyNameId,

    // The statements.
    #[error("the assertion has no AuthnStatement")]
    NoAuthnStatement,
    #[error("the session at the provider has ended")]
    SessionEnded,
}

impl Rejection {
    /// What an administrator can do about it.
    #[must_use]
    pub const fn mend(self) -> &'static str {
        match self {
            Self::TooLarge | Self::TooManyNodes => {
                "Let the provider send fewer groups or attributes; a message may have 256 KiB."
            }
            Self::NotBase64 | Self::NotUtf8 | Self::ForeignEncoding | Self::NotWellFormed => {
                "The message was damaged on its way, or is no SAML response; try again and look at \
                 what the provider sends."
            }
            Self::Doctype | Self::Comment | Self::ProcessingInstruction => {
                "No ordinary provider sends this. Treat it as an attack unless the provider's \
                 vendor says otherwise."
            }
            Self::TooDeep | Self::TooManyAttributes | Self::TooManyNamespaces => {
                "No ordinary provider nests or declares this much. Treat it as an attack."
            }
            Self::DuplicateId | Self::Misplaced | Self::Repeated | Self::SeveralAssertions => {
                "The message was rearranged, as in signature wrapping. Treat it as an attack unless \
                 every response of this provider looks so."
            }
            Self::WrongRoot | Self::Missing | Self::NotText => {
                "The provider sends something else than a SAML 2.0 response of the Web Browser SSO \
                 Profile; check its protocol setting."
            }
            Self::NoAssertion | Self::NoAuthnStatement | Self::NoSubject => {
                "Let the provider release a complete assertion (Subject, Conditions, \
                 AuthnStatement) to this service provider."
            }
            Self::Unsigned => {
                "Let the provider sign the assertion, the response, or both, for this service \
                 provider."
            }
            Self::SignatureForm | Self::SignatureReference | Self::SignatureTransforms => {
                "Let the provider sign with one enveloped signature per element and exclusive \
                 canonicalization, as SAML Core section 5.4 asks."
            }
            Self::Canonicalization => {
                "Let the provider use exclusive canonicalization, or set \
                 configuration.allowInclusiveC14n if it cannot."
            }
            Self::Algorithm => {
                "Let the provider sign with RSA-SHA256 or better, or ECDSA on P-256 or P-384."
            }
            Self::Sha1 => {
                "Let the provider sign with SHA-256; if it cannot, set configuration.allowSha1 and \
                 plan its end."
            }
            Self::DigestMismatch => {
                "The signed element was changed after signing, by a proxy or by an attacker."
            }
            Self::SignatureMismatch => {
                "The provider signs with a key we do not know: it may have changed its certificate. \
                 Compare fingerprints, then update configuration.x509Certificate or the metadata."
            }
            Self::UnsignedMessage => {
                "Let the provider sign its logout messages; anybody can end sessions otherwise."
            }
            Self::RepeatedParameter | Self::SeveralMessages => {
                "No ordinary provider sends this. Treat it as an attack unless a proxy on the way \
                 rewrites addresses."
            }
            Self::NotDeflated => "Let the provider encode redirects with DEFLATE, as SAML asks.",
            Self::SloDestination => {
                "Give the provider our single logout service URL exactly as in our metadata."
            }
            Self::Stale => {
                "Compare the clocks of provider and broker (NTP); a logout message counts for five \
                 minutes."
            }
            Self::NoNameId => "Let the provider name the person by NameID in its LogoutRequest.",
            Self::EncryptionAlgorithm => {
                "Let the provider encrypt with AES-GCM and RSA-OAEP; RSA 1.5 is not accepted."
            }
            Self::Cbc => {
                "Let the provider encrypt with AES-GCM; if it cannot, let it sign the response and \
                 set configuration.allowCbc."
            }
            Self::Decryption => {
                "The provider may encrypt to an old certificate of ours: give it our current \
                 metadata."
            }
            Self::NotEncrypted => {
                "Let the provider encrypt assertions to the certificate in our metadata, or unset \
                 configuration.wantAssertionsEncrypted."
            }
            Self::MetadataExpired => {
                "Fetch or paste the provider's current metadata; its validUntil has passed."
            }
            Self::Status => {
                "The provider refused the sign-in itself; its log says why. The status codes are in \
                 this step."
            }
            Self::Version => "Only SAML 2.0 is spoken here; check the provider's protocol setting.",
            Self::Destination | Self::Recipient => {
                "Give the provider our assertion consumer service URL exactly as in our metadata."
            }
            Self::InResponseTo | Self::ConfirmationInResponseTo => {
                "The answer belongs to another sign-in: an old tab, a repeated answer, or a sign-in \
                 that began at the provider. Begin again at the application."
            }
            Self::ResponseIssuer | Self::AssertionIssuer | Self::Issuer => {
                "Set configuration.entityId to the issuer that the provider really sends, if you \
                 trust it."
            }
            Self::NoAssertionId => "The provider sends an assertion without an ID; ask its vendor.",
            Self::NoConditions | Self::NoAudience | Self::Audience => {
                "Set the audience (identifier, entity ID) at the provider to our entity ID."
            }
            Self::NotATime => "The provider sends times that are not xs:dateTime in UTC.",
            Self::NotYetValid | Self::Expired | Self::ConfirmationExpired => {
                "Compare the clocks of provider and broker (NTP); configuration.clockSkewSeconds \
                 allows up to 300 seconds."
            }
            Self::UnknownCondition => {
                "The provider adds a condition that we cannot judge; switch it off there."
            }
            Self::NotBearer
            | Self::NoConfirmationData
            | Self::ConfirmationNotBefore
            | Self::ConfirmationWithoutEnd => {
                "Let the provider confirm the subject by bearer with Recipient, NotOnOrAfter and \
                 InResponseTo (SAML Profiles section 4.1.4.2)."
            }
            Self::EmptyNameId => "The provider has no value for the NameID of this person.",
            Self::SessionEnded => {
                "The provider answers from a session that is over; sign out there and try again."
            }
        }
    }
}
