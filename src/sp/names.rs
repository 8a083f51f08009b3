//! Namespaces and identifiers of the standards that several files need.

/// SAML Core §3: protocol messages.
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// SAML Core §2: assertions.
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// SAML Metadata §2.
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// SAML Metadata Extensions for Login and Discovery User Interface §2.1.
pub const MDUI: &str = "urn:oasis:names:tc:SAML:metadata:ui";
/// Shibboleth Metadata Profile.
pub const SHIBMD: &str = "urn:mace:shibboleth:metadata:1.0";
/// XML Signature.
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML Encryption 1.0.
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// XML Encryption 1.1.
pub const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
/// What the prefix `xml` always stands for.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// What declares a prefix.
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// `xsi:nil`, `xsi:type`.
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// SAML Bindings §3.4.
pub const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// SAML Bindings §3.5.
pub const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// SAML Core §8.3.
pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
/// SAML Core §8.3.2.
pub const EMAIL_ADDRESS: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
/// SAML Core §8.3.7.
pub const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
/// SAML Core §8.3.8.
pub const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
/// The `Format` of an `Issuer` (SAML Core §8.3.6).
pub const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/// XML Signature §6.6.4.
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// Exclusive XML Canonicalization 1.0, without comments.
pub const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// Canonical XML 1.0, without comments.
pub const C14N: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
