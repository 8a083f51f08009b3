//! A message by HTTP-Redirect: the query as it was sent, byte for byte (SAML Bindings §3.4.4.1).
//!
//! The signature is over the values as the sender encoded them, in the standard's order
//! (`SAMLRequest` or `SAMLResponse`, `RelayState`, `SigAlg`), whatever their order in the URL. So they are
//! cut out of the query, and never decoded and encoded again. A parameter that comes twice, or whose name
//! is disguised by percent-encoding, makes the query a matter of opinion, and is refused.

use std::io::Read;

use flate2::read::DeflateDecoder;

use super::{
    algorithms::SignatureMethod,
    base64,
    certificates::{SigningKey, Trust},
    idp::Idp,
    rejection::Rejection,
    steps::Fault,
    xml::MESSAGE_BYTES,
};

/// Which parameter carries the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// `SAMLRequest`
    Request,
    /// `SAMLResponse`
    Response,
}

/// The parameters of the binding, each at most once, encoded as they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedirectQuery<'q> {
    carried: Carried,
    message: &'q str,
    relay_state: Option<&'q str>,
    algorithm: Option<&'q str>,
    signature: Option<&'q str>,
}

/// Says that a signature of the provider's over the whole query held. Made only here.
pub(super) struct SignedQuery<'k> {
    pub(super) by: &'k SigningKey,
    pub(super) method: &'static SignatureMethod,
}

const NAMES: [&str; 6] =
    ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding"];
const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

impl Carried {
    /// The parameter's name.
    #[must_use]
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

impl<'q> RedirectQuery<'q> {
    /// Cuts the query into its parameters; foreign ones are passed over, and are not signed.
    ///
    /// # Errors
    /// [`Rejection::RepeatedParameter`], [`Rejection::SeveralMessages`], [`Rejection::Missing`] without
    /// a message, [`Rejection::NotDeflated`] where another encoding is named.
    pub fn parse(query: &'q str) -> Result<Self, Rejection> {
        let mut found = [None; NAMES.len()];
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(index) = known(name) else { continue };
            if name != NAMES[index] || found[index].replace(value).is_some() {
                return Err(Rejection::RepeatedParameter);
            }
        }
        let [request, response, relay_state, algorithm, signature, encoding] = found;
        if encoding.is_some_and(|encoding| decode(encoding) != DEFLATE) {
            return Err(Rejection::NotDeflated);
        }
        let (carried, message) = match (request, response) {
            (Some(message), None) => (Carried::Request, message),
            (None, Some(message)) => (Carried::Response, message),
            (None, None) => return Err(Rejection::Missing),
            (Some(_), Some(_)) => return Err(Rejection::SeveralMessages),
        };
        Ok(Self { carried, message, relay_state, algorithm, signature })
    }

    /// Whether it is a request or a response, by the parameter's name.
    #[must_use]
    pub const fn carried(&self) -> Carried {
        self.carried
    }

    /// `RelayState`, decoded.
    #[must_use]
    pub fn relay_state(&self) -> Option<String> {
        self.relay_state.map(decode)
    }

    /// Whether a key of the provider made the signature.
    ///
    /// # Errors
    /// [`Rejection::UnsignedMessage`], or what is wrong with the signature.
    pub fn verify(&self, idp: &Idp) -> Result<(), Rejection> {
        self.verified(idp.trust()).map(|_| ()).map_err(|fault| fault.rejection())
    }

    pub(super) fn verified<'k>(&self, trust: &'k Trust) -> Result<SignedQuery<'k>, Fault> {
        let (Some(algorithm), Some(signature)) = (self.algorithm, self.signature) else {
            return Err(Rejection::UnsignedMessage.into());
        };
        let uri = decode(algorithm);
        let method = SignatureMethod::find(&uri, trust.allow_sha1)
            .map_err(|rejection| rejection.seeing_plain(uri.as_str()))?;
        let signature = base64::decode(&decode(signature)).ok_or(Rejection::SignatureForm)?;
        let signed = self.signed(algorithm);
        let made = |key: &&SigningKey| method.verify(&key.key, signed.as_bytes(), &signature);
        let by = trust.keys.iter().find(made).ok_or(Rejection::SignatureMismatch)?;
        Ok(SignedQuery { by, method })
    }

    /// The bytes that a signature is over.
    fn signed(&self, algorithm: &str) -> String {
        let relay_state = self.relay_state.map(|value| format!("&RelayState={value}"));
        let (name, relay_state) = (self.carried.parameter(), relay_state.unwrap_or_default());
        format!("{name}={}{relay_state}&SigAlg={algorithm}", self.message)
    }

    /// The message's bytes, of which there are at most 256 KiB; nothing beyond is inflated.
    ///
    /// # Errors
    /// [`Rejection::NotBase64`], [`Rejection::NotDeflated`], [`Rejection::TooLarge`].
    pub fn inflate(&self) -> Result<Vec<u8>, Rejection> {
        let deflated = base64::decode(&decode(self.message)).ok_or(Rejection::NotBase64)?;
        let most = u64::try_from(MESSAGE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        let mut inflater = DeflateDecoder::new(&deflated[..]).take(most);
        inflater.read_to_end(&mut bytes).map_err(|_| Rejection::NotDeflated)?;
        if bytes.len() > MESSAGE_BYTES { Err(Rejection::TooLarge) } else { Ok(bytes) }
    }
}

