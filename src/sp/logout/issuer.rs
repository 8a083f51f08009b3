//! Whom a logout message says that it is from, before anything of it is believed.

use super::Delivered;
use crate::{
    domain::trace::{Actual, Trace},
    sp::{
        message,
        names::ASSERTION,
        redirect_query::RedirectQuery,
        rejection::Rejection,
        steps::{Checked, Steps},
        tree::{Tree, child, normalise, text},
        xml::Comments,
    },
};

/// An entityID has at most so many characters (SAML Core §8.3.6).
const LONGEST: usize = 1_024;

/// The `Issuer` of a message, to choose whose keys it is held against: in a federation every member comes
/// to one address. It proves nothing; [`super::verify_logout`] does.
///
/// # Errors
/// [`Rejection`] of what is no message with one `Issuer`, which is also the last step of `trace`.
pub fn logout_issuer(delivered: &Delivered, trace: &mut Trace) -> Result<String, Rejection> {
    Steps::new(trace).check("member", "one issuer, to be proven", look(delivered))
}

fn look(delivered: &Delivered) -> Checked<String> {
    let bytes = match delivered {
        Delivered::Redirect { query } => RedirectQuery::parse(query)?.inflate()?,
        Delivered::Post { saml_request, saml_response, .. } => {
            let encoded = match (saml_request, saml_response) {
                (Some(message), None) | (None, Some(message)) => message,
                (None, None) => return Err(Rejection::Missing.into()),
                (Some(_), Some(_)) => return Err(Rejection::SeveralMessages.into()),
            };
            message::check_size(encoded)?;
            message::decode(encoded)?.0
        }
    };
    let (decoded, _) = message::utf8(bytes)?;
    let decoded = normalise(&decoded);
    let tree = Tree::parse(&decoded, Comments::Refused)?;
    let issuer = child(tree.root(), ASSERTION, "Issuer")?.ok_or(Rejection::Issuer)?;
    let issuer = text(issuer)?.trim().to_owned();
    if issuer.chars().count() > LONGEST {
        return Err(Rejection::Issuer.into());
    }
    let actual = Actual::plain(&issuer);
    Ok((issuer, actual))
}