/// Which of ours a name is, disguised or not. Others are told by a look: there may be many.
fn known(name: &str) -> Option<usize> {
    let named = |name: &str| NAMES.iter().position(|known| *known == name);
    // A percent-encoded letter has three, and no name of ours has fewer than six or more than twelve.
    let disguised = (8..=36).contains(&name.len()) && name.contains('%');
    if disguised { named(&decode(name)) } else { named(name) }
}

/// One name or value without its percent-encoding.
fn decode(encoded: &str) -> String {
    let pair = format!("={}", encoded.replace('&', "%26"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs.next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_comes_once_and_one_message() {
        for (query, expected) in [
            ("SAMLRequest=a&Signature=b&SigAlg=c&RelayState=d", Ok(Carried::Request)),
            ("tenant=1&SAMLResponse=a&tenant=2", Ok(Carried::Response)),
            ("SAMLRequest=a&SAMLRequest=a", Err(Rejection::RepeatedParameter)),
            ("SAMLRequest=a&RelayState=&RelayState", Err(Rejection::RepeatedParameter)),
            ("SAMLRequest=a&SigAlg=x&SigAlg=x", Err(Rejection::RepeatedParameter)),
            ("SAMLRequest=a&Signature=x&Signature=y", Err(Rejection::RepeatedParameter)),
            ("SAMLRequest=a&%53AMLRequest=b", Err(Rejection::RepeatedParameter)),
            ("%53AMLRequest=b", Err(Rejection::RepeatedParameter)),
            ("SAMLRequest=a&SAMLResponse=a", Err(Rejection::SeveralMessages)),
            ("SAMLRequest=a&SAMLEncoding=other", Err(Rejection::NotDeflated)),
            ("", Err(Rejection::Missing)),
            ("RelayState=a", Err(Rejection::Missing)),
        ] {
            assert_eq!(RedirectQuery::parse(query).map(|read| read.carried()), expected, "{query}");
        }
    }

    #[test]
    fn the_signed_bytes_are_the_sender_s_in_the_standard_s_order() {
        let sent = "SigAlg=urn%3ax&x=1&RelayState=a+b%2fc&Signature=s&SAMLResponse=%2B%2b";
        let read = RedirectQuery::parse(sent).expect("readable");
        assert_eq!(read.signed("urn%3ax"), "SAMLResponse=%2B%2b&RelayState=a+b%2fc&SigAlg=urn%3ax");
        assert_eq!(read.relay_state().as_deref(), Some("a b/c"));
        let empty = RedirectQuery::parse("SAMLRequest=a&RelayState=").expect("readable");
        assert_eq!(empty.signed("z"), "SAMLRequest=a&RelayState=&SigAlg=z");
    }

    #[test]
    fn nothing_is_inflated_beyond_the_limit() {
        use ::base64::{Engine, prelude::BASE64_STANDARD};
        let inflated = |bytes: &[u8]| {
            let mut deflated = Vec::new();
            let level = flate2::Compression::best();
            let mut encoder = flate2::read::DeflateEncoder::new(bytes, level);
            encoder.read_to_end(&mut deflated).expect("deflated");
            let query = format!("SAMLRequest={}", BASE64_STANDARD.encode(deflated));
            let query = query.replace('+', "%2B");
            let read = RedirectQuery::parse(&query).expect("readable").inflate();
            read.map(|bytes| bytes.len())
        };
        assert_eq!(inflated(&vec![b'x'; MESSAGE_BYTES]), Ok(MESSAGE_BYTES));
        assert_eq!(inflated(&vec![b'x'; 64 * 1024 * 1024]), Err(Rejection::TooLarge));
        let read = |query| RedirectQuery::parse(query).expect("readable").inflate();
        assert_eq!(read("SAMLRequest=%%%"), Err(Rejection::NotBase64));
        assert_eq!(read("SAMLRequest=AAAA"), Err(Rejection::NotDeflated));
    }
}
